"""The resources that a deploy made, for what ministack's CloudFormation takes and ignores and has to be told by API."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


class SettingNotKept(Exception):
    """A resource does not say what it was just told."""


def made_resources(
    cloudformation: "CloudFormationClient", stack_name: str, template: Mapping[str, Any], resource_type: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The name of each resource of a type in a stack, with the properties that the template declares for it."""
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] == resource_type:
            found = cloudformation.describe_stack_resource(StackName=stack_name, LogicalResourceId=logical_id)
            yield found["StackResourceDetail"]["PhysicalResourceId"], resource["Properties"]
