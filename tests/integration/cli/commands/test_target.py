"""Which stack the command reaches, and with whose credentials."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fleetgate_cli.errors import ExitCode
from harness.command import run
from harness.embedded import Embedded
from tests.integration.cli.commands.devices import records_of
from tests.integration.cli.users import profiles_of


@pytest.fixture
def profiles(embedded: Embedded, tmp_path: Path) -> Iterator[None]:
    """AWS profiles `root` and `visitor`, and nothing else that could be taken for credentials.

    The visitor may look up the stack, but not its tables.
    """
    with profiles_of(embedded, "visitor", "cloudformation:DescribeStacks", folder=tmp_path):
        yield


def test_a_stack_is_found_by_its_name_and_reached_with_the_profile(
    profiles: None, embedded: Embedded, approved: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ("--profile", "root", "--region", embedded.stack.region)
    by_environment = run(*where, "allow-list", "show", approved, "--json")
    assert by_environment.exit_code == ExitCode.DONE
    monkeypatch.setenv("AWS_REGION", embedded.stack.region)
    assert run("--profile", "root", "allow-list", "show", approved).exit_code == ExitCode.DONE
    by_option = run("allow-list", "show", approved, *where, "--stack-name", "another")
    assert by_option.exit_code == ExitCode.COULD_NOT_CHECK
    assert "there is no stack another" in by_option.stderr


def test_without_a_region_the_way_to_set_one_is_told(profiles: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    answer = run("--profile", "root", "claim", "list", "--json")
    assert answer.exit_code == ExitCode.COULD_NOT_CHECK
    assert answer.error == {
        "code": "no_region",
        "message": "No AWS region is set: give --region, or set AWS_REGION.",
    }


def test_the_tables_are_asked_with_the_credentials_of_the_profile(
    profiles: None, embedded: Embedded, approved: str
) -> None:
    answer = run("--profile", "visitor", "--region", embedded.stack.region, "allow-list", "show", approved, "--json")
    assert answer.exit_code == ExitCode.COULD_NOT_CHECK
    assert answer.error["code"] == "store_access_denied"


def test_an_audit_record_is_kept_as_long_as_the_stack_says(
    profiles: None, embedded: Embedded, serial_number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The stack's own default is the same as the command's, and would hide which of them was taken.
    monkeypatch.setattr("fleetgate_cli.target.DEFAULT_AUDIT_RETENTION", timedelta(days=1))
    where = ("--profile", "root", "--region", embedded.stack.region)
    assert run(*where, "allow-list", "add", serial_number, "--manufacturer", "acme").exit_code == ExitCode.DONE
    (item,) = embedded.dynamodb.query(
        TableName=embedded.stack.outputs["AuditTableName"],
        KeyConditionExpression="subject = :subject",
        ExpressionAttributeValues={":subject": {"S": f"device#{serial_number}"}},
    )["Items"]
    days = int(embedded.hook_environment["AUDIT_RETENTION_DAYS"])
    recorded_at = records_of(embedded, serial_number)[0].recorded_at
    assert int(item["expires_at_epoch_seconds"]["N"]) == int((recorded_at + timedelta(days=days)).timestamp())
