"""Audit records as the archive keeps them: whatever the table's item holds, as a plain document."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from fleetgate.domain.identifiers import SerialNumber
from fleetgate.store.allow_list_items import device_key
from fleetgate.store.audit_reader import AuditReader, Index, document_from
from fleetgate.store.tables import StackTables, TableSettings


class AuditLines:
    """The audit table, read as the archive would keep it. Raises Fault when the table cannot answer."""

    def __init__(self, tables: TableSettings | StackTables) -> None:
        self._reader = AuditReader(tables)

    def of_day(self, day: date) -> Iterator[dict[str, Any]]:
        """The items of a UTC day as documents, oldest first, whether they are to be believed or not."""
        return self._documents(day.isoformat(), index=Index.BY_DAY)

    def of_device(self, serial_number: SerialNumber) -> Iterator[dict[str, Any]]:
        """The items of a device as documents, oldest first."""
        return self._documents(device_key(serial_number))

    def _documents(self, key: str, *, index: Index | None = None) -> Iterator[dict[str, Any]]:
        return (document_from(item) for page in self._reader.pages(key, index=index) for item in page)
