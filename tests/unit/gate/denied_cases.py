"""Requests with an identity that are denied, and why."""

from fleetgate.domain.allow_list import Hold, Purpose
from fleetgate.domain.claim import ClaimStatus
from fleetgate.domain.gate_switch import GateSwitch
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.reasons import DenialReason
from fleetgate.gate.policy import ReprovisioningPolicy
from harness.builders import (
    CERTIFICATE_ID,
    CLAIM_CERTIFICATE_ID,
    CURRENT_CERTIFICATE_ID,
    KEY_FINGERPRINT,
    MANUFACTURER,
    OTHER_CERTIFICATE_ID,
    OTHER_KEY_FINGERPRINT,
    OTHER_MAC_ADDRESS,
    SERIAL_NUMBER,
    claim,
    current_certificate,
    entry,
    identity,
    policy,
    reservation,
)
from tests.unit.gate.cases import (
    A_MINUTE_AGO,
    AN_HOUR_AGO,
    BY_ITSELF,
    IMPORT_STOPPED,
    PENDING_ROTATION,
    PROVISIONED,
    SAME_IDENTITY_ONCE,
    SOON,
    TAKEN_OVER_TOO_OFTEN,
    Judged,
    assigned,
)

_GATE_STOPPED = GateSwitch(is_stopped=True, version=1)
_MANUFACTURER_STOPPED = GateSwitch(manufacturers=frozenset({MANUFACTURER}), version=1)
DENIED: tuple[Judged, ...] = (
    Judged(
        behaviour="a stopped gate lets nobody in",
        outcome=DenialReason.GATE_STOPPED,
        switch=_GATE_STOPPED,
    ),
    Judged(
        behaviour="a stopped gate does not repeat an earlier answer",
        outcome=DenialReason.GATE_STOPPED,
        entry=entry(reservation=reservation(reserved_at=A_MINUTE_AGO)),
        switch=_GATE_STOPPED,
    ),
    Judged(
        behaviour="a stopped gate lets no device rotate",
        outcome=DenialReason.GATE_STOPPED,
        identity=BY_ITSELF,
        entry=PROVISIONED,
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
        entry=entry(reservation=reservation(reserved_at=A_MINUTE_AGO)),
        switch=_MANUFACTURER_STOPPED,
    ),
    Judged(
        behaviour="a device of a manufacturer in quarantine may not rotate",
        outcome=DenialReason.MANUFACTURER_STOPPED,
        identity=BY_ITSELF,
        entry=PROVISIONED,
        claim=None,
        switch=_MANUFACTURER_STOPPED,
    ),
    Judged(
        behaviour="a device that an import in quarantine added is denied",
        outcome=DenialReason.IMPORT_STOPPED,
        entry=entry(first_import_id="import-1", import_id="import-2"),
        switch=IMPORT_STOPPED,
    ),
    Judged(
        behaviour="a device whose approval an import in quarantine wrote last is denied",
        outcome=DenialReason.IMPORT_STOPPED,
        entry=entry(first_import_id="import-0", import_id="import-1"),
        switch=IMPORT_STOPPED,
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
        entry=entry(reservation=TAKEN_OVER_TOO_OFTEN, repair_window_until=A_MINUTE_AGO),
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
        entry=PROVISIONED,
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
        claim=claim(expires_at=A_MINUTE_AGO),
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
        identity=BY_ITSELF,
        entry=entry(hold=Hold.QUARANTINED, device_certificate=current_certificate()),
        claim=None,
    ),
    Judged(
        behaviour="a repair window does not lift a quarantine",
        outcome=DenialReason.QUARANTINED,
        entry=entry(hold=Hold.QUARANTINED, device_certificate=current_certificate(), repair_window_until=SOON),
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
        identity=BY_ITSELF,
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
        entry=entry(valid_from=SOON),
    ),
    Judged(
        behaviour="a device whose approval has ended is denied",
        outcome=DenialReason.APPROVAL_EXPIRED,
        entry=entry(valid_until=A_MINUTE_AGO),
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
        entry=PROVISIONED,
        claim=None,
    ),
    Judged(
        behaviour="a second certificate is denied while the reservation is fresh",
        outcome=DenialReason.RESERVED_BY_ANOTHER_CERTIFICATE,
        entry=entry(reservation=reservation(reserved_at=A_MINUTE_AGO, certificate_id=OTHER_CERTIFICATE_ID)),
    ),
    Judged(
        behaviour="a fresh reservation is not taken over in a repair window",
        outcome=DenialReason.RESERVED_BY_ANOTHER_CERTIFICATE,
        entry=entry(
            device_certificate=current_certificate(),
            reservation=reservation(reserved_at=A_MINUTE_AGO, certificate_id=OTHER_CERTIFICATE_ID),
            repair_window_until=SOON,
        ),
    ),
    Judged(
        behaviour="a reservation is not taken over more often than the stack permits",
        outcome=DenialReason.TAKEOVER_LIMIT_REACHED,
        entry=entry(reservation=reservation(reserved_at=AN_HOUR_AGO, certificate_id=OTHER_CERTIFICATE_ID, attempts=3)),
    ),
    Judged(
        behaviour="a provisioned device that comes back through a claim certificate is denied",
        outcome=DenialReason.ALREADY_PROVISIONED,
        entry=PROVISIONED,
    ),
    Judged(
        behaviour="a closed repair window lets nobody in",
        outcome=DenialReason.ALREADY_PROVISIONED,
        entry=entry(device_certificate=current_certificate(), repair_window_until=A_MINUTE_AGO),
    ),
    Judged(
        behaviour="a shared claim certificate does not take over an unfinished rotation",
        outcome=DenialReason.ALREADY_PROVISIONED,
        entry=PENDING_ROTATION,
    ),
    Judged(
        behaviour="a device that came back as often as permitted is denied",
        outcome=DenialReason.REPROVISIONING_LIMIT_REACHED,
        entry=entry(device_certificate=current_certificate(), reprovisioning_count=1),
        policy=SAME_IDENTITY_ONCE,
    ),
    Judged(
        behaviour="an unfinished rotation does not help a device past its limit",
        outcome=DenialReason.REPROVISIONING_LIMIT_REACHED,
        entry=entry(
            device_certificate=current_certificate(),
            reprovisioning_count=1,
            reservation=reservation(
                reserved_at=AN_HOUR_AGO, certificate_id=OTHER_CERTIFICATE_ID, purpose=Purpose.ROTATION
            ),
        ),
        policy=SAME_IDENTITY_ONCE,
    ),
    Judged(
        behaviour="a rotation is denied where the stack does not allow it",
        outcome=DenialReason.ROTATION_NOT_ALLOWED,
        identity=BY_ITSELF,
        entry=PROVISIONED,
        claim=None,
        policy=policy(allow_rotation=False),
    ),
    Judged(
        behaviour="a rotation that is not allowed does not become a reprovisioning",
        outcome=DenialReason.ROTATION_NOT_ALLOWED,
        identity=BY_ITSELF,
        entry=PROVISIONED,
        claim=None,
        policy=policy(
            allow_rotation=False, require_registered_claims=False, reprovisioning=ReprovisioningPolicy.SAME_IDENTITY
        ),
    ),
    Judged(
        behaviour="the key of another device is denied",
        outcome=DenialReason.KEY_ASSIGNED_TO_ANOTHER_DEVICE,
        key=assigned("FG-0002"),
    ),
    Judged(
        behaviour="the key of a device whose serial number differs in case is the key of another device",
        outcome=DenialReason.KEY_ASSIGNED_TO_ANOTHER_DEVICE,
        key=assigned(SERIAL_NUMBER.lower()),
    ),
    Judged(
        behaviour="the key of another device is worse than an unknown serial number",
        outcome=DenialReason.KEY_ASSIGNED_TO_ANOTHER_DEVICE,
        entry=None,
        key=assigned("FG-0002"),
    ),
    Judged(
        behaviour="the key of another device gets no answer again",
        outcome=DenialReason.KEY_ASSIGNED_TO_ANOTHER_DEVICE,
        entry=entry(reservation=reservation(reserved_at=A_MINUTE_AGO)),
        key=assigned("FG-0002"),
    ),
    Judged(
        behaviour="a device may not rotate to the key of another device",
        outcome=DenialReason.KEY_ASSIGNED_TO_ANOTHER_DEVICE,
        identity=BY_ITSELF,
        entry=PROVISIONED,
        claim=None,
        key=assigned("FG-0002"),
    ),
    Judged(
        behaviour="a repair window does not let in the key of another device",
        outcome=DenialReason.KEY_ASSIGNED_TO_ANOTHER_DEVICE,
        entry=entry(device_certificate=current_certificate(), repair_window_until=SOON),
        key=assigned("FG-0002"),
    ),
    Judged(
        behaviour="a stopped key is denied",
        outcome=DenialReason.CERTIFICATE_DEACTIVATED,
        key=assigned(stops=frozenset({f"claim#{CLAIM_CERTIFICATE_ID}"})),
    ),
    Judged(
        behaviour="a stopped key gets no earlier answer again",
        outcome=DenialReason.CERTIFICATE_DEACTIVATED,
        entry=entry(reservation=reservation(reserved_at=A_MINUTE_AGO)),
        key=assigned(stops=frozenset({f"claim#{CLAIM_CERTIFICATE_ID}"})),
    ),
    Judged(
        behaviour="a certificate that lost its place is denied",
        outcome=DenialReason.CERTIFICATE_DEACTIVATED,
        key=assigned(deactivated_certificates=frozenset({CERTIFICATE_ID})),
    ),
    Judged(
        behaviour="a stopped key is worse than an unknown serial number",
        outcome=DenialReason.CERTIFICATE_DEACTIVATED,
        entry=None,
        key=assigned(stops=frozenset({f"claim#{CLAIM_CERTIFICATE_ID}"})),
    ),
    Judged(
        behaviour="another key than the approval names is denied",
        outcome=DenialReason.KEY_MISMATCH,
        entry=entry(key_fingerprint=OTHER_KEY_FINGERPRINT),
    ),
    Judged(
        behaviour="another key than the approval names is denied in a repair window",
        outcome=DenialReason.KEY_MISMATCH,
        entry=entry(
            key_fingerprint=OTHER_KEY_FINGERPRINT, device_certificate=current_certificate(), repair_window_until=SOON
        ),
    ),
    Judged(
        behaviour="a device may not rotate to another key than the approval names",
        outcome=DenialReason.KEY_MISMATCH,
        identity=BY_ITSELF,
        entry=entry(key_fingerprint=OTHER_KEY_FINGERPRINT, device_certificate=current_certificate()),
        claim=None,
    ),
    Judged(
        behaviour="another key does not take a fresh reservation over",
        outcome=DenialReason.RESERVED_BY_ANOTHER_CERTIFICATE,
        entry=entry(
            reservation=reservation(
                reserved_at=A_MINUTE_AGO,
                certificate_id=OTHER_CERTIFICATE_ID,
                key_fingerprint=OTHER_KEY_FINGERPRINT,
            )
        ),
    ),
    Judged(
        behaviour="the same key does not bring a provisioned device back",
        outcome=DenialReason.ALREADY_PROVISIONED,
        entry=entry(device_certificate=current_certificate(key_fingerprint=KEY_FINGERPRINT, seen_at=A_MINUTE_AGO)),
        key=assigned(),
    ),
    Judged(
        behaviour="another key does not bring a device back that was never seen",
        outcome=DenialReason.ALREADY_PROVISIONED,
        entry=entry(device_certificate=current_certificate(key_fingerprint=OTHER_KEY_FINGERPRINT)),
    ),
    Judged(
        behaviour="a certificate that a stop deactivated does not rotate over its live session",
        outcome=DenialReason.CERTIFICATE_DEACTIVATED,
        identity=identity(claim_certificate_id=CURRENT_CERTIFICATE_ID),
        claim=None,
        entry=entry(
            device_certificate=current_certificate(),
            deactivated_certificates=frozenset({CURRENT_CERTIFICATE_ID}),
        ),
    ),
)
