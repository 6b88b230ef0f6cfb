"""Factory lists through the deployed parts: drop box, EventBridge, queue, importer, state machine, reports, topic."""

import json
import os
import secrets
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fleetgate.imports.delivery import Delivery
from fleetgate.imports.record import ImportRecord, ImportStatus
from fleetgate.imports.store.drop_box import DropBox
from fleetgate.imports.store.records import ImportRecords
from harness.embedded import Embedded
from tests.e2e.notices import listener
from tests.e2e.waiting import eventually


@pytest.fixture
def factory(embedded: Embedded) -> str:
    """A registered manufacturer of the test's own."""
    return embedded.register_manufacturer(f"factory-{secrets.token_hex(4)}")


@pytest.fixture(scope="session")
def records(embedded: Embedded) -> ImportRecords:
    """The import records, as root."""
    return ImportRecords(embedded.tables())


@pytest.fixture(scope="session")
def drop_box(embedded: Embedded) -> DropBox:
    """The stack's drop box, as root."""
    return DropBox(embedded.stack.outputs["DropBoxName"], embedded.client("s3"))


@pytest.fixture(scope="session")
def notices(embedded: Embedded) -> Callable[[str], str]:
    """Waits for the notice of an import on the stack's topic."""
    return listener(embedded, embedded.stack.outputs["ImportTopicArn"])


def put(drop_box: DropBox, key: str, content: bytes) -> Delivery:
    answer = drop_box.client.put_object(Bucket=drop_box.bucket, Key=key, Body=content)
    return Delivery.of(drop_box.look(key, answer["VersionId"]))


def ended(records: ImportRecords, import_id: str) -> ImportRecord:
    """The record of an import once it has ended and was announced."""

    def look() -> ImportRecord | None:
        record = records.find(import_id)
        return record if record and record.has_ended and record.is_announced else None

    return eventually(look)


def rows(factory: str, count: int) -> str:
    """Sound rows, with MAC addresses nobody used before."""
    vendor = f"00:1b:{secrets.token_hex(1)}:{secrets.token_hex(1)}"
    return "".join(f"{factory}-{number},{vendor}:{number >> 8:02x}:{number & 255:02x}\n" for number in range(count))


def test_a_list_goes_from_the_drop_box_to_the_allow_list_and_its_end_is_told(
    embedded: Embedded,
    drop_box: DropBox,
    records: ImportRecords,
    notices: Callable[[str], str],
    factory: str,
) -> None:
    delivery = put(drop_box, f"incoming/{factory}/list.csv", f"sn,mac\n{rows(factory, 30)}bad,row\n".encode())
    record = ended(records, delivery.import_id)

    assert record.status is ImportStatus.FINISHED
    assert dict(record.findings.rows) == {"added": 30, "rejected": 1}
    assert record.delivery.requester == "000000000000"
    assert embedded.entry(f"{factory}-29").import_line == 31
    summary = json.load(drop_box.open_report(f"{delivery.reports}summary.json"))
    assert summary["import_id"] == delivery.import_id
    assert len(drop_box.open_report(f"{delivery.reports}rejects.csv").read().splitlines()) == 2
    assert f"list.csv of {factory} is finished: 30 added, 1 rejected." in notices(delivery.import_id)


def test_a_dry_run_is_announced_by_its_folder_alone(
    embedded: Embedded, drop_box: DropBox, records: ImportRecords, factory: str
) -> None:
    delivery = put(drop_box, f"dry-run/{factory}/list.csv", f"sn,mac\n{rows(factory, 3)}".encode())
    assert dict(ended(records, delivery.import_id).findings.rows) == {"added": 3}
    assert embedded.device_item(f"{factory}-1") is None


def test_a_long_file_goes_through_the_state_machine(
    embedded: Embedded, drop_box: DropBox, records: ImportRecords, factory: str
) -> None:
    # Not very long: without its batcher the embedded AWS runs an execution for each row.
    with told(embedded, DISTRIBUTE_ABOVE_ROWS="3"):
        delivery = put(drop_box, f"incoming/{factory}/long.csv", f"sn,mac\n{rows(factory, 5)}bad,row\n".encode())
        record = ended(records, delivery.import_id)

    assert record.status is ImportStatus.FINISHED
    assert dict(record.findings.rows) == {"added": 5, "rejected": 1}
    assert embedded.entry(f"{factory}-3").import_id == delivery.import_id
    (execution,) = [
        found
        for found in embedded.client("stepfunctions").list_executions(
            stateMachineArn=embedded.resource("ImportStateMachine")
        )["executions"]
        if found["name"] == f"{delivery.import_id}-1"
    ]
    assert execution["status"] in {"RUNNING", "SUCCEEDED"}


def test_a_map_that_fails_is_told(embedded: Embedded, records: ImportRecords, drop_box: DropBox, factory: str) -> None:
    """The state machine's own Catch: its input names rows that are not there."""
    delivery = put(drop_box, f"elsewhere/{factory}/list.csv", b"sn,mac\n")
    records.begin(ImportRecord(delivery=delivery, started_at=delivery.file.stored_at, status=ImportStatus.IMPORTING))
    embedded.client("stepfunctions").start_execution(
        stateMachineArn=embedded.resource("ImportStateMachine"),
        input=json.dumps(
            {
                "import_id": delivery.import_id,
                "manufacturer": factory,
                "bucket": drop_box.bucket,
                "rows": "work/nothing/rows.jsonl",
                "results": "work/nothing/results",
            }
        ),
    )

    def failed() -> ImportRecord | None:
        record = records.find(delivery.import_id)
        return record if record and record.status is ImportStatus.FAILED else None

    problem = eventually(failed).problem
    assert problem is not None
    assert problem.code == "map_failed"


def test_an_importer_that_is_killed_halfway_is_as_if_it_had_run_once(
    embedded: Embedded, drop_box: DropBox, records: ImportRecords, factory: str
) -> None:
    # So impatient a queue gives the message out again while somebody works on it: those receives are no tries.
    with told(embedded, MAX_TRIES="99"), impatient_queue(embedded, seconds=6):
        delivery = put(drop_box, f"incoming/{factory}/list.csv", f"sn,mac\n{rows(factory, 2000)}bad,row\n".encode())
        killed = eventually(lambda: kill_importers(embedded) if is_halfway(embedded, factory) else None)
        record = ended(records, delivery.import_id)

    assert killed
    assert record.status is ImportStatus.FINISHED
    assert dict(record.findings.rows) == {"added": 2000, "rejected": 1}
    assert len(drop_box.open_report(f"{delivery.reports}rejects.csv").read().splitlines()) == 2
    assert {entry.version for entry in (embedded.entry(f"{factory}-{n}") for n in range(0, 2000, 400))} == {1}
    assert [one.reason for one in embedded.records(f"import#{delivery.import_id}")] == [
        "finished: 2000 added, 1 rejected"
    ]


def test_what_cannot_be_imported_becomes_a_dead_letter_and_can_be_sent_back(
    embedded: Embedded, drop_box: DropBox, records: ImportRecords, factory: str
) -> None:
    """The embedded AWS has no StartMessageMoveTask; the test moves the message by hand."""
    sqs, queue = embedded.client("sqs"), embedded.stack.outputs["ImportQueueUrl"]
    dead_letters = embedded.resource("ImportDeadLetterQueue")
    key = f"incoming/{factory}/missing.csv"

    def dead_letter() -> str | None:
        letters = sqs.receive_message(QueueUrl=dead_letters, MaxNumberOfMessages=10, VisibilityTimeout=0).get(
            "Messages", []
        )
        return next((letter["Body"] for letter in letters if key in letter["Body"]), None)

    with impatient_queue(embedded, seconds=1):
        body = json.dumps({"detail": {"object": {"key": key}}})
        sqs.send_message(QueueUrl=queue, MessageBody=body)
        letter = eventually(dead_letter)

    # What was wrong is put right, with nobody told: only the dead letter knows of the file.
    with embedded.unheard():
        delivery = put(drop_box, key, f"sn,mac\n{rows(factory, 2)}".encode())
        sqs.send_message(QueueUrl=queue, MessageBody=letter)
        record = ended(records, delivery.import_id)
    assert dict(record.findings.rows) == {"added": 2}


@contextmanager
def impatient_queue(embedded: Embedded, *, seconds: int) -> Iterator[None]:
    """A queue that gives a message out again after seconds, where the template's waits for a quarter of an hour."""
    sqs, url = embedded.client("sqs"), embedded.stack.outputs["ImportQueueUrl"]
    name = "VisibilityTimeout"
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={name: str(seconds)})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={name: before})


@contextmanager
def told(embedded: Embedded, **variables: str) -> Iterator[None]:
    """An importer that is told something else than the template's is."""
    functions, name = embedded.client("lambda"), embedded.resource("ImportFunction")
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {**before, **variables}})
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})


def is_halfway(embedded: Embedded, factory: str) -> bool:
    return embedded.device_item(f"{factory}-500") is not None


def kill_importers(embedded: Embedded) -> int | None:
    """Kill the processes in which this stack's importer runs."""
    function_name = embedded.resource("ImportFunction")
    killed = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode()
            launcher = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            starter = int(Path("/proc", str(launcher), "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if function_name in command and starter == os.getpid():
            os.kill(int(process.name), signal.SIGKILL)
            killed += 1
    return killed or None
