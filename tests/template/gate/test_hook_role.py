"""The hook's role: what the code does, on the things it does it to, and nothing else; and nobody rewrites history."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.gate.register_thing import register_thing
from fleetgate.gate.request import RegistrationRequest
from fleetgate.gate.settings import HookSettings
from fleetgate.gate.store import GateStore
from fleetgate.store.allow_list_items import assignment_key, device_key
from fleetgate.store.audit_items import make_clock
from harness import faulty_dynamodb as faults
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from tests.template.grants import Statement, statements
from tests.template.intrinsics import Deployment

ROLE = "HookFunctionRole"
KEYS = [device_key(SerialNumber("*")), assignment_key("*")]
ONLY_DEVICES_AND_KEYS = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": KEYS}}
MAC = "00:1b:44:11:3a:b7"

# Under which name IAM knows each part of a transaction. DynamoDB developer guide, "Using IAM with transactions".
_PARTS = {"Update": "UpdateItem", "Put": "PutItem", "ConditionCheck": "ConditionCheckItem", "Delete": "DeleteItem"}


@pytest.fixture(scope="module")
def all_granted(template: dict[str, Any]) -> list[Statement]:
    """All that anybody may do."""
    return list(statements(template))


@pytest.fixture(scope="module")
def granted(all_granted: list[Statement]) -> list[Statement]:
    """All that the hook may do."""
    return [statement for statement in all_granted if statement.role == ROLE]


def test_the_hook_runs_under_this_role_and_nobody_else_can_take_it(defaults: Deployment) -> None:
    function, role = defaults.resource("HookFunction"), defaults.resource(ROLE)

    assert function["Role"] == f"{ROLE}.Arn"
    assert "Policies" not in function
    assert "ManagedPolicyArns" not in role
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert (trust["Effect"], trust["Action"], trust["Principal"]) == (
        "Allow",
        "sts:AssumeRole",
        {"Service": "lambda.amazonaws.com"},
    )


def test_the_statements_are_these(granted: list[Statement]) -> None:
    logging = frozenset({"logs:CreateLogStream", "logs:PutLogEvents"})
    changing = frozenset({"dynamodb:ConditionCheckItem", "dynamodb:UpdateItem"})

    assert granted == [
        Statement(ROLE, "FindTheFacts", frozenset({"dynamodb:BatchGetItem"}), ("AllowListTable.Arn",), {}),
        Statement(ROLE, "ReserveADevice", changing, ("AllowListTable.Arn",), ONLY_DEVICES_AND_KEYS),
        Statement(ROLE, "AppendToTheAuditTrail", frozenset({"dynamodb:PutItem"}), ("AuditTable.Arn",), {}),
        Statement(ROLE, "WriteLogs", logging, ("HookLogGroup.Arn",), {}),
    ]


def test_nothing_is_granted_by_wildcard(granted: list[Statement]) -> None:
    assert not [text for statement in granted for text in (*statement.actions, *statement.resources) if "*" in text]


def test_what_is_granted_is_what_the_code_does(granted: list[Statement], requests: list["Request"]) -> None:
    on_tables = {
        (action, resource.removesuffix(".Arn"))
        for statement in granted
        for action in statement.actions
        for resource in statement.resources
        if action.startswith("dynamodb:")
    }
    assert on_tables == {action for operation, body in requests for action, _ in actions(operation, body)}


def test_the_code_changes_nothing_but_device_entries_and_key_assignments_in_the_allow_list(
    requests: list["Request"],
) -> None:
    changed = [
        key
        for operation, body in requests
        for (action, table), key in actions(operation, body)
        if table == "AllowListTable" and action not in ("dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem")
    ]
    assert {key for key in changed if key.startswith(assignment_key(""))}
    assert all(key.startswith((device_key(SerialNumber("")), assignment_key(""))) for key in changed)


def test_the_code_checks_nothing_but_device_entries_and_key_assignments(requests: list["Request"]) -> None:
    checked = {
        key
        for operation, body in requests
        for (action, _), key in actions(operation, body)
        if action == "dynamodb:ConditionCheckItem"
    }
    assert {key for key in checked if key.startswith(assignment_key(""))}
    assert all(key.startswith((device_key(SerialNumber("")), assignment_key(""))) for key in checked)


# ---- Nobody rewrites history ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "action",
    [
        *("UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLUpdate", "PartiQLDelete", "PartiQLInsert"),
        *("DeleteTable", "UpdateTable", "UpdateTimeToLive", "UpdateContinuousBackups"),
    ],
)
def test_nobody_is_granted_a_change_of_the_audit_table(action: str, all_granted: list[Statement]) -> None:
    granting = [
        (statement.role, statement.sid)
        for statement in all_granted
        for resource in ("AuditTable.Arn", "arn:aws:dynamodb:eu-central-1:123456789012:table/AuditTable")
        if statement.grants(f"dynamodb:{action}", resource)
    ]
    assert granting == []


# ---- What the code does -----------------------------------------------------------------------------------------

# A DynamoDB operation and its request.
Request = tuple[str, dict[str, Any]]


@pytest.fixture(scope="module")
def requests(embedded: Embedded) -> list[Request]:
    """Everything the hook's workflow asks of DynamoDB for an allow, its retry, a denial and an unreadable request."""
    seen: list[Request] = []

    def observe(doorman: Any) -> None:
        seen.append((doorman.headers["X-Amz-Target"].rpartition(".")[2], json.loads(doorman.request_body)))
        faults.behave(doorman)

    claim = ClaimCertificate(certificate_id="c0" * 32, manufacturer="acme")
    embedded.put(claim)
    embedded.put(
        AllowListEntry(
            serial_number=SerialNumber("TEMPLATE-TEST"),
            manufacturer="acme",
            mac_addresses=frozenset({MacAddress.parse(MAC)}),
        )
    )
    settings = HookSettings.from_environment(embedded.hook_environment)
    with pytest.MonkeyPatch.context() as patch, FaultyDynamoDB.before(embedded.stack.endpoint_url) as world:
        world.always(observe)
        for name, value in {**embedded.aws_environment("HookFunction"), "AWS_ENDPOINT_URL": world.endpoint_url}.items():
            patch.setenv(name, value)
        store = GateStore(settings.tables)
        for serial_number in ("TEMPLATE-TEST", "TEMPLATE-TEST", "UNKNOWN", "not a serial number"):
            register_thing(
                RegistrationRequest(
                    certificate_id="de" * 32,
                    key_fingerprint="ae" * 32,
                    claim_certificate_id=claim.certificate_id,
                    template_arn=settings.policy.template_arn,
                    presented_client_id="claim-test",
                    presented_parameters={"SerialNumber": serial_number, "MacAddress": MAC},
                ),
                policy=settings.policy,
                store=store,
                clock=make_clock(),
            )
    names = {embedded.stack.outputs[f"{table}Name"]: table for table in ("AllowListTable", "AuditTable")}
    return [(operation, json.loads(rename(json.dumps(body), names))) for operation, body in seen]


def rename(text: str, names: dict[str, str]) -> str:
    """A text with every physical table name turned into its logical ID."""
    for physical, logical in names.items():
        text = text.replace(physical, logical)
    return text


def actions(operation: str, body: dict[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    """The IAM action, table and partition key of every part of a request."""
    match operation:
        case "BatchGetItem":
            for table, wanted in body["RequestItems"].items():
                for key in wanted["Keys"]:
                    yield ("dynamodb:BatchGetItem", table), partition_key(key)
        case "TransactWriteItems":
            for ((part, request),) in (item.items() for item in body["TransactItems"]):
                yield (
                    (f"dynamodb:{_PARTS[part]}", request["TableName"]),
                    partition_key(request.get("Key") or request["Item"]),
                )
        case _:
            yield (f"dynamodb:{operation}", body["TableName"]), partition_key(body.get("Key") or body["Item"])


def partition_key(attributes: dict[str, Any]) -> str:
    """The partition key's value in a key or item of either table."""
    return str((attributes.get("pk") or attributes["subject"])["S"])
