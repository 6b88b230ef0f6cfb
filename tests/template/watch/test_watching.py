"""The watcher: it sees every denial and take-over, may stop claims and keys alone, and people hear of it."""

import json
from typing import Any

import pytest

from fleetgate.domain.audit import Verdict, claim_subject, device_subject
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.operators.stops import SETTLING_TIME
from fleetgate.store.allow_list_items import assignment_key, claim_key, device_key
from tests.template.grants import Statement, statements
from tests.template.intrinsics import Deployment


@pytest.fixture(scope="module")
def granted(template: dict[str, Any]) -> list[Statement]:
    """All that anybody may do."""
    return list(statements(template))


def test_the_stream_is_read_from_its_beginning_and_what_fails_comes_again_or_is_told(defaults: Deployment) -> None:
    source = defaults.resource("WatcherEventSource")

    assert (source["FunctionName"], source["EventSourceArn"]) == ("WatcherFunction", "AuditTable.StreamArn")
    assert source["StartingPosition"] == "TRIM_HORIZON"
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BisectBatchOnFunctionError"] is True
    assert source["DestinationConfig"] == {"OnFailure": {"Destination": "WatchDeadLetterQueue.Arn"}}
    # Tried for longer than a fault of DynamoDB lasts, and not for so long that nothing else is watched.
    assert 1800 <= source["MaximumRecordAgeInSeconds"] <= 7200
    # Age ends the tries, not their number.
    assert source["MaximumRetryAttempts"] * source["MaximumBatchingWindowInSeconds"] > 7200


def test_a_burst_is_seen_within_seconds(defaults: Deployment) -> None:
    assert defaults.resource("WatcherEventSource")["MaximumBatchingWindowInSeconds"] <= 5


def test_a_batch_may_block_as_many_claim_certificates_as_have_a_burst_in_it(defaults: Deployment) -> None:
    """Each takes the wait of a stop. More than the stack's threshold of denials are a burst."""
    bursts = defaults.resource("WatcherEventSource")["BatchSize"] / 21

    assert defaults.resource("WatcherFunction")["Timeout"] > bursts * SETTLING_TIME.total_seconds()


def test_the_event_source_leaves_out_no_denial_and_no_takeover(defaults: Deployment) -> None:
    filters = defaults.resource("WatcherEventSource")["FilterCriteria"]["Filters"]

    # Lambda developer guide: of DynamoDB only what is under this key can be filtered by.
    assert [json.loads(one["Pattern"]) for one in filters] == [
        {"dynamodb": {"NewImage": {"verdict": {"S": [Verdict.DENIED.value]}}}},
        {"dynamodb": {"NewImage": {"verdict": {"S": [Verdict.ALLOWED.value]}, "taken_over": {"BOOL": [True]}}}},
    ]


def test_the_stream_has_no_more_readers_than_dynamodb_permits(template: dict[str, Any], defaults: Deployment) -> None:
    sources = [
        defaults.resource(name)
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Lambda::EventSourceMapping"
    ]
    readers = {source["FunctionName"] for source in sources if source["EventSourceArn"] == "AuditTable.StreamArn"}

    # Lambda developer guide, "Simultaneous readers of a shard in DynamoDB Streams": two.
    assert readers == {"ArchiverFunction", "WatcherFunction"}


def test_the_watcher_may_stop_claims_and_keys_and_change_nothing_else(granted: list[Statement]) -> None:
    mine = [one for one in granted if one.role == "WatcherFunctionRole"]
    stream = {f"dynamodb:{call}" for call in ("DescribeStream", "GetRecords", "GetShardIterator")}

    assert {one.sid: (set(one.actions), one.resources) for one in mine} == {
        "ReadTheStream": (stream, ("AuditTable.StreamArn",)),
        "FindTheStream": ({"dynamodb:ListStreams"}, ("*",)),
        "FindWhatWasTried": (
            {"dynamodb:Query"},
            (
                "AuditTable.Arn",
                "AuditTable.Arn/index/by_claim_certificate",
                "AuditTable.Arn/index/by_device_certificate",
            ),
        ),
        "StopClaimsAndKeys": ({"dynamodb:GetItem", "dynamodb:UpdateItem"}, ("AllowListTable.Arn",)),
        "AppendToTheAuditTrail": ({"dynamodb:PutItem"}, ("AuditTable.Arn",)),
        "SwitchCertificates": (
            {"iot:DescribeCertificate", "iot:UpdateCertificate"},
            ("arn:aws:iot:eu-central-1:123456789012:cert/*",),
        ),
        "EndSessions": ({"iot:DeleteConnection"}, ("arn:aws:iot:eu-central-1:123456789012:client/fg-*",)),
        "ReportEnumeration": ({"events:PutEvents"}, ("arn:aws:events:eu-central-1:123456789012:event-bus/default",)),
        "KeepWhatFailed": ({"sqs:SendMessage"}, ("WatchDeadLetterQueue.Arn",)),
        "WriteLogs": ({"logs:CreateLogStream", "logs:PutLogEvents"}, ("WatchLogGroup.Arn",)),
    }
    conditions = {one.sid: one.condition for one in mine if one.condition}
    assert conditions == {
        "StopClaimsAndKeys": {
            "ForAllValues:StringLike": {
                "dynamodb:LeadingKeys": [claim_key("*"), device_key(SerialNumber("*")), assignment_key("*")]
            }
        },
        "AppendToTheAuditTrail": {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [claim_subject("*"), device_subject("*")]}
        },
    }


def test_bursts_of_this_stack_reach_its_topic_as_a_sentence(defaults: Deployment) -> None:
    rule = defaults.resource("DenialBurstRule")
    (may_publish,) = defaults.resource("WatchTopicPolicy")["PolicyDocument"]["Statement"]

    assert rule["EventPattern"] == {
        "source": ["fleetgate"],
        "detail-type": ["Denial Burst", "Device Certificate Misused"],
        "detail": {"audit_table": ["AuditTable"]},
    }
    (target,) = rule["Targets"]
    assert (target["Arn"], target["InputPath"]) == ("WatchTopic", "$.detail.sentence")
    assert (may_publish["Principal"], may_publish["Action"], may_publish["Resource"]) == (
        {"Service": "events.amazonaws.com"},
        "sns:Publish",
        "WatchTopic",
    )
    assert may_publish["Condition"] == {"ArnEquals": {"aws:SourceArn": "DenialBurstRule.Arn"}}
