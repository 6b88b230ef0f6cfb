"""The settings of functions: read whole and exactly, or refused by name."""

import re
from datetime import timedelta

import pytest

from fleetgate.environment import InvalidSettings
from fleetgate.gate.policy import ReprovisioningPolicy
from fleetgate.gate.settings import HookSettings
from fleetgate.watch.settings import WatcherSettings
from harness.builders import HOOK_ENVIRONMENT, TEMPLATE_ARN

_NUMBERS = [
    "AUDIT_RETENTION_DAYS",
    "REPROVISIONING_LIMIT",
    "RESERVATION_SECONDS",
    "RESERVATION_TAKEOVER_SECONDS",
    "MAX_ATTEMPTS",
    "ANSWER_MILLISECONDS",
]
_FLAGS = ["REQUIRE_REGISTERED_CLAIMS", "REQUIRE_MAC", "ALLOW_LOCALLY_ADMINISTERED_MAC", "ALLOW_ROTATION"]


def _settings(**changes: str) -> HookSettings:
    return HookSettings.from_environment({**HOOK_ENVIRONMENT, **changes})


def test_a_whole_environment_is_read() -> None:
    settings = _settings(REPROVISIONING_POLICY="same-identity", REPROVISIONING_LIMIT="2")
    tables, policy = settings.tables, settings.policy
    assert (tables.allow_list_table, tables.audit_table) == ("allow-list", "audit")
    assert tables.audit_retention == timedelta(days=400)
    assert settings.answer_seconds == pytest.approx(3.5)
    assert policy.template_arn == TEMPLATE_ARN
    assert (policy.thing_name_prefix, policy.claim_client_id_prefix) == ("fg-", "claim-")
    assert policy.default_thing_group == "devices"
    assert policy.serial_number_pattern == re.compile("[A-Z]{2}-[0-9]{4}", re.ASCII)
    assert policy.serial_number_parameter_names == ("SerialNumber", "serialNumber", "serial_number", "device_serial")
    assert policy.mac_address_parameter_names == ("MacAddress", "MACAddress", "macAddress", "mac_address", "mac")
    assert (policy.require_registered_claims, policy.require_mac) == (True, True)
    assert (policy.allow_locally_administered_mac, policy.allow_rotation) == (False, True)
    assert (policy.reprovisioning, policy.reprovisioning_limit) == (ReprovisioningPolicy.SAME_IDENTITY, 2)
    assert (policy.reservation_time, policy.takeover_time) == (timedelta(hours=1), timedelta(minutes=5))
    assert policy.max_attempts == 3


@pytest.mark.parametrize("name", HOOK_ENVIRONMENT)
def test_a_missing_variable_is_named(name: str) -> None:
    rest = {other: value for other, value in HOOK_ENVIRONMENT.items() if other != name}
    with pytest.raises(InvalidSettings, match=rf"\b{name} is not set"):
        HookSettings.from_environment(rest)


@pytest.mark.parametrize("name", HOOK_ENVIRONMENT)
def test_an_empty_variable_is_a_missing_one(name: str) -> None:
    with pytest.raises(InvalidSettings, match=rf"\b{name} is not set"):
        _settings(**{name: ""})


@pytest.mark.parametrize("prefix", ["claim-", "claim-fg-"])
def test_things_cannot_be_called_what_claim_certificates_connect_as(prefix: str) -> None:
    with pytest.raises(InvalidSettings, match=r"\bTHING_NAME_PREFIX starts with CLAIM_CLIENT_ID_PREFIX"):
        _settings(THING_NAME_PREFIX=prefix)


def test_claim_certificates_may_connect_under_a_part_of_the_things_names() -> None:
    policy = _settings(CLAIM_CLIENT_ID_PREFIX="fg-claim-").policy
    assert (policy.thing_name_prefix, policy.claim_client_id_prefix) == ("fg-", "fg-claim-")


@pytest.mark.parametrize("name", _NUMBERS)
@pytest.mark.parametrize(
    "value", ["-1", "+1", "1.5", "1e3", " 1", "1\n", "1_000", "one", "0x10", "\N{FULLWIDTH DIGIT ONE}", "9" * 10]
)
def test_a_number_is_digits_and_nothing_else(name: str, value: str) -> None:
    with pytest.raises(InvalidSettings, match=rf"\b{name} is not a whole number"):
        _settings(**{name: value})


@pytest.mark.parametrize("name", _FLAGS)
@pytest.mark.parametrize("value", ["True", "TRUE", "yes", "1", "0", " true", "true ", "on"])
def test_a_flag_is_true_or_false_and_nothing_else(name: str, value: str) -> None:
    with pytest.raises(InvalidSettings, match=rf"\b{name} is neither true nor false"):
        _settings(**{name: value})


@pytest.mark.parametrize("value", ["[", "(", "*", "a{2,1}"])
def test_a_pattern_is_a_regular_expression(value: str) -> None:
    with pytest.raises(InvalidSettings, match=r"\bSERIAL_NUMBER_PATTERN is not a regular expression"):
        _settings(SERIAL_NUMBER_PATTERN=value)


def test_digits_in_a_pattern_are_ascii_digits() -> None:
    pattern = _settings(SERIAL_NUMBER_PATTERN=r"\d").policy.serial_number_pattern
    assert pattern.fullmatch("1")
    assert not pattern.fullmatch("\N{ARABIC-INDIC DIGIT ONE}")


@pytest.mark.parametrize("value", ["Never", "same_identity", "always"])
def test_a_reprovisioning_policy_is_one_of_two(value: str) -> None:
    with pytest.raises(InvalidSettings, match=r"\bREPROVISIONING_POLICY is not one of never, same-identity"):
        _settings(REPROVISIONING_POLICY=value)


@pytest.mark.parametrize("value", ["Block", "alert", "none"])
def test_what_a_burst_leads_to_is_one_of_two(value: str) -> None:
    environment = {
        "ALLOW_LIST_TABLE_NAME": "allow-list",
        "AUDIT_TABLE_NAME": "audit",
        "AUDIT_RETENTION_DAYS": "400",
        "THING_NAME_PREFIX": "fg-",
        "CLAIM_WATCH_WINDOW_MINUTES": "10",
        "CLAIM_WATCH_THRESHOLD": "20",
        "CLAIM_WATCH_POLICY": value,
    }
    with pytest.raises(InvalidSettings, match=r"\bCLAIM_WATCH_POLICY is not one of block, notify"):
        WatcherSettings.from_environment(environment)


def test_names_may_be_written_with_spaces_and_stray_commas() -> None:
    names = _settings(SERIAL_NUMBER_PARAMETER_NAMES=" sn , serial,, ").policy.serial_number_parameter_names
    assert names == ("sn", "serial")


def test_a_message_does_not_repeat_the_value() -> None:
    with pytest.raises(InvalidSettings) as caught:
        _settings(MAX_ATTEMPTS="a-secret-in-the-wrong-place")
    assert "secret" not in str(caught.value)
