"""Nobody can stop the importer: neither a file that is slow to read, nor many of them, nor one that kills it."""

import json
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

import pytest

from fleetgate.domain.faults import Fault
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.reasons import FaultReason
from fleetgate.imports.announcement import Announcement
from fleetgate.imports.deadline import Deadline
from fleetgate.imports.delivery import Delivery, DroppedFile
from fleetgate.imports.plan import KnownRows, Write
from fleetgate.imports.record import ImportStatus
from fleetgate.imports.run import GoesOn, Importer, WaitsForTurn
from fleetgate.imports.store.drop_box import DropBox, ImportQueue
from fleetgate.imports.store.rows import ImportStore
from fleetgate.imports.store.turns import MAX_TURNS, ImportTurns
from fleetgate.store.tables import TableSettings
from harness.import_world import ImportWorld
from harness.world import mac, now
from tests.integration.imports.importer_process import importer_process

ROWS = 150


def row(imports: ImportWorld, number: int = 1) -> str:
    return f"{imports.manufacturer}-{number},{mac()}\n"


@dataclass(frozen=True)
class SlowDropBox(DropBox):
    """A drop box whose files come to an end only when somebody says so."""

    reading: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    end: threading.Event = field(default_factory=threading.Event)

    def open(self, file: DroppedFile) -> BinaryIO:
        stream = DropBox.open(self, file)
        self.reading.release()
        self.end.wait()
        return stream


def test_five_hostile_files_of_one_manufacturer_leave_the_imports_of_others_running(imports: ImportWorld) -> None:
    hostile = [imports.deliver("sn,mac\n" + row(imports, number), name=f"{number}.csv") for number in range(5)]
    other = ImportWorld(imports.embedded, imports.bucket)
    slow = SlowDropBox(imports.bucket, imports.drop_box.client)
    importer = imports.importer()
    stuck = replace(importer, journal=replace(importer.journal, drop_box=slow))
    with ThreadPoolExecutor(MAX_TURNS) as pool:
        under_way = [pool.submit(stuck.run, delivery) for delivery in hostile[:MAX_TURNS]]
        try:
            for _ in under_way:
                slow.reading.acquire()
            for delivery in hostile[MAX_TURNS:]:
                with pytest.raises(WaitsForTurn):
                    importer.run(delivery)
            assert other.importer().run(other.deliver("sn,mac\n" + row(other))).status is ImportStatus.FINISHED
        finally:
            slow.end.set()
        assert {one.result().status for one in under_way} == {ImportStatus.FINISHED}
    assert [importer.run(delivery).status for delivery in hostile] == [ImportStatus.FINISHED] * 5


@pytest.fixture
def turns(imports: ImportWorld) -> ImportTurns:
    return ImportTurns(imports.tables)


def test_a_turn_ends_by_itself_when_its_importer_was_killed(imports: ImportWorld, turns: ImportTurns) -> None:
    name, noon = imports.manufacturer, datetime(2026, 1, 31, 12, tzinfo=UTC)
    until = noon + timedelta(minutes=15)
    for number in range(MAX_TURNS):
        assert turns.take(name, f"killed-{number}", now=noon, until=until)

    assert not turns.take(name, "next", now=until - timedelta(seconds=1), until=until)
    assert turns.take(name, "killed-0", now=noon, until=until)  # its own again
    assert turns.take(name, "next", now=until, until=until + timedelta(minutes=15))


def test_two_that_take_the_last_turn_at_once_do_not_both_get_it(imports: ImportWorld, turns: ImportTurns) -> None:
    name, moment = imports.manufacturer, now()
    with ThreadPoolExecutor(8) as pool:
        got = pool.map(
            lambda number: turns.take(name, f"{number}", now=moment, until=moment + timedelta(minutes=15)), range(4)
        )
        with suppress(Fault):  # overtaken too often: the queue delivers the message again
            assert sum(got) <= MAX_TURNS


def test_a_file_waits_for_its_turn_in_the_queue(imports: ImportWorld) -> None:
    """The message that it is sent back with announces the same import."""
    sqs = imports.embedded.client("sqs")
    url = sqs.create_queue(QueueName=imports.bucket)["QueueUrl"]
    delivery = imports.deliver("sn,mac\n" + row(imports))
    announced = Announcement.of(delivery)
    ImportQueue(url, sqs).announce(announced)
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    again = Announcement.parse(message["Body"], sent_at=now())

    assert again == announced
    assert again.unseen(imports.bucket).import_id == delivery.import_id
    ImportQueue(url, sqs).announce(again.waiting())
    counted = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesDelayed"])
    assert counted["Attributes"] == {"ApproximateNumberOfMessagesDelayed": "1"}


# ---- Time -------------------------------------------------------------------------------------------------------


@dataclass
class Leaps:
    """A clock that each look at it puts on."""

    seconds: float
    moment: datetime = field(default_factory=now)

    def __call__(self) -> datetime:
        self.moment += timedelta(seconds=self.seconds)
        return self.moment


def hurried(importer: Importer, *, looks: int) -> Importer:
    """The importer with time for so many blocks and batches."""
    clock = Leaps(100)
    return replace(importer, deadline=Deadline.after(90 + 100 * looks, now=clock))


@pytest.mark.parametrize("mode", ["incoming", "dry-run"])
@pytest.mark.parametrize("looks", [0, 1, 2])
def test_a_file_that_takes_too_long_to_read_is_refused_with_a_report(
    looks: int, mode: str, imports: ImportWorld
) -> None:
    delivery = imports.deliver("sn,mac\n" + row(imports), mode=mode)
    record = hurried(imports.importer(), looks=looks).run(delivery)

    assert record.status is ImportStatus.REFUSED
    assert record.problem is not None
    assert record.problem.code == "too_slow"
    assert "after" in record.problem.sentence
    assert "Split it" in record.problem.sentence
    summary = json.load(imports.drop_box.open_report(f"{delivery.reports}summary.json"))
    assert summary["problem"]["code"] == "too_slow"
    assert [one.reason for one in imports.audit(record)] == ["refused: no rows (too_slow)"]
    assert [detail_type for detail_type, _ in imports.published] == ["Import Failed"]
    assert imports.embedded.device_item(f"{imports.manufacturer}-1") is None


def many(imports: ImportWorld) -> str:
    """ROWS rows, more than a batch has, since they are long."""
    comment = "," + "x" * 2_000 + "\n"
    return "".join(["sn,mac,comment\n", *(row(imports, number).strip() + comment for number in range(ROWS))])


@dataclass
class OnceInserted(ImportStore):
    """A store after whose insertions of new rows the time is up."""

    tables: TableSettings
    is_late: bool = False

    def __post_init__(self) -> None:
        ImportStore.__init__(self, self.tables)

    def insert(self, writes: Sequence[Write], known: KnownRows, *, now: datetime) -> set[SerialNumber]:
        self.is_late = bool(writes)
        return ImportStore.insert(self, writes, known, now=now)

    def importer(self, imports: ImportWorld) -> Importer:
        """An importer with this store."""
        begins = now()
        ends = begins + timedelta(minutes=15)
        return replace(
            imports.importer(), rows=self, deadline=Deadline(begins, ends, lambda: ends if self.is_late else begins)
        )


def test_an_import_goes_on_where_time_was_up_and_counts_every_row_once(imports: ImportWorld) -> None:
    delivery, done = imports.deliver(many(imports)), [0]
    for _ in range(2):
        with pytest.raises(GoesOn):
            OnceInserted(imports.tables).importer(imports).run(delivery)
        halfway = imports.records.find(delivery.import_id)
        assert halfway is not None
        assert halfway.status is ImportStatus.IMPORTING
        done.append(halfway.done)
    assert 0 < done[1] < done[2] < ROWS

    record = imports.importer().run(delivery)
    assert record.status is ImportStatus.FINISHED
    assert dict(record.findings.rows) == {"added": ROWS}


def test_an_import_that_comes_no_further_in_its_time_says_what_is_missing(imports: ImportWorld) -> None:
    delivery = imports.deliver(many(imports))
    with pytest.raises(GoesOn):
        OnceInserted(imports.tables).importer(imports).run(delivery)
    imports.records.note_progress(delivery.import_id, ROWS - 1)
    record = OnceInserted(imports.tables).importer(imports).run(delivery)

    assert record.status is ImportStatus.FAILED
    assert record.findings.rows["added"] + record.findings.rows["not_applied"] == ROWS
    assert record.problem is not None
    assert record.problem.sentence.endswith("what is in stays as it is, and the rest follows.")


# ---- Killed -----------------------------------------------------------------------------------------------------


def test_an_import_that_is_killed_in_its_last_try_ends_as_failed_with_a_report(imports: ImportWorld) -> None:
    delivery = imports.deliver(many(imports))
    tries = int(imports.embedded.variables_of("ImportFunction")["MAX_TRIES"])
    with importer_process(imports, delivery, receives=tries) as process:
        while process.poll() is None and imports.embedded.device_item(f"{imports.manufacturer}-0") is None:
            pass
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    with importer_process(imports, delivery, receives=tries + 1) as process:
        assert process.wait() == 1  # the message becomes a dead letter

    record = imports.records.find(delivery.import_id)
    assert record is not None
    assert record.status is ImportStatus.FAILED
    assert record.problem is not None
    assert record.problem.code == "import_cut_off"
    summary = json.load(imports.drop_box.open_report(f"{delivery.reports}summary.json"))
    assert summary["status"] == "failed"
    assert [one.reason for one in imports.audit(record)] == ["failed: no rows (import_cut_off)"]
    assert imports.importer().run(delivery).status is ImportStatus.FINISHED


def test_an_import_that_was_given_up_while_it_ran_has_no_problem_once_it_is_finished(imports: ImportWorld) -> None:
    delivery, journal = imports.deliver("sn,mac\n" + row(imports)), imports.journal()
    running = journal.begin(delivery, is_held=False)
    assert imports.importer().give_up(delivery, Fault(FaultReason.IMPORT_CUT_OFF)).problem is not None

    record = journal.conclude(running, ImportStatus.FINISHED)
    assert (record.status, record.problem) == (ImportStatus.FINISHED, None)


# ---- What cannot be looked at -----------------------------------------------------------------------------------


@pytest.fixture
def gone(imports: ImportWorld) -> Delivery:
    """A file that was deleted for good before it was looked at."""
    delivery = imports.deliver("sn,mac\n" + row(imports))
    imports.drop_box.client.delete_object(
        Bucket=imports.bucket, Key=delivery.file.key, VersionId=delivery.file.version_id
    )
    return delivery


def test_a_file_that_is_gone_leaves_a_record_a_report_and_an_audit_record(imports: ImportWorld, gone: Delivery) -> None:
    with importer_process(imports, gone, receives=5) as process:
        assert process.wait() == 1

    record = imports.records.find(gone.import_id)
    assert record is not None
    assert record.status is ImportStatus.FAILED
    assert record.delivery.manufacturer == imports.manufacturer
    assert record.problem is not None
    assert record.problem.code == "drop_box_unavailable"
    assert imports.drop_box.open_report(f"{gone.reports}summary.json").read()
    assert [one.reason for one in imports.audit(record)] == ["failed: no rows (drop_box_unavailable)"]


@pytest.mark.parametrize("name", ["", "folder/"])
def test_content_whose_name_ends_as_a_folders_does_is_refused(name: str, imports: ImportWorld) -> None:
    record = imports.importer().run(imports.deliver("sn,mac\n" + row(imports), name=name))

    assert record.status is ImportStatus.REFUSED
    assert record.delivery.manufacturer == imports.manufacturer
    assert record.problem is not None
    assert record.problem.code == "name_ends_with_slash"
