"""The example events of the watcher, and what its role may do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fleetgate.domain.claim import ClaimCertificate
from fleetgate.watch import watcher
from harness.embedded import Embedded
from tests.integration.watch.guessing import BLOCKED, Invoke, context, done_about, metrics_in

_EVENTS = Path(__file__).parents[3] / "events" / "watcher"
_EXAMPLES_CLAIM = ClaimCertificate(certificate_id="c1a2" * 16, manufacturer="acme")
# By example: what is on record of its claim certificate, and how many records could not be read.
_EXAMPLES: dict[str, tuple[list[tuple[str, str | None]], int]] = {
    "one-device-again-and-again": ([], 0),
    "stopped-gate": ([], 0),
    "unreadable-record": ([], 1),
    "burst": (BLOCKED, 0),
}


def test_every_example_event_is_known_here() -> None:
    assert {path.stem for path in _EVENTS.iterdir()} == set(_EXAMPLES)


def test_an_example_leads_to_what_its_name_says(
    embedded: Embedded, invoke: Invoke, capsys: pytest.CaptureFixture[str]
) -> None:
    embedded.put(_EXAMPLES_CLAIM)
    for name, (done, unreadable) in _EXAMPLES.items():
        invoke([])
        capsys.readouterr()
        answer = watcher.handler(json.loads((_EVENTS / f"{name}.json").read_text()), context())

        assert answer == {"batchItemFailures": []}, name
        assert done_about(embedded, _EXAMPLES_CLAIM) == done, name
        assert metrics_in(capsys.readouterr().out).get("WatchFault", 0) == unreadable, name


def test_the_watcher_may_not_do_anything_else(embedded: Embedded, claim: ClaimCertificate) -> None:
    """dynamodb:LeadingKeys, which keeps its updates to claim certificates, is held by a template test."""
    outputs = embedded.stack.outputs
    credentials = embedded.role_of("WatcherFunction")
    dynamodb, sns = embedded.client("dynamodb", credentials), embedded.client("sns", credentials)
    allow_list, audit = outputs["AllowListTableName"], outputs["AuditTableName"]
    item = {"pk": {"S": f"claim#{claim.certificate_id}"}}
    record = {"subject": {"S": "claim#x"}, "record_id": {"S": "x"}}
    forbidden: dict[str, Callable[[], Any]] = {
        "register a claim certificate": lambda: dynamodb.put_item(TableName=allow_list, Item=item),
        "remove a claim certificate": lambda: dynamodb.delete_item(TableName=allow_list, Key=item),
        "read the whole allow-list": lambda: dynamodb.scan(TableName=allow_list),
        "remove a record": lambda: dynamodb.delete_item(TableName=audit, Key=record),
        "change a record": lambda: dynamodb.update_item(
            TableName=audit,
            Key=record,
            UpdateExpression="SET reason = :r",
            ExpressionAttributeValues={":r": {"S": "x"}},
        ),
        "tell people by itself": lambda: sns.publish(TopicArn=outputs["WatchTopicArn"], Message="x"),
    }
    for deed, attempt in forbidden.items():
        with pytest.raises(ClientError) as refused:
            attempt()
        code = refused.value.response["Error"]["Code"]
        assert code in {"AccessDenied", "AccessDeniedException", "AuthorizationError"}, deed
