"""`fleetgate device story` says which of its records are proven, and by what."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ulid import ULID

from fleetgate.archive.digest import digest_key
from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.reasons import AllowRule
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.local_stack import StackDescription
from harness.archive_world import ArchiveWorld, new_key
from harness.command import Fleetgate
from harness.embedded import Embedded
from tests.integration.cli.story.asking import Lived


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
