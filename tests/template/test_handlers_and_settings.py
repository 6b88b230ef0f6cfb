"""The functions' declarations and the code they run: same handlers, same settings, same defaults."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from importlib import import_module
from typing import Any

import pytest
from aws_lambda_powertools.shared import constants as powertools

from fleetgate.config import HookSettings, InvalidSettings
from fleetgate.domain.policy import GatePolicy
from fleetgate.store.tables import DEFAULT_AUDIT_RETENTION
from local.environments import REPOSITORY
from local.template import function_ids
from tests.template.intrinsics import Deployment

# Every function by its logical ID, with the settings it reads.
SETTINGS = {"HookFunction": HookSettings}
POWERTOOLS = {
    value for value in vars(powertools).values() if isinstance(value, str) and value.startswith("POWERTOOLS_")
}


class Recorder(Mapping[str, str]):
    """An environment that remembers what was asked of it."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("settings are read by name")

    def __len__(self) -> int:
        raise AssertionError("settings are read by name")


def environment(deployment: Deployment, function: str) -> dict[str, str]:
    """A function's environment variables."""
    return dict(deployment.resource(function)["Environment"]["Variables"])


def hook_settings(deployment: Deployment) -> HookSettings:
    """What the hook makes of its environment."""
    return HookSettings.from_environment(environment(deployment, "HookFunction"))


def test_every_function_is_known_here(template: dict[str, Any]) -> None:
    assert set(function_ids(template)) == set(SETTINGS)


@pytest.mark.parametrize("function", SETTINGS)
def test_the_handler_can_be_imported_and_called(function: str, defaults: Deployment) -> None:
    properties = defaults.resource(function)
    module_name, _, name = properties["Handler"].rpartition(".")
    module = import_module(module_name)

    assert callable(getattr(module, name))
    assert module.__file__ is not None
    assert module.__file__.startswith(str(REPOSITORY / properties["CodeUri"]))


@pytest.mark.parametrize("function", SETTINGS)
def test_every_variable_is_read_and_every_variable_that_is_read_is_there(function: str, defaults: Deployment) -> None:
    variables = environment(defaults, function)
    recorder = Recorder(variables)
    SETTINGS[function].from_environment(recorder)

    assert recorder.asked == set(variables) - POWERTOOLS
    assert {name for name in variables if name.startswith("POWERTOOLS_")} <= POWERTOOLS
    assert all(isinstance(value, str) for value in variables.values())  # Lambda takes nothing else


@pytest.mark.parametrize("function", SETTINGS)
def test_no_variable_can_be_done_without(function: str, defaults: Deployment) -> None:
    variables = environment(defaults, function)
    for name in set(variables) - POWERTOOLS:
        with pytest.raises(InvalidSettings, match=rf"\b{name}\b"):
            SETTINGS[function].from_environment({key: value for key, value in variables.items() if key != name})


def test_the_templates_defaults_are_the_policys_own(defaults: Deployment) -> None:
    policy = hook_settings(defaults).policy
    strict = GatePolicy(
        template_arn="arn:aws:iot:eu-central-1:123456789012:provisioningtemplate/fleetgate",
        default_thing_group="fleetgate-devices",  # the code does not know the stack's thing group
    )

    assert policy.serial_number_pattern.pattern == strict.serial_number_pattern.pattern
    assert replace(policy, serial_number_pattern=strict.serial_number_pattern) == strict


def test_audit_records_stay_as_long_as_the_code_says_by_default(defaults: Deployment) -> None:
    assert hook_settings(defaults).tables.audit_retention == DEFAULT_AUDIT_RETENTION


# A value other than the default for each parameter that decides who is let in, and the field it ends in.
DECIDING_PARAMETERS = {
    "ProvisioningTemplateName": ("other", "template_arn"),
    "ThingNamePrefix": ("fg-", "thing_name_prefix"),
    "ThingGroupName": ("other", "default_thing_group"),
    "SerialNumberPattern": ("[0-9]{8}", "serial_number_pattern"),
    "SerialNumberParameterNames": ("Serial", "serial_number_parameter_names"),
    "MacAddressParameterNames": ("Hardware", "mac_address_parameter_names"),
    "RequireRegisteredClaims": ("false", "require_registered_claims"),
    "RequireMac": ("false", "require_mac"),
    "AllowLocallyAdministeredMac": ("true", "allow_locally_administered_mac"),
    "AllowRotation": ("false", "allow_rotation"),
    "ReprovisioningPolicy": ("same-identity", "reprovisioning"),
    "ReprovisioningLimit": ("7", "reprovisioning_limit"),
    "ReservationSeconds": ("7200", "reservation_time"),
    "ReservationTakeoverSeconds": ("7", "takeover_time"),
    "MaxAttempts": ("7", "max_attempts"),
}


@pytest.mark.parametrize("parameter", DECIDING_PARAMETERS)
def test_a_parameter_changes_the_rule_it_is_named_after_and_no_other(
    parameter: str, template: dict[str, Any], defaults: Deployment
) -> None:
    value, field = DECIDING_PARAMETERS[parameter]
    before = hook_settings(defaults).policy
    after = hook_settings(Deployment(template, {parameter: value})).policy

    assert {name for name in policy_fields() if getattr(before, name) != getattr(after, name)} == {field}


def test_every_rule_has_its_parameter() -> None:
    assert {field for _, field in DECIDING_PARAMETERS.values()} == policy_fields()


def policy_fields() -> set[str]:
    """The rules of a policy."""
    return {field.name for field in fields(GatePolicy)}
