"""template.yaml as the embedded AWS gets it: the same, less a short list of what it cannot take."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from local.environments import REPOSITORY

TEMPLATE = REPOSITORY / "template.yaml"


@dataclass(frozen=True, slots=True)
class Omission:
    """Resources that the embedded AWS cannot take.

    Attributes:
        with_property: Only resources that have this property; None means all of the type.
    """

    resource_type: str
    reason: str
    with_property: str | None = None

    def covers(self, resource: Mapping[str, Any]) -> bool:
        """Whether this is such a resource."""
        return resource["Type"] == self.resource_type and (
            self.with_property is None or self.with_property in resource.get("Properties", {})
        )


# All that a local deploy leaves out; nothing else may be. Measured with ministack 1.5.33.
OMISSIONS = (
    Omission("AWS::Athena::NamedQuery", "ministack has no such resource type"),
    Omission("AWS::CloudWatch::CompositeAlarm", "ministack has no such resource type"),
    Omission("AWS::S3::BucketPolicy", "it denies plain HTTP, and that is all the embedded AWS speaks"),
    Omission("AWS::CloudWatch::Alarm", "ministack takes no metric math in an alarm", with_property="Metrics"),
)


def load_template(path: Path = TEMPLATE) -> dict[str, Any]:
    """The SAM template with its short-form functions (`!Ref`) in their long form."""
    template: dict[str, Any] = yaml_parse(path.read_text())
    return template


def without_omissions(template: Mapping[str, Any]) -> dict[str, Any]:
    """The template less the resources that OMISSIONS covers."""
    kept = {
        logical_id: resource
        for logical_id, resource in template["Resources"].items()
        if not any(omission.covers(resource) for omission in OMISSIONS)
    }
    return {**template, "Resources": kept}


# By permission that a statement of the template has: what ministack 1.5.33 asks for in its place, on every resource.
_MINISTACKS_PERMISSIONS = {
    # AWS asks whether a role may do what a statement does to a table; ministack whether it may call the API at all,
    # which is no permission in AWS.
    "dynamodb:PartiQLInsert": "dynamodb:BatchExecuteStatement",
    # AWS knows the policy that is asked about; ministack does not (core/iam_actions.py, _IOT_RESOURCES).
    "iot:ListTargetsForPolicy": "iot:ListTargetsForPolicy",
}


def with_ministacks_permissions(template: Mapping[str, Any]) -> dict[str, Any]:
    """The template with the permissions that ministack asks for beside those that AWS does."""
    changed = deepcopy(dict(template))
    for resource in changed["Resources"].values():
        for statements in _statements_of(resource):
            for asked_by_aws, asked_by_ministack in _MINISTACKS_PERMISSIONS.items():
                if any(asked_by_aws in statement["Action"] for statement in statements):
                    statements.append({"Effect": "Allow", "Action": asked_by_ministack, "Resource": "*"})
    return changed


def _statements_of(resource: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """The statements of each policy that functions have."""
    properties = resource.get("Properties", {})
    match resource["Type"]:
        case "AWS::IAM::ManagedPolicy":
            return [properties["PolicyDocument"]["Statement"]]
        case "AWS::IAM::Role" if "lambda.amazonaws.com" in str(properties["AssumeRolePolicyDocument"]):
            return [policy["PolicyDocument"]["Statement"] for policy in properties.get("Policies", ())]
        case _:
            return []


def function_ids(template: Mapping[str, Any]) -> list[str]:
    """Logical IDs of the Lambda functions."""
    return [name for name, resource in template["Resources"].items() if resource["Type"] == "AWS::Serverless::Function"]


def with_code(template: Mapping[str, Any], locations: Mapping[str, str]) -> dict[str, Any]:
    """The template with the functions' code where it was uploaded to.

    Args:
        locations: Logical ID to `s3://bucket/key`.
    """
    resources = {
        logical_id: {**resource, "Properties": {**resource["Properties"], "CodeUri": locations[logical_id]}}
        if logical_id in locations
        else resource
        for logical_id, resource in template["Resources"].items()
    }
    return {**template, "Resources": resources}
