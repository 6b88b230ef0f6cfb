"""The hook's role may do what the hook does, and nothing else: asked of IAM, not read from the template.

The embedded AWS does not know dynamodb:LeadingKeys, which keeps the hook's updates to device entries; the template
tests hold that condition.
"""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fleetgate.domain.allow_list import AllowListEntry
from harness.embedded import Embedded


@pytest.fixture
def as_hook(embedded: Embedded) -> Callable[[str], Any]:
    """boto3 clients under the hook's role."""
    credentials = embedded.role_of("HookFunction")
    return lambda service: embedded.client(service, credentials)


def _update(key: str, table: str) -> dict[str, Any]:
    return {
        "TableName": table,
        "Key": {"pk": {"S": key}},
        "UpdateExpression": "SET #h = :h",
        "ExpressionAttributeNames": {"#h": "hold"},
        "ExpressionAttributeValues": {":h": {"S": "none"}},
    }


def test_the_hook_may_update_a_device_entry(
    as_hook: Callable[[str], Any], embedded: Embedded, approved: AllowListEntry
) -> None:
    table = embedded.stack.outputs["AllowListTableName"]
    as_hook("dynamodb").update_item(**_update(f"device#{approved.serial_number}", table))


def test_the_hook_may_not_touch_anything_else(
    as_hook: Callable[[str], Any], embedded: Embedded, approved: AllowListEntry
) -> None:
    allow_list = embedded.stack.outputs["AllowListTableName"]
    audit = embedded.stack.outputs["AuditTableName"]
    device = {"pk": {"S": f"device#{approved.serial_number}"}}
    record = {"subject": {"S": "device#x"}, "record_id": {"S": "x"}}
    dynamodb, iot, iam = as_hook("dynamodb"), as_hook("iot"), as_hook("iam")
    forbidden: dict[str, Callable[[], Any]] = {
        "approve a device": lambda: dynamodb.put_item(TableName=allow_list, Item=device),
        "remove a device": lambda: dynamodb.delete_item(TableName=allow_list, Key=device),
        "read the whole allow-list": lambda: dynamodb.scan(TableName=allow_list),
        "remove a record": lambda: dynamodb.delete_item(TableName=audit, Key=record),
        "change a record": lambda: dynamodb.update_item(
            TableName=audit,
            Key=record,
            UpdateExpression="SET reason = :r",
            ExpressionAttributeValues={":r": {"S": "x"}},
        ),
        "read the audit trail": lambda: dynamodb.query(
            TableName=audit, KeyConditionExpression="subject = :s", ExpressionAttributeValues={":s": {"S": "x"}}
        ),
        "make a thing": lambda: iot.create_thing(thingName="x"),
        "give itself more": lambda: iam.put_role_policy(
            RoleName="x", PolicyName="x", PolicyDocument='{"Version":"2012-10-17","Statement":[]}'
        ),
    }
    for deed, attempt in forbidden.items():
        assert _error_code(attempt) in {"AccessDenied", "AccessDeniedException"}, deed


def _error_code(attempt: Callable[[], Any]) -> str | None:
    try:
        attempt()
    except ClientError as refused:
        return str(refused.response["Error"]["Code"])
    return None
