"""Plans what one row of a factory list changes on the allow-list. An import never rewrites history (invariant 5)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from fleetgate.domain.allow_list import AllowListEntry, ApprovalTerms, DeviceState, KeyAssignment
from fleetgate.domain.gate_switch import OPEN, GateSwitch
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.domain.reasons import Reason
from fleetgate.imports.delivery import is_later
from fleetgate.imports.reading.factory_list import ImportRow, Operation


class RowClass(StrEnum):
    """How a row ended; each row of a file ends in exactly one of these."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REVOKED = "revoked"
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
    OTHER_PUBLIC_KEY = (
        "other_public_key",
        "The device is approved for another public key, and an import never changes the key of a device.",
        "If the list that added the device named the key, and no later list the device, roll its import back and send "
        "the right one; else the device needs a new serial number.",
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
    """Nothing has to be written: the table shows already how the row ended."""

    row_class: RowClass


@dataclass(frozen=True, slots=True)
class Conflict:
    """Nothing may be written, for a reason."""

    reason: ConflictReason


class Write(NamedTuple):
    """One entry to write. A tuple for the same reason as `ImportRow`: a list has a million.

    Attributes:
        row_class: How the row ended, once the entry is written.
        before: The entry to replace; None for a new one.
        after: The entry to write.
    """

    row_class: RowClass
    before: AllowListEntry | None
    after: AllowListEntry

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
        if row.operation is Operation.REVOKE:
            return Conflict(ConflictReason.NOTHING_TO_REVOKE)
        return _unless_taken(row, known, _addition(row, manufacturer, import_id), manufacturer)
    if entry.manufacturer != manufacturer:
        return Conflict(ConflictReason.NOT_YOURS_TO_LIST)
    if entry.import_id == import_id:
        return _own_work(row, entry)
    if _says_the_same(row, entry):
        return NothingToWrite(RowClass.UNCHANGED)
    in_the_way = ConflictReason.STOPPED if known.switch.stop_of(entry) else _IN_THE_WAY[entry.state]
    if in_the_way is None and entry.import_id is not None and is_later(entry.import_id, than=import_id):
        in_the_way = ConflictReason.IN_LATER_LIST
    if (
        in_the_way is None
        and row.terms.key_fingerprint
        and entry.key_fingerprint
        not in (
            None,
            row.terms.key_fingerprint,
        )
    ):
        in_the_way = ConflictReason.OTHER_PUBLIC_KEY
    return (
        Conflict(in_the_way) if in_the_way else _unless_taken(row, known, _change(row, entry, import_id), manufacturer)
    )


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
        return NothingToWrite(RowClass.REVOKED)
    return NothingToWrite(RowClass.ADDED if entry.first_import_id == entry.import_id else RowClass.UPDATED)


def _says_the_same(row: ImportRow, entry: AllowListEntry) -> bool:
    if row.operation is Operation.REVOKE:
        return entry.is_revoked
    return not entry.is_revoked and (row.mac_addresses, _terms(row, entry)) == (entry.mac_addresses, entry.terms)


def _terms(row: ImportRow, entry: AllowListEntry) -> ApprovalTerms:
    """What the row approves a known device for: a row that names no key leaves the key as it is."""
    if row.terms.key_fingerprint is None and entry.key_fingerprint is not None:
        return replace(row.terms, key_fingerprint=entry.key_fingerprint)
    return row.terms


def _unless_taken(row: ImportRow, known: KnownRows, write: Write, manufacturer: str) -> Plan:
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
    entry = AllowListEntry(
        serial_number=row.serial_number,
        manufacturer=manufacturer,
        mac_addresses=row.mac_addresses,
        import_id=import_id,
        import_line=row.line_number,
        first_import_id=import_id,
        **row.terms.term_fields(),
    )
    return Write(row_class=RowClass.ADDED, before=None, after=entry)


def _change(row: ImportRow, entry: AllowListEntry, import_id: str) -> Write:
    written = replace(entry, import_id=import_id, import_line=row.line_number, version=entry.version + 1)
    if row.operation is Operation.REVOKE:
        return Write(row_class=RowClass.REVOKED, before=entry, after=replace(written, is_revoked=True))
    after = replace(written, mac_addresses=row.mac_addresses, is_revoked=False, **_terms(row, entry).term_fields())
    return Write(row_class=RowClass.UPDATED, before=entry, after=after)
