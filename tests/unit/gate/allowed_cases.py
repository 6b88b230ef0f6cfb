"""Requests with an identity that are allowed, and by which rule."""

from dataclasses import replace
from datetime import timedelta

from fleetgate.domain.allow_list import Purpose
from fleetgate.domain.gate_switch import GateSwitch
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.reasons import AllowRule
from harness.builders import (
    CERTIFICATE_ID,
    KEY_FINGERPRINT,
    MAC_ADDRESS,
    NOW,
    OTHER_CERTIFICATE_ID,
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

_LEFT_UNFINISHED = entry(reservation=reservation(reserved_at=AN_HOUR_AGO, certificate_id=OTHER_CERTIFICATE_ID))
OF_THE_SAME_KEY = reservation(
    reserved_at=A_MINUTE_AGO, certificate_id=OTHER_CERTIFICATE_ID, key_fingerprint=KEY_FINGERPRINT
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
        claim=claim(serial_number=SerialNumber.parse(SERIAL_NUMBER), expires_at=SOON),
    ),
    Judged(
        behaviour="the certificate that holds the reservation may ask again",
        outcome=AllowRule.SAME_CERTIFICATE_RETRY,
        entry=entry(reservation=reservation(reserved_at=A_MINUTE_AGO)),
    ),
    Judged(
        behaviour="a certificate whose outcome was seen may ask again",
        outcome=AllowRule.SAME_CERTIFICATE_RETRY,
        entry=entry(device_certificate=current_certificate(CERTIFICATE_ID)),
    ),
    Judged(
        behaviour="a retry is not held back by the number of attempts",
        outcome=AllowRule.SAME_CERTIFICATE_RETRY,
        entry=entry(reservation=reservation(reserved_at=A_MINUTE_AGO, attempts=3)),
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
        policy=SAME_IDENTITY_ONCE,
    ),
    Judged(
        behaviour="a provisioned device comes back within the configured limit",
        outcome=AllowRule.REPROVISIONING,
        entry=PROVISIONED,
        policy=SAME_IDENTITY_ONCE,
    ),
    Judged(
        behaviour="a provisioned device comes back in a repair window",
        outcome=AllowRule.REPAIR_WINDOW,
        entry=entry(device_certificate=current_certificate(), repair_window_until=SOON),
    ),
    Judged(
        behaviour="a repair window lifts the limit",
        outcome=AllowRule.REPAIR_WINDOW,
        entry=entry(device_certificate=current_certificate(), repair_window_until=SOON, reprovisioning_count=1),
        policy=SAME_IDENTITY_ONCE,
    ),
    Judged(
        behaviour="a repair window lifts the limit of attempts",
        outcome=AllowRule.RESERVATION_TAKEOVER,
        entry=entry(reservation=TAKEN_OVER_TOO_OFTEN, repair_window_until=SOON),
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
        switch=IMPORT_STOPPED,
    ),
    Judged(
        behaviour="a device rotates with its current certificate",
        outcome=AllowRule.ROTATION,
        identity=BY_ITSELF,
        entry=PROVISIONED,
        claim=None,
    ),
    Judged(
        behaviour="a device rotates with its reserved certificate before the outcome was seen",
        outcome=AllowRule.ROTATION,
        identity=identity(claim_certificate_id=OTHER_CERTIFICATE_ID),
        entry=entry(reservation=reservation(reserved_at=A_MINUTE_AGO, certificate_id=OTHER_CERTIFICATE_ID)),
        claim=None,
    ),
    Judged(
        behaviour="a device takes its own unfinished rotation over",
        outcome=AllowRule.ROTATION,
        identity=BY_ITSELF,
        entry=PENDING_ROTATION,
        claim=None,
    ),
    Judged(
        behaviour="a device rotates after its approval has ended",
        outcome=AllowRule.ROTATION,
        identity=BY_ITSELF,
        entry=entry(device_certificate=current_certificate(), valid_until=A_MINUTE_AGO),
        claim=None,
    ),
    Judged(
        behaviour="another certificate of the same key takes its own reservation over at once",
        outcome=AllowRule.SAME_KEY,
        entry=entry(reservation=OF_THE_SAME_KEY),
        key=assigned(),
    ),
    Judged(
        behaviour="the same key is not held back by the limit of attempts",
        outcome=AllowRule.SAME_KEY,
        entry=entry(reservation=replace(OF_THE_SAME_KEY, attempts=3)),
        key=assigned(),
    ),
    Judged(
        behaviour="a device that was never seen comes back with its key though somebody finished with it",
        outcome=AllowRule.SAME_KEY,
        entry=entry(device_certificate=current_certificate(key_fingerprint=KEY_FINGERPRINT)),
        key=assigned(),
    ),
    Judged(
        behaviour="the key that the approval names is let in",
        outcome=AllowRule.FIRST_RESERVATION,
        entry=entry(key_fingerprint=KEY_FINGERPRINT),
    ),
    Judged(
        behaviour="a device that was let go comes back with its key",
        outcome=AllowRule.FIRST_RESERVATION,
        key=assigned(),
    ),
    Judged(
        behaviour="a device rotates to another certificate of its key",
        outcome=AllowRule.ROTATION,
        identity=BY_ITSELF,
        entry=entry(device_certificate=current_certificate(key_fingerprint=KEY_FINGERPRINT)),
        claim=None,
        key=assigned(),
    ),
    Judged(
        behaviour="a certificate of the key that lost its place does not stop another of the same key",
        outcome=AllowRule.FIRST_RESERVATION,
        key=assigned(deactivated_certificates=frozenset({OTHER_CERTIFICATE_ID})),
    ),
)
