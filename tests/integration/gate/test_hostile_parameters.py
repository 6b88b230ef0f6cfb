"""Whatever a device puts into its request, it is judged by what is listed, or denied; it is never a fault."""

from collections.abc import Callable
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.claim import ClaimCertificate
from harness.embedded import Embedded
from tests.integration.conftest import MAC

# What each puts into the parameters, %s being the serial number; and the reason of the denial, None for an allow.
_CASES: dict[str, tuple[Any, str | None]] = {
    "a number": ({"SerialNumber": 12}, "parameter_invalid"),
    "a fraction": ({"SerialNumber": 12.0}, "parameter_invalid"),
    "true": ({"SerialNumber": True}, "parameter_invalid"),
    "an object": ({"SerialNumber": {"value": "%s"}}, "parameter_invalid"),
    "a list": ({"SerialNumber": ["%s"]}, "parameter_invalid"),
    "too long": ({"SerialNumber": "9" * 300}, "parameter_invalid"),
    "an invisible character": ({"SerialNumber": "%s\u200b"}, "parameter_invalid"),
    "a space behind": ({"SerialNumber": "%s "}, "serial_number_invalid"),
    "zeros before": ({"SerialNumber": "00%s"}, "not_on_allow_list"),
    "an empty serial number": ({"SerialNumber": ""}, "serial_number_missing"),
    "the serial number as thing name": ({"SerialNumber": None, "ThingName": "%s"}, "serial_number_missing"),
    "another spelling of the name": ({"SerialNumber": None, "serialnumber": "%s"}, "serial_number_missing"),
    "two serial numbers": ({"serial_number": "SN-OTHER"}, "serial_number_ambiguous"),
    "two serial numbers, one empty": ({"serial_number": ""}, None),
    "the same serial number twice": ({"serial_number": "%s"}, None),
    "a line end behind the MAC address": ({"MacAddress": f"{MAC}\n"}, "mac_address_invalid"),
    "a NUL behind the MAC address": ({"MacAddress": f"{MAC}\0"}, "mac_address_invalid"),
    "a MAC address with 0x": ({"MacAddress": "0x001b44113ab7"}, "mac_address_invalid"),
    "octets of one digit": ({"MacAddress": "0:1b:44:11:3a:b7"}, "mac_address_invalid"),
    "the EUI-64 of the MAC address": ({"MacAddress": "00:1b:44:ff:fe:11:3a:b7"}, "mac_address_mismatch"),
    "another spelling of the MAC address": ({"MacAddress": "001B44113AB7"}, None),
    "the MAC address twice": ({"mac": "001B44113AB7"}, None),
    "the MAC address under no name of it": ({"MacAddress": None, "MAC": MAC}, "mac_address_missing"),
    "what the template reads": ({"DecisionId": "evil", "ThingName": "root", "ThingGroup": "admins"}, None),
    "a name of AWS IoT": ({"AWS::IoT::Certificate::Id": "evil"}, None),
    "things of no use": ({"Extra": {"evil": [1, 2]}, "X": None, "": ""}, None),
    "very much": ({"Extra": "x" * 100_000}, None),
}
_OVERRIDES = {
    "SerialNumber",
    "MacAddress",
    "ThingName",
    "ThingGroup",
    "Model",
    "HardwareRevision",
    "DecisionId",
}


def _put(value: Any, serial_number: str) -> Any:
    match value:
        case str():
            return value.replace("%s", serial_number)
        case list():
            return [_put(one, serial_number) for one in value]
        case dict():
            return {name: _put(one, serial_number) for name, one in value.items()}
        case _:
            return value


@pytest.mark.parametrize("case", _CASES)
def test_what_a_device_presents_is_judged_by_what_is_listed(
    case: str,
    invoke: Callable[..., Any],
    event: dict[str, Any],
    approved: AllowListEntry,
    claim: ClaimCertificate,
    embedded: Embedded,
) -> None:
    changed, reason = _CASES[case]
    presented = {**event["parameters"], **_put(changed, approved.serial_number.value)}
    event["parameters"] = {name: value for name, value in presented.items() if value is not None or name == "X"}

    answer = invoke(event)

    assert answer["allowProvisioning"] is (reason is None)
    subjects = (
        f"device#{approved.serial_number}",
        f"device#00{approved.serial_number}",
        f"claim#{claim.certificate_id}",
    )
    records = [one for subject in subjects for one in embedded.records(subject)]
    reasons = [one.reason for one in records if one.certificate_id == event["certificateId"]]
    assert reasons == [reason or "first_reservation"]
    if reason is None:
        overrides = answer["parameterOverrides"]
        assert set(overrides) == _OVERRIDES
        assert (overrides["SerialNumber"], overrides["MacAddress"]) == (approved.serial_number.value, MAC)
        assert not {"evil", "root", "admins"} & set(overrides.values())


@pytest.mark.parametrize("client_id", [None, 12, {"a": "b"}, "", "\x1b[31mred"])
def test_a_client_id_says_nothing(client_id: Any, invoke: Callable[..., Any], event: dict[str, Any]) -> None:
    assert invoke({**event, "clientId": client_id})["allowProvisioning"] is True


@pytest.mark.parametrize("parameters", [[1], "x", 7, True])
def test_parameters_that_are_none_are_denied(
    parameters: Any, invoke: Callable[..., Any], event: dict[str, Any]
) -> None:
    assert invoke({**event, "parameters": parameters}) == {"allowProvisioning": False, "parameterOverrides": {}}
