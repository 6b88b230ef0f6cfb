"""What is asked of the tables about outcomes: whom a certificate was promised, and what came of it."""

from typing import Any

from pynamodb.exceptions import DoesNotExist, TransactWriteError
from pynamodb.transactions import TransactWrite

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord, Verdict
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.store.allow_list_items import (
    DeviceItem,
    device_certificate_attribute,
    device_key,
    entry_from,
    reservation_attribute,
)
from fleetgate.store.audit_items import AuditItem
from fleetgate.store.connection import StackTables
from fleetgate.store.faults import cancellation_codes, faults_translated
from fleetgate.store.filed_records import filed_records
from fleetgate.store.tables import TableSettings


class OutcomeStore:
    """The tables of one stack. Every method raises Fault when they cannot answer."""

    def __init__(self, settings: TableSettings) -> None:
        self._tables = StackTables(settings)

    def device(self, serial_number: SerialNumber) -> AllowListEntry | None:
        """The allow-list entry of a device, strongly consistent."""
        self._tables.connection()
        with faults_translated():
            try:
                return entry_from(DeviceItem.get(device_key(serial_number), consistent_read=True))
            except DoesNotExist:
                return None

    def promised_to(self, certificate_id: str) -> SerialNumber | None:
        """The serial number that a device certificate was promised to, by the newest decision that let it in."""
        self._tables.connection()
        with faults_translated():
            allows = AuditItem.by_device_certificate.query(
                certificate_id,
                filter_condition=AuditItem.verdict == Verdict.ALLOWED.value,
                scan_index_forward=False,
                page_size=100,
            )
            found = next((one for one in filed_records(allows) if isinstance(one, AuditRecord)), None)
        return SerialNumber(found.serial_number) if found is not None and found.serial_number else None

    def is_decided(self, serial_number: SerialNumber, decision_id: str) -> bool:
        """Whether a decision that let a device in is on record."""
        self._tables.connection()
        condition = (AuditItem.decision_id == decision_id) & (AuditItem.verdict == Verdict.ALLOWED.value)
        with faults_translated():
            found = AuditItem.query(
                device_key(serial_number), filter_condition=condition, consistent_read=True, limit=1, page_size=1000
            )
            return next(iter(found), None) is not None

    def is_noted(self, record: AuditRecord) -> bool:
        """Whether the same is on record of the same thing, with the same decision or none."""
        self._tables.connection()
        condition = (AuditItem.reason == record.reason) & (AuditItem.thing_name == record.thing_name)
        condition &= (
            AuditItem.decision_id.does_not_exist()
            if record.decision_id is None
            else AuditItem.decision_id == record.decision_id
        )
        with faults_translated():
            found = AuditItem.query(
                record.subject, filter_condition=condition, consistent_read=True, limit=1, page_size=1000
            )
            return next(iter(found), None) is not None

    def settle(self, after: AllowListEntry, record: AuditRecord) -> bool:
        """Write what became of a reservation, with its audit record, if the entry is still the one before.

        Returns:
            Whether it was written; False when nothing was.
        """
        connection = self._tables.connection()
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
        with faults_translated():
            try:
                with TransactWrite(connection=connection) as transaction:
                    transaction.update(
                        DeviceItem(device_key(after.serial_number)),
                        actions=actions,
                        condition=DeviceItem.version == after.version - 1,
                    )
                    transaction.save(self._tables.audit_item(record), condition=AuditItem.record_id.does_not_exist())
            except TransactWriteError as error:
                if not cancellation_codes(error) & {"ConditionalCheckFailed", "TransactionConflict"}:
                    raise
                return False
        return True

    def note(self, record: AuditRecord) -> bool:
        """Append an audit record; False where this very record is there already."""
        return self._tables.append(record)
