"""Audit records as an index hands them over; what cannot be read, or is not filed where it belongs, is told apart.

Whoever may append one kind of record only, by the partition key, can still write any attribute, and the indexes go by
attributes. A record counts only where it stands under the subject that it is about.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pynamodb.pagination import ResultIterator
from ulid import ULID

from fleetgate.domain.audit import AuditRecord, RecordKind
from fleetgate.store.audit_items import AuditItem, record_from


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item of the audit table that is no record to go by.

    Attributes:
        record_id: None where that is unreadable as well.
    """

    record_id: str | None = None


def filed_records(found: ResultIterator[AuditItem]) -> Iterator[AuditRecord | Unreadable]:
    """The records of a query, and what is none, in the order of the query."""
    while True:
        try:
            item = next(found)
        except StopIteration:
            return
        except (TypeError, ValueError):  # PynamoDB's, for attributes of the wrong type; the next item is read as ever
            yield Unreadable()
        else:
            yield _filed(item)


def _filed(item: AuditItem) -> AuditRecord | Unreadable:
    try:
        ULID.from_str(item.record_id)
    except ValueError:
        return Unreadable()
    try:
        record = record_from(item)
    except (TypeError, ValueError):
        return Unreadable(item.record_id)
    # A question has neither verdict nor certificate, whatever somebody gave it.
    is_disguised = record.kind is RecordKind.QUERY and (record.verdict or record.certificate_id)
    return Unreadable(item.record_id) if is_disguised or record.subject != item.subject else record
