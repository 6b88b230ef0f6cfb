"""Where the reconciler is in the audit trail, and the allows that come next."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from ulid import ULID

from fleetgate.domain.audit import AuditRecord, Verdict
from fleetgate.store.allow_list_items import AllowListItem
from fleetgate.store.audit_items import AuditItem, record_from
from fleetgate.store.connection import StackTables
from fleetgate.store.faults import faults_translated
from fleetgate.store.tables import TableSettings

_KEY = "reconciler#reservations"
_PAGE_ITEMS = 200


class ReconcilerItem(AllowListItem, discriminator="reconciler"):
    """The last audit record that the reconciler is done with."""

    record_id = UnicodeAttribute()


class Reconciliation:
    """One stack's tables, as the reconciler walks them. Every method raises Fault when they cannot answer."""

    def __init__(self, settings: TableSettings) -> None:
        self._tables = StackTables(settings)

    def done_until(self) -> str | None:
        """The ID of the last record that was looked into; None before the first run."""
        self._tables.connection()
        with faults_translated():
            try:
                return ReconcilerItem.get(_KEY, consistent_read=True).record_id
            except DoesNotExist:
                return None

    def note_done(self, record_id: str) -> None:
        """Remember how far the walk came. Two walks at once may set it back, which costs looking again."""
        self._tables.connection()
        with faults_translated():
            ReconcilerItem(_KEY, record_id=record_id).save()

    def allows(self, after: str, before: datetime) -> Iterator[AuditRecord]:
        """The decisions that let a device in, oldest first.

        Args:
            after: A record ID, exclusive.
            before: Aware UTC, exclusive.
        """
        self._tables.connection()
        end = str(ULID.from_datetime(before))
        day = ULID.from_str(after).datetime.astimezone(UTC).date()
        with faults_translated():
            while day <= before.date():
                found = AuditItem.by_day.query(
                    day.isoformat(),
                    range_key_condition=AuditItem.record_id.between(after, end),
                    filter_condition=AuditItem.verdict == Verdict.ALLOWED.value,
                    page_size=_PAGE_ITEMS,
                )
                yield from (record_from(item) for item in found if after < item.record_id < end)
                day += timedelta(days=1)
