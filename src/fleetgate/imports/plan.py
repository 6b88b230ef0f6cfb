"""Plans what one row of a factory list changes on the allow-list. An import never rewrites history (invariant 7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

from fleetgate.domain.allow_list import AllowListEntry, DeviceState, KeyAssignment
from fleetgate.domain.gate_switch import OPEN, GateSwitch
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.domain.reasons import Reason
from fleetgate.imports.changes import RESTRICTIONS, FieldChange, changes_of_last_import, changes_to
from fleetgate.imports.delivery import is_later
from fleetgate.imports.reading.factory_list import ImportRow, Operation

# AWS IoT Core quotas: attributes of a thing that has a thing type.
_MAX_ATTRIBUTES = 50
_REPLACE = "Write replace in the Operation column if that is meant; else correct the row."


class RowClass(StrEnum):
    """How a row ended; each row of a file ends in exactly one of these."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REVOKED = "revoked"
    REPEATED = "repeated"
    CONFLICT = "conflict"
    REJECTED = "rejected"
    NOT_APPLIED = "not_applied"


class ConflictReason(Reason):
    """Why a sound row must not be applied."""

    NOT_YOURS_TO_LIST = (
        "not_yours_to_list",
        "The serial number, a MAC address or the public key of this row is not yours to list.",
        "Compare the row with the label; if it is right, ask the security team, who see what stands in the way.",
    )
    MAC_ADDRESS_OF_ANOTHER_DEVICE = (
        "mac_address_of_another_device",
        "A MAC address of this row belongs to another serial number of yours.",
        "Compare the labels of both devices; a MAC address is never moved by an import.",
    )
    KEY_OF_ANOTHER_DEVICE = (
        "key_of_another_device",
        "The public key of this row belongs to another serial number of yours.",
        "Read the keys of both devices again; each device has its own, and an import never moves one.",
    )
    OTHER_MAC_ADDRESSES = (
        "other_mac_addresses",
        "The device is approved with other MAC addresses.",
        _REPLACE,
    )
    OTHER_PUBLIC_KEY = (
        "other_public_key",
        "The device is approved for another public key, or for any.",
        _REPLACE,
    )
    OTHER_VALIDITY = (
        "other_validity",
        "The device is approved for another time.",
        _REPLACE,
    )
    OTHER_TEMPLATES = (
        "other_templates",
        "The device is approved for other provisioning templates.",
        _REPLACE,
    )
    VALIDITY_WOULD_BE_EMPTY = (
        "validity_would_be_empty",
        "The approval would end before it starts, by the date of the row and the one that is on the allow-list.",
        "Write both dates, Valid From and Valid Until.",
    )
    TOO_MANY_ATTRIBUTES = (
        "too_many_attributes",
        "The device would have more attributes than a thing of AWS IoT can have.",
        "Leave out columns that say nothing of the device, or clear attributes with replace and an empty cell.",
    )
    IN_USE = (
        "in_use",
        "The device is reserved or provisioned, so its approval cannot be changed or withdrawn any more.",
        "Ask the security team to quarantine or retire the device.",
    )
    STOPPED = (
        "stopped",
        "The device is retired, or in quarantine: by itself, with its manufacturer, or with an import that named it.",
        "Ask the security team; an import never lifts a stop.",
    )
    NOTHING_TO_REVOKE = (
        "nothing_to_revoke",
        "The serial number is not on the allow-list, so there is nothing to withdraw.",
        "Check the serial number for a typing error.",
    )
    NOTHING_TO_REPLACE = (
        "nothing_to_replace",
        "The serial number is not on the allow-list, so there is nothing to replace.",
        "Check the serial number for a typing error; write approve for a new device.",
    )
    IN_LATER_LIST = (
        "in_later_list",
        "A list that was uploaded later spoke for the serial number already.",
        "Nothing to do if that list is right; else correct the row and upload it anew.",
    )
    DUPLICATE_IN_FILE = (
        "duplicate_in_file",
        "Another line of the same file already speaks for this serial number.",
        "Keep one of the two lines.",
    )


@dataclass(frozen=True, slots=True)
class KnownRows:
    """What the tables hold of some rows.

    Attributes:
        mac_owners: The owner of each MAC address that has one. keys: the assignments of public keys, by fingerprint.
        makers: The manufacturer of the owner of each MAC address and public key, as far as one is on record.
        switch: What operators stopped for more than one device.
    """

    entries: Mapping[SerialNumber, AllowListEntry] = field(default_factory=dict)
    mac_owners: Mapping[MacAddress, SerialNumber] = field(default_factory=dict)
    keys: Mapping[str, KeyAssignment] = field(default_factory=dict)
    makers: Mapping[MacAddress | str, str] = field(default_factory=dict)
    switch: GateSwitch = OPEN


@dataclass(frozen=True, slots=True)
class NothingToWrite:
    """Nothing has to be written: the table shows already how the row ended.

    Attributes:
        changes: What the row changed of a known device, when it was applied.
    """

    row_class: RowClass
    changes: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Conflict:
    """Nothing may be written, for a reason.

    Attributes:
        detail: A sentence for people, where it says more than the reason's meaning.
    """

    reason: ConflictReason
    detail: str = ""


class Write(NamedTuple):
    """One entry to write. A tuple for the same reason as `ImportRow`: a list has a million.

    Attributes:
        row_class: How the row ended, once the entry is written.
        before: The entry to replace; None for a new one.
        after: The entry to write.
        changes: What differs between the two.
    """

    row_class: RowClass
    before: AllowListEntry | None
    after: AllowListEntry
    changes: tuple[FieldChange, ...] = ()

    @property
    def mac_addresses_to_assign(self) -> frozenset[MacAddress]:
        """MAC addresses the device gains."""
        return self.after.mac_addresses - (self.before.mac_addresses if self.before else frozenset())

    @property
    def mac_addresses_to_release(self) -> frozenset[MacAddress]:
        """MAC addresses the device loses."""
        return (self.before.mac_addresses if self.before else frozenset()) - self.after.mac_addresses

    @property
    def key_to_assign(self) -> str | None:
        """The fingerprint of the public key that the device gains, if any."""
        before = self.before and self.before.key_fingerprint
        return self.after.key_fingerprint if self.after.key_fingerprint != before else None

    @property
    def key_to_release(self) -> str | None:
        """The fingerprint of the public key that the device loses, if any."""
        before = self.before.key_fingerprint if self.before else None
        return before if before != self.after.key_fingerprint else None

    @property
    def is_replacement(self) -> bool:
        """Whether it changes who may come in as a known device, or until when."""
        return any(change.field in RESTRICTIONS for change in self.changes)


Plan = NothingToWrite | Conflict | Write


def plan_row(row: ImportRow, known: KnownRows, *, manufacturer: str, import_id: str) -> Plan:
    """Plan one row against the allow-list.

    A row of the same import that comes again gets the class of its first time, even if the device has changed since.

    Args:
        known: What the tables hold of the row's serial number, MAC addresses and public key, and the switch.
        manufacturer: Who delivers; from the place of delivery, never from the file.
    """
    entry = known.entries.get(row.serial_number)
    if entry is None:
        if row.operation is not Operation.APPROVE:
            return Conflict(_NOTHING_TO[row.operation])
        return _unless_taken(row, known, _addition(row, manufacturer, import_id), manufacturer)
    if entry.manufacturer != manufacturer:
        return Conflict(ConflictReason.NOT_YOURS_TO_LIST)
    if entry.import_id == import_id:
        return _own_work(row, entry)
    return _plan_known(row, entry, known, import_id)


def _plan_known(row: ImportRow, entry: AllowListEntry, known: KnownRows, import_id: str) -> Plan:
    """Plan a row of the manufacturer's own device that another import wrote last."""
    wanted = _wanted(row, entry)
    if not wanted:
        return NothingToWrite(RowClass.UNCHANGED)
    if in_the_way := _in_the_way(entry, wanted, known, import_id):
        return Conflict(in_the_way)
    write = _change(row, entry, wanted, import_id)
    plan = _unless_taken(row, known, write, entry.manufacturer)
    if plan is write and row.operation is Operation.APPROVE and write.is_replacement:
        return _unsaid(write.changes)
    return plan


_NOTHING_TO = {
    Operation.REPLACE: ConflictReason.NOTHING_TO_REPLACE,
    Operation.REVOKE: ConflictReason.NOTHING_TO_REVOKE,
}
# What keeps an import from changing a device, by its state.
_IN_THE_WAY: Mapping[DeviceState, ConflictReason | None] = {
    DeviceState.APPROVED: None,
    DeviceState.REVOKED: None,
    DeviceState.RESERVED: ConflictReason.IN_USE,
    DeviceState.PROVISIONED: ConflictReason.IN_USE,
    DeviceState.QUARANTINED: ConflictReason.STOPPED,
    DeviceState.RETIRED: ConflictReason.STOPPED,
}


def _own_work(row: ImportRow, entry: AllowListEntry) -> Plan:
    if entry.import_line != row.line_number:
        return Conflict(ConflictReason.DUPLICATE_IN_FILE)
    if row.operation is Operation.REVOKE:
        return NothingToWrite(RowClass.REVOKED, changes_of_last_import(entry))
    if entry.first_import_id == entry.import_id:
        return NothingToWrite(RowClass.ADDED)
    return NothingToWrite(RowClass.UPDATED, changes_of_last_import(entry))


def _wanted(row: ImportRow, entry: AllowListEntry) -> dict[str, Any]:
    """The fields of a known device's entry that the row wants to say something else.

    An absent column and an empty cell want nothing; but an empty cell clears an attribute where the row replaces.
    """
    if row.operation is Operation.REVOKE:
        return {} if entry.is_revoked else {"is_revoked": True}
    terms = row.terms
    said = {"mac_addresses": row.mac_addresses, **{name: getattr(terms, name) for name in _SAID_BY_TERMS}}
    wanted = {name: value for name, value in said.items() if value and value != getattr(entry, name)}
    if terms.attributes or row.clears:
        attributes = {name: text for name, text in entry.attributes.items() if name not in row.clears}
        attributes |= terms.attributes
        if attributes != entry.attributes:
            wanted["attributes"] = attributes
    if entry.is_revoked:
        wanted["is_revoked"] = False
    return wanted


_SAID_BY_TERMS = tuple(name for name in RESTRICTIONS.values() if name != "mac_addresses")


def _in_the_way(
    entry: AllowListEntry, wanted: Mapping[str, Any], known: KnownRows, import_id: str
) -> ConflictReason | None:
    """Why a known device cannot become what a row wants, whatever the row's operation."""
    if known.switch.stop_of(entry):
        return ConflictReason.STOPPED
    if reason := _IN_THE_WAY[entry.state]:
        return reason
    if entry.import_id is not None and is_later(entry.import_id, than=import_id):
        return ConflictReason.IN_LATER_LIST
    start, end = wanted.get("valid_from", entry.valid_from), wanted.get("valid_until", entry.valid_until)
    if start and end and start >= end:
        return ConflictReason.VALIDITY_WOULD_BE_EMPTY
    if len(wanted.get("attributes", ())) > max(_MAX_ATTRIBUTES, len(entry.attributes)):
        return ConflictReason.TOO_MANY_ATTRIBUTES
    return None


def _unsaid(changes: Sequence[FieldChange]) -> Conflict:
    """A row that would change who may come in as the device, and does not say that it replaces."""
    restricted = [change for change in changes if change.field in RESTRICTIONS]
    reason = _OTHER[restricted[0].field]
    differences = " ".join(
        f"{_SHOWN[change.field]}: the list says {change.after}, the device has {change.before or 'nothing'}."
        for change in restricted
    )
    return Conflict(reason, f"{reason.meaning} {differences}")


_SHOWN = {
    "mac_addresses": "MAC Address",
    "public_key": "Public Key",
    "valid_from": "Valid From",
    "valid_until": "Valid Until",
    "templates": "Templates",
}
_OTHER = {
    "mac_addresses": ConflictReason.OTHER_MAC_ADDRESSES,
    "public_key": ConflictReason.OTHER_PUBLIC_KEY,
    "valid_from": ConflictReason.OTHER_VALIDITY,
    "valid_until": ConflictReason.OTHER_VALIDITY,
    "templates": ConflictReason.OTHER_TEMPLATES,
}


def _unless_taken(row: ImportRow, known: KnownRows, write: Write, manufacturer: str) -> Plan:
    if not known.mac_owners and row.terms.key_fingerprint is None:  # as for nearly all new devices
        return write
    # A manufacturer is told what stands in the way only where all of that is its own.
    taken: dict[MacAddress | str, ConflictReason] = {
        mac_address: ConflictReason.MAC_ADDRESS_OF_ANOTHER_DEVICE
        for mac_address in row.mac_addresses
        if known.mac_owners.get(mac_address, row.serial_number) != row.serial_number
    }
    key = known.keys.get(row.terms.key_fingerprint) if row.terms.key_fingerprint else None
    if key is not None and key.serial_number != row.serial_number:
        taken[key.fingerprint] = ConflictReason.KEY_OF_ANOTHER_DEVICE
    if any(known.makers.get(one) != manufacturer for one in taken):
        return Conflict(ConflictReason.NOT_YOURS_TO_LIST)
    return Conflict(next(iter(taken.values()))) if taken else write


def _addition(row: ImportRow, manufacturer: str, import_id: str) -> Write:
    terms = row.terms
    entry = AllowListEntry(
        serial_number=row.serial_number,
        manufacturer=manufacturer,
        mac_addresses=row.mac_addresses,
        templates=terms.templates,
        valid_from=terms.valid_from,
        valid_until=terms.valid_until,
        attributes=terms.attributes,
        key_fingerprint=terms.key_fingerprint,
        import_id=import_id,
        import_line=row.line_number,
        first_import_id=import_id,
    )
    return Write(row_class=RowClass.ADDED, before=None, after=entry)


def _change(row: ImportRow, entry: AllowListEntry, wanted: Mapping[str, Any], import_id: str) -> Write:
    changes = changes_to(entry, wanted)
    after = replace(
        entry,
        **wanted,
        import_id=import_id,
        import_line=row.line_number,
        changed_from={change.field: change.before for change in changes},
        version=entry.version + 1,
    )
    return Write(RowClass.REVOKED if after.is_revoked else RowClass.UPDATED, entry, after, changes)
