"""Tables of requests and what the gate says of each; the first column is the behaviour in words."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry, Hold, Purpose
from fleetgate.domain.claim import ClaimCertificate, ClaimStatus
from fleetgate.domain.gate_switch import OPEN, GateSwitch
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.reasons import AllowRule, DenialReason
from fleetgate.gate.policy import GatePolicy, ReprovisioningPolicy
from fleetgate.gate.request import Identity, RegistrationRequest
from harness.builders import (
    CERTIFICATE_ID,
    CURRENT_CERTIFICATE_ID,
    LOCALLY_ADMINISTERED_MAC_ADDRESS,
    MAC_ADDRESS,
    MANUFACTURER,
    NOW,
    OTHER_CERTIFICATE_ID,
    OTHER_MAC_ADDRESS,
    SERIAL_NUMBER,
    claim,
    current_certificate,
    entry,
    identity,
    parameters,
    policy,
    request,
    reservation,
)

_AN_HOUR_AGO = NOW - timedelta(hours=1)
_A_MINUTE_AGO = NOW - timedelta(minutes=1)
_SOON = NOW + timedelta(minutes=1)


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
    identity: Identity = field(default_factory=identity)
    entry: AllowListEntry | None = field(default_factory=entry)
    claim: ClaimCertificate | None = field(default_factory=claim)
    policy: GatePolicy = field(default_factory=policy)
    switch: GateSwitch = OPEN


def by_behaviour(cases: tuple[Any, ...]) -> list[Any]:
    """The cases as pytest parameters, each named by its behaviour."""
    return [pytest.param(case, id=case.behaviour.replace(" ", "_")) for case in cases]


def _presenting(**changes: Any) -> RegistrationRequest:
    return request(presented_parameters=parameters(**changes))


UNREADABLE: tuple[Presented, ...] = (
    Presented(
        behaviour="a template this gate does not guard is unknown",
        reason=DenialReason.UNKNOWN_TEMPLATE,
        request=request(template_arn="arn:aws:iot:eu-central-1:123456789012:provisioningtemplate/another"),
    ),
    Presented(
        behaviour="the same template name in another account is unknown",
        reason=DenialReason.UNKNOWN_TEMPLATE,
        request=request(template_arn="arn:aws:iot:eu-central-1:210987654321:provisioningtemplate/fleetgate"),
    ),
    Presented(
        behaviour="an empty template ARN is unknown",
        reason=DenialReason.UNKNOWN_TEMPLATE,
        request=request(template_arn=""),
    ),
    Presented(
        behaviour="a request without a claim certificate is denied",
        reason=DenialReason.CLAIM_CERTIFICATE_MISSING,
        request=request(claim_certificate_id=None),
    ),
    Presented(
        behaviour="a request with an empty claim certificate is denied",
        reason=DenialReason.CLAIM_CERTIFICATE_MISSING,
        request=request(claim_certificate_id=""),
    ),
    Presented(
        behaviour="a request without parameters is denied",
        reason=DenialReason.PARAMETERS_MISSING,
        request=request(presented_parameters={}),
    ),
    Presented(
        behaviour="foreign parameters only are a missing serial number",
        reason=DenialReason.SERIAL_NUMBER_MISSING,
        request=request(presented_parameters={"Colour": "blue"}),
    ),
    Presented(
        behaviour="a MAC address alone is a missing serial number",
        reason=DenialReason.SERIAL_NUMBER_MISSING,
        request=_presenting(SerialNumber=None),
    ),
    Presented(
        behaviour="an empty serial number is a missing one",
        reason=DenialReason.SERIAL_NUMBER_MISSING,
        request=_presenting(SerialNumber=""),
    ),
    Presented(
        behaviour="a null serial number is a missing one",
        reason=DenialReason.SERIAL_NUMBER_MISSING,
        request=request(presented_parameters={"SerialNumber": None, "MacAddress": MAC_ADDRESS}),
    ),
    Presented(
        behaviour="parameter names are case sensitive",
        reason=DenialReason.SERIAL_NUMBER_MISSING,
        request=_presenting(SerialNumber=None, SERIALNUMBER=SERIAL_NUMBER),
    ),
    Presented(
        behaviour="a serial number that is a number is invalid",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(SerialNumber=1),
    ),
    Presented(
        behaviour="a serial number that is zero is not taken for a missing one",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(SerialNumber=0),
    ),
    Presented(
        behaviour="a serial number that is false is not taken for a missing one",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(SerialNumber=False),
    ),
    Presented(
        behaviour="a serial number in a list is invalid",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(SerialNumber=[SERIAL_NUMBER]),
    ),
    Presented(
        behaviour="a serial number in an object is invalid",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(SerialNumber={"value": SERIAL_NUMBER}),
    ),
    Presented(
        behaviour="a serial number of 257 characters is oversize",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(SerialNumber="A" * 257),
    ),
    Presented(
        behaviour="a serial number outside ASCII is invalid",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(SerialNumber="FG-000\N{FULLWIDTH DIGIT ONE}"),
    ),
    Presented(
        behaviour="a sound serial number does not hide an unreadable one under another name",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(serialNumber=7),
    ),
    Presented(
        behaviour="two parameter names with different serial numbers are ambiguous",
        reason=DenialReason.SERIAL_NUMBER_AMBIGUOUS,
        request=_presenting(device_serial="FG-0002"),
    ),
    Presented(
        behaviour="two serial numbers that differ in case are ambiguous",
        reason=DenialReason.SERIAL_NUMBER_AMBIGUOUS,
        request=_presenting(serialNumber=SERIAL_NUMBER.lower()),
    ),
    Presented(
        behaviour="a serial number of 129 characters is invalid",
        reason=DenialReason.SERIAL_NUMBER_INVALID,
        request=_presenting(SerialNumber="A" * 129),
    ),
    Presented(
        behaviour="a serial number with a topic wildcard is invalid",
        reason=DenialReason.SERIAL_NUMBER_INVALID,
        request=_presenting(SerialNumber="FG-#"),
    ),
    Presented(
        behaviour="a serial number with a trailing newline is invalid",
        reason=DenialReason.SERIAL_NUMBER_INVALID,
        request=_presenting(SerialNumber=SERIAL_NUMBER + "\n"),
    ),
    Presented(
        behaviour="a serial number of one space is invalid",
        reason=DenialReason.SERIAL_NUMBER_INVALID,
        request=_presenting(SerialNumber=" "),
    ),
    Presented(
        behaviour="a serial number with which the thing name is too long is invalid",
        reason=DenialReason.SERIAL_NUMBER_INVALID,
        request=_presenting(SerialNumber="A" * 126),
        policy=policy(thing_name_prefix="fg-"),
    ),
    Presented(
        behaviour="a MAC address of five octets is invalid",
        reason=DenialReason.MAC_ADDRESS_INVALID,
        request=_presenting(MacAddress="00:1b:44:11:3a"),
    ),
    Presented(
        behaviour="a MAC address with mixed separators is invalid",
        reason=DenialReason.MAC_ADDRESS_INVALID,
        request=_presenting(MacAddress="00:1b-44-11-3a-b7"),
    ),
    Presented(
        behaviour="a multicast MAC address is invalid",
        reason=DenialReason.MAC_ADDRESS_INVALID,
        request=_presenting(MacAddress="01:1b:44:11:3a:b7"),
    ),
    Presented(
        behaviour="an all zero MAC address is invalid",
        reason=DenialReason.MAC_ADDRESS_INVALID,
        request=_presenting(MacAddress="00:00:00:00:00:00"),
    ),
    Presented(
        behaviour="two parameter names with different MAC addresses are ambiguous",
        reason=DenialReason.MAC_ADDRESS_AMBIGUOUS,
        request=_presenting(mac=OTHER_MAC_ADDRESS),
    ),
    Presented(
        behaviour="a MAC address that is a number is invalid",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(MacAddress=1844113),
    ),
    Presented(
        behaviour="a MAC address of 257 characters is oversize",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(MacAddress="0" * 257),
    ),
    Presented(
        behaviour="a MAC address outside ASCII is invalid",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(MacAddress="00:1b:44:11:3a:b\N{FULLWIDTH DIGIT SEVEN}"),
    ),
    Presented(
        behaviour="a locally administered MAC address is denied unless the policy allows it",
        reason=DenialReason.MAC_ADDRESS_LOCALLY_ADMINISTERED,
        request=_presenting(MacAddress=LOCALLY_ADMINISTERED_MAC_ADDRESS),
    ),
)


_PROVISIONED = entry(device_certificate=current_certificate())
_PENDING_ROTATION = entry(
    device_certificate=current_certificate(),
    reservation=reservation(reserved_at=_AN_HOUR_AGO, certificate_id=OTHER_CERTIFICATE_ID, purpose=Purpose.ROTATION),
)
_LEFT_UNFINISHED = entry(reservation=reservation(reserved_at=_AN_HOUR_AGO, certificate_id=OTHER_CERTIFICATE_ID))
_SAME_IDENTITY_ONCE = policy(reprovisioning=ReprovisioningPolicy.SAME_IDENTITY, reprovisioning_limit=1)
_BY_ITSELF = identity(claim_certificate_id=CURRENT_CERTIFICATE_ID)
_TAKEN_OVER_TOO_OFTEN = reservation(reserved_at=_AN_HOUR_AGO, certificate_id=OTHER_CERTIFICATE_ID, attempts=3)
_GATE_STOPPED = GateSwitch(is_stopped=True, version=1)
_MANUFACTURER_STOPPED = GateSwitch(manufacturers=frozenset({MANUFACTURER}), version=1)
_IMPORT_STOPPED = GateSwitch(imports=frozenset({"import-1"}), version=1)

DENIED: tuple[Judged, ...] = (
    Judged(
        behaviour="a stopped gate lets nobody in",
        outcome=DenialReason.GATE_STOPPED,
        switch=_GATE_STOPPED,
    ),
    Judged(
        behaviour="a stopped gate does not repeat an earlier answer",
        outcome=DenialReason.GATE_STOPPED,
        entry=entry(reservation=reservation(reserved_at=_A_MINUTE_AGO)),
        switch=_GATE_STOPPED,
    ),
    Judged(
        behaviour="a stopped gate lets no device rotate",
        outcome=DenialReason.GATE_STOPPED,
        identity=_BY_ITSELF,
        entry=_PROVISIONED,
        claim=None,
        switch=_GATE_STOPPED,
    ),
    Judged(
        behaviour="a stopped gate says no more about an unknown serial number",
        outcome=DenialReason.GATE_STOPPED,
        entry=None,
        claim=None,
        switch=_GATE_STOPPED,
    ),
    Judged(
        behaviour="a device of a manufacturer in quarantine is denied",
        outcome=DenialReason.MANUFACTURER_STOPPED,
        switch=_MANUFACTURER_STOPPED,
    ),
    Judged(
        behaviour="a device of a manufacturer in quarantine gets no earlier answer again",
        outcome=DenialReason.MANUFACTURER_STOPPED,
        entry=entry(reservation=reservation(reserved_at=_A_MINUTE_AGO)),
        switch=_MANUFACTURER_STOPPED,
    ),
    Judged(
        behaviour="a device of a manufacturer in quarantine may not rotate",
        outcome=DenialReason.MANUFACTURER_STOPPED,
        identity=_BY_ITSELF,
        entry=_PROVISIONED,
        claim=None,
        switch=_MANUFACTURER_STOPPED,
    ),
    Judged(
        behaviour="a device that an import in quarantine added is denied",
        outcome=DenialReason.IMPORT_STOPPED,
        entry=entry(first_import_id="import-1", import_id="import-2"),
        switch=_IMPORT_STOPPED,
    ),
    Judged(
        behaviour="a device whose approval an import in quarantine wrote last is denied",
        outcome=DenialReason.IMPORT_STOPPED,
        entry=entry(first_import_id="import-0", import_id="import-1"),
        switch=_IMPORT_STOPPED,
    ),
    Judged(
        behaviour="the quarantine of a device speaks before that of its manufacturer",
        outcome=DenialReason.QUARANTINED,
        entry=entry(hold=Hold.QUARANTINED),
        switch=_MANUFACTURER_STOPPED,
    ),
    Judged(
        behaviour="an unknown serial number is not told from its manufacturer being in quarantine",
        outcome=DenialReason.NOT_ON_ALLOW_LIST,
        entry=None,
        switch=_MANUFACTURER_STOPPED,
    ),
    Judged(
        behaviour="a closed repair window does not lift the limit of attempts",
        outcome=DenialReason.TAKEOVER_LIMIT_REACHED,
        entry=entry(reservation=_TAKEN_OVER_TOO_OFTEN, repair_window_until=_A_MINUTE_AGO),
    ),
    Judged(
        behaviour="an unknown serial number is denied",
        outcome=DenialReason.NOT_ON_ALLOW_LIST,
        entry=None,
    ),
    Judged(
        behaviour="an unknown serial number is denied where claims need no registration",
        outcome=DenialReason.NOT_ON_ALLOW_LIST,
        entry=None,
        claim=None,
        policy=policy(require_registered_claims=False),
    ),
    Judged(
        behaviour="an unregistered claim certificate is denied",
        outcome=DenialReason.CLAIM_CERTIFICATE_NOT_REGISTERED,
        claim=None,
    ),
    Judged(
        behaviour="an unregistered claim certificate is worse than an unknown serial number",
        outcome=DenialReason.CLAIM_CERTIFICATE_NOT_REGISTERED,
        entry=None,
        claim=None,
    ),
    Judged(
        behaviour="the current certificate of another device is an unregistered claim certificate",
        outcome=DenialReason.CLAIM_CERTIFICATE_NOT_REGISTERED,
        identity=identity(claim_certificate_id="de99" * 16),
        entry=_PROVISIONED,
        claim=None,
    ),
    Judged(
        behaviour="a blocked claim certificate is denied",
        outcome=DenialReason.CLAIM_CERTIFICATE_BLOCKED,
        claim=claim(status=ClaimStatus.BLOCKED),
    ),
    Judged(
        behaviour="a blocked claim certificate is denied where claims need no registration",
        outcome=DenialReason.CLAIM_CERTIFICATE_BLOCKED,
        claim=claim(status=ClaimStatus.BLOCKED),
        policy=policy(require_registered_claims=False),
    ),
    Judged(
        behaviour="a blocked claim certificate is worse than an unknown serial number",
        outcome=DenialReason.CLAIM_CERTIFICATE_BLOCKED,
        entry=None,
        claim=claim(status=ClaimStatus.BLOCKED),
    ),
    Judged(
        behaviour="an expired claim registration is denied",
        outcome=DenialReason.CLAIM_CERTIFICATE_EXPIRED,
        claim=claim(expires_at=_A_MINUTE_AGO),
    ),
    Judged(
        behaviour="a claim certificate for other templates is denied",
        outcome=DenialReason.CLAIM_TEMPLATE_OUT_OF_SCOPE,
        claim=claim(templates=frozenset({"another"})),
    ),
    Judged(
        behaviour="a trusted users claim for another serial number is denied",
        outcome=DenialReason.CLAIM_SERIAL_NUMBER_OUT_OF_SCOPE,
        claim=claim(serial_number=SerialNumber.parse("FG-0002")),
    ),
    Judged(
        behaviour="a claim certificate of another manufacturer is denied",
        outcome=DenialReason.MANUFACTURER_MISMATCH,
        claim=claim(manufacturer="globex"),
    ),
    Judged(
        behaviour="a device whose approval was revoked is denied",
        outcome=DenialReason.APPROVAL_REVOKED,
        entry=entry(is_revoked=True),
    ),
    Judged(
        behaviour="a quarantined serial number is denied",
        outcome=DenialReason.QUARANTINED,
        entry=entry(hold=Hold.QUARANTINED),
    ),
    Judged(
        behaviour="a quarantined device may not retry its own reservation",
        outcome=DenialReason.QUARANTINED,
        entry=entry(hold=Hold.QUARANTINED, reservation=reservation()),
    ),
    Judged(
        behaviour="a quarantined device may not rotate",
        outcome=DenialReason.QUARANTINED,
        identity=_BY_ITSELF,
        entry=entry(hold=Hold.QUARANTINED, device_certificate=current_certificate()),
        claim=None,
    ),
    Judged(
        behaviour="a repair window does not lift a quarantine",
        outcome=DenialReason.QUARANTINED,
        entry=entry(hold=Hold.QUARANTINED, device_certificate=current_certificate(), repair_window_until=_SOON),
    ),
    Judged(
        behaviour="a quarantine speaks before a wrong MAC address",
        outcome=DenialReason.QUARANTINED,
        identity=identity(mac_address=OTHER_MAC_ADDRESS),
        entry=entry(hold=Hold.QUARANTINED),
    ),
    Judged(
        behaviour="a retired serial number is denied",
        outcome=DenialReason.RETIRED,
        entry=entry(hold=Hold.RETIRED),
    ),
    Judged(
        behaviour="a retired device may not rotate",
        outcome=DenialReason.RETIRED,
        identity=_BY_ITSELF,
        entry=entry(hold=Hold.RETIRED, device_certificate=current_certificate()),
        claim=None,
    ),
    Judged(
        behaviour="a device approved for other templates is denied",
        outcome=DenialReason.TEMPLATE_NOT_ALLOWED,
        entry=entry(templates=frozenset({"another"})),
    ),
    Judged(
        behaviour="a device whose approval starts later is denied",
        outcome=DenialReason.NOT_YET_VALID,
        entry=entry(valid_from=_SOON),
    ),
    Judged(
        behaviour="a device whose approval has ended is denied",
        outcome=DenialReason.APPROVAL_EXPIRED,
        entry=entry(valid_until=_A_MINUTE_AGO),
    ),
    Judged(
        behaviour="an entry without a MAC address is denied where one is required",
        outcome=DenialReason.ENTRY_WITHOUT_MAC_ADDRESS,
        entry=entry(mac_addresses=()),
    ),
    Judged(
        behaviour="a device that presents no MAC address is denied",
        outcome=DenialReason.MAC_ADDRESS_MISSING,
        identity=identity(mac_address=None),
    ),
    Judged(
        behaviour="an entry with a MAC address needs it even where none is required",
        outcome=DenialReason.MAC_ADDRESS_MISSING,
        identity=identity(mac_address=None),
        policy=policy(require_mac=False),
    ),
    Judged(
        behaviour="a cloned serial number on other hardware is denied",
        outcome=DenialReason.MAC_ADDRESS_MISMATCH,
        identity=identity(mac_address=OTHER_MAC_ADDRESS),
    ),
    Judged(
        behaviour="a clone is denied even where no MAC address is required",
        outcome=DenialReason.MAC_ADDRESS_MISMATCH,
        identity=identity(mac_address=OTHER_MAC_ADDRESS),
        policy=policy(require_mac=False),
    ),
    Judged(
        behaviour="a rotating device still proves its hardware",
        outcome=DenialReason.MAC_ADDRESS_MISMATCH,
        identity=identity(mac_address=OTHER_MAC_ADDRESS, claim_certificate_id=CURRENT_CERTIFICATE_ID),
        entry=_PROVISIONED,
        claim=None,
    ),
    Judged(
        behaviour="a second certificate is denied while the reservation is fresh",
        outcome=DenialReason.RESERVED_BY_ANOTHER_CERTIFICATE,
        entry=entry(reservation=reservation(reserved_at=_A_MINUTE_AGO, certificate_id=OTHER_CERTIFICATE_ID)),
    ),
    Judged(
        behaviour="a fresh reservation is not taken over in a repair window",
        outcome=DenialReason.RESERVED_BY_ANOTHER_CERTIFICATE,
        entry=entry(
            device_certificate=current_certificate(),
            reservation=reservation(reserved_at=_A_MINUTE_AGO, certificate_id=OTHER_CERTIFICATE_ID),
            repair_window_until=_SOON,
        ),
    ),
    Judged(
        behaviour="a reservation is not taken over more often than the stack permits",
        outcome=DenialReason.TAKEOVER_LIMIT_REACHED,
        entry=entry(reservation=reservation(reserved_at=_AN_HOUR_AGO, certificate_id=OTHER_CERTIFICATE_ID, attempts=3)),
    ),
    Judged(
        behaviour="a provisioned device that comes back through a claim certificate is denied",
        outcome=DenialReason.ALREADY_PROVISIONED,
        entry=_PROVISIONED,
    ),
    Judged(
        behaviour="a closed repair window lets nobody in",
        outcome=DenialReason.ALREADY_PROVISIONED,
        entry=entry(device_certificate=current_certificate(), repair_window_until=_A_MINUTE_AGO),
    ),
    Judged(
        behaviour="a shared claim certificate does not take over an unfinished rotation",
        outcome=DenialReason.ALREADY_PROVISIONED,
        entry=_PENDING_ROTATION,
    ),
    Judged(
        behaviour="a device that came back as often as permitted is denied",
        outcome=DenialReason.REPROVISIONING_LIMIT_REACHED,
        entry=entry(device_certificate=current_certificate(), reprovisioning_count=1),
        policy=_SAME_IDENTITY_ONCE,
    ),
    Judged(
        behaviour="an unfinished rotation does not help a device past its limit",
        outcome=DenialReason.REPROVISIONING_LIMIT_REACHED,
        entry=entry(
            device_certificate=current_certificate(),
            reprovisioning_count=1,
            reservation=reservation(
                reserved_at=_AN_HOUR_AGO, certificate_id=OTHER_CERTIFICATE_ID, purpose=Purpose.ROTATION
            ),
        ),
        policy=_SAME_IDENTITY_ONCE,
    ),
    Judged(
        behaviour="a rotation is denied where the stack does not allow it",
        outcome=DenialReason.ROTATION_NOT_ALLOWED,
        identity=_BY_ITSELF,
        entry=_PROVISIONED,
        claim=None,
        policy=policy(allow_rotation=False),
    ),
    Judged(
        behaviour="a rotation that is not allowed does not become a reprovisioning",
        outcome=DenialReason.ROTATION_NOT_ALLOWED,
        identity=_BY_ITSELF,
        entry=_PROVISIONED,
        claim=None,
        policy=policy(
            allow_rotation=False, require_registered_claims=False, reprovisioning=ReprovisioningPolicy.SAME_IDENTITY
        ),
    ),
)


ALLOWED: tuple[Judged, ...] = (
    Judged(
        behaviour="an approved device is let in",
        outcome=AllowRule.FIRST_RESERVATION,
    ),
    Judged(
        behaviour="any of the approved MAC addresses proves the hardware",
        outcome=AllowRule.FIRST_RESERVATION,
        identity=identity(mac_address=OTHER_MAC_ADDRESS),
        entry=entry(mac_addresses=(MAC_ADDRESS, OTHER_MAC_ADDRESS)),
    ),
    Judged(
        behaviour="an entry without a MAC address passes where none is required",
        outcome=AllowRule.FIRST_RESERVATION,
        identity=identity(mac_address=None),
        entry=entry(mac_addresses=()),
        policy=policy(require_mac=False),
    ),
    Judged(
        behaviour="a claim certificate for any manufacturer is accepted",
        outcome=AllowRule.FIRST_RESERVATION,
        claim=claim(manufacturer=None),
    ),
    Judged(
        behaviour="an unregistered claim certificate is accepted where the stack says so",
        outcome=AllowRule.FIRST_RESERVATION,
        claim=None,
        policy=policy(require_registered_claims=False),
    ),
    Judged(
        behaviour="a claim certificate for this template among others is accepted",
        outcome=AllowRule.FIRST_RESERVATION,
        claim=claim(templates=frozenset({"another", "fleetgate"})),
    ),
    Judged(
        behaviour="a device approved for this template among others is let in",
        outcome=AllowRule.FIRST_RESERVATION,
        entry=entry(templates=frozenset({"another", "fleetgate"})),
    ),
    Judged(
        behaviour="a trusted users claim enrols its own serial number",
        outcome=AllowRule.FIRST_RESERVATION,
        claim=claim(serial_number=SerialNumber.parse(SERIAL_NUMBER), expires_at=_SOON),
    ),
    Judged(
        behaviour="the certificate that holds the reservation may ask again",
        outcome=AllowRule.SAME_CERTIFICATE_RETRY,
        entry=entry(reservation=reservation(reserved_at=_A_MINUTE_AGO)),
    ),
    Judged(
        behaviour="a certificate whose outcome was seen may ask again",
        outcome=AllowRule.SAME_CERTIFICATE_RETRY,
        entry=entry(device_certificate=current_certificate(CERTIFICATE_ID)),
    ),
    Judged(
        behaviour="a retry is not held back by the number of attempts",
        outcome=AllowRule.SAME_CERTIFICATE_RETRY,
        entry=entry(reservation=reservation(reserved_at=_A_MINUTE_AGO, attempts=3)),
    ),
    Judged(
        behaviour="a reservation left unfinished is taken over by the same identity",
        outcome=AllowRule.RESERVATION_TAKEOVER,
        entry=_LEFT_UNFINISHED,
    ),
    Judged(
        behaviour="a reprovisioning left unfinished is taken over without counting again",
        outcome=AllowRule.RESERVATION_TAKEOVER,
        entry=entry(
            device_certificate=current_certificate(),
            reprovisioning_count=1,
            reservation=reservation(
                reserved_at=NOW - timedelta(minutes=30),
                certificate_id=OTHER_CERTIFICATE_ID,
                purpose=Purpose.REPROVISIONING,
            ),
        ),
        policy=_SAME_IDENTITY_ONCE,
    ),
    Judged(
        behaviour="a provisioned device comes back within the configured limit",
        outcome=AllowRule.REPROVISIONING,
        entry=_PROVISIONED,
        policy=_SAME_IDENTITY_ONCE,
    ),
    Judged(
        behaviour="a provisioned device comes back in a repair window",
        outcome=AllowRule.REPAIR_WINDOW,
        entry=entry(device_certificate=current_certificate(), repair_window_until=_SOON),
    ),
    Judged(
        behaviour="a repair window lifts the limit",
        outcome=AllowRule.REPAIR_WINDOW,
        entry=entry(device_certificate=current_certificate(), repair_window_until=_SOON, reprovisioning_count=1),
        policy=_SAME_IDENTITY_ONCE,
    ),
    Judged(
        behaviour="a repair window lifts the limit of attempts",
        outcome=AllowRule.RESERVATION_TAKEOVER,
        entry=entry(reservation=_TAKEN_OVER_TOO_OFTEN, repair_window_until=_SOON),
    ),
    Judged(
        behaviour="the quarantine of another manufacturer and another import stops nobody else",
        outcome=AllowRule.FIRST_RESERVATION,
        entry=entry(first_import_id="import-0", import_id="import-2"),
        switch=GateSwitch(manufacturers=frozenset({"globex"}), imports=frozenset({"import-1"}), version=2),
    ),
    Judged(
        behaviour="a device that no import added passes while imports are in quarantine",
        outcome=AllowRule.FIRST_RESERVATION,
        switch=_IMPORT_STOPPED,
    ),
    Judged(
        behaviour="a device rotates with its current certificate",
        outcome=AllowRule.ROTATION,
        identity=_BY_ITSELF,
        entry=_PROVISIONED,
        claim=None,
    ),
    Judged(
        behaviour="a device rotates with its reserved certificate before the outcome was seen",
        outcome=AllowRule.ROTATION,
        identity=identity(claim_certificate_id=OTHER_CERTIFICATE_ID),
        entry=entry(reservation=reservation(reserved_at=_A_MINUTE_AGO, certificate_id=OTHER_CERTIFICATE_ID)),
        claim=None,
    ),
    Judged(
        behaviour="a device takes its own unfinished rotation over",
        outcome=AllowRule.ROTATION,
        identity=_BY_ITSELF,
        entry=_PENDING_ROTATION,
        claim=None,
    ),
    Judged(
        behaviour="a device rotates after its approval has ended",
        outcome=AllowRule.ROTATION,
        identity=_BY_ITSELF,
        entry=entry(device_certificate=current_certificate(), valid_until=_A_MINUTE_AGO),
        claim=None,
    ),
)
