"""A case: its behaviour in words, a request, and what the gate says of it."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry, KeyAssignment, Purpose
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.gate_switch import OPEN, GateSwitch
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.reasons import AllowRule, DenialReason
from fleetgate.gate.policy import GatePolicy, ReprovisioningPolicy
from fleetgate.gate.request import PresentedIdentity, RegistrationRequest
from harness.builders import (
    CURRENT_CERTIFICATE_ID,
    KEY_FINGERPRINT,
    NOW,
    OTHER_CERTIFICATE_ID,
    SERIAL_NUMBER,
    claim,
    current_certificate,
    entry,
    identity,
    policy,
    reservation,
)

AN_HOUR_AGO = NOW - timedelta(hours=1)
A_MINUTE_AGO = NOW - timedelta(minutes=1)
SOON = NOW + timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Presented:
    """A request whose identity cannot be read, and why."""

    behaviour: str
    reason: DenialReason
    request: RegistrationRequest
    policy: GatePolicy = field(default_factory=policy)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A request with an identity, and what is decided."""

    behaviour: str
    outcome: AllowRule | DenialReason
    identity: PresentedIdentity = field(default_factory=identity)
    entry: AllowListEntry | None = field(default_factory=entry)
    claim: ClaimCertificate | None = field(default_factory=claim)
    policy: GatePolicy = field(default_factory=policy)
    key: KeyAssignment | None = None
    switch: GateSwitch = OPEN


def assigned(serial_number: str = SERIAL_NUMBER, **changes: Any) -> KeyAssignment:
    """The presented key, given to a device."""
    return KeyAssignment(fingerprint=KEY_FINGERPRINT, serial_number=SerialNumber.parse(serial_number), **changes)


def by_behaviour(cases: tuple[Any, ...]) -> list[Any]:
    """The cases as pytest parameters, each named by its behaviour."""
    return [pytest.param(case, id=case.behaviour.replace(" ", "_")) for case in cases]


PROVISIONED = entry(device_certificate=current_certificate())
PENDING_ROTATION = entry(
    device_certificate=current_certificate(),
    reservation=reservation(reserved_at=AN_HOUR_AGO, certificate_id=OTHER_CERTIFICATE_ID, purpose=Purpose.ROTATION),
)
SAME_IDENTITY_ONCE = policy(reprovisioning=ReprovisioningPolicy.SAME_IDENTITY, reprovisioning_limit=1)
BY_ITSELF = identity(claim_certificate_id=CURRENT_CERTIFICATE_ID)
TAKEN_OVER_TOO_OFTEN = reservation(reserved_at=AN_HOUR_AGO, certificate_id=OTHER_CERTIFICATE_ID, attempts=3)
IMPORT_STOPPED = GateSwitch(imports=frozenset({"import-1"}), version=1)
