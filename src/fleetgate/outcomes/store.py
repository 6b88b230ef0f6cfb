"""What is asked of the tables about outcomes: whom a certificate was promised, and what came of it."""

from typing import Any

from pynamodb.expressions.condition import Condition

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord, Verdict
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.store.allow_list import AllowList
from fleetgate.store.allow_list_items import (
    DeviceItem,
    device_certificate_attribute,
    device_key,
    reservation_attribute,
)
from fleetgate.store.audit_items import AuditItem
from fleetgate.store.audit_reader import AuditReader
from fleetgate.store.tables import Cancelled, StackTables, TableSettings

_ALLOWED = AuditItem.verdict == Verdict.ALLOWED.value


class OutcomeStore:
    """The tables of one stack. Every method raises Fault when they cannot answer."""

    def __init__(self, tables: TableSettings | StackTables) -> None:
        self._tables = StackTables.of(tables)
        self._allow_list = AllowList(self._tables)
        self._records = AuditReader(self._tables)

    def device(self, serial_number: SerialNumber) -> AllowListEntry | None:
        """The allow-list entry of a device, strongly consistent."""
        return self._allow_list.device(serial_number)

    def promised_to(self, certificate_id: str) -> SerialNumber | None:
        """The serial number that a device certificate was promised to, by the newest decision that let it in."""
        found = self._records.allow_of(certificate_id)
        return SerialNumber(found.serial_number) if found is not None and found.serial_number else None

    def superseded_by(self, serial_number: SerialNumber, certificate_id: str) -> AuditRecord | None:
        """The newest decision that took a device certificate's place; None where there is none."""
        condition = (AuditItem.superseded_certificate_id == certificate_id) & _ALLOWED
        found = self._records.records_under(device_key(serial_number), condition=condition, newest_first=True)
        return next(found, None)

    def is_decided(self, serial_number: SerialNumber, decision_id: str) -> bool:
        """Whether a decision that let a device in is on record."""
        return self._is_on_record(device_key(serial_number), (AuditItem.decision_id == decision_id) & _ALLOWED)

    def is_noted(self, record: AuditRecord) -> bool:
        """Whether the same is on record of the same thing, with the same decision or none."""
        condition = (AuditItem.reason == record.reason) & (AuditItem.thing_name == record.thing_name)
        condition &= (
            AuditItem.decision_id.does_not_exist()
            if record.decision_id is None
            else AuditItem.decision_id == record.decision_id
        )
        return self._is_on_record(record.subject, condition)

    def settle(self, after: AllowListEntry, record: AuditRecord) -> bool:
        """Write what became of a reservation, with its audit record, if the entry is still the one before.

        Returns:
            Whether it was written; False when nothing was.
        """
        current, held = after.device_certificate, after.reservation
        actions: list[Any] = [
            DeviceItem.state.set(after.state.value),
            DeviceItem.version.set(after.version),
            DeviceItem.updated_at.set(record.recorded_at),
            DeviceItem.reservation.remove()
            if held is None
            else DeviceItem.reservation.set(reservation_attribute(held)),
        ]
        if current is not None:
            actions.append(DeviceItem.device_certificate.set(device_certificate_attribute(current)))
        try:
            with self._tables.transaction(record) as transaction:
                transaction.update(
                    DeviceItem(device_key(after.serial_number)),
                    actions=actions,
                    condition=DeviceItem.version == after.version - 1,
                )
        except Cancelled:
            return False
        return True

    def note(self, record: AuditRecord) -> bool:
        """Append an audit record; False where this very record is there already."""
        return self._tables.append(record)

    def _is_on_record(self, subject: str, condition: Condition) -> bool:
        return next(self._records.records_under(subject, condition=condition), None) is not None
