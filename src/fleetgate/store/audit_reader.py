"""The one reader of the audit table: its records by subject or index, and whether a record is to be believed.

Whoever may append one kind of record only, by its partition, can still give an item any attribute, and the indexes go
by attributes. So a record counts only where it lies under the subject that it is about.
"""

import base64
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pynamodb.expressions.condition import Condition
from ulid import ULID

from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason
from fleetgate.store.audit_items import AuditItem, record_from_document
from fleetgate.store.faults import UnreadableItem
from fleetgate.store.tables import StackTables, TableSettings

# DynamoDB reads a page before it filters it, so a page as small as the limit would mean a call for a handful of items.
PAGE_ITEMS = 1000
# A device certificate has a handful of records.
_ALLOWS_ITEMS = 100

# An item in DynamoDB's own notation, as queries and streams give it.
RawItem = Mapping[str, Mapping[str, Any]]

# No Powertools here: the command has no use for it, and Lambda writes what comes this way as JSON too.
_logger = logging.getLogger(__name__)


class Index(StrEnum):
    """The indexes of the audit table."""

    BY_DAY = AuditItem.by_day.Meta.index_name
    BY_CLAIM_CERTIFICATE = AuditItem.by_claim_certificate.Meta.index_name
    BY_DEVICE_CERTIFICATE = AuditItem.by_device_certificate.Meta.index_name


@dataclass(frozen=True, slots=True)
class UnreadableRecord:
    """An item of the audit table that is no record to go by.

    Attributes:
        record_id: None where that is unreadable as well.
        why: Why it does not count, for the log.
    """

    record_id: str | None
    why: str


def believed(item: RawItem) -> AuditRecord | UnreadableRecord:
    """The audit record of an item, if it can be read and lies where it belongs."""
    document = document_from(item)
    record_id = document.get("record_id")
    try:
        ULID.from_str(record_id or "")
    except (TypeError, ValueError):
        return UnreadableRecord(None, "the record ID is not a ULID")
    try:
        record = record_from_document(document)
    except (KeyError, TypeError, ValueError) as error:
        return UnreadableRecord(record_id, f"the item is not an audit record: {type(error).__name__}")
    if record.subject != document.get("subject"):
        return UnreadableRecord(record_id, "the record is filed under another subject")
    if record.kind is RecordKind.QUERY and (record.verdict or record.certificate_id):
        return UnreadableRecord(record_id, "the record is a query and passes for a decision")
    return record


def sound_records(items: Iterable[RawItem]) -> Iterator[AuditRecord]:
    """The records of some items; what does not count is logged and passed over."""
    for item in items:
        match believed(item):
            case AuditRecord() as record:
                yield record
            case UnreadableRecord(why=why):
                # The keys tell which item it is. What else it holds is for the table, not for the log.
                keys = {name: document_from(item).get(name) for name in ("subject", "record_id")}
                _logger.warning("audit record is passed over", extra={**keys, "why": why})


class AuditReader:
    """The audit table of one stack, read by key. Every method raises Fault when the table cannot answer."""

    def __init__(self, tables: TableSettings | StackTables) -> None:
        self._tables = StackTables.of(tables)

    def query(self, key: str, *, index: Index | None = None, **how: Any) -> dict[str, Any]:
        """One page of the items of a subject, or of a key of an index, as DynamoDB answers.

        Args:
            how: Of `pynamodb.connection.Connection.query`. The table itself is read strongly consistent.
        """
        with self._tables.asked() as connection:
            answer: dict[str, Any] = connection.query(
                self._tables.audit_table, key, index_name=index, consistent_read=index is None, **how
            )
        return answer

    def pages(
        self,
        key: str,
        *,
        index: Index | None = None,
        ids: Condition | None = None,
        condition: Condition | None = None,
        newest_first: bool = False,
        page_items: int | None = None,
    ) -> Iterator[list[dict[str, Any]]]:
        """All items of a subject, or of a key of an index, page by page.

        Args:
            ids: On the record ID. condition: on anything else, after the page is read.
            page_items: Most items that DynamoDB reads for a page; None is 1 MB.
        """
        start: dict[str, Any] | None = None
        while True:
            answer = self.query(
                key,
                index=index,
                range_key_condition=ids,
                filter_condition=condition,
                exclusive_start_key=start,
                scan_index_forward=not newest_first,
                limit=page_items,
            )
            yield answer["Items"]
            start = answer.get("LastEvaluatedKey")
            if not start:
                return

    def records_under(self, subject: str, **how: Any) -> Iterator[AuditRecord]:
        """The records of a subject. Whatever lies there has to count.

        Args:
            how: As for `pages`.

        Raises:
            Fault: An item cannot be read or is not filed right, or the table cannot answer.
        """
        how.setdefault("page_items", PAGE_ITEMS)
        for page in self.pages(subject, **how):
            for item in page:
                match believed(item):
                    case AuditRecord() as record:
                        yield record
                    case UnreadableRecord(why=why):
                        raise Fault(FaultReason.CORRUPT_ITEM) from UnreadableItem(f"{subject}: {why}")

    def records_in(self, index: Index, key: str, **how: Any) -> Iterator[AuditRecord]:
        """The records of a key of an index. Anything may lie there: what does not count is logged and passed over.

        Args:
            how: As for `pages`.
        """
        how.setdefault("page_items", PAGE_ITEMS)
        for page in self.pages(key, index=index, **how):
            yield from sound_records(page)

    def allow_of(self, certificate_id: str) -> AuditRecord | None:
        """The newest decision that promised a device certificate to a device; None where there is none."""
        allows = self.records_in(
            Index.BY_DEVICE_CERTIFICATE,
            certificate_id,
            condition=AuditItem.verdict == Verdict.ALLOWED.value,
            newest_first=True,
            page_items=_ALLOWS_ITEMS,
        )
        return next((record for record in allows if record.kind is RecordKind.DECISION), None)


def document_from(item: RawItem) -> dict[str, Any]:
    """An item in DynamoDB's own notation as plain JSON values."""
    return {name: _plain(attribute) for name, attribute in item.items()}


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
