"""The audit records filed under one subject, as lists and reports show them."""

from itertools import islice

from fleetgate.domain.audit import GATE_SUBJECT, AuditRecord, Verdict, device_subject
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.store.allow_list import Page
from fleetgate.store.audit_items import AuditItem
from fleetgate.store.audit_reader import AuditReader
from fleetgate.store.tables import StackTables, TableSettings


class SubjectRecords:
    """The audit table of one stack, by subject. Every method raises Fault when it cannot answer."""

    def __init__(self, tables: TableSettings | StackTables) -> None:
        self._records = AuditReader(tables)

    def of_device(self, serial_number: SerialNumber, *, limit: int) -> Page[AuditRecord]:
        """The records of a device, newest first."""
        return self._page(device_subject(serial_number.value), limit)

    def of_gate(self, *, limit: int) -> Page[AuditRecord]:
        """The records about the gate as a whole, newest first."""
        return self._page(GATE_SUBJECT, limit)

    def last_denial(self, serial_number: SerialNumber) -> AuditRecord | None:
        """The newest record of a denial of a device, however far back it lies."""
        denials = self._records.records_under(
            device_subject(serial_number.value),
            condition=AuditItem.verdict == Verdict.DENIED.value,
            newest_first=True,
        )
        return next(denials, None)

    def last_action(self, subject: str, action: str) -> AuditRecord | None:
        """The newest record of an action that a subject has."""
        found = self._records.records_under(subject, condition=AuditItem.action == action, newest_first=True)
        return next(found, None)

    def _page(self, subject: str, limit: int) -> Page[AuditRecord]:
        records = self._records.records_under(subject, newest_first=True, page_items=limit + 1)
        found = tuple(islice(records, limit + 1))
        return Page(found[:limit], more=len(found) > limit)
