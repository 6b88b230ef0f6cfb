"""Imports a delivered file, from its announcement to its report. Safe to repeat, wherever it was cut off."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fleetgate.domain.faults import DeadlineExceeded, Fault
from fleetgate.domain.manufacturer import Manufacturer
from fleetgate.imports.account import FileAccount, Reports, RowTally, accounting
from fleetgate.imports.apply import RowResult, apply_rows, preview_rows
from fleetgate.imports.check import CheckedFile, SafetyGates, check_file
from fleetgate.imports.content import options_of
from fleetgate.imports.deadline import NEVER, Deadline
from fleetgate.imports.delivery import NOBODY, Delivery, DeliveryMode
from fleetgate.imports.distribute import Distributor
from fleetgate.imports.fences import Fences
from fleetgate.imports.journal import ImportJournal
from fleetgate.imports.plan import RowClass
from fleetgate.imports.reading.errors import FileError, UnreadableFile
from fleetgate.imports.reading.factory_list import ImportPolicy
from fleetgate.imports.reading.validate import ValidatedBatch
from fleetgate.imports.record import ImportProblem, ImportRecord, ImportStatus
from fleetgate.imports.store.records import DayRows, TooManyRowsToday
from fleetgate.imports.store.rows import ImportStore
from fleetgate.store.thing_groups import ThingGroups

# How often the record notes the progress, for people who watch.
_PROGRESS = timedelta(seconds=2)
# How long a turn lasts that nobody ends. AWS Lambda, "Timeout": 15 minutes. The map takes less for a day's rows.
_TURN, _TURN_OF_MAP = timedelta(minutes=15), timedelta(hours=1)


class WaitsForTurn(Exception):
    """As many other files of the manufacturer are imported as may be at once; announce the file again later."""


class GoesOn(Exception):
    """Time was up when a part of the rows was applied; announce the file again, and the rest follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """Runs imports.

    Attributes:
        fences: Say what the profile of the manufacturer adds to policy and gates.
        is_held: Whether a second person has to approve every import.
        distributor: Takes over the files that are too long for one invocation.
        thing_groups: Asked about each group that rows name, once an import.
        deadline: Of this invocation.
    """

    journal: ImportJournal
    rows: ImportStore
    policy: ImportPolicy
    gates: SafetyGates
    fences: Fences
    is_held: bool
    distributor: Distributor
    thing_groups: ThingGroups
    deadline: Deadline = NEVER

    def run(self, delivery: Delivery) -> ImportRecord:
        """Import a file.

        Returns:
            The record at the end of this run: ended, waiting for a second person, or imported by the distributor.

        Raises:
            Fault: A service did not answer; repeat it later.
            WaitsForTurn: Other files of the manufacturer come first.
            GoesOn: A part of the rows is applied; the next run goes on.
        """
        record = self._begin(delivery)
        if record.has_ended or record.is_waiting:
            return self.journal.announce(record)
        with self._turn(record):
            return self._judged(record)

    @contextmanager
    def _turn(self, record: ImportRecord) -> Iterator[None]:
        """A turn of the manufacturer's; `ImportJournal.conclude` ends it."""
        manufacturer = record.delivery.manufacturer
        if manufacturer == NOBODY:  # refused unread
            yield
            return
        now = self.journal.clock.now()
        if not self.journal.turns.take(manufacturer, record.import_id, now=now, until=now + _TURN):
            raise WaitsForTurn
        try:
            yield
        except Exception:
            with suppress(Fault):
                self.journal.turns.end(manufacturer, record.import_id)
            raise

    def _judged(self, record: ImportRecord) -> ImportRecord:
        try:
            return self._import(record)
        except UnreadableFile as refused:
            return self.journal.conclude(record, ImportStatus.REFUSED, problem=_problem(refused))
        except TooManyRowsToday as exceeded:
            used_up = UnreadableFile(FileError.TOO_MANY_ROWS_TODAY, f"The limit is {exceeded.limit:,}.")
            return self.journal.conclude(record, ImportStatus.REFUSED, problem=_problem(used_up))
        except DeadlineExceeded:
            late = UnreadableFile(FileError.TOO_SLOW, f"The importer stopped after {self.deadline.minutes} minutes.")
            return self.journal.conclude(record, ImportStatus.REFUSED, problem=_problem(late))

    def give_up(self, delivery: Delivery, fault: Fault) -> ImportRecord:
        """Note that an import failed for a fault that stayed, unless it has ended. The next try may succeed."""
        known = self.journal.records.find(delivery.import_id)
        if known is not None and known.status is ImportStatus.FAILED:
            return self.journal.announce(known)
        record = self._begin(delivery)
        if record.has_ended or record.is_waiting:
            return self.journal.announce(record)
        return fail(self.journal, record, fault)

    def _begin(self, delivery: Delivery) -> ImportRecord:
        return self.journal.begin(delivery, is_held=self.is_held and delivery.mode is DeliveryMode.LIVE)

    def _import(self, record: ImportRecord) -> ImportRecord:
        profile = self.fences.profile_of(record.delivery)
        checked = self._checked(record, self.policy.narrowed_to(profile))
        counted: dict[str, Any] = {"total": checked.total, "checksum": checked.checksum}
        try:
            checked.keep_to(self.gates)
        except UnreadableFile as refused:
            findings = self._refuse(record, checked).findings()
            return self.journal.conclude(
                record, ImportStatus.REFUSED, findings=findings, problem=_problem(refused), **counted
            )
        if record.total is None:
            # Before anything is told of the allow-list: a dry run is counted too, so that it is no oracle.
            record = self.journal.advance(
                record, lambda before: before.changed(**counted), day_rows=self._day_rows(record, checked, profile)
            )
            if record.has_ended:
                return self.journal.announce(record)
        is_dry_run = record.delivery.mode is DeliveryMode.DRY_RUN
        if is_dry_run or (record.is_held and record.approved_by is None):
            findings = self._preview(record, checked).findings()
            status = ImportStatus.FINISHED if is_dry_run else ImportStatus.WAITING
            return self.journal.conclude(record, status, findings=findings, **counted)
        record = self.journal.advance(
            record,
            lambda before: before.changed(status=ImportStatus.IMPORTING, is_announced=False, **counted),
        )
        if record.has_ended:
            return self.journal.announce(record)
        if self.distributor.takes(checked):
            self._hand_over(record, checked)
            return record
        return finish(self.journal, record, self._apply(record, checked))

    def _hand_over(self, record: ImportRecord, checked: CheckedFile) -> None:
        """Have the map apply the rows. The turn is its own then, and the rejected rows are done."""
        now = self.journal.clock.now()
        self.journal.turns.take(record.delivery.manufacturer, record.import_id, now=now, until=now + _TURN_OF_MAP)
        self.journal.records.note_progress(record.import_id, checked.rejected)
        self.distributor.start(record, checked, self.journal.drop_box)

    def _checked(self, record: ImportRecord, policy: ImportPolicy) -> CheckedFile:
        delivery = record.delivery
        if delivery.file.key.endswith("/"):
            raise UnreadableFile(FileError.NAME_ENDS_WITH_SLASH)
        return check_file(
            lambda: self.deadline.timed(self.journal.drop_box.open(delivery.file)),
            file_name=delivery.file_name,
            policy=replace(
                policy,
                group_exists=cache(self.thing_groups.exists),
                # The same for every try, so that a repeat ends in the same classes.
                judged_at=delivery.file.stored_at,
            ),
            max_rows=self.gates.max_rows_per_file,
            options=options_of(delivery),
            limits=self.gates.reading,
            keep_time=self.deadline.keep,
        )

    def _day_rows(self, record: ImportRecord, checked: CheckedFile, profile: Manufacturer) -> DayRows:
        return DayRows(
            manufacturer=record.delivery.manufacturer,
            day=record.delivery.file.stored_at.date(),
            rows=checked.total,
            limit=min(self.gates.max_rows_per_day, profile.rows_per_day or self.gates.max_rows_per_day),
        )

    def _refuse(self, record: ImportRecord, checked: CheckedFile) -> RowTally:
        """Leave out every row."""
        with self._account(record, checked) as account:
            for batch in self._in_time(account):
                account.add(batch, [RowResult(row, RowClass.NOT_APPLIED) for row in batch.rows])
        return account.tally

    def _preview(self, record: ImportRecord, checked: CheckedFile) -> RowTally:
        """Tell how every row would end."""
        manufacturer, import_id = record.delivery.manufacturer, record.import_id
        with self._account(record, checked) as account:
            for batch in self._in_time(account):
                results = preview_rows(batch.rows, manufacturer=manufacturer, import_id=import_id, store=self.rows)
                account.add(batch, results)
        return account.tally

    def _apply(self, record: ImportRecord, checked: CheckedFile) -> RowTally:
        """Apply every row, and note the progress now and then.

        Raises:
            GoesOn: Time was up, and this run came further than the one before it, if there was one.
        """
        manufacturer, import_id, now = record.delivery.manufacturer, record.import_id, self.journal.clock.now
        noted_at = now()
        with self._account(record, checked) as account:
            try:
                for batch in self._in_time(account):
                    results = apply_rows(
                        batch.rows, manufacturer=manufacturer, import_id=import_id, store=self.rows, now=now
                    )
                    account.add(batch, results)
                    moment = now()
                    if moment - noted_at >= _PROGRESS:
                        self.journal.records.note_progress(import_id, account.tally.total)
                        noted_at = moment
            except DeadlineExceeded:
                done = account.tally.total
                if done > record.done:
                    self.journal.records.note_progress(import_id, done)
                    raise GoesOn from None
                account.tally.rows[RowClass.NOT_APPLIED.value] = checked.total - done
        return account.tally

    def _in_time(self, account: FileAccount) -> Iterator[ValidatedBatch]:
        """The batches of a file, while there is time.

        Raises:
            DeadlineExceeded: Time is up.
        """
        for batch in account.batches:
            self.deadline.keep()
            yield batch

    @contextmanager
    def _account(self, record: ImportRecord, checked: CheckedFile) -> Iterator[FileAccount]:
        """Account for a file, and deliver rejects.csv and changes.csv if they say something."""
        with TemporaryDirectory() as folder:
            reports = Reports(Path(folder))
            with accounting(checked, reports) as account:
                yield account
            if account.tally.errors:
                self.journal.put_report(record.delivery, reports.rejects)
            if account.tally.changes:
                self.journal.put_report(record.delivery, reports.changes)


def finish(journal: ImportJournal, record: ImportRecord, tally: RowTally) -> ImportRecord:
    """Conclude an import whose rows were applied, as far as that was possible."""
    findings = tally.findings()
    if tally.rows[RowClass.NOT_APPLIED]:
        problem = ImportProblem(
            code=RowClass.NOT_APPLIED.value,
            sentence="Some rows could not be applied, for faults that stayed or for want of time. Deliver the same "
            "file again: what is in stays as it is, and the rest follows.",
        )
        return journal.conclude(record, ImportStatus.FAILED, findings=findings, problem=problem)
    if not tally.is_success:
        problem = _problem(UnreadableFile(FileError.NOTHING_IMPORTED))
        return journal.conclude(record, ImportStatus.REFUSED, findings=findings, problem=problem)
    return journal.conclude(record, ImportStatus.FINISHED, findings=findings)


def fail(journal: ImportJournal, record: ImportRecord, fault: Fault) -> ImportRecord:
    """Conclude an import that could not be carried out."""
    problem = ImportProblem(code=fault.reason.value, sentence=f"{fault.reason.meaning} {fault.reason.remedy}")
    return journal.conclude(record, ImportStatus.FAILED, problem=problem)


def _problem(refused: UnreadableFile) -> ImportProblem:
    return ImportProblem(code=refused.code.value, sentence=str(refused))
