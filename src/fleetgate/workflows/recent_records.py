"""The newest lines of the audit trail, whatever they are about."""

from datetime import date, timedelta

from fleetgate.domain.audit import AuditRecord
from fleetgate.store.queries import Page, Queries


def recent_records(*, queries: Queries, today: date, limit: int, most_days: int) -> Page[AuditRecord]:
    """Walk the UTC days backwards until enough records are found.

    Args:
        today: The UTC day to begin with.
        most_days: How many days to look at before giving up; each costs a query.

    Raises:
        Fault: The table could not be asked.
    """
    found: list[AuditRecord] = []
    for days_ago in range(most_days):
        page = queries.records_of_day(today - timedelta(days=days_ago), limit=limit + 1 - len(found))
        found.extend(page.items)
        if len(found) > limit:
            break
    return Page(tuple(found[:limit]), more=len(found) > limit)
