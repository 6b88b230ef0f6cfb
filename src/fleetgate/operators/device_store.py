"""Devices on the allow-list as operators change them: each change and its audit record are one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fleetgate.domain.allow_list import AllowListEntry, KeyAssignment
from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.operators.key_store import KeyChange
from fleetgate.store.allow_list import AllowList
from fleetgate.store.allow_list_items import (
    AllowListItem,
    DeviceItem,
    KeyItem,
    MacAssignmentItem,
    assignment_key,
    device_key,
    entry_from,
    item_from,
    key_assignment_from,
    mac_key,
    new_key_item,
)
from fleetgate.store.faults import faults_translated
from fleetgate.store.tables import Cancelled, LostRace, StackTables, TableSettings, lost_race

# DynamoDB, TransactWriteItems: 100 items at most; the device entry, its key and the audit record take three of them.
MAX_MAC_ADDRESSES = 97
_IS_UNUSED = KeyItem.is_unused == True  # noqa: E712 - a condition, not a comparison


@dataclass(frozen=True, slots=True)
class ApprovalConflict:
    """What kept a device from being approved; nothing was written.

    Attributes:
        entry: The entry that the serial number has already.
        mac_owners: MAC addresses that belong to another serial number, and to which.
        key_owner: The other serial number that the public key belongs to.
    """

    entry: AllowListEntry | None = None
    mac_owners: Mapping[MacAddress, SerialNumber] = field(default_factory=dict)
    key_owner: SerialNumber | None = None

    @property
    def is_transient(self) -> bool:
        """Whether only another transaction was at the same items, so that another try helps."""
        return self.entry is None and not self.mac_owners and self.key_owner is None


class DeviceStore:
    """The devices of one stack. Every method raises Fault when the tables cannot answer."""

    def __init__(self, tables: TableSettings | StackTables) -> None:
        self._tables = StackTables.of(tables)
        self._allow_list = AllowList(self._tables)

    def device(self, serial_number: SerialNumber) -> AllowListEntry | None:
        """The allow-list entry of a device, strongly consistent."""
        return self._allow_list.device(serial_number)

    def approve(self, entry: AllowListEntry, record: AuditRecord) -> ApprovalConflict | None:
        """Put a new device on the allow-list, with its MAC addresses and its key, if nothing of it is taken.

        Returns:
            None when everything is written; what was in the way when nothing is.
        """
        # A key that is the device's already stays as it is, with all that stops wrote on it.
        key = self._key(entry)
        try:
            with self._tables.transaction(record) as transaction:
                transaction.save(
                    item_from(entry, now=record.recorded_at),
                    condition=DeviceItem.pk.does_not_exist(),
                    return_values="ALL_OLD",
                )
                for mac_address in sorted(entry.mac_addresses):
                    own = MacAssignmentItem.serial_number == entry.serial_number.value
                    transaction.save(
                        MacAssignmentItem(
                            pk=mac_key(mac_address),
                            serial_number=entry.serial_number.value,
                            manufacturer=entry.manufacturer,
                        ),
                        condition=MacAssignmentItem.pk.does_not_exist() | own,
                        return_values="ALL_OLD",
                    )
                if key is not None:
                    own_key = KeyItem.serial_number == entry.serial_number.value
                    transaction.condition_check(KeyItem, assignment_key(key.fingerprint), condition=own_key)
                elif entry.key_fingerprint is not None:
                    transaction.save(
                        new_key_item(entry.key_fingerprint, entry, now=record.recorded_at),
                        condition=KeyItem.pk.does_not_exist(),
                    )
        except Cancelled as cancelled:
            is_taken = key is not None and key.serial_number != entry.serial_number
            return _conflict(cancelled, key_owner=key.serial_number if key and is_taken else None)
        return None

    def change(self, changed: AllowListEntry, record: AuditRecord, *, key: KeyChange | None = None) -> LostRace | None:
        """Write what operators set on a device, if the entry is still the one before this change.

        That is its hold, its repair window, and which certificates a stop deactivated.

        Args:
            changed: The entry after one transition, so its version is the read one plus 1.
            key: What changes of the key of one of its certificates, in the same transaction.

        Returns:
            None when it is written; LostRace when nothing is.
        """
        window, deactivated = changed.repair_window_until, changed.deactivated_certificates
        try:
            with self._tables.transaction(record) as transaction:
                transaction.update(
                    DeviceItem(device_key(changed.serial_number)),
                    actions=[
                        DeviceItem.hold.set(changed.hold.value),
                        DeviceItem.state.set(changed.state.value),
                        DeviceItem.repair_window_until.set(window)
                        if window
                        else DeviceItem.repair_window_until.remove(),
                        DeviceItem.deactivated_certificates.set(set(deactivated))
                        if deactivated
                        else DeviceItem.deactivated_certificates.remove(),
                        DeviceItem.version.set(changed.version),
                        DeviceItem.updated_at.set(record.recorded_at),
                    ],
                    condition=DeviceItem.version == changed.version - 1,
                    return_values="ALL_OLD",
                )
                if key is not None:
                    key.add_to(transaction, record.recorded_at)
        except Cancelled as cancelled:
            return lost_race(cancelled)
        return None

    def remove(self, entry: AllowListEntry, record: AuditRecord) -> bool:
        """Take a device off the allow-list with its MAC addresses, if the entry is still this one.

        Its key with it, if no device was let in with that: a key that was used is never given to another device.

        Returns:
            Whether it was done; False when nothing was.
        """
        key = self._key(entry)
        try:
            with self._tables.transaction(record) as transaction:
                transaction.delete(
                    DeviceItem(device_key(entry.serial_number)), condition=DeviceItem.version == entry.version
                )
                for mac_address in sorted(entry.mac_addresses):
                    transaction.delete(
                        MacAssignmentItem(mac_key(mac_address)),
                        condition=MacAssignmentItem.serial_number == entry.serial_number.value,
                    )
                if key is not None and key.is_unused and key.serial_number == entry.serial_number:
                    own_key = KeyItem.serial_number == entry.serial_number.value
                    transaction.delete(KeyItem(assignment_key(key.fingerprint)), condition=own_key & _IS_UNUSED)
        except Cancelled:
            return False
        return True

    def release(self, assigned: MacAddress | KeyAssignment, owner: SerialNumber, *, import_id: str) -> bool:
        """Release what an import assigned to a device which is not on the allow-list, a key only if nobody used it.

        Returns:
            Whether it was released; False when nothing was changed.
        """
        try:
            with self._tables.transaction(None) as transaction:
                transaction.condition_check(DeviceItem, device_key(owner), condition=DeviceItem.pk.does_not_exist())
                match assigned:
                    case MacAddress():
                        own = MacAssignmentItem.serial_number == owner.value
                        transaction.delete(
                            MacAssignmentItem(mac_key(assigned)),
                            condition=own & (MacAssignmentItem.import_id == import_id),
                        )
                    case KeyAssignment(fingerprint=fingerprint):
                        own = KeyItem.serial_number == owner.value
                        transaction.delete(
                            KeyItem(assignment_key(fingerprint)),
                            condition=own & (KeyItem.import_id == import_id) & _IS_UNUSED,
                        )
        except Cancelled:
            return False
        return True

    def append(self, record: AuditRecord) -> None:
        """Append an audit record of something that changed no table."""
        self._tables.append(record)

    def _key(self, entry: AllowListEntry) -> KeyAssignment | None:
        """The assignment of the public key that a device is approved for, strongly consistent."""
        if entry.key_fingerprint is None:
            return None
        item = self._tables.get(KeyItem, assignment_key(entry.key_fingerprint))
        if item is None:
            return None
        with faults_translated():
            return key_assignment_from(item)


def _conflict(cancelled: Cancelled, *, key_owner: SerialNumber | None) -> ApprovalConflict:
    entry: AllowListEntry | None = None
    mac_owners: dict[MacAddress, SerialNumber] = {}
    with faults_translated():
        for reason in cancelled.error.cancellation_reasons:
            if reason is None or reason.code != "ConditionalCheckFailed" or not reason.raw_item:
                continue
            match AllowListItem.from_raw_data(reason.raw_item):
                case DeviceItem() as device:
                    entry = entry_from(device)
                case MacAssignmentItem(pk=pk, serial_number=owner):
                    mac_owners[MacAddress.parse(pk.removeprefix("mac#"))] = SerialNumber.parse(owner)
    return ApprovalConflict(entry, mac_owners, key_owner)
