"""Archive a batch of the audit table's stream.

New records become one object for each hour they are to be sealed with. The same batch makes the same object; a batch
that is cut differently when it comes again makes another, and the sealer takes each record of both once.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from fleetgate.archive.digest import Folder, arrival_hour, hour_of, record_id_of, recorded_hour, sha256_of
from fleetgate.archive.packed_lines import packed
from fleetgate.archive.store import Archive
from fleetgate.domain.canonical_json import canonical_json
from fleetgate.domain.faults import Fault
from fleetgate.store.audit_reader import document_from

LINES_TYPE = "application/gzip"


class StreamChangeKind(StrEnum):
    """What happened to an item, as DynamoDB Streams says it."""

    INSERTED = "INSERT"
    MODIFIED = "MODIFY"
    REMOVED = "REMOVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamChange:
    """One change of the audit table.

    Attributes:
        at: Aware UTC, to the second.
        keys: The item's keys. image: the item as it is now; None when it was removed. Both in DynamoDB's notation.
        has_expired: Whether DynamoDB removed the item by its time to live.
    """

    sequence_number: str
    change: StreamChangeKind
    at: datetime
    keys: Mapping[str, Any]
    image: Mapping[str, Any] | None
    has_expired: bool = False

    @property
    def is_anomaly(self) -> bool:
        """Whether it changes a record that was there: nobody is granted that."""
        return self.change is not StreamChangeKind.INSERTED and not self.has_expired


@dataclass(frozen=True, slots=True)
class ArchivedBatch:
    """What became of a batch.

    Attributes:
        records: New records that are in the archive now.
        late: Of these, how many are too late for their own hour.
        anomalies: Changes of records that are in the archive now.
        failed: Sequence numbers of the changes that have to come again.
        faults: Why.
    """

    records: int
    late: int
    anomalies: int
    failed: tuple[str, ...]
    faults: tuple[Fault, ...]


def archive_records(
    changes: Sequence[StreamChange], *, archive: Archive, now: datetime, settling_time: timedelta
) -> ArchivedBatch:
    """Archive the changes of a batch; each hour by itself, so that one that fails does not hold up the others.

    Args:
        settling_time: How long an hour is open after its end.
    """
    done, late, anomalies = 0, 0, 0
    failed: list[str] = []
    faults: list[Fault] = []
    for hour, group in _by_hour(changes, now=now, settling_time=settling_time).items():
        try:
            put_batch(archive, Folder.ARRIVED, hour, {(new.record_id, new.line) for new in group})
            done += len(group)
            late += sum(new.is_late for new in group)
        except Fault as fault:
            failed += [new.sequence_number for new in group]
            faults.append(fault)
    for change in filter(lambda change: change.is_anomaly, changes):
        try:
            hour = arrival_hour(hour_of(change.at), now=now, settling_time=settling_time)
            put_batch(archive, Folder.ANOMALIES, hour, [_anomaly(change)])
            anomalies += 1
        except Fault as fault:
            failed.append(change.sequence_number)
            faults.append(fault)
    return ArchivedBatch(done, late, anomalies, tuple(failed), tuple(faults))


@dataclass(frozen=True, slots=True)
class _NewRecord:
    sequence_number: str
    record_id: str
    line: bytes
    is_late: bool


def _by_hour(
    changes: Iterable[StreamChange], *, now: datetime, settling_time: timedelta
) -> Mapping[datetime, list[_NewRecord]]:
    groups: dict[datetime, list[_NewRecord]] = defaultdict(list)
    for change in changes:
        if change.change is StreamChangeKind.INSERTED:
            document = document_from(change.image or {})
            recorded = recorded_hour(document) or hour_of(change.at)
            hour = arrival_hour(recorded, now=now, settling_time=settling_time)
            groups[hour].append(
                _NewRecord(
                    change.sequence_number, record_id_of(document), canonical_json(document), is_late=hour != recorded
                )
            )
    return groups


def put_batch(archive: Archive, folder: Folder, hour: datetime, lines: Iterable[tuple[str, bytes]]) -> None:
    """Write lines, each with the ID of its record, as one object; nothing happens if it is there already."""
    ordered = sorted(lines)
    content = packed(line for _, line in ordered)
    archive.put_new(folder.key(hour, ordered[0][0], sha256_of(content)), content, LINES_TYPE)


def _anomaly(change: StreamChange) -> tuple[str, bytes]:
    keys = document_from(change.keys)
    return record_id_of(keys), canonical_json(
        {
            "change": change.change.value,
            "at": change.at.isoformat(),
            "sequence_number": change.sequence_number,
            "record_id": record_id_of(keys),
            "subject": keys.get("subject"),
            "image": None if change.image is None else document_from(change.image),
        }
    )
