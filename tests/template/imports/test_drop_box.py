"""The drop box: what lies in it stays, nobody reads it from outside or on the way, and every delivery is announced."""

import json
from typing import Any

import pytest

from fleetgate.imports.delivery import DeliveryMode
from fleetgate.imports.store.turns import MAX_TURNS
from harness.embedded import Embedded
from tests.template.embedded_roles import bucket_of, is_denied, role_with
from tests.template.intrinsics import Deployment


@pytest.fixture
def bucket(defaults: Deployment) -> dict[str, Any]:
    """The bucket's properties."""
    return dict(defaults.resource("DropBox"))


def test_it_outlives_the_stack(template: dict[str, Any], bucket: dict[str, Any]) -> None:
    resource = template["Resources"]["DropBox"]

    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert "BucketName" not in bucket  # a replacement can stand beside the bucket that is retained


def test_a_file_that_is_overwritten_is_still_there(bucket: dict[str, Any]) -> None:
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}


def test_everything_in_it_is_encrypted(bucket: dict[str, Any]) -> None:
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]

    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_nothing_in_it_can_be_public(bucket: dict[str, Any]) -> None:
    assert bucket["PublicAccessBlockConfiguration"] == dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    )
    assert "AccessControl" not in bucket
    assert "WebsiteConfiguration" not in bucket


def test_whoever_delivers_a_file_it_belongs_to_the_buckets_owner(bucket: dict[str, Any]) -> None:
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


# ---- What stays, and what does not ------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["incoming/acme/list.csv", "dry-run/acme/list.csv", "reports/acme/1/summary.json"])
def test_no_delivery_and_no_report_expires(key: str, bucket: dict[str, Any]) -> None:
    for rule in bucket["LifecycleConfiguration"]["Rules"]:
        assert not ({"Filter", "TagFilters", "Transition", "Transitions"} & set(rule)), "look at this rule here too"
        if key.startswith(rule.get("Prefix", "")):
            # An upload that nobody completed was never delivered.
            assert set(rule) <= {"Id", "Status", "Prefix", "AbortIncompleteMultipartUpload"}


def test_the_work_of_long_imports_goes_some_time_after_the_longest_execution(bucket: dict[str, Any]) -> None:
    (rule,) = [rule for rule in bucket["LifecycleConfiguration"]["Rules"] if rule.get("Prefix") == "work/"]

    assert rule["Status"] == "Enabled"
    assert rule["ExpirationInDays"] >= 7
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


# ---- Who hears of a delivery ------------------------------------------------------------------------------------


def test_every_delivery_and_nothing_else_is_announced_to_the_importers_queue(
    bucket: dict[str, Any], defaults: Deployment
) -> None:
    rule = defaults.resource("DeliveryRule")

    assert bucket["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert rule["EventPattern"] == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": ["DropBox"]},
            "object": {"key": [{"prefix": f"{mode.value}/"} for mode in DeliveryMode]},
        },
    }
    assert [target["Arn"] for target in rule["Targets"]] == ["ImportQueue.Arn"]
    assert rule.get("State", "ENABLED") == "ENABLED"


def test_only_that_rule_may_send_to_the_queue(template: dict[str, Any], defaults: Deployment) -> None:
    policies = {name for name, found in template["Resources"].items() if found["Type"] == "AWS::SQS::QueuePolicy"}
    policy = defaults.resource("ImportQueuePolicy")

    assert policies == {"ImportQueuePolicy"}
    assert policy["Queues"] == ["ImportQueue"]
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": "ImportQueue.Arn",
            "Condition": {"ArnEquals": {"aws:SourceArn": "DeliveryRule.Arn"}},
        }
    ]


# ---- Nobody reads on the way ------------------------------------------------------------------------------------


def test_the_policy_denies_everything_without_tls_to_everybody_and_grants_nothing(
    template: dict[str, Any], defaults: Deployment
) -> None:
    policies = {name for name, found in template["Resources"].items() if found["Type"] == "AWS::S3::BucketPolicy"}
    policy = defaults.resource("DropBoxPolicy")

    assert policies == {"DropBoxPolicy", "ArchiveBucketPolicy"}
    assert policy["Bucket"] == "DropBox"
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["DropBox.Arn", "DropBox.Arn/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]


def test_the_policy_refuses_plain_http_to_a_role_that_may_otherwise_read(
    defaults: Deployment, embedded: Embedded
) -> None:
    """A local deploy leaves the policy out, since the embedded AWS speaks plain HTTP only; here is another bucket."""
    with bucket_of(embedded) as name:
        arn = f"arn:aws:s3:::{name}"
        document = json.dumps(defaults.resource("DropBoxPolicy")["PolicyDocument"]).replace("DropBox.Arn", arn)
        allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": [arn, f"{arn}/*"]}
        embedded.client("s3").put_object(Bucket=name, Key="incoming/acme/list.csv", Body=b"x")
        with role_with(embedded, {"Version": "2012-10-17", "Statement": [allowed]}) as s3:

            def read() -> Any:
                return s3.get_object(Bucket=name, Key="incoming/acme/list.csv")

            def write() -> Any:
                return s3.put_object(Bucket=name, Key="incoming/acme/other.csv", Body=b"x")

            def look_around() -> Any:
                return s3.list_objects_v2(Bucket=name)

            before = [is_denied(attempt) for attempt in (read, write, look_around)]
            embedded.client("s3").put_bucket_policy(Bucket=name, Policy=document)
            after = [is_denied(attempt) for attempt in (read, write, look_around)]
    assert s3.meta.endpoint_url.startswith("http://")
    assert (before, after) == ([False, False, False], [True, True, True])


# ---- The queue before the importer ------------------------------------------------------------------------------


def test_a_message_is_not_delivered_twice_while_the_importer_works_on_it(defaults: Deployment) -> None:
    assert defaults.resource("ImportQueue")["VisibilityTimeout"] > defaults.resource("ImportFunction")["Timeout"]


def test_a_message_that_fails_again_and_again_is_kept_longer_than_it_can_have_waited(
    template: dict[str, Any], defaults: Deployment
) -> None:
    queue, dead_letters = defaults.resource("ImportQueue"), defaults.resource("ImportDeadLetterQueue")

    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == "ImportDeadLetterQueue.Arn"
    # A dead letter keeps the age it has (SQS developer guide, "Dead-letter queues").
    assert dead_letters["MessageRetentionPeriod"] - queue["MessageRetentionPeriod"] >= 4 * 24 * 3600
    for name in ("ImportQueue", "ImportDeadLetterQueue"):
        assert template["Resources"][name]["UpdateReplacePolicy"] == "Retain"
        assert defaults.resource(name)["SqsManagedSseEnabled"] is True


def test_the_importer_gets_one_message_at_a_time_and_leaves_room_for_the_hook(defaults: Deployment) -> None:
    mapping = defaults.resource("ImportEventSource")

    assert (mapping["FunctionName"], mapping["EventSourceArn"]) == ("ImportFunction", "ImportQueue.Arn")
    assert mapping["BatchSize"] == 1  # a failure is of the one file, and nothing is reported per item
    # Two manufacturers whose files are slow leave room for a third.
    assert 2 * MAX_TURNS < mapping["ScalingConfig"]["MaximumConcurrency"] <= 10
    assert mapping.get("Enabled", True) is True


# ---- Who is told how it ended -----------------------------------------------------------------------------------


def test_the_end_of_every_import_of_this_stack_reaches_the_topic(defaults: Deployment) -> None:
    rule = defaults.resource("ImportEndRule")

    assert rule["EventPattern"] == {
        "source": ["fleetgate"],
        "detail-type": ["Import Finished", "Import Failed", "Import Waiting"],
        "detail": {"file": {"bucket": ["DropBox"]}},
    }
    assert [(target["Arn"], target["InputPath"]) for target in rule["Targets"]] == [
        ("ImportTopic", "$.detail.sentence"),
    ]


def test_only_that_rule_may_publish_to_the_topic(template: dict[str, Any], defaults: Deployment) -> None:
    policies = {name for name, found in template["Resources"].items() if found["Type"] == "AWS::SNS::TopicPolicy"}
    policy = defaults.resource("ImportTopicPolicy")

    assert policies == {"ImportTopicPolicy", "WatchTopicPolicy"}
    assert policy["Topics"] == ["ImportTopic"]
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": "ImportTopic",
            "Condition": {"ArnEquals": {"aws:SourceArn": "ImportEndRule.Arn"}},
        }
    ]
