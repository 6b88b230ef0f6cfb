"""What may and what must be decided, told from the ledger and the world instead of the decision's own rules."""

from dataclasses import dataclass, fields
from datetime import datetime

from fleetgate.domain.allow_list import AllowListEntry, Purpose
from fleetgate.domain.claim import ClaimCertificate, ClaimStatus
from fleetgate.domain.gate_switch import GateSwitch
from fleetgate.domain.reasons import AllowRule
from fleetgate.gate.decision import Allowed, Decision, Denied
from fleetgate.gate.policy import GatePolicy, ReprovisioningPolicy
from fleetgate.gate.request import PresentedIdentity
from tests.property.gate.key_ledger import KeyLedger
from tests.property.gate.ledger import Grant, Ledger

_WHAT_AN_ALLOW_CHANGES = {"reservation", "device_certificate", "reprovisioning_count", "version"}
_WHAT_AN_ALLOW_KEEPS = [field.name for field in fields(AllowListEntry) if field.name not in _WHAT_AN_ALLOW_CHANGES]


@dataclass(frozen=True, kw_only=True)
class Situation:
    """One request at one moment."""

    identity: PresentedIdentity
    entry: AllowListEntry
    claim: ClaimCertificate | None
    switch: GateSwitch
    ledger: Ledger
    keys: KeyLedger
    policy: GatePolicy
    now: datetime

    def check(self, decision: Decision, new_decision_id: str) -> None:
        """Hold a decision against everything known."""
        if isinstance(decision, Denied):
            assert not self.must_be_allowed, decision.reason
            return
        assert self.meets_requirements
        assert decision.rule in AllowRule
        assert decision.entry is self.entry
        self._check_overrides(decision)
        held = self.ledger.holding(self.identity.certificate_id)
        if held is not None:
            self._check_same_answer(decision, held)
        else:
            assert decision.decision_id == new_decision_id
            self._check_new_grant(decision)

    @property
    def is_itself(self) -> bool:
        """Whether TLS proves that the device asks by itself."""
        return self.identity.claim_certificate_id in self.ledger.own_certificate_ids

    @property
    def has_finished(self) -> bool:
        """Whether the pending grant's certificate is in use, for it asks."""
        pending = self.ledger.pending
        return pending is not None and pending.certificate_id == self.identity.claim_certificate_id

    @property
    def meets_requirements(self) -> bool:
        """Whether the asking side is who it must be, whatever the device's past."""
        return (
            not self.ledger.is_stopped
            and not self.is_stopped_with_others
            and self._is_in_scope(self.entry.templates)
            and self._proves_hardware
            and self._has_its_key
            and not self._asks_over_a_stopped_session
            and (self.is_itself or (self._is_approved_now and self._is_vouched_for))
        )

    @property
    def _asks_over_a_stopped_session(self) -> bool:
        """Whether a stop holds the device's own certificate that asks."""
        asking = self.ledger.holding(self.identity.claim_certificate_id)
        return asking is not None and self.keys.is_held(asking.certificate_id, asking.key)

    @property
    def is_stopped_with_others(self) -> bool:
        """Whether an operator stopped everybody, or all of the device's manufacturer or import."""
        imports = (self.entry.import_id, self.entry.first_import_id)
        return (
            self.switch.is_stopped
            or self.entry.manufacturer in self.switch.manufacturers
            or any(import_id in self.switch.imports for import_id in imports)
        )

    @property
    def must_be_allowed(self) -> bool:
        """The plain cases in which a denial would lock a genuine device out."""
        ledger, pending = self.ledger, self.ledger.pending
        if not self.meets_requirements:
            return False
        if ledger.holding(self.identity.certificate_id) is not None:
            return True
        if self.is_itself and not self.policy.allow_rotation:
            return False
        if pending is not None and not self.has_finished and not self._is_left_unfinished(pending):
            return False
        if self.is_itself or ledger.current is None or ledger.is_repair_window_open(self.now):
            return True
        return self._is_coming_back or self._may_come_back

    @property
    def _purpose(self) -> Purpose:
        if self.is_itself:
            return Purpose.ROTATION
        return Purpose.ENROLMENT if self.ledger.current is None else Purpose.REPROVISIONING

    @property
    def _has_its_key(self) -> bool:
        identity = self.identity
        return self.keys.lets_in(identity.serial_number.value, identity.key_fingerprint, identity.certificate_id)

    @property
    def _proves_hardware(self) -> bool:
        approved = self.entry.mac_addresses
        return self.identity.mac_address in approved if approved else not self.policy.require_mac

    @property
    def _proven_mac_address(self) -> str:
        presented = self.identity.mac_address
        return presented.value if presented is not None and presented in self.entry.mac_addresses else "none"

    @property
    def _is_approved_now(self) -> bool:
        start, end = self.entry.valid_from, self.entry.valid_until
        return (start is None or start <= self.now) and (end is None or self.now < end)

    @property
    def _is_vouched_for(self) -> bool:
        claim = self.claim
        if claim is None:
            return not self.policy.require_registered_claims
        return (
            claim.status is ClaimStatus.ACTIVE
            and (claim.expires_at is None or self.now < claim.expires_at)
            and self._is_in_scope(claim.templates)
            and claim.manufacturer in (None, self.entry.manufacturer)
            and claim.serial_number in (None, self.entry.serial_number)
        )

    @property
    def _is_coming_back(self) -> bool:
        """Whether a return that was let in is still under way."""
        pending = self.ledger.pending
        return pending is not None and pending.is_comeback and self.now < pending.deadline

    @property
    def _may_come_back(self) -> bool:
        pending = self.ledger.pending
        unfinished = pending is not None and pending.is_comeback
        return (
            self.policy.reprovisioning is ReprovisioningPolicy.SAME_IDENTITY
            and self.ledger.comebacks - unfinished < self.policy.reprovisioning_limit
        )

    def _is_in_scope(self, templates: frozenset[str]) -> bool:
        return not templates or self.policy.template_arn.split("/")[-1] in templates

    def _is_same_key(self, pending: Grant) -> bool:
        return pending.key == self.identity.key_fingerprint

    def _is_left_unfinished(self, pending: Grant) -> bool:
        if self._is_same_key(pending):
            return True  # the device asks again by itself
        may_be_tried_again = (
            self.ledger.grants_in_a_row < self.policy.max_attempts or self.ledger.is_repair_window_open(self.now)
        )
        return self.now >= pending.granted_at + self.policy.takeover_time and may_be_tried_again

    def _check_overrides(self, decision: Allowed) -> None:
        overrides, identity = decision.parameter_overrides, self.identity
        assert overrides["SerialNumber"] == identity.serial_number.value
        assert overrides["ThingName"] == self.policy.thing_name_prefix + identity.serial_number.value
        assert overrides["MacAddress"] == self._proven_mac_address
        assert overrides["DecisionId"] == decision.decision_id
        others = set(overrides) - {"SerialNumber", "ThingName", "MacAddress", "DecisionId"}
        assert others == {"Model", "HardwareRevision", "ThingGroup"}

    def _check_same_answer(self, decision: Allowed, held: Grant) -> None:
        assert decision.rule is AllowRule.SAME_CERTIFICATE_RETRY
        assert decision.reserved is None
        assert decision.superseded_certificate_id is None
        assert decision.decision_id == held.decision_id
        # A device may have several MAC addresses; which of them it names is the only thing that may differ.
        presented = {"MacAddress": self._proven_mac_address}
        assert dict(decision.parameter_overrides) == {**held.overrides, **presented}

    def _check_new_grant(self, decision: Allowed) -> None:
        """Nobody else holds the place, or their time is over; and the entry to commit says so."""
        ledger, pending, reserved = self.ledger, self.ledger.pending, decision.reserved
        assert reserved is not None
        assert reserved.version > self.entry.version
        assert all(getattr(reserved, name) == getattr(self.entry, name) for name in _WHAT_AN_ALLOW_KEEPS)
        assert reserved.reservation is not None
        assert reserved.reservation.certificate_id == self.identity.certificate_id
        assert reserved.reservation.deadline == self.now + self.policy.reservation_time
        is_takeover = pending is not None and not self.has_finished
        assert reserved.reservation.purpose is self._purpose
        assert reserved.reservation.key_fingerprint == self.identity.key_fingerprint
        is_same_key = pending is not None and is_takeover and self._is_same_key(pending)
        assert decision.takes_over == (is_takeover and not is_same_key)
        held = self.entry.reservation
        was_taken_over = held is not None and held.taken_over
        assert reserved.reservation.taken_over == (was_taken_over if is_same_key else is_takeover)
        if pending is not None and is_takeover:
            assert self._is_left_unfinished(pending)
        loses_its_place = pending or ledger.current
        assert decision.superseded_certificate_id == (loses_its_place and loses_its_place.certificate_id)
        if self.is_itself:
            assert self.policy.allow_rotation
            assert decision.rule is AllowRule.ROTATION
        elif ledger.current is not None and not self._is_coming_back:
            self._check_comeback(decision)
        elif is_same_key:
            assert decision.rule is AllowRule.SAME_KEY
        else:
            assert decision.rule is (AllowRule.RESERVATION_TAKEOVER if is_takeover else AllowRule.FIRST_RESERVATION)

    def _check_comeback(self, decision: Allowed) -> None:
        """Through a shared claim certificate nobody takes a provisioned device's place but by these two ways."""
        if self.ledger.is_repair_window_open(self.now):
            assert decision.rule is AllowRule.REPAIR_WINDOW
        else:
            assert decision.rule is AllowRule.REPROVISIONING
            assert self._may_come_back
