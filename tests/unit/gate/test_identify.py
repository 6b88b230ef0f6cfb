"""The identity that a request presents, and everything that can be wrong with it."""

import re
from typing import Any

import pytest

from fleetgate.domain.reasons import DenialReason
from fleetgate.gate.policy import GatePolicy
from fleetgate.gate.request import PresentedIdentity, identify, presented
from harness.builders import (
    CERTIFICATE_ID,
    CLAIM_CERTIFICATE_ID,
    LOCALLY_ADMINISTERED_MAC_ADDRESS,
    MAC_ADDRESS,
    SERIAL_NUMBER,
    identity,
    parameters,
    policy,
    request,
)
from tests.unit.gate.cases import Presented, by_behaviour
from tests.unit.gate.unreadable_cases import UNREADABLE


@pytest.mark.parametrize("case", by_behaviour(UNREADABLE))
def test_what_is_wrong_with_a_request_is_named(case: Presented) -> None:
    assert identify(case.request, case.policy) is case.reason


def test_the_approved_device_is_identified() -> None:
    assert identify(request(), policy()) == identity()


def test_certificates_are_taken_as_aws_iot_names_them() -> None:
    found = identify(request(), policy())
    assert isinstance(found, PresentedIdentity)
    assert (found.certificate_id, found.claim_certificate_id) == (CERTIFICATE_ID, CLAIM_CERTIFICATE_ID)


@pytest.mark.parametrize("name", policy().serial_number_parameter_names)
def test_the_serial_number_is_found_under_every_configured_name(name: str) -> None:
    presented_parameters = {name: SERIAL_NUMBER, "MacAddress": MAC_ADDRESS}
    assert identify(request(presented_parameters=presented_parameters), policy()) == identity()


@pytest.mark.parametrize("name", policy().mac_address_parameter_names)
def test_the_mac_address_is_found_under_every_configured_name(name: str) -> None:
    presented_parameters = {"SerialNumber": SERIAL_NUMBER, name: MAC_ADDRESS}
    assert identify(request(presented_parameters=presented_parameters), policy()) == identity()


def test_an_operators_own_parameter_names_replace_the_usual_ones() -> None:
    own = policy(serial_number_parameter_names=("sn",), mac_address_parameter_names=("eui",))
    assert identify(request(presented_parameters={"sn": SERIAL_NUMBER, "eui": MAC_ADDRESS}), own) == identity()
    assert identify(request(), own) is DenialReason.SERIAL_NUMBER_MISSING


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param({"serialNumber": SERIAL_NUMBER}, id="two serial numbers"),
        pytest.param({"serialNumber": SERIAL_NUMBER, "device_serial": SERIAL_NUMBER}, id="three serial numbers"),
        pytest.param({"mac": "001B.4411.3AB7"}, id="two spellings of one MAC address"),
        pytest.param({"serialNumber": "", "mac": ""}, id="empty ones beside them"),
        pytest.param({"serialNumber": None, "mac": None}, id="null ones beside them"),
        pytest.param({"Colour": {"any": ["thing"]}, "Text": "ü" * 1000}, id="parameters the gate does not read"),
    ],
)
def test_parameters_that_agree_or_say_nothing_are_one_identity(extra: dict[str, Any]) -> None:
    assert identify(request(presented_parameters=parameters() | extra), policy()) == identity()


@pytest.mark.parametrize("nothing", [{}, {"MacAddress": ""}, {"MacAddress": None}])
def test_a_mac_address_may_be_left_out_until_the_entry_asks_for_one(nothing: dict[str, Any]) -> None:
    presented_parameters = {"SerialNumber": SERIAL_NUMBER} | nothing
    assert identify(request(presented_parameters=presented_parameters), policy()) == identity(mac_address=None)


def test_a_locally_administered_mac_address_is_accepted_where_the_policy_allows_it() -> None:
    presented_parameters = parameters(MacAddress=LOCALLY_ADMINISTERED_MAC_ADDRESS)
    found = identify(request(presented_parameters=presented_parameters), policy(allow_locally_administered_mac=True))
    assert found == identity(mac_address=LOCALLY_ADMINISTERED_MAC_ADDRESS)


def test_a_parameter_of_256_characters_is_read() -> None:
    # 257 is in the table of cases, as PARAMETER_INVALID.
    too_long_for_a_thing_name = request(presented_parameters=parameters(SerialNumber="A" * 256))
    assert identify(too_long_for_a_thing_name, policy()) is DenialReason.SERIAL_NUMBER_INVALID


@pytest.mark.parametrize(
    ("length", "prefix"), [pytest.param(127, "f", id="prefix of one"), pytest.param(125, "fg-", id="prefix of three")]
)
def test_a_thing_name_of_128_characters_is_possible(length: int, prefix: str) -> None:
    presented_parameters = parameters(SerialNumber="A" * length)
    found = identify(request(presented_parameters=presented_parameters), policy(thing_name_prefix=prefix))
    assert found == identity(serial_number="A" * length)


@pytest.mark.parametrize(
    ("serial_number", "expected"),
    [
        ("FG-0001", identity()),
        ("FG-001", DenialReason.SERIAL_NUMBER_INVALID),
        ("X", DenialReason.SERIAL_NUMBER_INVALID),
    ],
)
def test_the_configured_pattern_is_applied(serial_number: str, expected: PresentedIdentity | DenialReason) -> None:
    narrow = policy(serial_number_pattern=re.compile(r"FG-[0-9]{4}", re.ASCII))
    assert identify(request(presented_parameters=parameters(SerialNumber=serial_number)), narrow) == expected


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"template_arn": "x", "claim_certificate_id": None}, DenialReason.UNKNOWN_TEMPLATE),
        ({"claim_certificate_id": None, "presented_parameters": {}}, DenialReason.CLAIM_CERTIFICATE_MISSING),
        ({"presented_parameters": {"SerialNumber": "#", "mac": "#"}}, DenialReason.SERIAL_NUMBER_INVALID),
    ],
)
def test_of_two_things_wrong_the_first_is_named(wrong: dict[str, Any], reason: DenialReason) -> None:
    assert identify(request(**wrong), policy()) is reason


def test_the_client_id_is_not_identity() -> None:
    assert identify(request(presented_client_id="somebody-else"), policy()) == identity()


def test_presented_values_keep_the_order_of_the_names_and_leave_out_empty_ones() -> None:
    asked = request(presented_parameters={"b": 2, "a": "1", "c": "", "d": None, "e": "x"})
    assert presented(asked, ("a", "b", "c", "d", "missing")) == ["1", 2]


def test_the_template_name_is_the_end_of_its_arn() -> None:
    assert (
        GatePolicy(template_arn="arn:aws:iot:eu-central-1:123456789012:provisioningtemplate/fg").template_name == "fg"
    )
