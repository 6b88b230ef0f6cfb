"""The journal of imports: keeps an import's record, audit record and reports, and announces how it ended."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fleetgate.domain.audit import AuditRecord, Clock, ImportAction, RecordKind
from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason
from fleetgate.imports.delivery import Delivery, DeliveryMode
from fleetgate.imports.documents import message_of, sentence_of, summary_of
from fleetgate.imports.record import ImportRecord, ImportStatus
from fleetgate.imports.settings import JournalSettings
from fleetgate.imports.store.drop_box import DropBox
from fleetgate.imports.store.records import DayRows, ImportRecords
from fleetgate.imports.store.turns import ImportTurns
from fleetgate.store.announcements import Announcements
from fleetgate.store.audit_items import make_clock
from fleetgate.store.faults import Overtaken, until_written
from fleetgate.store.tables import StackTables

# The statuses that are announced, with the detail type of their event.
_DETAIL_TYPES = {
    ImportStatus.WAITING: "Import Waiting",
    ImportStatus.FINISHED: "Import Finished",
    ImportStatus.REFUSED: "Import Failed",
    ImportStatus.FAILED: "Import Failed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportJournal:
    """Keeps what is known of each import. Every method raises Fault when AWS does not answer."""

    drop_box: DropBox
    records: ImportRecords
    turns: ImportTurns
    announcements: Announcements
    clock: Clock

    @classmethod
    def of_environment(cls, settings: JournalSettings) -> "ImportJournal":
        """The journal of the stack that a function belongs to."""
        tables = StackTables(settings.tables)
        return cls(
            drop_box=DropBox.of_environment(settings.drop_box),
            records=ImportRecords(tables),
            turns=ImportTurns(tables),
            announcements=Announcements.of_environment(),
            clock=make_clock(),
        )

    def begin(self, delivery: Delivery, *, is_held: bool) -> ImportRecord:
        """The record of a delivery's import: a new one, or the one that exists. A failed import begins again."""
        record = self.records.begin(ImportRecord(delivery=delivery, started_at=self.clock.now(), is_held=is_held))
        if record.status is ImportStatus.FAILED:
            return self.advance(
                record,
                lambda failed: failed.changed(
                    status=ImportStatus.CHECKING,
                    attempt=failed.attempt + 1,
                    done=0,
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
            transition: From the record before to the one after. Called again if another run of the same import was
                quicker, as after an announcement that came twice.

        Returns:
            The record as it stands. It has ended if another run of the same import concluded it meanwhile.

        Raises:
            TooManyRowsToday: Of `day_rows`.
        """

        def attempt() -> ImportRecord:
            nonlocal record
            after = transition(record)
            if self.records.change(after, audit=self._audit_of(after) if with_audit else None, day_rows=day_rows):
                return after
            fresh = self.records.find(record.import_id)
            if fresh is None:
                raise Fault(FaultReason.CORRUPT_ITEM)
            if fresh.has_ended or fresh.status is after.status:
                return fresh
            record = fresh
            raise Overtaken

        return until_written(attempt)

    def conclude(
        self, record: ImportRecord, status: ImportStatus, *, day_rows: DayRows | None = None, **changes: Any
    ) -> ImportRecord:
        """End an import, or have it wait: writes summary.json, the record and the audit record, and announces it.

        Its turn is over.

        Args:
            changes: Fields of the record that change beside its status.

        Raises:
            TooManyRowsToday: Of `day_rows`.
        """

        def concluded(before: ImportRecord) -> ImportRecord:
            # A run that gave up meanwhile may have left its problem.
            after = before.changed(
                **{"problem": None, **changes}, status=status, finished_at=moment, is_announced=False
            )
            return replace(after, done=after.total or 0)

        moment = self.clock.now()
        self._write_summary(concluded(record))
        ended = self.announce(self.advance(record, concluded, day_rows=day_rows, with_audit=True))
        with suppress(Fault):  # it is over by itself, a little later
            self.turns.end(record.delivery.manufacturer, record.import_id)
        return ended

    def announce(self, record: ImportRecord) -> ImportRecord:
        """Publish how an import stands, unless it was published: at least once, since the event precedes its note."""
        detail_type = _DETAIL_TYPES.get(record.status)
        if detail_type is None or record.is_announced:
            return record
        self.announcements.publish(detail_type, {**summary_of(record), "sentence": message_of(record)})
        announced = record.changed(is_announced=True)
        return announced if self.records.change(announced) else record

    def put_report(self, delivery: Delivery, path: Path) -> None:
        """Put a report, such as rejects.csv, beside the summary."""
        with path.open("rb") as content:
            self.drop_box.put(f"{delivery.reports}{path.name}", content, "text/csv; charset=utf-8")

    def _write_summary(self, record: ImportRecord) -> None:
        content = json.dumps(summary_of(record), indent=2, ensure_ascii=False).encode() + b"\n"
        self.drop_box.put(f"{record.delivery.reports}summary.json", content, "application/json")

    def _audit_of(self, record: ImportRecord) -> AuditRecord:
        moment = self.clock.now()
        delivery = record.delivery
        return AuditRecord(
            record_id=self.clock.new_record_id(moment),
            recorded_at=moment,
            kind=RecordKind.IMPORT,
            action=ImportAction.IMPORT if delivery.mode is DeliveryMode.LIVE else ImportAction.DRY_RUN_IMPORT,
            actor=delivery.file.presented_uploader or delivery.requester,
            reason=sentence_of(record),
            manufacturer=delivery.manufacturer,
            import_id=record.import_id,
        )
