"""The functions' declarations and the code they run: same handlers, same settings, same defaults."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from aws_lambda_powertools.shared import constants as powertools

from fleetgate.api.settings import ActionSettings, ApiSettings
from fleetgate.archive.digest import DEFAULT_SETTLING_TIME
from fleetgate.archive.settings import ArchiverSettings, SealerSettings
from fleetgate.environment import InvalidSettings
from fleetgate.gate.policy import GatePolicy
from fleetgate.gate.settings import HookSettings
from fleetgate.imports.check import SafetyGates
from fleetgate.imports.reading.factory_list import ImportPolicy
from fleetgate.imports.settings import ImportSettings, JournalSettings
from fleetgate.outcomes.settings import OutcomeSettings, ReconcilerSettings
from fleetgate.store.tables import DEFAULT_AUDIT_RETENTION
from fleetgate.watch.burst import Reaction, WatchPolicy
from fleetgate.watch.settings import WatcherSettings
from local.embedded.template import function_ids
from local.environments import REPOSITORY
from tests.template.intrinsics import Deployment


class NoSettings:
    """Of a function that needs to be told nothing."""

    @classmethod
    def from_environment(cls, _environment: Mapping[str, str]) -> "NoSettings":
        """Read nothing."""
        return cls()


# Every function by its logical ID, with the settings it reads.
Settings = (
    HookSettings
    | ImportSettings
    | JournalSettings
    | OutcomeSettings
    | ReconcilerSettings
    | ArchiverSettings
    | SealerSettings
    | ActionSettings
    | ApiSettings
    | WatcherSettings
    | NoSettings
)
SETTINGS: dict[str, type[Settings]] = {
    "HookFunction": HookSettings,
    "ImportFunction": ImportSettings,
    "ImportStepFunction": JournalSettings,
    "OutcomeFunction": OutcomeSettings,
    "RegistryEventsFunction": NoSettings,
    "ReconcilerFunction": ReconcilerSettings,
    "WatcherFunction": WatcherSettings,
    "ArchiverFunction": ArchiverSettings,
    "SealerFunction": SealerSettings,
    "QueryFunction": ApiSettings,
    "ActionFunction": ActionSettings,
}
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


def import_settings(deployment: Deployment) -> ImportSettings:
    """What the importer makes of its environment."""
    return ImportSettings.from_environment(environment(deployment, "ImportFunction"))


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
def test_a_function_runs_where_it_is_built_for_and_logs_to_a_group_that_stays(
    function: str, template: dict[str, Any], defaults: Deployment
) -> None:
    properties = defaults.resource(function)
    group = properties["LoggingConfig"]["LogGroup"]

    assert (properties["Runtime"], properties["Architectures"]) == ("python3.13", ["arm64"])
    assert properties["LoggingConfig"]["LogFormat"] == "JSON"
    assert template["Resources"][group]["DeletionPolicy"] == "Retain"


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


@pytest.mark.parametrize("bound", ["MinValue", "MaxValue"])
def test_every_number_that_a_parameter_takes_can_be_read(bound: str, template: dict[str, Any]) -> None:
    extreme = {
        name: str(declared[bound])
        for name, declared in template["Parameters"].items()
        if declared["Type"] == "Number" and bound in declared
    }
    assert {"MaxAttempts", "DistributeAboveRows"} <= set(extreme)
    for function, settings in SETTINGS.items():
        settings.from_environment(environment(Deployment(template, extreme), function))


def test_the_templates_defaults_are_the_policys_own(defaults: Deployment) -> None:
    policy = hook_settings(defaults).policy
    strict = GatePolicy(
        template_arn="arn:aws:iot:eu-central-1:123456789012:provisioningtemplate/fleetgate",
        default_thing_group="fleetgate-devices",  # the code does not know the stack's thing group
    )

    assert policy.serial_number_pattern.pattern == strict.serial_number_pattern.pattern
    assert replace(policy, serial_number_pattern=strict.serial_number_pattern) == strict


def test_the_templates_defaults_are_the_import_policys_own(defaults: Deployment) -> None:
    policy = import_settings(defaults).policy
    strict = ImportPolicy(  # the code does not know the stack's template and thing group
        template_names=frozenset({"fleetgate"}), thing_groups=frozenset({"fleetgate-devices"})
    )

    assert policy.serial_number_pattern.pattern == strict.serial_number_pattern.pattern
    assert replace(policy, serial_number_pattern=strict.serial_number_pattern) == strict


def test_the_templates_defaults_are_the_safety_gates_own(defaults: Deployment) -> None:
    settings = import_settings(defaults)

    assert SafetyGates() == SafetyGates(
        max_rows_per_file=settings.max_rows_per_file,
        max_rows_per_day=settings.max_rows_per_day,
        max_rejected_share=settings.max_rejected_share,
    )


def test_audit_records_stay_as_long_as_the_code_says_by_default(defaults: Deployment) -> None:
    steps = JournalSettings.from_environment(environment(defaults, "ImportStepFunction"))
    tables = (hook_settings(defaults).tables, import_settings(defaults).journal.tables, steps.tables)

    assert {settings.audit_retention for settings in tables} == {DEFAULT_AUDIT_RETENTION}


def test_both_functions_of_the_archive_and_the_command_let_an_hour_settle_for_as_long(defaults: Deployment) -> None:
    archiver = ArchiverSettings.from_environment(environment(defaults, "ArchiverFunction"))
    sealer = SealerSettings.from_environment(environment(defaults, "SealerFunction"))

    assert sealer.archiver == archiver
    assert archiver.settling_time == DEFAULT_SETTLING_TIME
    # A write that began before half of it was over has to end before all of it is.
    assert defaults.resource("ArchiverFunction")["Timeout"] < DEFAULT_SETTLING_TIME.total_seconds() / 2


# A value other than the default for each parameter that decides who is let in, and the field it ends in.
DECIDING_PARAMETERS = {
    "ProvisioningTemplateName": ("other", "template_arn"),
    "ThingNamePrefix": ("thing-", "thing_name_prefix"),
    "ClaimClientIdPrefix": ("enrol-", "claim_client_id_prefix"),
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


# The same for what the watcher takes for a burst.
WATCH_PARAMETERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ClaimWatchWindowMinutes": ("7", {"window": timedelta(minutes=7)}),
    "ClaimWatchThreshold": ("7", {"threshold": 7}),
    "ClaimWatchPolicy": ("notify", {"reaction": Reaction.NOTIFY}),
}


def test_the_templates_defaults_are_the_watch_policys_own(defaults: Deployment) -> None:
    assert WatcherSettings.from_environment(environment(defaults, "WatcherFunction")).policy == WatchPolicy()


@pytest.mark.parametrize("parameter", WATCH_PARAMETERS)
def test_a_parameter_of_watching_changes_what_it_is_named_after(parameter: str, template: dict[str, Any]) -> None:
    value, changed = WATCH_PARAMETERS[parameter]
    variables = environment(Deployment(template, {parameter: value}), "WatcherFunction")

    assert WatcherSettings.from_environment(variables).policy == replace(WatchPolicy(), **changed)


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


# The same for the import: parameters that decide what factories may deliver, and the setting that each ends in.
IMPORT_PARAMETERS = {
    "ProvisioningTemplateName": ("other", "policy.template_names"),
    "ThingNamePrefix": ("thing-", "policy.thing_names.prefix"),
    "ClaimClientIdPrefix": ("enrol-", "policy.thing_names.claim_client_id_prefix"),
    "ThingGroupName": ("other", "policy.thing_groups"),
    "AllowedThingGroups": ("gateways,meters", "policy.thing_groups"),
    "SerialNumberPattern": ("[0-9]{8}", "policy.serial_number_pattern"),
    "RequireMac": ("false", "policy.require_mac"),
    "AllowLocallyAdministeredMac": ("true", "policy.allow_locally_administered_mac"),
    "UnknownColumns": ("keep", "policy.unknown_columns"),
    "MaxRowsPerFile": ("7", "max_rows_per_file"),
    "MaxRowsPerDay": ("7", "max_rows_per_day"),
    "MaxRejectedPercent": ("7", "max_rejected_share"),
    "RequireRegisteredManufacturers": ("false", "require_registered_manufacturers"),
    "RequireImportApproval": ("true", "require_import_approval"),
    "DistributeAboveRows": ("7", "distribute_above_rows"),
    "AuditRetentionDays": ("7", "journal.tables.audit_retention"),
}
# What no parameter decides: names of the stack's own resources, the code's own limits, the queue's, and the profiles'.
WITHOUT_PARAMETER = {
    *("journal.drop_box", "journal.tables.allow_list_table", "journal.tables.audit_table", "state_machine_arn"),
    *(
        "journal.tables.region",
        "journal.tables.endpoint_url",
        "journal.tables.credentials",
        "journal.tables.total_attempts",
    ),
    *("journal.tables.connect_timeout_seconds", "journal.tables.read_timeout_seconds"),
    *("policy.columns", "policy.group_exists", "policy.judged_at", "policy.max_mac_addresses"),
    *("max_tries", "queue_url"),
    *("policy.own_serial_numbers", "policy.own_mac_prefixes", "policy.own_templates", "policy.own_thing_groups"),
}


@pytest.mark.parametrize("parameter", IMPORT_PARAMETERS)
def test_a_parameter_ends_in_the_import_setting_it_is_named_after_and_in_no_other(
    parameter: str, template: dict[str, Any], defaults: Deployment
) -> None:
    value, name = IMPORT_PARAMETERS[parameter]
    before = flat(import_settings(defaults))
    after = flat(import_settings(Deployment(template, {parameter: value})))

    assert {setting for setting in before if before[setting] != after[setting]} == {name}


def test_every_import_setting_has_its_parameter(template: dict[str, Any], defaults: Deployment) -> None:
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    (of_imports,) = [group["Parameters"] for group in groups if "factories" in group["Label"]["default"]]

    assert {name for _, name in IMPORT_PARAMETERS.values()} == set(flat(import_settings(defaults))) - WITHOUT_PARAMETER
    assert set(of_imports) <= set(IMPORT_PARAMETERS)


def test_rows_may_name_the_stacks_own_thing_group_and_those_that_are_listed(template: dict[str, Any]) -> None:
    listed = Deployment(template, {"ThingGroupName": "all", "AllowedThingGroups": "gateways,meters"})
    assert import_settings(listed).policy.thing_groups == {"all", "gateways", "meters"}


def test_a_share_is_a_hundredth_of_the_percentage(template: dict[str, Any]) -> None:
    assert import_settings(Deployment(template, {"MaxRejectedPercent": "100"})).max_rejected_share == 1


def test_both_functions_of_the_import_work_on_the_same_things(defaults: Deployment) -> None:
    importer, steps = environment(defaults, "ImportFunction"), environment(defaults, "ImportStepFunction")

    assert set(steps) <= set(importer)
    assert {name: importer[name] for name in steps} == steps


def test_the_importer_knows_which_try_is_the_last(defaults: Deployment) -> None:
    redrive = defaults.resource("ImportQueue")["RedrivePolicy"]

    # One more receive gives up on a file whose tries were all cut off.
    assert import_settings(defaults).max_tries == redrive["maxReceiveCount"] - 1


def flat(settings: Any, prefix: str = "") -> dict[str, Any]:
    """Settings by their dotted names; two regular expressions are the same if they read the same."""
    found: dict[str, Any] = {}
    for field in fields(settings):
        value = getattr(settings, field.name)
        if is_dataclass(value):
            found |= flat(value, f"{prefix}{field.name}.")
        else:
            found[f"{prefix}{field.name}"] = getattr(value, "pattern", value)
    return found
