"""The audit table as it is asked: newest first, page by page, by whatever key the question gives."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from operator import and_
from typing import Any

from pynamodb.expressions.condition import Condition

from fleetgate.domain.audit import QUERY_SUBJECT, AuditRecord
from fleetgate.store.allow_list_items import device_key
from fleetgate.store.audit_items import AuditItem, first_record_id
from fleetgate.store.audit_reader import AuditReader, Index, document_from, sound_records
from fleetgate.store.tables import StackTables, TableSettings
from fleetgate.trail.query import AuditQuery, Place

# DynamoDB reads before it filters: a page that found little makes the next read more, up to this many items.
_MAX_ITEMS_A_CALL = 1000
_GROWTH = 4
# Of one page. What was not found until then is behind the place that the page ends at.
_MAX_CALLS = 10
# A record about an earlier decision stands beside it, with an ID of that time. What AWS IoT says of a decision waits in
# a dead-letter queue for 14 days at most.
_LATE_RECORDS = timedelta(days=15)
# The times that a record ID can tell, and datetime as well.
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_A_MILLISECOND = timedelta(milliseconds=1)
_COUNTED = ["subject", "record_id", "day", "action", "reason", "verdict"]


@dataclass(frozen=True, slots=True)
class TrailPage:
    """A page of the audit trail, newest first, without what cannot be read or is not filed right.

    Attributes:
        next_place: Where the next one begins; None at the end. A page may be short, and even empty, before that.
    """

    records: tuple[AuditRecord, ...]
    next_place: Place | None


@dataclass(frozen=True, slots=True)
class CountsPage:
    """Records counted by UTC day, verdict and reason (of actions and questions the action), as far as one page goes.

    Attributes:
        next_place: Where counting goes on; None when all are counted.
    """

    counts: Mapping[tuple[str, str, str], int]
    next_place: Place | None


@dataclass(frozen=True, slots=True)
class _Partition:
    """All records of one key.

    Attributes:
        looked_up_by: The condition of the query that the key stands for; None for a day.
        index: None for the table itself.
    """

    key: str
    looked_up_by: str | None
    index: Index | None
    day: date | None = None


class AuditTrail:
    """The audit trail of one stack. Every method raises Fault when the table cannot answer."""

    def __init__(self, tables: TableSettings | StackTables) -> None:
        self._tables = StackTables.of(tables)
        self._records = AuditReader(self._tables)

    def prime(self) -> None:
        """Build the client."""
        self._tables.connection()

    def page(self, query: AuditQuery, *, limit: int, place: Place | None = None) -> TrailPage:
        """A page of what is asked for, newest first.

        Args:
            limit: Most records of the page.
            place: Where it begins; None for the newest.
        """
        found: list[AuditRecord] = []
        items = limit
        calls = 0
        for partition in _partitions(query, place):
            before = place.before if place and place.day == partition.day else ""
            while True:
                answer = self._ask(partition, query, before, items)
                calls += 1
                room = limit - len(found)
                items_of_page = answer["Items"][:room]
                found += sound_records(items_of_page)
                last = answer.get("LastEvaluatedKey")
                before = last["record_id"]["S"] if last else ""
                if len(answer["Items"]) > room or (len(found) == limit and last):
                    return TrailPage(tuple(found), Place(items_of_page[-1]["record_id"]["S"], partition.day))
                if len(found) == limit or calls >= _MAX_CALLS:
                    return TrailPage(tuple(found), Place(before, partition.day) if last else _after(partition, query))
                items = min(items * _GROWTH, _MAX_ITEMS_A_CALL)
                if not last:
                    break
        return TrailPage(tuple(found), None)

    def counts(self, query: AuditQuery, *, place: Place | None = None) -> CountsPage:
        """What is asked for, counted, as far as one page goes."""
        counts: Counter[tuple[str, str, str]] = Counter()
        calls = 0
        for partition in _partitions(query, place):
            before = place.before if place and place.day == partition.day else ""
            while True:
                answer = self._ask(partition, query, before, None, attributes=_COUNTED)
                calls += 1
                for item in answer["Items"]:
                    document = document_from(item)
                    if _counts(document):
                        # The reason of an action or a question is somebody's words, each time others.
                        what = document.get("action") or document["reason"]
                        counts[document["day"], document.get("verdict", ""), what] += 1
                last = answer.get("LastEvaluatedKey")
                before = last["record_id"]["S"] if last else ""
                if calls >= _MAX_CALLS:
                    return CountsPage(counts, Place(before, partition.day) if last else _after(partition, query))
                if not last:
                    break
        return CountsPage(counts, None)

    def note(self, record: AuditRecord) -> None:
        """Append a record, such as that of a question."""
        self._tables.append(record)

    def _ask(
        self,
        partition: _Partition,
        query: AuditQuery,
        before: str,
        items: int | None,
        *,
        attributes: list[str] | None = None,
    ) -> dict[str, Any]:
        lowest, highest = _id_bounds(query.start, query.end)
        answer = self._records.query(
            partition.key,
            index=partition.index,
            # Includes its ends, and so the record that the page begins behind.
            range_key_condition=AuditItem.record_id.between(lowest, before or highest),
            filter_condition=_filter(query, partition),
            scan_index_forward=False,
            limit=items + 1 if items and before else items,
            attributes_to_get=attributes,
        )
        if before:
            answer["Items"] = [item for item in answer["Items"] if item["record_id"]["S"] != before]
        return answer


def _counts(document: Mapping[str, Any]) -> bool:
    """Whether it is a record, as far as this little tells, and no question that passes for a decision."""
    return "reason" in document and not ("verdict" in document and document["subject"] == QUERY_SUBJECT)


def _partitions(query: AuditQuery, place: Place | None) -> Iterator[_Partition]:
    """Where the records are, newest first, from where the page begins."""
    if query.serial_number is not None:
        yield _Partition(device_key(query.serial_number), "serial_number", None)
    elif query.certificate_id is not None:
        yield _Partition(query.certificate_id, "certificate_id", Index.BY_DEVICE_CERTIFICATE)
    elif query.claim_certificate_id is not None:
        yield _Partition(query.claim_certificate_id, "claim_certificate_id", Index.BY_CLAIM_CERTIFICATE)
    else:
        day = place.day if place and place.day else _last_day(query)
        while day >= query.start.date():
            yield _Partition(day.isoformat(), None, Index.BY_DAY, day)
            day -= timedelta(days=1)


def _last_day(query: AuditQuery) -> date:
    return (query.end - timedelta.resolution).date()


def _after(partition: _Partition, query: AuditQuery) -> Place | None:
    """The place behind a partition that was read to its end."""
    if partition.day is None or partition.day <= query.start.date():
        return None
    return Place("", partition.day - timedelta(days=1))


def _filter(query: AuditQuery, partition: _Partition) -> Condition:
    conditions: list[Condition] = [AuditItem.recorded_at >= query.start, AuditItem.recorded_at < query.end]
    if query.kinds:
        conditions.append(AuditItem.kind.is_in(*sorted(kind.value for kind in query.kinds)))
    # DynamoDB takes no filter on the key that is looked up.
    conditions += [
        getattr(AuditItem, name) == value for name, value in query.conditions.items() if name != partition.looked_up_by
    ]
    return reduce(and_, conditions)


def _id_bounds(start: datetime, end: datetime) -> tuple[str, str]:
    """The lowest and the highest record ID that records of some time can have."""
    lowest = max(start, _FIRST + _LATE_RECORDS) - _LATE_RECORDS
    highest = min(max(end, _FIRST), _LAST - _A_MILLISECOND) + _A_MILLISECOND
    return first_record_id(lowest), first_record_id(highest)
