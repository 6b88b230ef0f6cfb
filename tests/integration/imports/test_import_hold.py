"""Imports that wait for a second person."""

import json
import secrets

import pytest

from fleetgate.domain.refusals import Refusal, RefusalCode
from fleetgate.imports.check import SafetyGates
from fleetgate.imports.record import ImportStatus
from fleetgate.imports.store.drop_box import ImportQueue
from fleetgate.operators.approve_import import approve_import
from harness.import_world import ImportWorld
from harness.world import ALICE, BOB, mac


@pytest.fixture
def queue(imports: ImportWorld) -> ImportQueue:
    """A queue that only the test reads."""
    sqs = imports.embedded.client("sqs")
    return ImportQueue(sqs.create_queue(QueueName=f"test-{secrets.token_hex(8)}")["QueueUrl"], sqs)


def announced(queue: ImportQueue) -> list[dict[str, object]]:
    """What was announced, each once."""
    found = queue.client.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"])["detail"] for message in found]


def rows(imports: ImportWorld) -> str:
    return f"sn,mac\n{imports.manufacturer}-1,{mac()}\n{imports.manufacturer}-2,bad\n"


def test_a_held_import_tells_what_it_would_do_and_does_it_once_a_second_person_agrees(
    imports: ImportWorld, queue: ImportQueue
) -> None:
    delivery = imports.deliver(rows(imports))
    waiting = imports.importer(is_held=True).run(delivery)
    assert waiting.status is ImportStatus.WAITING
    assert dict(waiting.findings.rows) == {"added": 1, "rejected": 1}
    assert len(imports.rejects(waiting).splitlines()) == 2
    assert imports.importer(is_held=True).run(delivery).status is ImportStatus.WAITING
    assert [detail_type for detail_type, _ in imports.published] == ["Import Waiting"]
    assert imports.embedded.device_item(f"{imports.manufacturer}-1") is None

    change = approve_import(delivery.import_id, records=imports.records, queue=queue, operator=imports.operator(BOB))
    assert change.subject.status is ImportStatus.APPROVED
    ((detail),) = announced(queue)
    assert detail["object"] == {"key": delivery.file.key, "version-id": delivery.file.version_id}

    record = imports.importer(is_held=True).run(delivery)
    assert record.status is ImportStatus.FINISHED
    assert record.approved_by == BOB
    assert dict(record.findings.rows) == {"added": 1, "rejected": 1}
    assert [(one.action, one.actor) for one in imports.audit(record)] == [
        ("import", ALICE),
        ("approve_import", BOB),
        ("import", ALICE),
    ]


def test_whoever_uploaded_a_list_cannot_approve_it(imports: ImportWorld, queue: ImportQueue) -> None:
    delivery = imports.deliver(rows(imports))
    imports.importer(is_held=True).run(delivery)
    with pytest.raises(Refusal) as refused:
        approve_import(delivery.import_id, records=imports.records, queue=queue, operator=imports.operator(ALICE))

    assert refused.value.code is RefusalCode.SAME_PERSON
    assert announced(queue) == []
    assert imports.importer(is_held=True).run(delivery).status is ImportStatus.WAITING


def test_an_approval_that_comes_again_is_announced_again_until_the_import_has_ended(
    imports: ImportWorld, queue: ImportQueue
) -> None:
    delivery = imports.deliver(rows(imports))
    imports.importer(is_held=True).run(delivery)
    first = approve_import(delivery.import_id, records=imports.records, queue=queue, operator=imports.operator(BOB))
    again = approve_import(delivery.import_id, records=imports.records, queue=queue, operator=imports.operator(BOB))
    assert first.record is not None
    assert again.record is None
    assert len(announced(queue)) == 2

    imports.importer(is_held=True).run(delivery)
    approve_import(delivery.import_id, records=imports.records, queue=queue, operator=imports.operator(BOB))
    assert announced(queue) == []


def test_only_an_import_that_waits_is_approved(imports: ImportWorld, queue: ImportQueue) -> None:
    delivery = imports.deliver(rows(imports))
    with pytest.raises(Refusal) as unknown:
        approve_import(delivery.import_id, records=imports.records, queue=queue, operator=imports.operator(BOB))
    assert unknown.value.code is RefusalCode.UNKNOWN_IMPORT

    imports.importer().run(delivery)
    with pytest.raises(Refusal) as finished:
        approve_import(delivery.import_id, records=imports.records, queue=queue, operator=imports.operator(BOB))
    assert finished.value.code is RefusalCode.IMPORT_NOT_WAITING


def test_a_dry_run_never_waits(imports: ImportWorld) -> None:
    record = imports.importer(is_held=True).run(imports.deliver(rows(imports), mode="dry-run"))
    assert record.status is ImportStatus.FINISHED
    assert not record.is_held


def test_the_rows_of_a_held_import_are_counted_when_it_begins_to_wait_and_not_again(
    imports: ImportWorld, queue: ImportQueue
) -> None:
    gates = SafetyGates(max_rejected_share=1.0, max_rows_per_day=2)
    delivery = imports.deliver(rows(imports))
    assert imports.importer(is_held=True, gates=gates).run(delivery).status is ImportStatus.WAITING
    approve_import(delivery.import_id, records=imports.records, queue=queue, operator=imports.operator(BOB))
    assert imports.importer(is_held=True, gates=gates).run(delivery).status is ImportStatus.FINISHED
