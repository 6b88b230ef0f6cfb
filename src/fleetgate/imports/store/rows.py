"""Reads known rows in batches, inserts new ones in batches, replaces and releases. No write is blind."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from fleetgate.domain.allow_list import AllowListEntry, KeyAssignment
from fleetgate.domain.audit import AuditRecord, ImportAction, RecordKind
from fleetgate.domain.faults import Fault
from fleetgate.domain.gate_switch import OPEN
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.domain.reasons import FaultReason
from fleetgate.imports.changes import ATTRIBUTES, in_words
from fleetgate.imports.plan import KnownRows, Write
from fleetgate.imports.store.statements import NewItem, new_device, new_key_assignment, new_mac_assignment
from fleetgate.store.allow_list_items import (
    SWITCH_KEY,
    AllowListItem,
    DeviceItem,
    KeyItem,
    MacAssignmentItem,
    SwitchItem,
    assignment_key,
    device_key,
    entry_from,
    item_from,
    key_assignment_from,
    mac_key,
    new_key_item,
    switch_from,
)
from fleetgate.store.audit_items import new_record_id
from fleetgate.store.faults import Overtaken, until_written
from fleetgate.store.tables import Cancelled, StackTables, TableSettings

# DynamoDB, BatchExecuteStatement: statements a call.
_MAX_STATEMENTS = 25
# Codes of a statement in a batch after which the row is planned again from fresh facts.
_OVERTAKEN = frozenset({"DuplicateItem", "TransactionConflict"})
# Codes of a statement in a batch that may succeed later; botocore only repeats calls that fail as a whole.
_TRANSIENT = frozenset(
    {"InternalServerError", "ProvisionedThroughputExceeded", "RequestLimitExceeded", "ThrottlingError"}
)
_MAX_TRIES = 10
# Of an audit record.
_MAX_REASON = 1_000


class ImportStore:
    """The allow-list as imports use it. Every method raises Fault when the tables do not answer."""

    def __init__(self, tables: TableSettings | StackTables, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._tables = StackTables.of(tables)
        self._sleep = sleep

    def known(
        self,
        serial_numbers: Iterable[SerialNumber],
        mac_addresses: Iterable[MacAddress],
        key_fingerprints: Iterable[str] = (),
    ) -> KnownRows:
        """Read some entries, the owners of some MAC addresses and keys, and the switch, strongly consistent."""
        entries: dict[SerialNumber, AllowListEntry] = {}
        mac_owners: dict[MacAddress, SerialNumber] = {}
        keys: dict[str, KeyAssignment] = {}
        makers: dict[MacAddress | str, str] = {}
        switch = OPEN
        identities = [*map(device_key, serial_numbers), *map(mac_key, mac_addresses)]
        wanted = [*identities, *map(assignment_key, key_fingerprints), SWITCH_KEY]
        with self._tables.asked():
            for item in AllowListItem.batch_get(wanted, consistent_read=True):
                match item:
                    case DeviceItem():
                        entry = entry_from(item)
                        entries[entry.serial_number] = entry
                    case MacAssignmentItem():
                        mac_address = MacAddress.parse(item.pk.removeprefix("mac#"))
                        mac_owners[mac_address] = SerialNumber(item.serial_number)
                        makers[mac_address] = item.manufacturer
                    case KeyItem():
                        key = key_assignment_from(item)
                        keys[key.fingerprint] = key
                    case SwitchItem():
                        switch = switch_from(item)
            makers.update(self._makers_of(keys, entries))
        return KnownRows(entries, mac_owners, keys, makers, switch)

    def _makers_of(
        self, keys: Mapping[str, KeyAssignment], entries: Mapping[SerialNumber, AllowListEntry]
    ) -> dict[MacAddress | str, str]:
        """The manufacturers of those who own keys; a key does not say it, and outlives the entry of its owner."""
        known = {serial_number: entry.manufacturer for serial_number, entry in entries.items()}
        others = {key.serial_number for key in keys.values()} - known.keys()
        for item in DeviceItem.batch_get(map(device_key, others), consistent_read=True) if others else ():
            known[SerialNumber(item.pk.removeprefix("device#"))] = item.manufacturer
        return {key.fingerprint: known[key.serial_number] for key in keys.values() if key.serial_number in known}

    def insert(self, writes: Sequence[Write], known: KnownRows, *, now: datetime) -> set[SerialNumber]:
        """Put new devices on the allow-list, each with its MAC addresses and its key first; one write unit an item.

        Args:
            writes: New entries only, no serial number, MAC address or key twice.
            known: As read; what has an owner is not assigned again.

        Returns:
            The serial numbers that were not inserted, whose rows have to be planned again.
        """
        entries = [write.after for write in writes]
        assignments = [
            (entry, new_mac_assignment(entry, mac_address))
            for entry in entries
            for mac_address in entry.mac_addresses
            if mac_address not in known.mac_owners
        ]
        assignments += [
            (entry, new_key_assignment(entry.key_fingerprint, entry, now=now))
            for entry in entries
            if entry.key_fingerprint is not None and entry.key_fingerprint not in known.keys
        ]
        failed = self._insert([item for _, item in assignments])
        again = {entry.serial_number for position, (entry, _) in enumerate(assignments) if position in failed}
        ready = [entry for entry in entries if entry.serial_number not in again]
        failed = self._insert([new_device(entry, now=now) for entry in ready])
        return again | {entry.serial_number for position, entry in enumerate(ready) if position in failed}

    def replace(self, writes: Sequence[Write], known: KnownRows, *, now: datetime) -> set[SerialNumber]:
        """Change known entries and what is assigned to them, each if it has not changed since it was read.

        Args:
            writes: Changes of known entries only, no serial number, MAC address or key twice.
            known: As read; a key that is the device's already is not assigned again.

        Returns:
            The serial numbers that were not written, whose rows have to be planned again.
        """
        if not writes:
            return set()
        released = {write.key_to_release for write in writes if write.key_to_release is not None}
        lost = self.known((), (), released).keys if released else {}
        return {write.after.serial_number for write in writes if not self._replaced(write, known, lost, now)}

    def _replaced(self, write: Write, known: KnownRows, lost: Mapping[str, KeyAssignment], now: datetime) -> bool:
        """Change one entry in a transaction; whether it was written.

        Args:
            lost: The assignments of the keys that devices lose. One that was used stays: no other device may get it.
        """
        before, after = write.before, write.after
        if before is None:
            raise ValueError("there is no entry to replace")
        own = MacAssignmentItem.serial_number == after.serial_number.value
        try:
            with self._tables.transaction(_record_of(write, now)) as transaction:
                transaction.save(item_from(after, now=now), condition=DeviceItem.version == before.version)
                for mac_address in write.mac_addresses_to_assign:
                    transaction.save(
                        mac_assignment_item(after, mac_address),
                        condition=MacAssignmentItem.pk.does_not_exist() | own,
                    )
                for mac_address in write.mac_addresses_to_release:
                    transaction.delete(MacAssignmentItem(mac_key(mac_address)), condition=own)
                key_fingerprint = write.key_to_assign
                if key_fingerprint is not None and key_fingerprint not in known.keys:
                    transaction.save(
                        new_key_item(key_fingerprint, after, now=now), condition=KeyItem.pk.does_not_exist()
                    )
                key = lost.get(write.key_to_release or "")
                if key is not None and key.is_unused and key.serial_number == after.serial_number:
                    transaction.delete(
                        KeyItem(assignment_key(key.fingerprint)), condition=_is_unused_key_of(after.serial_number)
                    )
        except Cancelled:
            return False
        return True

    def release(
        self,
        serial_number: SerialNumber,
        mac_addresses: Iterable[MacAddress],
        key_fingerprint: str | None,
        *,
        import_id: str,
    ) -> None:
        """Release what this import assigned to a device which it then could not add, the key if nobody used it."""
        for mac_address in mac_addresses:
            self._tables.delete_if(
                MacAssignmentItem(mac_key(mac_address)),
                (MacAssignmentItem.serial_number == serial_number.value) & (MacAssignmentItem.import_id == import_id),
            )
        if key_fingerprint is not None:
            condition = _is_unused_key_of(serial_number) & (KeyItem.import_id == import_id)
            self._tables.delete_if(KeyItem(assignment_key(key_fingerprint)), condition)

    def _insert(self, items: Sequence[NewItem]) -> set[int]:
        """Insert items that must not exist; returns the positions of the items that were not inserted."""
        failed: set[int] = set()
        numbered = list(enumerate(items))
        for start in range(0, len(items), _MAX_STATEMENTS):
            failed |= self._insert_some(numbered[start : start + _MAX_STATEMENTS])
        return failed

    def _insert_some(self, waiting: list[tuple[int, NewItem]]) -> set[int]:
        client: Any = self._tables.connection().client
        table_name = AllowListItem.Meta.table_name
        failed: set[int] = set()

        def attempt() -> set[int]:
            nonlocal waiting
            statements = [item.insertion(table_name) for _, item in waiting]
            with self._tables.asked():
                answer = client.batch_execute_statement(Statements=statements)
            codes = [response.get("Error", {}).get("Code") for response in answer["Responses"]]
            _must_be_known(codes)
            ended = list(zip(waiting, codes, strict=True))
            failed.update(position for (position, _), code in ended if code in _OVERTAKEN)
            waiting = [one for one, code in ended if code in _TRANSIENT]
            if waiting:
                raise Overtaken
            return failed

        return until_written(attempt, max_tries=_MAX_TRIES, sleep=self._sleep, otherwise=FaultReason.STORE_THROTTLED)


def _must_be_known(codes: Iterable[str | None]) -> None:
    """Raise a Fault for a code that is neither transient nor a lost race."""
    for code in codes:
        if code is not None and code not in _OVERTAKEN | _TRANSIENT:
            denied = code.startswith("AccessDenied")
            raise Fault(FaultReason.STORE_ACCESS_DENIED if denied else FaultReason.STORE_UNAVAILABLE)


def _is_unused_key_of(serial_number: SerialNumber) -> Any:
    """The condition that a key is a device's, and was not used."""
    is_unused = KeyItem.is_unused == True  # noqa: E712 - a condition, not a comparison
    return (KeyItem.serial_number == serial_number.value) & is_unused


def _record_of(write: Write, now: datetime) -> AuditRecord | None:
    """The audit record of a change of who may come in as a device; other changes have none of their own."""
    if not write.is_replacement:
        return None
    after = write.after
    return AuditRecord(
        record_id=new_record_id(now),
        recorded_at=now,
        kind=RecordKind.IMPORT,
        action=ImportAction.REPLACE,
        reason=in_words(change for change in write.changes if change.kind != ATTRIBUTES)[:_MAX_REASON],
        serial_number=after.serial_number.value,
        mac_address=", ".join(mac.value for mac in sorted(after.mac_addresses)) or None,
        key_fingerprint=after.key_fingerprint,
        manufacturer=after.manufacturer,
        import_id=after.import_id,
        entry_version=after.version,
    )


def mac_assignment_item(entry: AllowListEntry, mac_address: MacAddress) -> MacAssignmentItem:
    """The item that gives a MAC address to a device."""
    return MacAssignmentItem(
        pk=mac_key(mac_address),
        serial_number=entry.serial_number.value,
        manufacturer=entry.manufacturer,
        import_id=entry.import_id,
    )
