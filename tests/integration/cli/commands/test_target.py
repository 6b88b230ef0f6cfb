"""Which stack the command reaches, and with whose credentials."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fleetgate_cli.errors import ExitCode
from harness.command import run
from harness.embedded import Embedded
from local.embedded.deploy import STACK_NAME
from tests.integration.cli.commands.devices import records_of


@pytest.fixture
def profiles(embedded: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS profiles `root` and `visitor`, and nothing else that could be taken for credentials.

    The visitor may look up the stack, but not its tables.
    """
    iam = embedded.client("iam")
    iam.create_user(UserName="visitor")
    statement = {"Effect": "Allow", "Action": "cloudformation:DescribeStacks", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="visitor", PolicyName="look", PolicyDocument=document)
    visitor = iam.create_access_key(UserName="visitor")["AccessKey"]
    (tmp_path / "credentials").write_text(
        "[root]\naws_access_key_id=test\naws_secret_access_key=test\n"
        f"[visitor]\naws_access_key_id={visitor['AccessKeyId']}\naws_secret_access_key={visitor['SecretAccessKey']}\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", embedded.stack.endpoint_url)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("FLEETGATE_STACK_NAME", STACK_NAME)
    yield
    iam.delete_access_key(UserName="visitor", AccessKeyId=visitor["AccessKeyId"])
    iam.delete_user_policy(UserName="visitor", PolicyName="look")
    iam.delete_user(UserName="visitor")


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
