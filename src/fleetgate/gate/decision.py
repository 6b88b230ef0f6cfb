"""The decision: one RegisterThing request against what the gate knows. Pure; the first rule that speaks wins."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from fleetgate.domain.allow_list import AllowListEntry, DeviceCertificate, Hold, KeyAssignment, Purpose, Reservation
from fleetgate.domain.claim import ClaimCertificate, ClaimStatus
from fleetgate.domain.gate_switch import GateSwitch
from fleetgate.domain.reasons import AllowRule, DenialReason
from fleetgate.domain.things import THING_GROUP
from fleetgate.gate.policy import GatePolicy, ReprovisioningPolicy
from fleetgate.gate.request import PresentedIdentity

# Where a parameter of the provisioning template has no value for a device. AWS IoT refuses unresolved references.
UNSPECIFIED = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """A device may have its identity.

    Attributes:
        rule: The rule that allowed it.
        entry: The entry that was judged.
        reserved: The entry to commit; None when nothing changes (a retry).
        decision_id: Joins the thing to its audit record.
        parameter_overrides: For the provisioning template, string to string.
        superseded_certificate_id: The device certificate that loses its place, if any.
        identity: Whom it lets in.
        key: Whom the presented public key was given to before; None makes this allow assign it.
        takes_over: Whether another key loses its reservation.
    """

    rule: AllowRule
    entry: AllowListEntry
    reserved: AllowListEntry | None
    decision_id: str
    parameter_overrides: Mapping[str, str]
    identity: PresentedIdentity
    key: KeyAssignment | None
    superseded_certificate_id: str | None = None
    takes_over: bool = False


@dataclass(frozen=True, slots=True)
class Denied:
    """A device may not have its identity, for one reason."""

    reason: DenialReason


Decision = Allowed | Denied


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """Everything one decision is made from."""

    identity: PresentedIdentity
    entry: AllowListEntry
    claim: ClaimCertificate | None
    key: KeyAssignment | None
    switch: GateSwitch
    policy: GatePolicy
    now: datetime

    @property
    def is_device_itself(self) -> bool:
        """Whether the claim certificate is the device's own current certificate, proven by TLS.

        A reserved certificate that can connect has been activated, so it is as good as a provisioned one.
        """
        return self.entry.is_own(self.identity.claim_certificate_id)

    @property
    def is_repair_window_open(self) -> bool:
        """Whether an operator looked at the device and expects it back."""
        window = self.entry.repair_window_until
        return window is not None and self.now < window

    @property
    def repeats_decision_id(self) -> str | None:
        """The decision that already gave the asking certificate this device's place, or None."""
        reservation, current = self.entry.reservation, self.entry.device_certificate
        for held in (reservation, current):
            if held is not None and held.certificate_id == self.identity.certificate_id:
                return held.decision_id
        return None


def decide(
    identity: PresentedIdentity,
    entry: AllowListEntry | None,
    claim: ClaimCertificate | None,
    policy: GatePolicy,
    *,
    key: KeyAssignment | None,
    switch: GateSwitch,
    now: datetime,
    decision_id: str,
) -> Decision:
    """Judge one RegisterThing request.

    Args:
        entry: The allow-list entry of the serial number, or None.
        claim: The registration of the claim certificate, or None.
        key: Whom the presented public key was given to, or None.
        switch: What operators stopped for more than one device.
        now: Timezone-aware UTC.
        decision_id: What this decision will be known as if it is new.

    Returns:
        Allowed with the rule, the entry to commit and the parameter overrides, or Denied with one reason.

    Source: AWS IoT Core developer guide, "Pre-provisioning hooks"; design, sections 3 and 4.
    """
    if switch.is_stopped:
        return Denied(DenialReason.GATE_STOPPED)
    if entry is None:
        # The claim is judged first, so that the record names the worse of two faults.
        return Denied(
            _claim_alone(identity, claim, policy, now) or _key_alone(identity, key) or DenialReason.NOT_ON_ALLOW_LIST
        )
    case = _Case(identity=identity, entry=entry, claim=claim, key=key, switch=switch, policy=policy, now=now)
    for rule in _DENIALS:
        reason = rule(case)
        if reason is not None:
            return Denied(reason)
    granted = _grant(case)
    if isinstance(granted, DenialReason):
        return Denied(granted)
    return _allow(case, granted, decision_id)


def thing_name(entry: AllowListEntry, policy: GatePolicy) -> str:
    """The thing name of a device."""
    return policy.thing_name_prefix + entry.serial_number.value


def _claim_alone(
    identity: PresentedIdentity, claim: ClaimCertificate | None, policy: GatePolicy, now: datetime
) -> DenialReason | None:
    if claim is None:
        return DenialReason.CLAIM_CERTIFICATE_NOT_REGISTERED if policy.require_registered_claims else None
    if claim.status is ClaimStatus.BLOCKED:
        return DenialReason.CLAIM_CERTIFICATE_BLOCKED
    if claim.expires_at is not None and now >= claim.expires_at:
        return DenialReason.CLAIM_CERTIFICATE_EXPIRED
    if claim.templates and policy.template_name not in claim.templates:
        return DenialReason.CLAIM_TEMPLATE_OUT_OF_SCOPE
    if claim.serial_number is not None and claim.serial_number != identity.serial_number:
        return DenialReason.CLAIM_SERIAL_NUMBER_OUT_OF_SCOPE
    return None


def _claim_certificate(case: _Case) -> DenialReason | None:
    if case.claim is None and case.is_device_itself:
        return None  # rotation: the device vouches for itself
    return _claim_alone(case.identity, case.claim, case.policy, case.now)


def _key_alone(identity: PresentedIdentity, key: KeyAssignment | None) -> DenialReason | None:
    if key is None:
        return None
    if key.serial_number != identity.serial_number:
        return DenialReason.KEY_ASSIGNED_TO_ANOTHER_DEVICE
    return DenialReason.CERTIFICATE_DEACTIVATED if key.is_deactivated(identity.certificate_id) else None


def _key_assignment(case: _Case) -> DenialReason | None:
    # A certificate that a stop deactivated may have a live session still.
    if case.is_device_itself and case.identity.claim_certificate_id in case.entry.deactivated_certificates:
        return DenialReason.CERTIFICATE_DEACTIVATED
    return _key_alone(case.identity, case.key)


def _manufacturer(case: _Case) -> DenialReason | None:
    if case.claim is None or case.claim.manufacturer in (None, case.entry.manufacturer):
        return None
    return DenialReason.MANUFACTURER_MISMATCH


def _hold(case: _Case) -> DenialReason | None:
    match case.entry.hold:
        case Hold.RETIRED:
            return DenialReason.RETIRED
        case Hold.QUARANTINED:
            return DenialReason.QUARANTINED
        case Hold.NONE:
            return None


def _switch(case: _Case) -> DenialReason | None:
    return case.switch.stop_of(case.entry)


def _revocation(case: _Case) -> DenialReason | None:
    return DenialReason.APPROVAL_REVOKED if case.entry.is_revoked else None


def _template(case: _Case) -> DenialReason | None:
    if case.entry.templates and case.policy.template_name not in case.entry.templates:
        return DenialReason.TEMPLATE_NOT_ALLOWED
    return None


def _validity(case: _Case) -> DenialReason | None:
    if case.is_device_itself:
        return None  # the window is for enrolling; a device that is in may go on rotating
    if case.entry.valid_from is not None and case.now < case.entry.valid_from:
        return DenialReason.NOT_YET_VALID
    if case.entry.valid_until is not None and case.now >= case.entry.valid_until:
        return DenialReason.APPROVAL_EXPIRED
    return None


def _mac_address(case: _Case) -> DenialReason | None:
    if not case.entry.mac_addresses:
        return DenialReason.ENTRY_WITHOUT_MAC_ADDRESS if case.policy.require_mac else None
    if case.identity.mac_address is None:
        return DenialReason.MAC_ADDRESS_MISSING
    if case.identity.mac_address not in case.entry.mac_addresses:
        return DenialReason.MAC_ADDRESS_MISMATCH
    return None


def _named_key(case: _Case) -> DenialReason | None:
    if case.entry.key_fingerprint not in (None, case.identity.key_fingerprint):
        return DenialReason.KEY_MISMATCH
    return None


_DENIALS: tuple[Callable[[_Case], DenialReason | None], ...] = (
    _claim_certificate,
    _manufacturer,
    _hold,
    _switch,
    _key_assignment,
    _revocation,
    _template,
    _validity,
    _mac_address,
    _named_key,
)


def _grant(case: _Case) -> AllowRule | DenialReason:
    """Which rule lets in a device against which nothing speaks but, perhaps, its own past."""
    if case.repeats_decision_id is not None:
        return AllowRule.SAME_CERTIFICATE_RETRY
    if case.is_device_itself:
        return _rotate(case)
    unfinished = _unfinished(case)
    if isinstance(unfinished, DenialReason):
        return unfinished
    current = case.entry.device_certificate
    if current is None:
        return unfinished or AllowRule.FIRST_RESERVATION
    reservation = case.entry.reservation
    if reservation is not None and reservation.purpose is Purpose.REPROVISIONING and reservation.is_live(case.now):
        return unfinished or AllowRule.RESERVATION_TAKEOVER
    return _reprovision(case, current)


def _unfinished(case: _Case) -> AllowRule | DenialReason | None:
    """Whether a reservation of another certificate may be taken over; None where there is none."""
    reservation = _contested(case)
    if reservation is None:
        return None
    if _is_same_key(case, reservation):
        return AllowRule.SAME_KEY  # the device made its key once, so nobody is there to be protected from
    # A reservation past its deadline is judged alike: the device may have finished unseen, and only the
    # reconciler, who asks AWS IoT, can release it.
    if case.now < reservation.reserved_at + case.policy.takeover_time:
        return DenialReason.RESERVED_BY_ANOTHER_CERTIFICATE
    if reservation.attempts >= case.policy.max_attempts and not case.is_repair_window_open:
        return DenialReason.TAKEOVER_LIMIT_REACHED
    return AllowRule.RESERVATION_TAKEOVER


def _is_same_key(case: _Case, held: Reservation | DeviceCertificate) -> bool:
    return held.key_fingerprint == case.identity.key_fingerprint


def _contested(case: _Case) -> Reservation | None:
    """The reservation that another certificate has not been seen to finish, or None."""
    held = case.entry.reservation
    if held is None or held.certificate_id == case.identity.claim_certificate_id:
        return None
    return held


def _rotate(case: _Case) -> AllowRule | DenialReason:
    if not case.policy.allow_rotation:
        return DenialReason.ROTATION_NOT_ALLOWED
    unfinished = _unfinished(case)
    return unfinished if isinstance(unfinished, DenialReason) else AllowRule.ROTATION


def _reprovision(case: _Case, current: DeviceCertificate) -> AllowRule | DenialReason:
    if current.seen_at is None and _is_same_key(case, current):
        return AllowRule.SAME_KEY  # somebody replayed its CSR, or the answer was lost: the device was never seen
    if case.is_repair_window_open:
        return AllowRule.REPAIR_WINDOW
    if case.policy.reprovisioning is ReprovisioningPolicy.NEVER:
        return DenialReason.ALREADY_PROVISIONED
    contested = _contested(case)
    unfinished = contested is not None and contested.purpose is Purpose.REPROVISIONING  # counted, and taken over now
    if case.entry.reprovisioning_count - unfinished >= case.policy.reprovisioning_limit:
        return DenialReason.REPROVISIONING_LIMIT_REACHED
    return AllowRule.REPROVISIONING


def _allow(case: _Case, rule: AllowRule, decision_id: str) -> Allowed:
    repeated = case.repeats_decision_id
    if repeated is not None:
        return Allowed(
            rule=rule,
            entry=case.entry,
            reserved=None,
            decision_id=repeated,
            parameter_overrides=_overrides(case, repeated),
            identity=case.identity,
            key=case.key,
        )
    contested = _contested(case)
    renewed = contested if contested is not None and _is_same_key(case, contested) else None
    is_contest = contested is not None and renewed is None
    # A reserved certificate that now serves as the claim certificate has been seen in use.
    entry = case.entry
    if entry.reservation is not None and contested is None:
        entry = entry.provisioned(seen_at=case.now)
    reservation = Reservation(
        certificate_id=case.identity.certificate_id,
        claim_certificate_id=case.identity.claim_certificate_id,
        decision_id=decision_id,
        purpose=_purpose(rule, contested),
        # A renewal protects the device from others no longer than its first request did.
        reserved_at=renewed.reserved_at if renewed else case.now,
        deadline=case.now + case.policy.reservation_time,
        attempts=1 if contested is None else contested.attempts + is_contest,
        taken_over=renewed.taken_over if renewed else is_contest,
        key_fingerprint=case.identity.key_fingerprint,
    )
    superseded = contested or entry.device_certificate
    return Allowed(
        rule=rule,
        entry=case.entry,
        reserved=entry.reserve(reservation),
        decision_id=decision_id,
        parameter_overrides=_overrides(case, decision_id),
        identity=case.identity,
        key=case.key,
        superseded_certificate_id=superseded.certificate_id if superseded else None,
        takes_over=is_contest,
    )


def _purpose(rule: AllowRule, held: Reservation | None) -> Purpose:
    match rule:
        case AllowRule.ROTATION:
            return Purpose.ROTATION
        case AllowRule.REPROVISIONING | AllowRule.REPAIR_WINDOW:
            return Purpose.REPROVISIONING
        case _:
            return Purpose.ENROLMENT if held is None else held.purpose


def _overrides(case: _Case, decision_id: str) -> Mapping[str, str]:
    """Every parameter the provisioning template reads, so that none is left to the device, and nothing else."""
    mac_address, attributes = case.identity.mac_address, case.entry.attributes
    is_proven = mac_address in case.entry.mac_addresses
    return {
        "Model": attributes.get("Model", UNSPECIFIED),
        "HardwareRevision": attributes.get("HardwareRevision", UNSPECIFIED),
        "ThingGroup": attributes.get(THING_GROUP, case.policy.default_thing_group),
        "SerialNumber": case.entry.serial_number.value,
        "MacAddress": mac_address.value if mac_address and is_proven else UNSPECIFIED,
        "ThingName": thing_name(case.entry, case.policy),
        "DecisionId": decision_id,
    }
