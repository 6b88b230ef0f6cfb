"""`fleetgate device story`: one command says who let a device in, from which list, what then, and what is proven."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ulid import ULID

from fleetgate.archive.digest import digest_key
from fleetgate.domain.allow_list import AllowListEntry, DeviceCertificate, Hold
from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.claim import ClaimCertificate, ClaimStatus
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.domain.reasons import AllowRule, DenialReason
from fleetgate.domain.refusals import RefusalCode
from fleetgate.imports.record import ImportRecord
from fleetgate.imports.store.records import ImportRecords
from fleetgate.operators.stop_store import StopStore
from fleetgate.outcomes.outcome import Evidence
from fleetgate.trail import device_story
from fleetgate.trail import store as audit_trail
from fleetgate.trail.store import AuditTrail
from fleetgate.trail.story import Ending
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.local_stack import FOLDER_NAME, StackDescription
from harness.archive_world import ArchiveWorld, new_key
from harness.command import Fleetgate, run
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from harness.import_world import ALICE, BOB, ImportWorld

MAC, OTHER_MAC = "00:1b:44:11:3a:b7", "00:1b:44:11:3a:b8"
ROOT_ARN = "arn:aws:iam::000000000000:root"


@pytest.fixture
def world(embedded: Embedded) -> ArchiveWorld:
    """An archive in which nothing is, and a day long ago that no other test records on."""
    return ArchiveWorld.of(embedded)


@pytest.fixture
def fleetgate(
    world: ArchiveWorld, stack: StackDescription, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Fleetgate:
    """Runs the command with --local on the running stack, but for its archive."""
    outputs = {**stack.outputs, "ArchiveName": world.bucket, "SealingKeyArn": world.key_id}
    (tmp_path / FOLDER_NAME).mkdir()
    stack.model_copy(update={"outputs": outputs}).save(tmp_path)
    monkeypatch.chdir(tmp_path)
    # The command adds the stack's host to it; put back what was there.
    monkeypatch.setenv("no_proxy", "")
    return lambda *arguments: run("--local", *arguments)


@pytest.fixture
def imported(imports: ImportWorld) -> ImportRecord:
    """A list that a second person approved."""
    delivery = imports.deliver(f"sn,mac\n{imports.manufacturer}-1,{MAC}\n", name="january.csv", uploader=ALICE)
    approved = imports.importer(is_held=True).run(delivery).changed(approved_by=BOB)
    assert imports.records.change(approved)
    return approved


@pytest.fixture
def device(
    embedded: Embedded, imported: ImportRecord, serial_number: str, certificate_ids: Iterator[str]
) -> AllowListEntry:
    """A provisioned device of that list."""
    entry = AllowListEntry(
        serial_number=SerialNumber(serial_number),
        manufacturer="acme",
        mac_addresses=frozenset({MacAddress(MAC)}),
        device_certificate=DeviceCertificate(certificate_id=next(certificate_ids), decision_id="a-decision"),
        import_id=imported.import_id,
        import_line=17,
        first_import_id=imported.import_id,
    )
    embedded.put(entry)
    return entry


@pytest.fixture
def claim(embedded: Embedded, certificate_ids: Iterator[str]) -> ClaimCertificate:
    """The claim certificate it came with, blocked since."""
    claim = ClaimCertificate(certificate_id=next(certificate_ids), manufacturer="acme", status=ClaimStatus.BLOCKED)
    embedded.put(claim)
    return claim


Lived = Callable[..., list[AuditRecord]]


@pytest.fixture
def lived(world: ArchiveWorld, device: AllowListEntry, claim: ClaimCertificate) -> Lived:
    """Records what happened to the device in the first hours of the day, has it archived, and sealed if it is told to.

    It was approved in no other way than by the list, denied twice for its MAC address, let in, asked again, connected,
    and was put into quarantine.
    """

    def live(*, sealed: bool = True, seals_until: float = 5.5) -> list[AuditRecord]:
        decided_at = world.at(1)
        decision_id = str(ULID.from_datetime(decided_at))
        assert device.device_certificate is not None
        common: dict[str, Any] = {
            "serial_number": device.serial_number.value,
            "manufacturer": "acme",
            "import_id": device.import_id,
        }
        request = {
            **common,
            "certificate_id": device.device_certificate.certificate_id,
            "claim_certificate_id": claim.certificate_id,
        }
        denied = {**request, "verdict": Verdict.DENIED, "reason": DenialReason.MAC_ADDRESS_MISMATCH.value}
        allowed = {**request, "verdict": Verdict.ALLOWED, "decision_id": decision_id}
        told: list[tuple[datetime, dict[str, Any]]] = [
            (world.at(0.1), {**denied, "presented_mac_address": OTHER_MAC}),
            (world.at(0.2), {**denied, "presented_mac_address": OTHER_MAC}),
            (decided_at, {**allowed, "record_id": decision_id, "reason": AllowRule.FIRST_RESERVATION.value}),
            (world.at(1.001), {**allowed, "reason": AllowRule.SAME_CERTIFICATE_RETRY.value}),
            (
                world.at(1.01),
                {
                    **request,
                    "kind": RecordKind.OUTCOME,
                    "verdict": None,
                    "reason": Evidence.CONNECTED.value,
                    "decision_id": decision_id,
                },
            ),
            (
                world.at(3.5),
                {
                    **common,
                    "kind": RecordKind.OPERATOR_ACTION,
                    "verdict": None,
                    "action": "quarantine",
                    "actor": ALICE,
                    "reason": "stolen, case 4711",
                },
            ),
        ]
        for moment, changes in told:
            item = world.put_item(moment, **{"decision_id": None, **changes})
            world.archived([world.inserted(item)], hour=(moment - world.day) / timedelta(hours=1) + 0.1)
        if sealed:
            world.sealed(hour=seals_until)
        return world.embedded.records(f"device#{device.serial_number}")

    return live


def questions(embedded: Embedded) -> list[AuditRecord]:
    """The questions on record, oldest first."""
    return embedded.records("queries")


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


def test_a_record_that_somebody_altered_is_named_and_the_exit_code_says_no(
    fleetgate: Fleetgate, world: ArchiveWorld, device: AllowListEntry, lived: Lived
) -> None:
    altered = replace(lived()[2], reason=AllowRule.REPAIR_WINDOW.value)
    world.embedded.put_record(altered)
    shown = fleetgate("device", "story", str(device.serial_number))
    answer = fleetgate("device", "story", str(device.serial_number), "--json")

    assert (shown.exit_code, answer.exit_code) == (ExitCode.REFUSED, ExitCode.REFUSED)
    proof = answer.document["proof"]
    assert proof["records"][altered.record_id] == "not_proven"
    assert (proof["sealed"], proof["not_proven"]) == (5, 1)
    assert [(found["code"], found["records"]) for found in proof["findings"]] == [
        ("record_differs", [altered.record_id])
    ]
    assert "1 record is NOT PROVEN." in shown.stdout
    assert "The record reads differently in the audit table and in the archive." in shown.stdout
    (row,) = [line for line in shown.stdout.splitlines() if line.rstrip().endswith("NOT PROVEN")]
    assert "repair_window" in row


def test_an_archive_that_was_tampered_with_proves_nothing(
    fleetgate: Fleetgate, world: ArchiveWorld, device: AllowListEntry, lived: Lived
) -> None:
    lived()
    world.overwrite(digest_key(world.at(1)), b"{}")
    answer = fleetgate("device", "story", str(device.serial_number), "--json")

    assert answer.exit_code == ExitCode.REFUSED
    assert {found["code"] for found in answer.document["proof"]["findings"]} == {"digest_changed"}


def test_what_is_not_sealed_yet_is_no_failure(fleetgate: Fleetgate, embedded: Embedded, device: AllowListEntry) -> None:
    now = datetime.now(UTC)
    embedded.put_record(
        AuditRecord(
            record_id=str(ULID.from_datetime(now)),
            recorded_at=now,
            kind=RecordKind.DECISION,
            verdict=Verdict.DENIED,
            reason="already_provisioned",
            serial_number=device.serial_number.value,
        )
    )
    shown = fleetgate("device", "story", str(device.serial_number))

    assert shown.exit_code == ExitCode.DONE
    assert "1 record is not sealed yet" in shown.stdout


def test_what_cannot_be_checked_is_neither_proven_nor_not(
    fleetgate: Fleetgate, world: ArchiveWorld, device: AllowListEntry, lived: Lived, stack: StackDescription
) -> None:
    lived()
    outputs = {**stack.outputs, "ArchiveName": "there-is-none", "SealingKeyArn": world.key_id}
    stack.model_copy(update={"outputs": outputs}).save(Path.cwd())
    story = ("device", "story", str(device.serial_number))

    answer = fleetgate(*story, "--json")
    assert (answer.exit_code, answer.error["code"]) == (ExitCode.COULD_NOT_CHECK, "archive_unavailable")
    told = fleetgate(*story, "--no-proof", "--json")
    assert (told.exit_code, told.document["proof"]) == (ExitCode.DONE, None)
    assert "Nothing was checked." in fleetgate(*story, "--no-proof").stdout


def test_a_saved_key_is_enough_and_another_one_is_not(
    fleetgate: Fleetgate, world: ArchiveWorld, device: AllowListEntry, lived: Lived, tmp_path: Path
) -> None:
    lived()
    ours, other = tmp_path / "ours.der", tmp_path / "other.der"
    ours.write_bytes(world.key.public_key())
    other.write_bytes(
        world.embedded.client("kms").get_public_key(KeyId=new_key(world.embedded))["PublicKey"],
    )
    story = ("device", "story", str(device.serial_number))

    assert fleetgate(*story, "--public-key", str(ours)).exit_code == ExitCode.DONE
    assert fleetgate(*story, "--public-key", str(other)).exit_code == ExitCode.REFUSED
    assert fleetgate(*story, "--public-key", str(ours), "--no-proof").exit_code == ExitCode.USAGE


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
    monkeypatch.setattr(device_story, "MOST_RECORDS", 5)
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
    monkeypatch.setattr(device_story, "MOST_RECORDS", 3)
    monkeypatch.setattr(audit_trail, "_MOST_ITEMS_A_CALL", 3)
    tables = replace(world.tables, endpoint_url=faulty.endpoint_url)
    told = device_story.device_story(
        device.serial_number,
        store=StopStore(tables),
        trail=AuditTrail(tables),
        imports=ImportRecords(tables),
        now=world.at(23),
    )

    assert not told.is_complete
    assert [(one.decision.reason, one.ending) for one in told.admissions] == [("first_reservation", Ending.IN_USE)]
    # The newest; its decision; and 20 each for what lets it in and for what else there is.
    assert faulty.operations.count("Query") <= 50


def test_a_story_of_as_many_records_as_fit_is_complete(
    world: ArchiveWorld, device: AllowListEntry, fleetgate: Fleetgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_story, "MOST_RECORDS", 3)
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
        reason=Evidence.CONNECTED.value,
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
        reason=Evidence.UNAPPROVED_THING.value,
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
