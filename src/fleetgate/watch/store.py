"""What is asked of the audit table about one claim certificate: who tried with it, and what was done about that."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

from pynamodb.expressions.condition import Condition

from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.reasons import DenialReason
from fleetgate.store.allow_list_items import claim_key
from fleetgate.store.audit_items import AuditItem, first_record_id
from fleetgate.store.audit_lines import decisions_in, record_of
from fleetgate.store.connection import StackTables
from fleetgate.store.faults import faults_translated
from fleetgate.store.tables import TableSettings

# A page is 1 MB of records, some thousand of them, whatever of them is kept.
_MOST_PAGES = 25


class TooMuchToRead(Exception):
    """More was recorded in the time asked for than anybody can look through while it goes on."""


class ClaimWatchStore:
    """The audit table of one stack. Every method raises Fault when it cannot answer."""

    def __init__(self, settings: TableSettings) -> None:
        self._tables = StackTables(settings)
        self._table_name = settings.audit_table

    def denials(
        self, claim_certificate_id: str, reasons: Collection[DenialReason], *, start: datetime, end: datetime
    ) -> Iterator[list[AuditRecord]]:
        """Denials of the requests with a claim certificate, from a start to an end included, the newest page first.

        They come from an index. It lacks the newest for a moment, and anything may be in it that lies elsewhere in the
        table: that is passed over.

        Raises:
            TooMuchToRead: There are more pages than are ever read. What came before is the newest of it.
        """
        condition = (AuditItem.verdict == Verdict.DENIED.value) & AuditItem.reason.is_in(*sorted(reasons))
        pages = self._pages(
            claim_certificate_id,
            AuditItem.record_id.between(first_record_id(start), first_record_id(end + timedelta(milliseconds=1))),
            condition,
            index_name=AuditItem.by_claim_certificate.Meta.index_name,
        )
        for number, page in enumerate(pages):
            if number == _MOST_PAGES:
                raise TooMuchToRead
            yield list(decisions_in(page))

    def history(self, claim_certificate_id: str, *, start: datetime) -> list[AuditRecord]:
        """What operators did with a claim certificate since then, and which notices of it there are."""
        kinds = (RecordKind.NOTICE.value, RecordKind.OPERATOR_ACTION.value)
        pages = self._pages(
            claim_key(claim_certificate_id),  # the subject of such records reads as the key in the other table does
            AuditItem.record_id >= first_record_id(start),
            AuditItem.kind.is_in(*kinds),
            consistent_read=True,
        )
        with faults_translated():
            return [record_of(item) for page in pages for item in page]

    def note(self, record: AuditRecord) -> bool:
        """Append an audit record; False where this very record is there already."""
        return self._tables.append(record)

    def _pages(self, key: str, ids: Condition, condition: Condition, **how: Any) -> Iterator[list[dict[str, Any]]]:
        connection = self._tables.connection()
        place: dict[str, Any] | None = None
        while True:
            with faults_translated():
                answer = connection.query(
                    self._table_name,
                    key,
                    range_key_condition=ids,
                    filter_condition=condition,
                    exclusive_start_key=place,
                    scan_index_forward=False,
                    **how,
                )
            yield answer["Items"]
            place = answer.get("LastEvaluatedKey")
            if not place:
                return
