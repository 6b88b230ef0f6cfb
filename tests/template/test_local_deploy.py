"""The embedded AWS gets the template itself: what is left out is on a named list, and nothing is on it by accident."""

from typing import Any

from local.template import OMISSIONS, with_code, without_omissions
from tests.embedded import Embedded

# What the embedded AWS rejects (design, section 8). Nothing else may be left out.
REJECTED = {
    "AWS::Athena::NamedQuery": {"Type": "AWS::Athena::NamedQuery", "Properties": {"QueryString": "SELECT 1"}},
    "AWS::CloudWatch::CompositeAlarm": {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": {"AlarmRule": "TRUE"}},
    "metric math": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": []}},
}

# Resources of template.yaml that a local stack does without, by their logical IDs.
LEFT_OUT: set[str] = set()


def test_the_list_is_this(template: dict[str, Any]) -> None:
    kinds = {(omission.resource_type, omission.with_property) for omission in OMISSIONS}

    assert kinds == {
        ("AWS::Athena::NamedQuery", None),
        ("AWS::CloudWatch::CompositeAlarm", None),
        ("AWS::CloudWatch::Alarm", "Metrics"),
    }
    assert all(omission.reason for omission in OMISSIONS)


def test_what_is_on_the_list_is_left_out_and_the_rest_is_as_it_was(template: dict[str, Any]) -> None:
    whole = {**template, "Resources": {**template["Resources"], **REJECTED}}
    kept = without_omissions(whole)["Resources"]

    assert kept == {name: template["Resources"][name] for name in set(template["Resources"]) - LEFT_OUT}
    assert {**without_omissions(whole), "Resources": {}} == {**template, "Resources": {}}


def test_only_the_place_of_the_code_is_changed(template: dict[str, Any]) -> None:
    changed = with_code(template, {"HookFunction": "s3://bucket/key"})
    changed["Resources"]["HookFunction"]["Properties"]["CodeUri"] = "src/"

    assert changed == template


def test_the_running_stack_has_every_other_resource(template: dict[str, Any], embedded: Embedded) -> None:
    (stack,) = embedded.client("cloudformation").describe_stacks()["Stacks"]
    pages = embedded.client("cloudformation").get_paginator("list_stack_resources")
    summaries = [
        summary for page in pages.paginate(StackName=stack["StackName"]) for summary in page["StackResourceSummaries"]
    ]
    made = {found["LogicalResourceId"] for found in summaries if found["ResourceStatus"] == "CREATE_COMPLETE"}

    assert made == set(template["Resources"]) - LEFT_OUT
