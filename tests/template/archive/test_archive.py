"""The archive: nobody can remove what lies in it, only the sealer signs, and every record of the stream gets there."""

from typing import Any

import pytest
from pynamodb.attributes import BooleanAttribute, NumberAttribute

from fleetgate.archive.digest import Folder
from fleetgate.store.audit_items import AuditItem
from tests.template.grants import Statement, statements
from tests.template.intrinsics import Deployment

# What an item of the audit table has, and the archive's table has not: `day` is a partition there.
NO_COLUMN = {"day"}


@pytest.fixture
def bucket(defaults: Deployment) -> dict[str, Any]:
    """The bucket's properties."""
    return dict(defaults.resource("ArchiveBucket"))


@pytest.fixture(scope="module")
def granted(template: dict[str, Any]) -> list[Statement]:
    """All that anybody may do."""
    return list(statements(template))


def of(role: str, granted: list[Statement]) -> dict[str, tuple[set[str], tuple[str, ...]]]:
    """What one role may do, by statement."""
    return {one.sid: (set(one.actions), one.resources) for one in granted if one.role == role}


def test_nobody_can_remove_a_version_for_as_long_as_the_parameters_say(
    bucket: dict[str, Any], template: dict[str, Any]
) -> None:
    compliant = Deployment(template, {"ArchiveLockMode": "COMPLIANCE", "ArchiveRetentionDays": "7"})
    lock = compliant.resource("ArchiveBucket")["ObjectLockConfiguration"]

    assert bucket["ObjectLockEnabled"] is True
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert lock == {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": "7"}},
    }


def test_the_archive_is_held_as_long_as_the_audit_table_at_least(template: dict[str, Any]) -> None:
    parameters = template["Parameters"]
    assert parameters["ArchiveRetentionDays"]["Default"] >= parameters["AuditRetentionDays"]["Default"]


@pytest.mark.parametrize("logical_id", ["ArchiveBucket", "SealingKey"])
def test_the_archive_and_its_key_outlive_the_stack(logical_id: str, template: dict[str, Any]) -> None:
    resource = template["Resources"][logical_id]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_nothing_in_it_is_public_or_plain_or_expires(bucket: dict[str, Any], defaults: Deployment) -> None:
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    (policy,) = defaults.resource("ArchiveBucketPolicy")["PolicyDocument"]["Statement"]

    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert "LifecycleConfiguration" not in bucket
    assert (policy["Effect"], policy["Principal"], policy["Action"]) == ("Deny", "*", "s3:*")
    assert policy["Resource"] == ["ArchiveBucket.Arn", "ArchiveBucket.Arn/*"]
    assert policy["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_only_the_sealer_signs(defaults: Deployment, granted: list[Statement]) -> None:
    key = defaults.resource("SealingKey")
    signers = [
        statement["Principal"]
        for statement in key["KeyPolicy"]["Statement"]
        if {"kms:Sign", "kms:*", "*"} & set(statement["Action"])
    ]

    assert (key["KeySpec"], key["KeyUsage"]) == ("ECC_NIST_P256", "SIGN_VERIFY")
    assert signers == [{"AWS": "SealerFunctionRole.Arn"}]
    assert {one.role for one in granted if one.grants("kms:Sign", "SealingKey.Arn")} == {"SealingPolicy"}
    assert defaults.resource("SealingPolicy")["Roles"] == ["SealerFunctionRole"]


def test_nobody_of_the_stack_may_remove_from_the_archive_or_loosen_its_lock(granted: list[Statement]) -> None:
    for action in ("DeleteObject", "DeleteObjectVersion", "BypassGovernanceRetention", "PutObjectRetention"):
        assert not [one for one in granted if one.grants(f"s3:{action}", "ArchiveBucket.Arn/records/x")], action


def test_each_function_writes_what_is_its_own(granted: list[Statement]) -> None:
    folders = [*(folder.value for folder in Folder), "digests"]
    writers = {
        folder: {one.role for one in granted if one.grants("s3:PutObject", f"ArchiveBucket.Arn/{folder}/x")}
        for folder in folders
    }
    assert writers == {
        "arrived": {"ArchiverFunctionRole"},
        "anomalies": {"ArchiverFunctionRole"},
        "records": {"SealerFunctionRole"},
        "digests": {"SealerFunctionRole"},
    }


def test_the_roles_are_what_the_code_needs_and_no_more(granted: list[Statement]) -> None:
    logs = ({"logs:CreateLogStream", "logs:PutLogEvents"}, ("ArchiveLogGroup.Arn",))
    # AWS Lambda developer guide, "Process DynamoDB records with Lambda".
    stream = {f"dynamodb:{call}" for call in ("DescribeStream", "GetRecords", "GetShardIterator")}

    assert of("ArchiverFunctionRole", granted) == {
        "ReadTheStream": (stream, ("AuditTable.StreamArn",)),
        "FindTheStream": ({"dynamodb:ListStreams"}, ("*",)),
        "WriteWhatArrived": ({"s3:PutObject"}, ("ArchiveBucket.Arn/anomalies/*", "ArchiveBucket.Arn/arrived/*")),
        "KeepWhatFailed": ({"sqs:SendMessage"}, ("ArchiveDeadLetterQueue.Arn",)),
        "WriteLogs": logs,
    }
    assert of("SealerFunctionRole", granted) == {
        "FindWhatArrived": ({"s3:ListBucket", "s3:ListBucketVersions"}, ("ArchiveBucket.Arn",)),
        "ReadWhatArrived": ({"s3:GetObjectVersion"}, ("ArchiveBucket.Arn/*",)),
        "WriteRecordsAndDigests": (
            {"s3:PutObject"},
            ("ArchiveBucket.Arn/digests/*", "ArchiveBucket.Arn/records/*"),
        ),
        "WriteLogs": logs,
    }
    assert of("SealingPolicy", granted) == {"SignDigests": ({"kms:GetPublicKey", "kms:Sign"}, ("SealingKey.Arn",))}


def test_the_stream_is_read_from_its_beginning_and_what_fails_comes_again_or_is_told(defaults: Deployment) -> None:
    source = defaults.resource("ArchiverEventSource")

    assert defaults.resource("AuditTable")["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert (source["FunctionName"], source["EventSourceArn"]) == ("ArchiverFunction", "AuditTable.StreamArn")
    assert source["StartingPosition"] == "TRIM_HORIZON"
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BisectBatchOnFunctionError"] is True
    assert source["DestinationConfig"] == {"OnFailure": {"Destination": "ArchiveDeadLetterQueue.Arn"}}
    # DynamoDB Streams keeps records for 24 hours: late enough to have tried, early enough to look.
    assert 20 * 3600 <= source["MaximumRecordAgeInSeconds"] < 24 * 3600
    # At most one try in the five seconds of the batching window: age ends the tries, not their number.
    assert source["MaximumRetryAttempts"] * 5 > 12 * 3600


def test_an_hour_is_sealed_soon_after_it_has_settled(defaults: Deployment) -> None:
    rule, permission = defaults.resource("SealingRule"), defaults.resource("SealingPermission")
    settle = int(defaults.resource("SealerFunction")["Environment"]["Variables"]["ARCHIVE_SETTLE_MINUTES"])

    assert rule["ScheduleExpression"] == f"cron({settle + 5} * * * ? *)"
    assert [target["Arn"] for target in rule["Targets"]] == ["SealerFunction.Arn"]
    assert (permission["FunctionName"], permission["SourceArn"]) == ("SealerFunction.Arn", "SealingRule.Arn")


# ---- Athena -----------------------------------------------------------------------------------------------------


def test_the_archives_table_has_every_attribute_of_a_record(defaults: Deployment) -> None:
    table = defaults.resource("ArchiveTable")["TableInput"]
    columns = {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}

    assert columns == {
        name: "bigint"
        if isinstance(attribute, NumberAttribute)
        else "boolean"
        if isinstance(attribute, BooleanAttribute)
        else "string"
        for name, attribute in AuditItem.get_attributes().items()
        if name not in NO_COLUMN
    }
    partitions = [key["Name"] for key in table["PartitionKeys"]]
    assert partitions == ["year", "month", "day", "hour"]
    assert not set(partitions) & set(columns)


def test_the_archives_table_looks_where_the_sealer_writes(defaults: Deployment) -> None:
    table = defaults.resource("ArchiveTable")["TableInput"]
    place = "/".join(f"{name}=${{{name}}}" for name in ("year", "month", "day", "hour"))

    assert table["StorageDescriptor"]["Location"] == f"s3://ArchiveBucket/{Folder.RECORDS.value}/"
    assert table["Parameters"]["storage.location.template"] == f"s3://ArchiveBucket/{Folder.RECORDS.value}/{place}/"
    assert {table["Parameters"][f"projection.{name}.digits"] for name in ("month", "day", "hour")} == {"2"}
