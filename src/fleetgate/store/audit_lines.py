"""Audit records as the archive keeps them: whatever the table's item holds, as one line of canonical JSON."""

import base64
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from fleetgate.domain.audit import AuditRecord, RecordKind
from fleetgate.domain.canonical_json import canonical_json
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.store.allow_list_items import device_key
from fleetgate.store.audit_items import AuditItem, record_from_document
from fleetgate.store.connection import StackTables
from fleetgate.store.faults import UnreadableItem, faults_translated
from fleetgate.store.tables import TableSettings

# No Powertools here: the command has no use for it, and Lambda writes what comes this way as JSON too.
_logger = logging.getLogger(__name__)


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


def is_filed_right(item: Mapping[str, Mapping[str, Any]], record: AuditRecord) -> bool:
    """Whether an item lies where its record belongs.

    IAM grants a partition of the table, and whatever lies in it is in every index that it has the key of. So who may
    write questions only could give one the attributes of a decision; that it lies among the questions gives it away.
    """
    return item["subject"] == {"S": record.subject}


def records_in(items: Iterable[Mapping[str, Mapping[str, Any]]]) -> Iterator[AuditRecord]:
    """The records of items that an index handed over; what cannot be read or is not filed right is logged, no more."""
    for item in items:
        try:
            record = record_of(item)
        except UnreadableItem:
            _pass_over("audit record could not be read and is passed over", item)
        else:
            if is_filed_right(item, record):
                yield record
            else:
                _pass_over("audit record is filed under what it is not about and is passed over", item)


def decisions_in(items: Iterable[Mapping[str, Mapping[str, Any]]]) -> Iterator[AuditRecord]:
    """The decisions among them; a question is none, whatever verdict it was given."""
    return (record for record in records_in(items) if record.kind is RecordKind.DECISION)


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


def _pass_over(event: str, item: Mapping[str, Mapping[str, Any]]) -> None:
    # The keys tell which it is. What else it holds is for the table, not for the log.
    keys = {name: document_from(item).get(name) for name in ("subject", "record_id")}
    _logger.warning(event, extra=keys)


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
