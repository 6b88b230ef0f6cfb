"""The embedded AWS gets the template itself: what is left out is on a named list, and nothing is on it by accident."""

from typing import Any

import pytest

from harness.embedded import Embedded
from local.embedded.bucket_settings import lifecycle_rule
from local.embedded.template import OMISSIONS, function_ids, with_code, with_ministacks_permissions, without_omissions
from tests.template.intrinsics import Deployment

# What the embedded AWS rejects (design, section 8).
REJECTED = {
    "AWS::Athena::NamedQuery": {"Type": "AWS::Athena::NamedQuery", "Properties": {"QueryString": "SELECT 1"}},
    "AWS::CloudWatch::CompositeAlarm": {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": {"AlarmRule": "TRUE"}},
    "metric math": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": []}},
}

# Resources of template.yaml that a local stack does without, by their logical IDs.
LEFT_OUT = {
    *("DropBoxPolicy", "ArchiveBucketPolicy"),
    *("DeniedByReasonQuery", "DeviceStoryQuery", "ClaimCertificatesQuery", "ArchivedTwiceQuery"),
}


def test_the_list_is_this(template: dict[str, Any]) -> None:
    kinds = {(omission.resource_type, omission.with_property) for omission in OMISSIONS}

    assert kinds == {
        ("AWS::Athena::NamedQuery", None),
        ("AWS::CloudWatch::CompositeAlarm", None),
        ("AWS::S3::BucketPolicy", None),
        ("AWS::CloudWatch::Alarm", "Metrics"),
    }
    assert all(omission.reason for omission in OMISSIONS)


def test_what_is_on_the_list_is_left_out_and_the_rest_is_as_it_was(template: dict[str, Any]) -> None:
    whole = {**template, "Resources": {**template["Resources"], **REJECTED}}
    kept = without_omissions(whole)["Resources"]

    assert kept == {name: template["Resources"][name] for name in set(template["Resources"]) - LEFT_OUT}
    assert {**without_omissions(whole), "Resources": {}} == {**template, "Resources": {}}


def test_only_the_place_of_the_code_is_changed(template: dict[str, Any]) -> None:
    changed = with_code(template, dict.fromkeys(function_ids(template), "s3://bucket/key"))
    for function in function_ids(template):
        assert changed["Resources"][function]["Properties"]["CodeUri"] == "s3://bucket/key"
        changed["Resources"][function]["Properties"]["CodeUri"] = "src/"

    assert changed == template


def test_two_permissions_of_ministack_are_all_that_is_added(template: dict[str, Any]) -> None:
    changed = with_ministacks_permissions(template)
    added = changed["Resources"]["ImportPolicy"]["Properties"]["PolicyDocument"]["Statement"].pop()
    assert added == {"Effect": "Allow", "Action": "dynamodb:BatchExecuteStatement", "Resource": "*"}
    (policy,) = changed["Resources"]["ReconcilerFunctionRole"]["Properties"]["Policies"]
    added = policy["PolicyDocument"]["Statement"].pop()
    assert added == {"Effect": "Allow", "Action": "iot:ListTargetsForPolicy", "Resource": "*"}

    assert changed == template


def test_the_running_stack_was_made_of_this_template(template: dict[str, Any], embedded: Embedded) -> None:
    (stack,) = embedded.client("cloudformation").describe_stacks()["Stacks"]
    deployed = embedded.client("cloudformation").get_template(StackName=stack["StackName"], TemplateStage="Original")[
        "TemplateBody"
    ]
    for function in function_ids(template):
        assert deployed["Resources"][function]["Properties"]["CodeUri"].startswith("s3://")
        deployed["Resources"][function]["Properties"]["CodeUri"] = "src/"

    assert deployed == with_ministacks_permissions(without_omissions(template))


def test_the_running_stack_has_every_other_resource(template: dict[str, Any], embedded: Embedded) -> None:
    (stack,) = embedded.client("cloudformation").describe_stacks()["Stacks"]
    pages = embedded.client("cloudformation").get_paginator("list_stack_resources")
    summaries = [
        summary for page in pages.paginate(StackName=stack["StackName"]) for summary in page["StackResourceSummaries"]
    ]
    made = {found["LogicalResourceId"] for found in summaries if found["ResourceStatus"] == "CREATE_COMPLETE"}
    not_asked_for = {
        name
        for name, resource in template["Resources"].items()
        if resource.get("Condition") in {"HasApiTokens", "HasIotLogGroup"}
    }

    # SAM makes a resource of its own of what a function says of asynchronous invocations.
    made_by_sam = {
        f"{name}EventInvokeConfig"
        for name, resource in template["Resources"].items()
        if "EventInvokeConfig" in resource.get("Properties", {})
    }
    assert made == (set(template["Resources"]) | made_by_sam) - LEFT_OUT - not_asked_for


def test_the_running_drop_box_is_as_declared(defaults: Deployment, embedded: Embedded) -> None:
    declared, s3 = defaults.resource("DropBox"), embedded.client("s3")
    bucket = {"Bucket": embedded.stack.outputs["DropBoxName"]}
    (encryption,) = declared["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    (encrypted,) = s3.get_bucket_encryption(**bucket)["ServerSideEncryptionConfiguration"]["Rules"]

    assert encrypted["ApplyServerSideEncryptionByDefault"] == encryption["ServerSideEncryptionByDefault"]
    assert s3.get_bucket_versioning(**bucket)["Status"] == declared["VersioningConfiguration"]["Status"]
    assert (
        s3.get_public_access_block(**bucket)["PublicAccessBlockConfiguration"]
        == declared["PublicAccessBlockConfiguration"]
    )
    assert s3.get_bucket_ownership_controls(**bucket)["OwnershipControls"] == declared["OwnershipControls"]
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(**bucket)
    assert s3.get_bucket_lifecycle_configuration(**bucket)["Rules"] == [
        {
            "ID": "nobody-completes-these",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        },
        {
            "ID": "work-of-long-imports",
            "Status": "Enabled",
            "Filter": {"Prefix": "work/"},
            "Expiration": {"Days": 14},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        },
    ]


def test_the_running_archive_is_as_declared(defaults: Deployment, embedded: Embedded) -> None:
    declared, s3 = defaults.resource("ArchiveBucket"), embedded.client("s3")
    bucket = {"Bucket": embedded.stack.outputs["ArchiveName"]}
    retention = declared["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]

    assert s3.get_object_lock_configuration(**bucket)["ObjectLockConfiguration"] == {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": retention["Mode"], "Days": int(retention["Days"])}},
    }
    assert s3.get_bucket_versioning(**bucket)["Status"] == declared["VersioningConfiguration"]["Status"]
    assert (
        s3.get_public_access_block(**bucket)["PublicAccessBlockConfiguration"]
        == declared["PublicAccessBlockConfiguration"]
    )
    assert s3.get_bucket_ownership_controls(**bucket)["OwnershipControls"] == declared["OwnershipControls"]


def test_a_lifecycle_rule_that_nobody_translates_is_not_dropped_in_silence() -> None:
    with pytest.raises(ValueError, match="TagFilters"):
        lifecycle_rule({"Id": "x", "Status": "Enabled", "TagFilters": [{"Key": "a", "Value": "b"}]})
