"""Whoever asks for audit records is on record."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetgate.domain.audit import AuditRecord, RecordKind
from fleetgate_cli.errors import ExitCode
from harness.command import Fleetgate, run
from harness.embedded import Embedded
from tests.integration.cli.audit.recorded import MACS, ROOT_ARN, SERIAL_NUMBERS, ids, questions
from tests.integration.cli.users import profiles_of

COMMANDS = {"list_records": ("list",), "export_records": ("export",), "count_records": ("stats",)}


@pytest.mark.parametrize(("action", "command"), COMMANDS.items(), ids=COMMANDS.keys())
def test_every_question_is_on_record_once_with_who_asked_what(
    fleetgate: Fleetgate, embedded: Embedded, span: tuple[str, ...], action: str, command: tuple[str, ...]
) -> None:
    before = len(questions(embedded))
    assert fleetgate("audit", *command, *span, "--mac", MACS[0]).exit_code == ExitCode.DONE

    (asked,) = questions(embedded)[before:]
    assert (asked.kind, asked.action, asked.actor) == (RecordKind.QUERY, action, ROOT_ARN)
    for told in (f"mac_address={MACS[0]}", f"from={span[1]}T00:00:00Z", "to="):
        assert told in asked.reason
    assert asked.reason.startswith("kind=decision " if action == "count_records" else "mac_address=")
    assert asked.serial_number is None


def test_questions_are_listed_if_they_are_asked_for_and_not_otherwise(fleetgate: Fleetgate, embedded: Embedded) -> None:
    fleetgate("audit", "stats")
    asked = questions(embedded)[-1]

    assert asked.record_id not in ids(fleetgate("audit", "list", "--limit", "10000", "--json"))
    assert asked.record_id in ids(fleetgate("audit", "list", "--kind", "query", "--limit", "10000", "--json"))
    exported = fleetgate("audit", "export", "--format", "jsonl").stdout
    assert asked.record_id not in exported
    assert "count_records" in fleetgate("audit", "list", "--kind", "query", "--actor", ROOT_ARN).stdout


@pytest.fixture
def read_only(embedded: Embedded, fleetgate: Fleetgate, tmp_path: Path) -> Iterator[Fleetgate]:
    """Runs the command as somebody who may read the tables, and write nothing."""
    actions = ("cloudformation:DescribeStacks", "dynamodb:Query", "dynamodb:GetItem", "dynamodb:DescribeTable")
    where = ("--profile", "reader", "--region", embedded.stack.region)
    with profiles_of(embedded, "reader", *actions, folder=tmp_path):
        yield lambda *arguments: run(*where, *arguments)


@pytest.mark.parametrize(
    "command",
    [("audit", "list"), ("audit", "export"), ("audit", "stats"), ("device", "story", SERIAL_NUMBERS[0])],
    ids=lambda command: " ".join(command[:2]),
)
def test_a_question_that_cannot_be_put_on_record_gets_no_answer(
    read_only: Fleetgate, records: list[AuditRecord], tmp_path: Path, command: tuple[str, ...]
) -> None:
    assert records
    answer = read_only(*command, "--json")
    assert (answer.exit_code, answer.error["code"]) == (ExitCode.COULD_NOT_CHECK, "store_access_denied")


def test_an_export_that_cannot_be_put_on_record_leaves_no_file(read_only: Fleetgate, tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    answer = read_only("audit", "export", "--output", str(folder / "records.csv"), "--json")
    assert answer.exit_code == ExitCode.COULD_NOT_CHECK
    assert list(folder.iterdir()) == []
