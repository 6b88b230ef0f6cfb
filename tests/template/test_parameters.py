"""Parameters and outputs: what an operator can say, what cannot be smuggled in, and the environments of samconfig."""

import json
import re
import tomllib
from typing import Any

import pytest

from local.environments import REPOSITORY
from tests.template.intrinsics import Deployment

SAMCONFIG = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())
ENVIRONMENTS = ["default", "staging", "prod"]

ACCEPTED = [
    ("ExtraAttributes", ""),
    ("ExtraAttributes", '"site":"berlin"'),
    ("ExtraAttributes", '"site":"berlin","line":"4"'),
    ("ExtraAttributes", '"site": "berlin", "line": "4"'),
    ("DeviceConfiguration", "{}"),
    ("DeviceConfiguration", '{"interval":"60"}'),
    ("DeviceConfiguration", '{ "interval": "60", "broker": "eu-1.example.com:8883" }'),
    ("ProvisioningTemplateName", "t" * 36),
    ("ThingNamePrefix", "fg-"),
    ("ThingNamePrefix", "f" * 64),
    ("AllowedThingGroups", ""),
    ("AllowedThingGroups", "gateways"),
    ("AllowedThingGroups", "a,b,c,d,e"),
    ("ClaimClientIdPrefix", "claim-"),
]
REFUSED = [
    ("ExtraAttributes", '"a":"b"},"x":{'),
    ("ExtraAttributes", '"a":"b"}'),
    ("ExtraAttributes", '"a":"b",'),
    ("ExtraAttributes", ',"a":"b"'),
    ("ExtraAttributes", '"a":{"Ref":"SerialNumber"}'),
    ("ExtraAttributes", '"a":"two words"'),
    ("ExtraAttributes", '"a":"b\\""'),
    ("ExtraAttributes", '{"a":"b"}'),
    ("DeviceConfiguration", ""),
    ("DeviceConfiguration", '{}, "Resources": {}'),
    ("DeviceConfiguration", '{"a":"b"}, "Resources": {"x": {}}'),
    ("DeviceConfiguration", '{"a":{"b":"c"}}'),
    ("DeviceConfiguration", '{"a":"b"'),
    ("ProvisioningTemplateName", "t" * 37),
    ("ProvisioningTemplateName", "a/b"),
    ("ProvisioningTemplateName", "*"),
    # Without a prefix the provisioning role would reach every thing of the account.
    ("ThingNamePrefix", ""),
    ("ThingNamePrefix", "f" * 65),
    ("ThingNamePrefix", "*"),
    ("AllowedThingGroups", "*"),
    ("AllowedThingGroups", "gateways, meters"),
    ("AllowedThingGroups", "gateways,"),
    ("AllowedThingGroups", "a,b,c,d,e,f"),
    ("ThingGroupName", "devices*"),
    ("ThingTypeName", ""),
    # Nothing before the wildcard of iot:Connect would let a claim certificate take any client ID.
    ("ClaimClientIdPrefix", ""),
    ("ClaimClientIdPrefix", "*"),
]


def accepts(declared: dict[str, Any], value: str) -> bool:
    """Whether CloudFormation would take a value. "The pattern must match the entire parameter value provided"."""
    allowed = [str(choice) for choice in declared.get("AllowedValues", [value])]
    if value not in allowed or not re.fullmatch(declared.get("AllowedPattern", ".*"), value, re.DOTALL):
        return False
    if declared["Type"] != "Number":
        return True
    return value.isdecimal() and declared.get("MinValue", 0) <= int(value) <= declared.get("MaxValue", int(value))


@pytest.mark.parametrize(("parameter", "value"), ACCEPTED)
def test_what_an_operator_means_is_accepted(parameter: str, value: str, template: dict[str, Any]) -> None:
    assert accepts(template["Parameters"][parameter], value)


@pytest.mark.parametrize(("parameter", "value"), REFUSED)
def test_what_would_break_out_of_its_place_is_refused(parameter: str, value: str, template: dict[str, Any]) -> None:
    assert not accepts(template["Parameters"][parameter], value)


def test_every_default_is_acceptable_and_explained(template: dict[str, Any]) -> None:
    for name, declared in template["Parameters"].items():
        assert accepts(declared, str(declared["Default"])), name
        assert declared["Description"], name


def test_every_parameter_changes_something(template: dict[str, Any]) -> None:
    text = json.dumps({section: template[section] for section in ("Conditions", "Resources", "Outputs")})
    unused = [name for name in template["Parameters"] if f'"Ref": "{name}"' not in text and f"${{{name}}}" not in text]

    assert unused == []


def test_the_console_shows_every_parameter_in_the_order_of_the_template(template: dict[str, Any]) -> None:
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]

    assert shown == list(template["Parameters"])


def test_the_outputs_are_there(defaults: Deployment) -> None:
    outputs = {name: defaults.resolve(output["Value"]) for name, output in defaults.template["Outputs"].items()}

    assert outputs == {
        "StackName": "stack",
        "AllowListTableName": "AllowListTable",
        "AuditTableName": "AuditTable",
        "HookFunctionName": "HookFunction",
        "ProvisioningTemplateName": "ProvisioningTemplate",
        "ThingNamePrefix": "fg-",
        "ThingGroupNames": "fleetgate-devices",
        "RequireRegisteredManufacturers": "true",
        "ClaimClientIdPrefix": "claim-",
        "ClaimPolicyName": "ClaimPolicy",
        "DropBoxName": "DropBox",
        "ManufacturerPolicyArn": "ManufacturerPolicy",
        "ImportQueueUrl": "ImportQueue",
        "ImportTopicArn": "ImportTopic",
        "WatchTopicArn": "WatchTopic",
        "ArchiveName": "ArchiveBucket",
        "SealingKeyArn": "SealingKey.Arn",
        "ApiEndpoint": "Api.ApiEndpoint",
        "ApiReaderPolicyArn": "ApiReaderPolicy",
        "ApiOperatorPolicyArn": "ApiOperatorPolicy",
        "DashboardName": "Dashboard",
    }


def test_no_thing_can_be_called_what_a_claim_certificate_connects_as(template: dict[str, Any]) -> None:
    ((assertion,),) = [rule["Assertions"] for rule in template["Rules"].values()]

    assert assertion["Assert"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "ThingNamePrefix"}, {"Ref": "ClaimClientIdPrefix"}]}]
    }
    assert assertion["AssertDescription"]


# ---- samconfig.toml ---------------------------------------------------------------------------------------------


def overrides(environment: str) -> dict[str, str]:
    """The parameters that an environment sets."""
    listed = SAMCONFIG[environment]["deploy"]["parameters"]["parameter_overrides"]
    return dict(override.split("=", 1) for override in listed)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_sets_parameters_that_there_are(environment: str, template: dict[str, Any]) -> None:
    for name, value in overrides(environment).items():
        assert accepts(template["Parameters"][name], value), name


def test_environments_can_share_an_account() -> None:
    for name in ("ProvisioningTemplateName", "ThingTypeName", "ThingGroupName"):
        assert len({overrides(environment)[name] for environment in ENVIRONMENTS}) == len(ENVIRONMENTS)
    stacks = {SAMCONFIG[environment]["deploy"]["parameters"]["stack_name"] for environment in ENVIRONMENTS}
    assert len(stacks) == len(ENVIRONMENTS)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_can_be_deployed_without_questions(environment: str) -> None:
    deploy = SAMCONFIG[environment]["deploy"]["parameters"]

    assert deploy["capabilities"] == "CAPABILITY_IAM"
    assert deploy["resolve_s3"] is True
    assert deploy["confirm_changeset"] is (environment != "default")
