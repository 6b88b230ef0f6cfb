"""Archive the records of a day that the audit table has and the archive has not: the stream forgot them meanwhile."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta

from fleetgate.archive.audit_lines import AuditLines
from fleetgate.archive.digest import Folder, hour_of, hours_between, record_id_of
from fleetgate.archive.packed_lines import unpacked
from fleetgate.archive.records import put_batch
from fleetgate.archive.store import Archive
from fleetgate.domain.canonical_json import canonical_json

# Of one object.
_MAX_RECORDS = 10_000


def archive_missing(day: date, *, archive: Archive, lines: AuditLines, now: datetime) -> int:
    """Hand the sealer what is missing, as if it had arrived in this hour; safe to repeat.

    Returns:
        How many records were missing.
    """
    start = datetime.combine(day, time(), UTC)
    there: set[bytes] = set()
    for hour in hours_between(start, start + timedelta(days=1)):
        for folder in (Folder.ARRIVED, Folder.RECORDS):
            there.update(_lines(archive, folder.of(hour)))
    # From an earlier run, which is not sealed yet.
    there.update(_lines(archive, Folder.ARRIVED.of(hour_of(now))))
    missing = [
        (record_id_of(document), line)
        for document in lines.of_day(day)
        if (line := canonical_json(document)) not in there
    ]
    for first in range(0, len(missing), _MAX_RECORDS):
        put_batch(archive, Folder.ARRIVED, hour_of(now), missing[first : first + _MAX_RECORDS])
    return len(missing)


def _lines(archive: Archive, folder: str) -> Iterator[bytes]:
    for found in archive.firsts(folder):
        with suppress(ValueError):  # not of our making, and for the verification to find
            yield from (line for line, _ in unpacked(found.content))
