"""`fleetgate device story`: one command says who let a device in, from which list, and what then."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from fleetgate.archive.digest import digest_key
from fleetgate.domain.allow_list import AllowListEntry, Hold
from fleetgate.domain.audit import RecordKind, Verdict
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.reasons import AllowRule, DenialReason
from fleetgate.domain.refusals import RefusalCode
from fleetgate.imports.store.reader import ImportReader
from fleetgate.outcomes.outcome import OutcomeReason
from fleetgate.store.allow_list import AllowList
from fleetgate.trail import device_story
from fleetgate.trail import store as audit_trail
from fleetgate.trail.store import AuditTrail
from fleetgate.trail.story import AdmissionEnding
from fleetgate_cli.errors import ExitCode
from harness.archive_world import ArchiveWorld
from harness.command import Fleetgate
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from harness.world import ALICE, BOB
from tests.integration.cli.story.asking import ROOT_ARN, Lived, questions
from tests.integration.cli.story.conftest import OTHER_MAC


def test_one_command_answers_the_five_questions(
    fleetgate: Fleetgate, embedded: Embedded, device: AllowListEntry, lived: Lived, claim: ClaimCertificate
) -> None:
    lived()
    embedded.put(replace(device, hold=Hold.QUARANTINED))
    answer = fleetgate("device", "story", str(device.serial_number))

    assert answer.exit_code == ExitCode.DONE
    lines = [" ".join(line.split()) for line in answer.stdout.splitlines()]
    text = " ".join(lines)
    assert max(map(len, answer.stdout.splitlines())) <= 100
    assert lines[0] == f"{device.serial_number} quarantined"
    assert "Stopped by quarantined: An operator quarantined the device." in lines
    assert "assumed-role/Manufacturing/alice: stolen, case 4711" in lines
    # From which list, and who approved it.
    assert f"Import {device.import_id}, line 17" in lines
    assert any(line.startswith("File january.csv of factory-") for line in lines)
    assert f"Uploaded by {ALICE}" in lines
    assert f"Approved by {BOB}" in lines
    # Who let it in, and with which claim.
    assert "An approved device asked for the first time." in lines
    assert f"With claim {claim.certificate_id}, of acme, blocked" in text
    assert "Asked again once, with the same answer" in lines
    # What happened then.
    assert "Outcome in use" in lines
    assert any(line.startswith("2 x mac_address_mismatch last ") for line in lines)
    assert DenialReason.MAC_ADDRESS_MISMATCH.remedy in text
    assert "denied mac_address_mismatch, with MAC address" in text
    assert f"{OTHER_MAC} (1 more until" in text
    # And whether it can be proven.
    assert "6 records are in the sealed archive as in the audit table, under 3 signed digests." in lines


def test_the_document_has_the_story_and_the_proof_of_every_record(
    fleetgate: Fleetgate, world: ArchiveWorld, device: AllowListEntry, lived: Lived
) -> None:
    records = lived()
    answer = fleetgate("device", "story", str(device.serial_number), "--json")

    assert answer.exit_code == ExitCode.DONE
    document = answer.document
    assert (document["state"], document["import_line"], document["is_complete"]) == ("provisioned", 17, True)
    assert [record["record_id"] for record in document["records"]] == [record.record_id for record in records]
    (admission,) = document["admissions"]
    assert (admission["rule"], admission["repeats"], admission["ending"]) == ("first_reservation", 1, "in_use")
    proof = document["proof"]
    assert proof["records"] == {record.record_id: "sealed" for record in records}
    assert (proof["sealed"], proof["not_sealed_yet"], proof["not_proven"], proof["findings"]) == (6, 0, 0, [])
    assert [digest["key"] for digest in proof["digests"]] == [digest_key(world.at(hour)) for hour in (0, 1, 3)]
    assert len(proof["trusted_public_keys"]) == 1


def test_denials_without_end_do_not_hide_who_let_the_device_in(
    fleetgate: Fleetgate,
    world: ArchiveWorld,
    device: AllowListEntry,
    lived: Lived,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = lived()
    for minute in range(12):
        world.put_item(world.at(4) + timedelta(minutes=minute), serial_number=device.serial_number.value)
    monkeypatch.setattr(device_story, "MAX_RECORDS", 5)
    answer = fleetgate("device", "story", str(device.serial_number), "--no-proof", "--json")

    told = [record["record_id"] for record in answer.document["records"]]
    assert told[:4] == [record.record_id for record in before[2:]]
    assert len(told) == 4 + 5
    assert (answer.document["is_complete"], len(answer.document["admissions"])) == (False, 1)
    shown = fleetgate("device", "story", str(device.serial_number), "--no-proof").stdout
    assert f"There are more records: fleetgate audit export --serial-number {device.serial_number}" in shown


def test_a_story_takes_so_many_queries_however_often_the_device_was_denied_and_tells_who_let_it_in(
    world: ArchiveWorld, device: AllowListEntry, lived: Lived, faulty: FaultyDynamoDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, decision, _, connected, *_ = lived(sealed=False)
    assert device.device_certificate
    assert decision.decision_id
    held = replace(device.device_certificate, decision_id=decision.decision_id)
    world.embedded.put(replace(device, device_certificate=held))
    beside_it = f"{decision.decision_id[:10]}{connected.record_id[10:]}"
    world.embedded.put_record(replace(connected, record_id=beside_it))
    for minute in range(100):
        world.put_item(world.at(4) + timedelta(minutes=minute), serial_number=device.serial_number.value)
    monkeypatch.setattr(device_story, "MAX_RECORDS", 3)
    monkeypatch.setattr(audit_trail, "_MAX_ITEMS_A_CALL", 3)
    tables = replace(world.tables, endpoint_url=faulty.endpoint_url)
    told = device_story.device_story(
        device.serial_number,
        allow_list=AllowList(tables),
        trail=AuditTrail(tables),
        imports=ImportReader(tables),
        now=world.at(23),
    )

    assert not told.is_complete
    assert [(one.decision.reason, one.ending) for one in told.admissions] == [
        ("first_reservation", AdmissionEnding.IN_USE)
    ]
    # The newest; its decision; and 20 each for what lets it in and for what else there is.
    assert faulty.operations.count("Query") <= 50


def test_a_story_of_as_many_records_as_fit_is_complete(
    world: ArchiveWorld, device: AllowListEntry, fleetgate: Fleetgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_story, "MAX_RECORDS", 3)
    story = ("device", "story", device.serial_number.value, "--no-proof", "--json")
    for number, is_complete in enumerate([True, True, True, False]):
        world.put_item(world.at(number), serial_number=device.serial_number.value)
        document = fleetgate(*story).document
        assert (len(document["records"]), document["is_complete"]) == (min(number + 1, 3), is_complete)


def test_a_certificate_that_lost_its_place_is_told_with_the_one_that_took_it(
    fleetgate: Fleetgate, world: ArchiveWorld, device: AllowListEntry, lived: Lived, certificate_ids: Iterator[str]
) -> None:
    lived()
    assert device.device_certificate is not None
    current, new = device.device_certificate.certificate_id, next(certificate_ids)
    rotation = world.put_item(
        world.at(2),
        serial_number=device.serial_number.value,
        verdict=Verdict.ALLOWED,
        reason=AllowRule.ROTATION.value,
        certificate_id=new,
        claim_certificate_id=current,
        superseded_certificate_id=current,
    )
    world.put_item(
        world.at(2.5),
        serial_number=device.serial_number.value,
        kind=RecordKind.OUTCOME,
        verdict=None,
        reason=OutcomeReason.CONNECTED.value,
        decision_id=rotation["decision_id"]["S"],
    )
    shown = " ".join(fleetgate("device", "story", str(device.serial_number), "--no-proof").stdout.split())
    assert f"superseded by {new[:8]}: rotation" in shown
    assert "Outcome superseded: it was in use until the device got a later certificate" in shown
    assert f"With claim {current}, its own certificate until then" in shown


def test_a_thing_past_the_gate_is_pointed_out(
    fleetgate: Fleetgate, world: ArchiveWorld, device: AllowListEntry
) -> None:
    world.put_item(
        world.at(1),
        serial_number=device.serial_number.value,
        kind=RecordKind.OUTCOME,
        verdict=None,
        reason=OutcomeReason.UNAPPROVED_THING.value,
    )
    shown = fleetgate("device", "story", str(device.serial_number), "--no-proof").stdout
    assert "Beware" in shown
    assert "the hook was removed or bypassed" in " ".join(shown.split())


def test_a_device_that_is_on_no_list_has_a_story_as_well(fleetgate: Fleetgate, world: ArchiveWorld) -> None:
    serial_number = world.put_item(world.at(1))["serial_number"]["S"]
    shown = fleetgate("device", "story", serial_number, "--no-proof").stdout

    assert shown.startswith(f"{serial_number}  unknown\n")
    assert "Nobody approved this serial number." in shown
    assert "No list and no operator approved it, according to the audit trail." in shown
    assert "The gate never allowed it" in shown


def test_whoever_reads_a_story_is_on_record_and_not_part_of_it(
    fleetgate: Fleetgate, embedded: Embedded, device: AllowListEntry, lived: Lived
) -> None:
    records = lived()
    before = len(questions(embedded))
    answer = fleetgate("device", "story", str(device.serial_number), "--json")

    (asked,) = questions(embedded)[before:]
    assert (asked.action, asked.actor) == ("read_story", ROOT_ARN)
    assert asked.reason == f"serial_number={device.serial_number}"
    assert len(answer.document["records"]) == len(records)


def test_a_device_nobody_heard_of_has_no_story_but_the_question_is_on_record(
    fleetgate: Fleetgate, embedded: Embedded, serial_number: str
) -> None:
    answer = fleetgate("device", "story", serial_number, "--json")
    assert (answer.exit_code, answer.error["code"]) == (ExitCode.REFUSED, RefusalCode.UNKNOWN_DEVICE)
    assert questions(embedded)[-1].reason == f"serial_number={serial_number}"
