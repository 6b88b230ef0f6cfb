"""Where imports are kept and told of: their records with audit records, their reports, their announcements."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from fleetgate.domain.audit import AuditRecord, RecordKind
from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason
from fleetgate.imports.delivery import Delivery, DeliveryMode
from fleetgate.imports.record import ImportRecord, ImportStatus
from fleetgate.imports.store.drop_box import DropBox
from fleetgate.imports.store.records import DayRows, ImportRecords
from fleetgate.imports.summary import message_of, sentence_of, summary_of
from fleetgate.store.announcements import Announcements

_MAX_TRIES = 5
# What is announced, and as what.
_DETAIL_TYPES = {
    ImportStatus.WAITING: "Import Waiting",
    ImportStatus.FINISHED: "Import Finished",
    ImportStatus.REFUSED: "Import Failed",
    ImportStatus.FAILED: "Import Failed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportJournal:
    """Where imports are kept and told of. Every method raises Fault when AWS cannot answer.

    Attributes:
        now: Gives aware UTC.
        new_record_id: Gives a unique, time-ordered ID.
    """

    drop_box: DropBox
    records: ImportRecords
    announcements: Announcements
    now: Callable[[], datetime]
    new_record_id: Callable[[datetime], str]

    def begin(self, delivery: Delivery, *, is_held: bool) -> ImportRecord:
        """The record of a delivery's import as it stands, new where there is none; one that failed is begun again."""
        record = self.records.begin(ImportRecord(delivery=delivery, started_at=self.now(), is_held=is_held))
        if record.status is ImportStatus.FAILED:
            return self.advance(
                record,
                lambda failed: failed.changed(
                    status=ImportStatus.CHECKING,
                    attempt=failed.attempt + 1,
                    problem=None,
                    finished_at=None,
                    is_announced=False,
                ),
            )
        return record

    def advance(
        self,
        record: ImportRecord,
        transition: Callable[[ImportRecord], ImportRecord],
        *,
        day_rows: DayRows | None = None,
        with_audit: bool = False,
    ) -> ImportRecord:
        """Change a record.

        Args:
            transition: From the record before to the one after; called anew where another run of the same import, which
                an announcement that came twice makes, was quicker.

        Returns:
            The record as it stands. It has ended where another run of the same import brought it to its end meanwhile.

        Raises:
            TooManyRowsToday: Of `day_rows`.
        """
        for _ in range(_MAX_TRIES):
            after = transition(record)
            if self.records.change(after, audit=self._audit_of(after) if with_audit else None, day_rows=day_rows):
                return after
            fresh = self.records.find(record.import_id)
            if fresh is None:
                raise Fault(FaultReason.CORRUPT_ITEM)
            if fresh.has_ended or fresh.status is after.status:
                return fresh
            record = fresh
        raise Fault(FaultReason.STORE_CONTENTION)

    def conclude(
        self, record: ImportRecord, status: ImportStatus, *, day_rows: DayRows | None = None, **changes: Any
    ) -> ImportRecord:
        """Bring an import to its end, or to where it waits: summary.json, the record, the audit record, the event.

        Args:
            changes: To the record, beside its status.

        Raises:
            TooManyRowsToday: Of `day_rows`.
        """

        def concluded(before: ImportRecord) -> ImportRecord:
            after = before.changed(status=status, finished_at=moment, is_announced=False, **changes)
            return replace(after, done=after.total or 0)

        moment = self.now()
        self._write_summary(concluded(record))
        return self.announce(self.advance(record, concluded, day_rows=day_rows, with_audit=True))

    def announce(self, record: ImportRecord) -> ImportRecord:
        """Publish how an import stands, if nobody did; at least once, since the event goes before the note of it."""
        detail_type = _DETAIL_TYPES.get(record.status)
        if detail_type is None or record.is_announced:
            return record
        self.announcements.publish(detail_type, {**summary_of(record), "sentence": message_of(record)})
        announced = record.changed(is_announced=True)
        return announced if self.records.change(announced) else record

    def put_rejects(self, delivery: Delivery, path: Path) -> None:
        """Put a rejects.csv beside the summary."""
        with path.open("rb") as content:
            self.drop_box.put(f"{delivery.reports}rejects.csv", content, "text/csv; charset=utf-8")

    def _write_summary(self, record: ImportRecord) -> None:
        content = json.dumps(summary_of(record), indent=2, ensure_ascii=False).encode() + b"\n"
        self.drop_box.put(f"{record.delivery.reports}summary.json", content, "application/json")

    def _audit_of(self, record: ImportRecord) -> AuditRecord:
        moment = self.now()
        delivery = record.delivery
        return AuditRecord(
            record_id=self.new_record_id(moment),
            recorded_at=moment,
            kind=RecordKind.IMPORT,
            action="import" if delivery.mode is DeliveryMode.LIVE else "dry_run_import",
            actor=delivery.file.presented_uploader or delivery.requester,
            reason=sentence_of(record),
            manufacturer=delivery.manufacturer,
            import_id=record.import_id,
        )
