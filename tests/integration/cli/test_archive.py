"""`fleetgate audit verify` and `rearchive`, as the security team types them, on an archive of a test's own."""

from pathlib import Path

import pytest

from fleetgate.archive.digest import digest_key
from fleetgate.domain.documents import instant
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.local_stack import FOLDER_NAME, StackDescription
from harness.archive_world import ArchiveWorld, new_key
from harness.command import Fleetgate, run
from harness.embedded import Embedded


@pytest.fixture
def world(embedded: Embedded) -> ArchiveWorld:
    """An archive of four hours of a day long ago."""
    world = ArchiveWorld.of(embedded)
    for hour in (0, 1, 3):
        world.archived(world.record(4, hour), hour=hour + 0.5)
    world.sealed(hour=25.5)
    return world


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
def day(world: ArchiveWorld) -> tuple[str, ...]:
    """The command line for that day."""
    return ("audit", "verify", "--from", f"{world.day:%Y-%m-%d}", "--to", f"{world.day:%Y-%m-%d}")


def test_a_sound_archive_is_said_to_be_sound(fleetgate: Fleetgate, day: tuple[str, ...], world: ArchiveWorld) -> None:
    shown, answer = fleetgate(*day), fleetgate(*day, "--json")

    assert (shown.exit_code, answer.exit_code) == (ExitCode.DONE, ExitCode.DONE)
    first, second, _ = shown.stdout.splitlines()
    span = f"from {instant(world.at(0))} to {instant(world.at(24))}"
    assert first == f"The archive is sound: 24 hours {span}, 12 records."
    assert second.startswith("  3 objects, 12 records in the audit table (")
    document = answer.document
    assert (document["sound"], document["first"], document["findings"]) == (True, None, [])
    assert (document["hours"], document["records"], document["table_records"]) == (24, 12, 12)
    assert document["last_digest"]["key"] == digest_key(world.at(23))


def test_no_hour_is_called_sound_that_was_not_verified(fleetgate: Fleetgate, world: ArchiveWorld) -> None:
    two_days = ("audit", "verify", "--from", f"{world.at(-2):%Y-%m-%dT%H}", "--to", f"{world.at(1):%Y-%m-%dT%H}")
    shown, document = fleetgate(*two_days).stdout.splitlines(), fleetgate(*two_days, "--json").document

    span = f"from {instant(world.at(0))} to {instant(world.at(2))}"
    assert shown[0] == f"The archive is sound: 2 hours {span}, 8 records."
    assert shown[1] == "Not verified: 2 hours before the archive begins."
    assert (document["from"], document["verified_from"]) == (instant(world.at(-2)), instant(world.at(0)))
    assert document["to"] == document["verified_to"] == instant(world.at(2))


def test_one_hour_can_be_verified_by_itself(fleetgate: Fleetgate, world: ArchiveWorld) -> None:
    hour = f"{world.at(1):%Y-%m-%dT%H}"
    document = fleetgate("audit", "verify", "--from", hour, "--to", hour, "--json").document

    assert (document["hours"], document["records"], document["sound"]) == (1, 4, True)


def test_a_tampered_archive_is_caught_and_the_first_that_was_touched_is_named(
    fleetgate: Fleetgate, day: tuple[str, ...], world: ArchiveWorld
) -> None:
    (first,), (second,) = world.digest(1).objects, world.digest(3).objects
    world.remove(second.key)
    world.overwrite(first.key, b"forged")
    shown, answer = fleetgate(*day), fleetgate(*day, "--json")

    assert (shown.exit_code, answer.exit_code) == (ExitCode.REFUSED, ExitCode.REFUSED)
    lines = shown.stdout.splitlines()
    assert lines[0].startswith("The archive is NOT SOUND")
    assert lines[1:4] == ["First:", "  An object is not what it was when the hour was sealed.", f"  {first.key}"]
    assert f"  {world.at(3):%Y-%m-%dT%H}  object_removed         {second.key}" in lines
    assert answer.document["first"]["code"] == "object_changed"
    assert answer.document["first"]["key"] == first.key
    assert answer.document["first"]["original_version_id"] == first.version_id
    assert [one["code"] for one in answer.document["findings"]] == [
        *("object_changed", "record_not_archived", "object_removed", "record_not_archived"),
    ]


def test_a_saved_key_is_enough_and_another_one_is_not(
    fleetgate: Fleetgate, day: tuple[str, ...], world: ArchiveWorld, tmp_path: Path
) -> None:
    kms = world.embedded.client("kms")
    ours, other, no_key = tmp_path / "ours.der", tmp_path / "other.der", tmp_path / "no.der"
    ours.write_bytes(world.key.public_key())
    other.write_bytes(kms.get_public_key(KeyId=new_key(world.embedded))["PublicKey"])
    no_key.write_text("-----BEGIN PUBLIC KEY-----\nnothing\n-----END PUBLIC KEY-----\n")

    assert fleetgate(*day, "--public-key", str(ours)).exit_code == ExitCode.DONE
    assert fleetgate(*day, "--public-key", str(other), "--public-key", str(ours)).exit_code == ExitCode.DONE
    answer = fleetgate(*day, "--public-key", str(other), "--json")
    assert (answer.exit_code, answer.document["first"]["code"]) == (ExitCode.REFUSED, "digest_of_another_key")
    refused = fleetgate(*day, "--public-key", str(ours), "--public-key", str(no_key))
    assert refused.exit_code == ExitCode.USAGE
    assert refused.stderr.endswith(f"{no_key} is not a public key in PEM or DER.\n")


def test_what_cannot_be_checked_is_neither_sound_nor_tampered_with(
    fleetgate: Fleetgate, world: ArchiveWorld, day: tuple[str, ...]
) -> None:
    before = f"{world.at(-30):%Y-%m-%d}"
    nothing = fleetgate("audit", "verify", "--from", before, "--to", before, "--json")
    assert (nothing.exit_code, nothing.error["code"]) == (ExitCode.COULD_NOT_CHECK, "nothing_sealed")
    begins = f"the archive begins at {instant(world.at(0))}, after the time that was asked for."
    assert nothing.error["message"] == begins

    world.embedded.client("kms").disable_key(KeyId=world.key_id)
    assert fleetgate(*day).exit_code == ExitCode.DONE  # the public key of a key that signs no more is still told


@pytest.mark.parametrize("span", [["--from", "yesterday"], ["--from", "2026-02-30"], ["--to", "2000-01-01"]])
def test_a_span_that_is_none_is_refused(fleetgate: Fleetgate, span: list[str]) -> None:
    assert fleetgate("audit", "verify", *span).exit_code == ExitCode.USAGE


def test_what_the_stream_forgot_is_archived_from_the_table(
    fleetgate: Fleetgate, day: tuple[str, ...], world: ArchiveWorld
) -> None:
    world.record(3, 1.5)
    assert fleetgate(*day, "--json").document["first"]["code"] == "record_not_archived"
    again = ("audit", "rearchive", "--day", f"{world.day:%Y-%m-%d}")

    assert fleetgate(*again, "--json").document["archived"] == 3
    assert fleetgate(*again).stdout == f"No record of {world.day:%Y-%m-%d} was missing.\n"
    batches = [key for key in world.keys("arrived/") if f"year={world.day:%Y}/" not in key]
    assert len(batches) == 1
