"""The template as CloudFormation sees it."""

from typing import Any

import pytest

from local.embedded.template import load_template
from tests.template.alarms import STACK_NAME, Alarms
from tests.template.intrinsics import Deployment


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """template.yaml, with long-form functions."""
    return load_template()


@pytest.fixture(scope="session")
def defaults(template: dict[str, Any]) -> Deployment:
    """The template deployed with nothing but its defaults."""
    return Deployment(template)


@pytest.fixture(scope="session")
def deployment(template: dict[str, Any]) -> Deployment:
    """A stack whose alarms have somebody to tell."""
    return Deployment(template, {"AWS::StackName": STACK_NAME, "AlarmTopicArn": "topic-arn"})


@pytest.fixture(scope="session")
def alarms(template: dict[str, Any], deployment: Deployment) -> Alarms:
    """Every alarm by its logical ID."""
    return {
        name: deployment.resource(name)
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }
