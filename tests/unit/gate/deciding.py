"""What is decided about the approved device."""

from datetime import datetime

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.gate_switch import OPEN
from fleetgate.domain.reasons import AllowRule, DenialReason
from fleetgate.gate.decision import Allowed, decide
from fleetgate.gate.policy import GatePolicy
from fleetgate.gate.request import PresentedIdentity
from harness.builders import (
    DECISION_ID,
    NOW,
    claim,
    entry,
    identity,
    policy,
)


def outcome_of(
    *,
    asking: PresentedIdentity | None = None,
    of: AllowListEntry | None = None,
    through: ClaimCertificate | None = None,
    under: GatePolicy | None = None,
    now: datetime = NOW,
) -> AllowRule | DenialReason:
    """The rule or the reason of a decision about the approved device."""
    decision = decide(
        asking or identity(),
        of or entry(),
        through or claim(),
        under or policy(),
        key=None,
        switch=OPEN,
        now=now,
        decision_id=DECISION_ID,
    )
    return decision.rule if isinstance(decision, Allowed) else decision.reason


def allowed(
    of: AllowListEntry | None = None,
    *,
    asking: PresentedIdentity | None = None,
    through: ClaimCertificate | None = None,
    under: GatePolicy | None = None,
    now: datetime = NOW,
) -> Allowed:
    """The allow of a request that must be allowed."""
    decision = decide(
        asking or identity(),
        of or entry(),
        through,
        under or policy(),
        key=None,
        switch=OPEN,
        now=now,
        decision_id=DECISION_ID,
    )
    assert isinstance(decision, Allowed), decision
    return decision


# Rotation: the claim certificate is the device's own.


def rotating(own_certificate_id: str) -> PresentedIdentity:
    return identity(claim_certificate_id=own_certificate_id)
