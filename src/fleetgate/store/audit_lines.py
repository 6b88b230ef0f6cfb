"""Audit records as the archive keeps them: whatever the table's item holds, as one line of canonical JSON."""

import base64
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

from fleetgate.domain.archive import canonical_json
from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.store.allow_list_items import device_key
from fleetgate.store.audit_items import AuditItem, record_from_document
from fleetgate.store.connection import StackTables
from fleetgate.store.faults import UnreadableItem, faults_translated
from fleetgate.store.tables import TableSettings


def document_from(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """An item in DynamoDB's own notation as plain JSON values."""
    return {name: _plain(attribute) for name, attribute in item.items()}


def record_of(item: Mapping[str, Mapping[str, Any]]) -> AuditRecord:
    """The audit record of an item in DynamoDB's own notation.

    Raises:
        UnreadableItem: It is none.
    """
    document = document_from(item)
    try:
        return record_from_document(document)
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableItem(f"{document.get('subject')} {document.get('record_id')}: {error}") from error


def line_from(item: Mapping[str, Mapping[str, Any]]) -> bytes:
    """The line of an item, without an end of line."""
    return canonical_json(document_from(item))


class AuditLines:
    """The audit table, read as the archive would keep it. Raises Fault when the table cannot answer."""

    def __init__(self, settings: TableSettings) -> None:
        self._tables = StackTables(settings)
        self._table_name = settings.audit_table

    def of_day(self, day: date) -> Iterator[dict[str, Any]]:
        """The records of a UTC day as documents, oldest first."""
        return self._of(day.isoformat(), index_name=AuditItem.by_day.Meta.index_name)

    def of_device(self, serial_number: SerialNumber) -> Iterator[dict[str, Any]]:
        """The records of a device as documents, oldest first."""
        return self._of(device_key(serial_number), consistent_read=True)

    def _of(self, key: str, **how: Any) -> Iterator[dict[str, Any]]:
        connection = self._tables.connection()
        start: dict[str, Any] | None = None
        while True:
            with faults_translated():
                page = connection.query(
                    self._table_name, key, exclusive_start_key=start, scan_index_forward=True, **how
                )
            for item in page["Items"]:
                yield document_from(item)
            start = page.get("LastEvaluatedKey")
            if not start:
                return


def _plain(attribute: Mapping[str, Any]) -> Any:
    ((kind, value),) = attribute.items()
    return _READ[kind](value)


def _number(text: str) -> int | float:
    return int(text) if text.lstrip("-").isdecimal() else float(text)


def _text(value: bytes | str) -> str:
    # A stream's event holds bytes in base64 already.
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


# DynamoDB API reference, "AttributeValue". Sets have no order of their own.
_READ: Mapping[str, Callable[[Any], Any]] = {
    "S": str,
    "N": _number,
    "BOOL": bool,
    "NULL": lambda _: None,
    "M": document_from,
    "L": lambda values: [_plain(value) for value in values],
    "SS": sorted,
    "NS": lambda values: sorted(map(_number, values)),
    "B": _text,
    "BS": lambda values: sorted(map(_text, values)),
}
