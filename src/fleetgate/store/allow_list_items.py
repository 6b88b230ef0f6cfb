"""The allow-list table: device entries, assignments, claim certificates and the switch, mapped to the domain.

One partition key `pk`, `<kind>#<name>`, so that everything a decision needs is one BatchGetItem.
"""

from datetime import datetime
from typing import Any

from pynamodb.attributes import (
    BooleanAttribute,
    DiscriminatorAttribute,
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    UTCDateTimeAttribute,
)
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from fleetgate.domain.allow_list import AllowListEntry, DeviceCertificate, Hold, KeyAssignment, Purpose, Reservation
from fleetgate.domain.claim import ANY_MANUFACTURER, ClaimCertificate, ClaimStatus
from fleetgate.domain.gate_switch import GateSwitch
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.store.faults import UnreadableItem


class ListingIndex(GlobalSecondaryIndex[Any]):
    """The few items people list, as claim certificates. Sparse: a device is not in it and costs no write for it."""

    class Meta:
        index_name = "by_listing"
        projection = AllProjection()

    listing = UnicodeAttribute(hash_key=True)
    pk = UnicodeAttribute(range_key=True)


class AllowListItem(Model):
    """Any item of the table; reading gives the class of its kind."""

    class Meta:
        table_name = ""
        region = ""

    pk = UnicodeAttribute(hash_key=True)
    kind = DiscriminatorAttribute()
    by_listing = ListingIndex()
    listing = UnicodeAttribute(null=True)


class ReservationAttribute(MapAttribute[str, Any]):
    """A reservation inside a device entry."""

    certificate_id = UnicodeAttribute()
    claim_certificate_id = UnicodeAttribute()
    decision_id = UnicodeAttribute()
    purpose = UnicodeAttribute()
    reserved_at = UTCDateTimeAttribute()
    deadline = UTCDateTimeAttribute()
    attempts = NumberAttribute()
    taken_over = BooleanAttribute()
    key_fingerprint = UnicodeAttribute(null=True)


class DeviceCertificateAttribute(MapAttribute[str, Any]):
    """The certificate that a device has. Entries of earlier versions do not say when it was seen."""

    certificate_id = UnicodeAttribute()
    decision_id = UnicodeAttribute()
    seen_at = UTCDateTimeAttribute(null=True)
    fell_back_to = UnicodeAttribute(null=True)
    key_fingerprint = UnicodeAttribute(null=True)


class DeviceItem(AllowListItem, discriminator="device"):
    """One approved device. `state` repeats what follows from the rest, for people and consoles."""

    manufacturer = UnicodeAttribute()
    mac_addresses = UnicodeSetAttribute(null=True)
    templates = UnicodeSetAttribute(null=True)
    valid_from = UTCDateTimeAttribute(null=True)
    valid_until = UTCDateTimeAttribute(null=True)
    attributes: MapAttribute[str, str] = MapAttribute(null=True)
    key_fingerprint = UnicodeAttribute(null=True)
    hold = UnicodeAttribute()
    state = UnicodeAttribute()
    reservation = ReservationAttribute(null=True)
    device_certificate = DeviceCertificateAttribute(null=True)
    reprovisioning_count = NumberAttribute()
    repair_window_until = UTCDateTimeAttribute(null=True)
    deactivated_certificates = UnicodeSetAttribute(null=True)
    is_revoked = BooleanAttribute(null=True)
    import_id = UnicodeAttribute(null=True)
    import_line = NumberAttribute(null=True)
    first_import_id = UnicodeAttribute(null=True)
    changed_from: MapAttribute[str, str] = MapAttribute(null=True)
    version = NumberAttribute()
    updated_at = UTCDateTimeAttribute()


class MacAssignmentItem(AllowListItem, discriminator="mac"):
    """Which serial number a MAC address belongs to: this is what makes it unique."""

    serial_number = UnicodeAttribute()
    manufacturer = UnicodeAttribute()
    import_id = UnicodeAttribute(null=True)


class KeyItem(AllowListItem, discriminator="key"):
    """Which serial number a public key was given to, and what deactivated it. It is never deleted once it was used.

    An approval that names the key makes it, with `is_unused` and the import if it is one; else the first allow does.
    The first allow ends `is_unused`.
    """

    serial_number = UnicodeAttribute()
    import_id = UnicodeAttribute(null=True)
    is_unused = BooleanAttribute(null=True)
    stops = UnicodeSetAttribute(null=True)
    deactivated_certificates = UnicodeSetAttribute(null=True)
    updated_at = UTCDateTimeAttribute()


class ClaimItem(AllowListItem, discriminator="claim"):
    """One registered claim certificate."""

    manufacturer = UnicodeAttribute()
    templates = UnicodeSetAttribute(null=True)
    status = UnicodeAttribute()
    serial_number = UnicodeAttribute(null=True)
    expires_at = UTCDateTimeAttribute(null=True)
    updated_at = UTCDateTimeAttribute()


SWITCH_KEY = "gate#switch"


class SwitchItem(AllowListItem, discriminator="switch"):
    """The one switch of a stack; where it is missing the gate is open."""

    is_stopped = BooleanAttribute()
    manufacturers = UnicodeSetAttribute(null=True)
    imports = UnicodeSetAttribute(null=True)
    version = NumberAttribute()
    updated_at = UTCDateTimeAttribute()


def device_key(serial_number: SerialNumber) -> str:
    """The key of a device entry."""
    return f"device#{serial_number.value}"


def mac_key(mac_address: MacAddress) -> str:
    """The key of a MAC assignment."""
    return f"mac#{mac_address.value}"


def assignment_key(key_fingerprint: str) -> str:
    """The key of a key assignment."""
    return f"key#{key_fingerprint}"


def claim_key(certificate_id: str) -> str:
    """The key of a claim certificate."""
    return f"claim#{certificate_id}"


def entry_from(item: DeviceItem) -> AllowListEntry:
    """The device entry of an item.

    Raises:
        UnreadableItem: The item contradicts itself; somebody wrote to it by hand.
    """
    held, current = item.reservation, item.device_certificate
    entry = AllowListEntry(
        serial_number=SerialNumber.parse(item.pk.removeprefix("device#")),
        manufacturer=item.manufacturer,
        mac_addresses=frozenset(map(MacAddress.parse, item.mac_addresses or ())),
        templates=frozenset(item.templates or ()),
        valid_from=item.valid_from,
        valid_until=item.valid_until,
        attributes=dict(item.attributes.attribute_values) if item.attributes else {},
        key_fingerprint=item.key_fingerprint,
        hold=Hold(item.hold),
        reservation=_reservation_from(held) if held else None,
        device_certificate=_device_certificate_from(current) if current else None,
        reprovisioning_count=int(item.reprovisioning_count),
        repair_window_until=item.repair_window_until,
        deactivated_certificates=frozenset(item.deactivated_certificates or ()),
        is_revoked=bool(item.is_revoked),
        import_id=item.import_id,
        import_line=None if item.import_line is None else int(item.import_line),
        first_import_id=item.first_import_id,
        changed_from=dict(item.changed_from.attribute_values) if item.changed_from else {},
        version=int(item.version),
    )
    if entry.state != item.state:
        raise UnreadableItem(f"the item says {item.state!r}, its attributes say {entry.state.value!r}")
    return entry


def item_from(entry: AllowListEntry, *, now: datetime) -> DeviceItem:
    """The item of a device entry."""
    return DeviceItem(
        pk=device_key(entry.serial_number),
        manufacturer=entry.manufacturer,
        mac_addresses={mac.value for mac in entry.mac_addresses} or None,
        templates=set(entry.templates) or None,
        valid_from=entry.valid_from,
        valid_until=entry.valid_until,
        attributes=dict(entry.attributes) or None,
        key_fingerprint=entry.key_fingerprint,
        hold=entry.hold.value,
        state=entry.state.value,
        reservation=entry.reservation and reservation_attribute(entry.reservation),
        device_certificate=entry.device_certificate and device_certificate_attribute(entry.device_certificate),
        reprovisioning_count=entry.reprovisioning_count,
        repair_window_until=entry.repair_window_until,
        deactivated_certificates=set(entry.deactivated_certificates) or None,
        is_revoked=entry.is_revoked or None,
        import_id=entry.import_id,
        import_line=entry.import_line,
        first_import_id=entry.first_import_id,
        changed_from=dict(entry.changed_from) or None,
        version=entry.version,
        updated_at=now,
    )


def reservation_attribute(reservation: Reservation) -> ReservationAttribute:
    """A reservation as it is stored."""
    return ReservationAttribute(
        certificate_id=reservation.certificate_id,
        claim_certificate_id=reservation.claim_certificate_id,
        decision_id=reservation.decision_id,
        purpose=reservation.purpose.value,
        reserved_at=reservation.reserved_at,
        deadline=reservation.deadline,
        attempts=reservation.attempts,
        taken_over=reservation.taken_over,
        key_fingerprint=reservation.key_fingerprint,
    )


def device_certificate_attribute(current: DeviceCertificate) -> DeviceCertificateAttribute:
    """A device's current certificate as it is stored."""
    return DeviceCertificateAttribute(
        certificate_id=current.certificate_id,
        decision_id=current.decision_id,
        seen_at=current.seen_at,
        fell_back_to=current.fell_back_to,
        key_fingerprint=current.key_fingerprint,
    )


def key_assignment_from(item: KeyItem) -> KeyAssignment:
    """The key assignment of an item."""
    return KeyAssignment(
        fingerprint=item.pk.removeprefix("key#"),
        serial_number=SerialNumber.parse(item.serial_number),
        is_unused=bool(item.is_unused),
        stops=frozenset(item.stops or ()),
        deactivated_certificates=frozenset(item.deactivated_certificates or ()),
    )


def new_key_item(key_fingerprint: str, entry: AllowListEntry, *, now: datetime) -> KeyItem:
    """The item that gives a public key to the device that is approved for it."""
    return KeyItem(
        pk=assignment_key(key_fingerprint),
        serial_number=entry.serial_number.value,
        import_id=entry.import_id,
        is_unused=True,
        updated_at=now,
    )


def claim_from(item: ClaimItem) -> ClaimCertificate:
    """The claim certificate of an item."""
    return ClaimCertificate(
        certificate_id=item.pk.removeprefix("claim#"),
        manufacturer=None if item.manufacturer == ANY_MANUFACTURER else item.manufacturer,
        templates=frozenset(item.templates or ()),
        status=ClaimStatus(item.status),
        serial_number=SerialNumber.parse(item.serial_number) if item.serial_number else None,
        expires_at=item.expires_at,
    )


def claim_item_from(claim: ClaimCertificate, *, now: datetime) -> ClaimItem:
    """The item of a claim certificate."""
    return ClaimItem(
        pk=claim_key(claim.certificate_id),
        listing="claims",
        manufacturer=claim.manufacturer or ANY_MANUFACTURER,
        templates=set(claim.templates) or None,
        status=claim.status.value,
        serial_number=claim.serial_number and claim.serial_number.value,
        expires_at=claim.expires_at,
        updated_at=now,
    )


def switch_from(item: SwitchItem) -> GateSwitch:
    """The switch of an item."""
    return GateSwitch(
        is_stopped=item.is_stopped,
        manufacturers=frozenset(item.manufacturers or ()),
        imports=frozenset(item.imports or ()),
        version=int(item.version),
    )


def _device_certificate_from(current: DeviceCertificateAttribute) -> DeviceCertificate:
    return DeviceCertificate(
        certificate_id=current.certificate_id,
        decision_id=current.decision_id,
        seen_at=current.seen_at,
        fell_back_to=current.fell_back_to,
        key_fingerprint=current.key_fingerprint,
    )


def _reservation_from(held: ReservationAttribute) -> Reservation:
    return Reservation(
        certificate_id=held.certificate_id,
        claim_certificate_id=held.claim_certificate_id,
        decision_id=held.decision_id,
        purpose=Purpose(held.purpose),
        reserved_at=held.reserved_at,
        deadline=held.deadline,
        attempts=int(held.attempts),
        taken_over=held.taken_over,
        key_fingerprint=held.key_fingerprint,
    )
