"""What a connection may do: enrol and nothing else with a claim certificate, be its thing with a device certificate."""

import json
from typing import Any

import pytest

from tests.template.grants import as_list
from tests.template.intrinsics import Deployment

PREFIX = "arn:aws:iot:eu-central-1:123456789012:"
THING_NAME = "${iot:Connection.Thing.ThingName}"
TEMPLATE_NAME = "factory-7"
VALUES = {"ProvisioningTemplateName": TEMPLATE_NAME, "ClaimClientIdPrefix": "enrol-"}

PROVISIONING_TOPICS = {
    "$aws/certificates/create/*",
    "$aws/certificates/create-from-csr/*",
    f"$aws/provisioning-templates/{TEMPLATE_NAME}/provision/*",
}
OWN_TOPICS = {f"{THING_NAME}/*", f"$aws/things/{THING_NAME}/*"}

# Partitions and regions with long names; the last of each is among the longest there are.
LONG_PLACES = [("aws", "ap-southeast-1"), ("aws-cn", "cn-northwest-1"), ("aws-us-gov", "us-gov-west-1")]


@pytest.fixture
def deployment(template: dict[str, Any]) -> Deployment:
    """A stack of its own names."""
    return Deployment(template, VALUES)


def granted(deployment: Deployment, policy: str) -> set[tuple[str, str]]:
    """Every action of a policy with the part of the resource that comes after the account."""
    pairs = set()
    for statement in deployment.resource(policy)["PolicyDocument"]["Statement"]:
        assert statement["Effect"] == "Allow"
        for resource in as_list(statement["Resource"]):
            assert resource.startswith(PREFIX)
            pairs |= {(action, resource.removeprefix(PREFIX)) for action in as_list(statement["Action"])}
    return pairs


def on_topics(topics: set[str]) -> set[tuple[str, str]]:
    """Publishing, receiving and subscribing to these topics."""
    return {
        pair
        for topic in topics
        for pair in (
            ("iot:Publish", f"topic/{topic}"),
            ("iot:Receive", f"topic/{topic}"),
            ("iot:Subscribe", f"topicfilter/{topic}"),
        )
    }


def test_these_are_all_the_policies(template: dict[str, Any]) -> None:
    assert {name for name, found in template["Resources"].items() if found["Type"] == "AWS::IoT::Policy"} == {
        "ClaimPolicy",
        "ProductionPolicy",
    }


def test_a_claim_certificate_may_enrol_with_this_template_and_nothing_else(deployment: Deployment) -> None:
    assert granted(deployment, "ClaimPolicy") == {("iot:Connect", "client/enrol-*")} | on_topics(PROVISIONING_TOPICS)


def test_a_claim_certificate_cannot_push_a_device_off_its_connection(defaults: Deployment) -> None:
    # A client ID that connects a second time ends the first connection, and a device's client ID is its thing's name.
    connects = {resource for action, resource in granted(defaults, "ClaimPolicy") if action == "iot:Connect"}

    assert connects == {"client/claim-*"}


def test_a_device_may_be_its_own_thing_and_get_a_new_certificate(deployment: Deployment) -> None:
    own_name = {("iot:Connect", f"client/{THING_NAME}")}

    assert granted(deployment, "ProductionPolicy") == own_name | on_topics(OWN_TOPICS | PROVISIONING_TOPICS)


def test_a_device_may_only_be_its_own_thing_where_rotation_is_off(template: dict[str, Any]) -> None:
    without_rotation = Deployment(template, {"AllowRotation": "false"})

    own_name = {("iot:Connect", f"client/{THING_NAME}")}
    assert granted(without_rotation, "ProductionPolicy") == own_name | on_topics(OWN_TOPICS)


@pytest.mark.parametrize("policy", ["ClaimPolicy", "ProductionPolicy"])
@pytest.mark.parametrize(("partition", "region"), LONG_PLACES)
def test_policies_fit_whatever_the_names(policy: str, partition: str, region: str, template: dict[str, Any]) -> None:
    longest = {
        "AWS::Partition": partition,
        "AWS::Region": region,
        "ProvisioningTemplateName": "t" * 36,
        "ClaimClientIdPrefix": "c" * 64,
    }
    document = Deployment(template, longest).resource(policy)["PolicyDocument"]

    # AWS IoT Core quotas: a policy document has 2,048 characters at most, white space left out.
    assert len("".join(json.dumps(document).split())) <= 2048
