"""An import that is announced twice, cut off or killed ends as if it had run once."""

import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason
from fleetgate.imports.record import ImportRecord, ImportStatus
from harness import faulty_dynamodb as faults
from harness.faulty_dynamodb import FaultyDynamoDB
from harness.import_world import ImportWorld
from harness.world import mac
from tests.integration.imports.importer_process import importer_process

ROWS = 60
MAX_CALLS = 100


@pytest.fixture
def messy(imports: ImportWorld) -> str:
    """A list in which every kind of row is: new ones, wrong ones, one that is listed already, and a conflict."""
    name, taken, known = imports.manufacturer, mac(), mac()
    imports.importer().run(imports.deliver(f"sn,mac\n{name}-known,{known}\n{name}-other,{taken}\n", name="earlier.csv"))
    rows = [f"{name}-{number},{mac()}\n" for number in range(ROWS)]
    rows += [f"{name}-known,{known}\n", f"{name}-thief,{taken}\n", f"{name} bad,{mac()}\n", f"{name}-bad,nonsense\n"]
    imports.published.clear()
    return "".join(["sn,mac\n", *rows])


EXPECTED = {"added": ROWS, "unchanged": 1, "conflict": 1, "rejected": 2}


def devices(imports: ImportWorld) -> dict[str, tuple[int, str | None]]:
    """Version and import of every device of the manufacturer."""
    pages = imports.embedded.dynamodb.get_paginator("scan").paginate(
        TableName=imports.embedded.stack.outputs["AllowListTableName"],
        FilterExpression="manufacturer = :m AND begins_with(pk, :d)",
        ExpressionAttributeValues={":m": {"S": imports.manufacturer}, ":d": {"S": "device#"}},
    )
    return {
        item["pk"]["S"]: (int(item["version"]["N"]), item.get("import_id", {}).get("S"))
        for page in pages
        for item in page["Items"]
    }


def ended_once(imports: ImportWorld, record: ImportRecord) -> None:
    """The state and the report are those of one run."""
    assert record.status is ImportStatus.FINISHED
    assert dict(record.findings.rows) == EXPECTED
    assert dict(record.findings.errors) == {
        "mac_address_of_another_device": 1,
        "serial_number_invalid": 1,
        "mac_address_invalid": 1,
    }
    assert len(imports.rejects(record).splitlines()) == 4
    assert set(devices(imports).values()) == {
        (1, record.import_id),
        *(value for key, value in devices(imports).items() if key.endswith(("known", "other"))),
    }
    assert len(devices(imports)) == ROWS + 2
    assert [one.reason for one in imports.audit(record)].count(
        "finished: 60 added, 1 conflict, 2 rejected, 1 unchanged"
    ) == 1


def test_an_announcement_that_comes_again_changes_nothing(imports: ImportWorld, messy: str) -> None:
    delivery = imports.deliver(messy)
    first = imports.importer().run(delivery)
    before, report = devices(imports), imports.rejects(first)
    again = imports.importer().run(delivery)

    assert replace(again, version=0) == replace(first, version=0)
    assert devices(imports) == before
    assert imports.rejects(again) == report
    assert len(imports.published) == 1
    ended_once(imports, again)


def test_an_announcement_that_is_worked_on_twice_at_once_has_one_effect(imports: ImportWorld, messy: str) -> None:
    delivery = imports.deliver(messy)
    with ThreadPoolExecutor(3) as pool:
        ended = list(pool.map(lambda importer: importer.run(delivery), [imports.importer() for _ in range(3)]))

    assert {record.status for record in ended} == {ImportStatus.FINISHED}
    ended_once(imports, ended[0])


@pytest.mark.parametrize("fault", [faults.lose_answer, faults.throttle, faults.fail])
def test_an_import_that_is_cut_off_at_every_call_in_turn_ends_as_if_it_had_run_once(
    fault: faults.Fault, imports: ImportWorld, messy: str, faulty: FaultyDynamoDB
) -> None:
    delivery = imports.deliver(messy)
    broken = imports.importer(endpoint_url=faulty.endpoint_url)
    cut_off = 0
    for calls_before in range(MAX_CALLS):
        faulty.next(*[faults.behave] * calls_before, fault)
        try:
            broken.run(delivery)
            break
        except Fault:
            cut_off += 1
        finally:
            faulty.heal()

    assert 6 < cut_off < MAX_CALLS
    ended_once(imports, imports.importer().run(delivery))


def test_an_import_whose_function_was_killed_halfway_ends_the_same_when_it_is_repeated(
    imports: ImportWorld, messy: str
) -> None:
    delivery = imports.deliver(messy)
    killed = 0
    for added in (1, 20, 40):
        with importer_process(imports, delivery) as process:
            while process.poll() is None and len(devices(imports)) < added + 2:
                pass
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
    halfway = imports.records.find(delivery.import_id)
    assert killed
    assert halfway is not None
    assert halfway.status is ImportStatus.IMPORTING

    ended_once(imports, imports.importer().run(delivery))


def test_an_import_that_could_not_be_done_says_so_and_the_next_try_does_it(
    imports: ImportWorld, messy: str, faulty: FaultyDynamoDB
) -> None:
    delivery = imports.deliver(messy)
    faulty.next(*[faults.behave] * 6, faults.fail)
    with pytest.raises(Fault):
        imports.importer(endpoint_url=faulty.endpoint_url).run(delivery)
    failed = imports.importer().give_up(delivery, Fault(FaultReason.STORE_UNAVAILABLE))

    assert failed.status is ImportStatus.FAILED
    assert failed.problem is not None
    assert failed.problem.code == "store_unavailable"
    assert [detail_type for detail_type, _ in imports.published] == ["Import Failed"]

    record = imports.importer().run(delivery)
    assert record.attempt == 2
    assert [detail_type for detail_type, _ in imports.published] == ["Import Failed", "Import Finished"]
    ended_once(imports, record)
    assert imports.importer().give_up(delivery, Fault(FaultReason.UNEXPECTED)).status is ImportStatus.FINISHED


def test_an_end_that_was_not_announced_is_announced_by_the_next_run(imports: ImportWorld, messy: str) -> None:
    delivery = imports.deliver(messy)
    mute = imports.importer()
    unheard = replace(mute, journal=replace(mute.journal, announcements=imports.unreachable_announcements()))
    with pytest.raises(Fault):
        unheard.run(delivery)
    assert imports.published == []

    record = imports.importer().run(delivery)
    assert [detail_type for detail_type, _ in imports.published] == ["Import Finished"]
    ended_once(imports, record)
