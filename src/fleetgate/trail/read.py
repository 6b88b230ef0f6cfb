"""Read the audit trail to its end, page after page: nobody holds more of it than one page."""

from collections import Counter
from collections.abc import Iterator

from fleetgate.domain.audit import AuditRecord
from fleetgate.trail.query import AuditQuery, Place
from fleetgate.trail.store import AuditTrail

PAGE_RECORDS = 1_000


def records_of(query: AuditQuery, trail: AuditTrail, *, page_records: int = PAGE_RECORDS) -> Iterator[AuditRecord]:
    """All records that are asked for, newest first.

    Args:
        page_records: As many as are surely wanted, and not many more.

    Raises:
        Fault: The table could not be asked. What came before is sound, and not all.
    """
    place: Place | None = None
    while True:
        page = trail.page(query, limit=page_records, place=place)
        yield from page.records
        if page.next_place is None:
            return
        place = page.next_place


def counts_of(query: AuditQuery, trail: AuditTrail) -> Counter[tuple[str, str, str]]:
    """All that is asked for, counted by UTC day, verdict (empty where there is none) and reason.

    Raises:
        Fault: The table could not be asked.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    place: Place | None = None
    while True:
        page = trail.counts(query, place=place)
        counts.update(page.counts)
        if page.next_place is None:
            return counts
        place = page.next_place
