"""The provisioning template's body: sound JSON whatever the parameters, and nothing in it left to a device."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from fleetgate.domain.gate_switch import OPEN
from fleetgate.gate.decision import Allowed, decide
from harness import builders
from tests.template.grants import as_list
from tests.template.intrinsics import Deployment

CERTIFICATE_ID = "AWS::IoT::Certificate::Id"
ATTRIBUTE_NAME = re.compile(r"[a-zA-Z0-9_.,@/:#-]{1,128}")
EXTRA_ATTRIBUTES = '"site":"berlin", "line":"4"'
DEVICE_CONFIGURATION = '{"interval": "60", "broker": "eu"}'

DEPLOYMENTS = {
    "defaults": {},
    "extra attributes": {"ExtraAttributes": EXTRA_ATTRIBUTES},
    "device configuration": {"DeviceConfiguration": DEVICE_CONFIGURATION},
    "both": {"ExtraAttributes": EXTRA_ATTRIBUTES, "DeviceConfiguration": DEVICE_CONFIGURATION},
}


@pytest.fixture(params=DEPLOYMENTS)
def values(request: pytest.FixtureRequest) -> dict[str, str]:
    """Parameters of a deployment."""
    return DEPLOYMENTS[request.param]


@pytest.fixture
def body(values: dict[str, str], template: dict[str, Any]) -> dict[str, Any]:
    """The body that AWS IoT would get."""
    return parsed(Deployment(template, values))


def parsed(deployment: Deployment) -> dict[str, Any]:
    """The body as JSON in which no name comes twice."""
    text = deployment.resource("ProvisioningTemplate")["TemplateBody"]

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names)), names
        return dict(pairs)

    found: dict[str, Any] = json.loads(text, object_pairs_hook=once)
    return found


def references(node: Any) -> Iterator[str]:
    """Every parameter that a part of the body refers to."""
    if isinstance(node, dict):
        if set(node) == {"Ref"}:
            yield node["Ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def overrides(**entry: Any) -> set[str]:
    """The parameters that the gate sets for an approved device with such an entry."""
    decision = decide(
        builders.identity(),
        builders.entry(**entry),
        builders.claim(),
        builders.policy(),
        key=None,
        switch=OPEN,
        now=builders.NOW,
        decision_id=builders.DECISION_ID,
    )
    assert isinstance(decision, Allowed)
    return set(decision.parameter_overrides)


def test_no_device_can_choose_a_parameter_even_where_its_entry_says_nothing(body: dict[str, Any]) -> None:
    of_a_minimal_entry = overrides(attributes={})
    of_a_full_entry = overrides(attributes={"Model": "m", "ThingGroup": "g", "Site": "Graz"})

    assert set(references(body["Resources"])) - {CERTIFICATE_ID} <= of_a_minimal_entry
    assert set(body["Parameters"]) - {CERTIFICATE_ID} == of_a_minimal_entry == of_a_full_entry


def test_every_parameter_is_declared_used_and_without_a_default(body: dict[str, Any]) -> None:
    assert set(references(body["Resources"])) == set(body["Parameters"])
    assert all(declared == {"Type": "String"} for declared in body["Parameters"].values())


def test_the_body_has_the_sections_that_aws_iot_knows(body: dict[str, Any]) -> None:
    assert set(body) == {"Parameters", "Resources", "DeviceConfiguration"}
    assert {name: resource["Type"] for name, resource in body["Resources"].items()} == {
        "thing": "AWS::IoT::Thing",
        "certificate": "AWS::IoT::Certificate",
        "policy": "AWS::IoT::Policy",
    }


def test_the_device_gets_its_configuration(body: dict[str, Any], values: dict[str, str]) -> None:
    assert body["DeviceConfiguration"] == json.loads(values.get("DeviceConfiguration", "{}"))


def test_the_thing_is_the_device_of_the_decision(body: dict[str, Any], defaults: Deployment) -> None:
    thing = body["Resources"]["thing"]["Properties"]

    assert thing["ThingName"] == {"Ref": "ThingName"}
    assert thing["ThingGroups"] == [{"Ref": "ThingGroup"}]
    assert thing["ThingTypeName"] == defaults.resource("ThingType")["ThingTypeName"]
    for name in ("SerialNumber", "MacAddress", "DecisionId", "Model", "HardwareRevision"):
        assert thing["AttributePayload"][name] == {"Ref": name}


def test_the_thing_has_the_extra_attributes(body: dict[str, Any], values: dict[str, str]) -> None:
    extra = json.loads("{" + values.get("ExtraAttributes", "") + "}")
    attributes = body["Resources"]["thing"]["Properties"]["AttributePayload"]

    assert {name: value for name, value in attributes.items() if isinstance(value, str)} == extra


def test_thing_attributes_are_within_aws_iots_limits(body: dict[str, Any], defaults: Deployment) -> None:
    attributes = body["Resources"]["thing"]["Properties"]["AttributePayload"]
    searchable = defaults.resource("ThingType")["ThingTypeProperties"]["SearchableAttributes"]

    # AWS IoT, thing management quotas: 50 attributes of a thing with a type; 3 searchable ones of a type.
    assert len(attributes) <= 50
    assert [name for name in attributes if not ATTRIBUTE_NAME.fullmatch(name)] == []
    assert len(searchable) <= 3
    assert set(searchable) <= set(attributes)


def test_the_certificate_is_the_one_that_was_judged_and_gets_the_production_policy(body: dict[str, Any]) -> None:
    certificate, policy = body["Resources"]["certificate"], body["Resources"]["policy"]

    assert certificate["Properties"] == {
        "CertificateId": {"Ref": CERTIFICATE_ID},
        "Status": "ACTIVE",
        "ThingPrincipalType": "EXCLUSIVE_THING",
    }
    assert policy["Properties"] == {"PolicyName": "ProductionPolicy"}


def test_a_device_that_comes_back_keeps_what_operators_gave_it(body: dict[str, Any]) -> None:
    # Attributes: "FAIL" would turn every rotation into an error, "DO_NOTHING" would leave the old decision ID. Groups:
    # "REPLACE" would take the device out of those that operators put it into. Status: a new certificate is not active.
    resources = body["Resources"]

    assert resources["thing"]["OverrideSettings"] == {
        "AttributePayload": "MERGE",
        "ThingTypeName": "DO_NOTHING",
        "ThingGroups": "MERGE",
    }
    assert resources["certificate"]["OverrideSettings"] == {"Status": "REPLACE"}


def test_the_body_is_within_aws_iots_limit(template: dict[str, Any]) -> None:
    # AWS IoT, CreateProvisioningTemplate: 10,240 characters.
    longest = {"ThingTypeName": "t" * 128, "ExtraAttributes": EXTRA_ATTRIBUTES}
    text = Deployment(template, longest).resource("ProvisioningTemplate")["TemplateBody"]

    assert len(text) <= 10_240


def test_the_thing_type_and_group_exist_before_the_first_device(template: dict[str, Any], defaults: Deployment) -> None:
    first = set(template["Resources"]["ProvisioningTemplate"]["DependsOn"])

    assert first == {"HookPermission", "ThingGroup", "ThingType"}
    assert defaults.resource("ThingGroup")["ThingGroupName"] == "fleetgate-devices"


def reaches(deployment: Deployment, action: str, name: str) -> bool:
    """Whether the provisioning role may do something to a resource of AWS IoT, such as `thing/fg-1`."""
    arn = f"arn:aws:iot:eu-central-1:123456789012:{name}"
    (policy,) = deployment.resource("ProvisioningRole")["Policies"]
    return any(
        action in as_list(statement["Action"])
        and any(fnmatchcase(arn, pattern) for pattern in as_list(statement["Resource"]))
        for statement in policy["PolicyDocument"]["Statement"]
    )


def test_the_role_reaches_things_with_the_prefix_only(template: dict[str, Any]) -> None:
    deployment = Deployment(template, {"ThingNamePrefix": "acme-"})

    for action in ("iot:CreateThing", "iot:UpdateThing", "iot:AddThingToThingGroup"):
        assert reaches(deployment, action, "thing/acme-1")
        assert not reaches(deployment, action, "thing/FG-0001")


def test_the_role_reaches_the_stacks_thing_group_and_those_that_are_listed(
    template: dict[str, Any], defaults: Deployment
) -> None:
    listed = Deployment(template, {"AllowedThingGroups": "gateways,meters"})
    action = "iot:AddThingToThingGroup"

    assert [reaches(listed, action, f"thinggroup/{name}") for name in ("fleetgate-devices", "gateways", "meters")] == [
        True
    ] * 3
    assert reaches(defaults, action, "thinggroup/fleetgate-devices")
    for deployment in (listed, defaults):
        assert not reaches(deployment, action, "thinggroup/fleetgate-devices-2")
        assert not reaches(deployment, action, "thinggroup/administrators")


def test_the_role_takes_no_device_out_of_a_group(defaults: Deployment) -> None:
    assert not reaches(defaults, "iot:RemoveThingFromThingGroup", "thinggroup/fleetgate-devices")


def test_the_template_provisions_under_its_own_role(defaults: Deployment) -> None:
    (trust,) = defaults.resource("ProvisioningRole")["AssumeRolePolicyDocument"]["Statement"]

    assert defaults.resource("ProvisioningTemplate")["ProvisioningRoleArn"] == "ProvisioningRole.Arn"
    assert trust["Principal"] == {"Service": "iot.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
