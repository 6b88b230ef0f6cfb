"""Import a delivered file, from its announcement to its report. Safe to repeat, wherever it was cut off."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fleetgate.domain.faults import Fault
from fleetgate.imports.account import RowTally, import_file
from fleetgate.imports.apply import RowResult, apply_rows
from fleetgate.imports.check import CheckedFile, SafetyGates, check_file
from fleetgate.imports.delivery import NOBODY, Delivery, DeliveryMode
from fleetgate.imports.distribute import Distributor
from fleetgate.imports.journal import ImportJournal
from fleetgate.imports.plan import RowClass
from fleetgate.imports.preview import preview_rows
from fleetgate.imports.reading.errors import FileError, UnreadableFile
from fleetgate.imports.reading.factory_list import ImportPolicy, ImportRow
from fleetgate.imports.record import ImportProblem, ImportRecord, ImportStatus
from fleetgate.imports.rejects import rejects_at
from fleetgate.imports.store.records import DayRows, ImportRecords, TooManyRowsToday
from fleetgate.imports.store.rows import ImportStore

# How often people who watch are told how far it is.
_PROGRESS = timedelta(seconds=2)

_Effect = Callable[[Sequence[ImportRow]], Sequence[RowResult]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """Runs imports.

    Attributes:
        is_held: Whether a second person has to approve every import.
        distributor: Takes over what is too long for one invocation.
    """

    journal: ImportJournal
    rows: ImportStore
    policy: ImportPolicy
    gates: SafetyGates
    is_held: bool
    distributor: Distributor

    def run(self, delivery: Delivery) -> ImportRecord:
        """Import a file.

        Returns:
            The record as it stands at the end of this run: ended, waiting for a second person, or being imported by
            the distributor.

        Raises:
            Fault: Something could not be asked or written; repeat it later.
        """
        record = self._begin(delivery)
        if record.has_ended or record.is_waiting:
            return self.journal.announce(record)
        try:
            return self._import(record)
        except UnreadableFile as refused:
            return self.journal.conclude(record, ImportStatus.REFUSED, problem=_problem(refused))
        except TooManyRowsToday:
            used_up = UnreadableFile(FileError.TOO_MANY_ROWS_TODAY, f"The limit is {self.gates.max_rows_per_day:,}.")
            return self.journal.conclude(record, ImportStatus.REFUSED, problem=_problem(used_up))

    def give_up(self, delivery: Delivery, fault: Fault) -> ImportRecord:
        """Note that an import could not be done, for a fault that stayed. The next try may do it."""
        record = self._begin(delivery)
        if record.has_ended or record.is_waiting:
            return record
        return fail(self.journal, record, fault)

    def _begin(self, delivery: Delivery) -> ImportRecord:
        return self.journal.begin(delivery, is_held=self.is_held and delivery.mode is DeliveryMode.LIVE)

    def _import(self, record: ImportRecord) -> ImportRecord:
        checked = self._checked(record)
        counted: dict[str, Any] = {"total": checked.total, "checksum": checked.checksum}
        try:
            checked.keep_to(self.gates)
        except UnreadableFile as refused:
            tally = self._with_rejects(record, checked, _nothing)
            return self.journal.conclude(
                record, ImportStatus.REFUSED, findings=tally.findings(), problem=_problem(refused), **counted
            )
        if record.delivery.mode is DeliveryMode.DRY_RUN:
            tally = self._with_rejects(record, checked, self._previewing(record))
            return self.journal.conclude(record, ImportStatus.FINISHED, findings=tally.findings(), **counted)
        day_rows = None if record.total is not None else self._day_rows(record, checked)
        if record.is_held and record.approved_by is None:
            tally = self._with_rejects(record, checked, self._previewing(record))
            return self.journal.conclude(
                record, ImportStatus.WAITING, findings=tally.findings(), day_rows=day_rows, **counted
            )
        record = self.journal.advance(
            record,
            lambda before: before.changed(status=ImportStatus.IMPORTING, is_announced=False, **counted),
            day_rows=day_rows,
        )
        if record.has_ended:
            return self.journal.announce(record)
        if self.distributor.takes(checked):
            self.distributor.start(record, checked, self.journal.drop_box)
            return record
        tally = self._with_rejects(record, checked, self._applying(record), watched=True)
        return finish(self.journal, record, tally)

    def _checked(self, record: ImportRecord) -> CheckedFile:
        delivery = record.delivery
        if delivery.manufacturer == NOBODY:
            raise UnreadableFile(FileError.NO_MANUFACTURER)
        return check_file(
            partial(self.journal.drop_box.open, delivery.file),
            file_name=delivery.file_name,
            policy=self.policy,
            max_rows=self.gates.max_rows_per_file,
        )

    def _day_rows(self, record: ImportRecord, checked: CheckedFile) -> DayRows:
        return DayRows(
            manufacturer=record.delivery.manufacturer,
            day=record.delivery.file.stored_at.date(),
            rows=checked.total,
            limit=self.gates.max_rows_per_day,
        )

    def _previewing(self, record: ImportRecord) -> _Effect:
        return partial(
            preview_rows,
            manufacturer=record.delivery.manufacturer,
            import_id=record.import_id,
            store=self.rows,
        )

    def _applying(self, record: ImportRecord) -> _Effect:
        return partial(
            apply_rows,
            manufacturer=record.delivery.manufacturer,
            import_id=record.import_id,
            store=self.rows,
            now=self.journal.now,
        )

    def _with_rejects(
        self, record: ImportRecord, checked: CheckedFile, effect: _Effect, *, watched: bool = False
    ) -> RowTally:
        """Give the rows an effect, and deliver rejects.csv where there are any."""
        with TemporaryDirectory() as folder:
            path = Path(folder, "rejects.csv")
            with rejects_at(path) as rejects:
                progress = (
                    _Progress(self.journal.records, record.import_id, self.journal.now) if watched else _unwatched
                )
                tally = import_file(checked, effect=effect, rejects=rejects, progress=progress)
            if rejects.rows:
                self.journal.put_rejects(record.delivery, path)
        return tally


def finish(journal: ImportJournal, record: ImportRecord, tally: RowTally) -> ImportRecord:
    """Conclude an import whose rows were all given their effect, or should have been."""
    findings = tally.findings()
    if tally.rows[RowClass.NOT_APPLIED]:
        problem = ImportProblem(
            code=RowClass.NOT_APPLIED.value,
            sentence="Some rows could not be applied, for faults that stayed. Deliver the same file again: what is "
            "in stays as it is, and the rest follows.",
        )
        return journal.conclude(record, ImportStatus.FAILED, findings=findings, problem=problem)
    if not tally.is_success:
        problem = _problem(UnreadableFile(FileError.NOTHING_IMPORTED))
        return journal.conclude(record, ImportStatus.REFUSED, findings=findings, problem=problem)
    return journal.conclude(record, ImportStatus.FINISHED, findings=findings)


def fail(journal: ImportJournal, record: ImportRecord, fault: Fault) -> ImportRecord:
    """Conclude an import that could not be done."""
    problem = ImportProblem(code=fault.reason.value, sentence=f"{fault.reason.meaning} {fault.reason.remedy}")
    return journal.conclude(record, ImportStatus.FAILED, problem=problem)


class _Progress:
    """Notes now and then how many rows are done."""

    def __init__(self, records: ImportRecords, import_id: str, now: Callable[[], datetime]) -> None:
        self._records, self._import_id, self._now = records, import_id, now
        self._noted_at = now()

    def __call__(self, done: int) -> None:
        moment = self._now()
        if moment - self._noted_at >= _PROGRESS:
            self._records.note_progress(self._import_id, done)
            self._noted_at = moment


def _unwatched(_done: int) -> None:
    pass


def _nothing(rows: Sequence[ImportRow]) -> Sequence[RowResult]:
    """What a refused file does with its sound rows."""
    return [RowResult(row, RowClass.NOT_APPLIED) for row in rows]


def _problem(refused: UnreadableFile) -> ImportProblem:
    return ImportProblem(code=refused.code.value, sentence=str(refused))
