"""Reading a request: whatever a device sends, the gate finds an identity or names what is wrong."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from fleetgate.domain.faults import Fault
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.domain.reasons import DenialReason, FaultReason
from fleetgate.gate.hook import _request
from fleetgate.gate.request import PresentedIdentity, RegistrationRequest, identify
from harness.builders import TEMPLATE_ARN, parameters, policy, request
from tests.property.gate.strategies import json_values, serial_numbers, spelled, unicast_octets

_POLICY = policy(thing_name_prefix="fg-", allow_locally_administered_mac=True)
_NAMES = _POLICY.serial_number_parameter_names + _POLICY.mac_address_parameter_names

_names = st.sampled_from(_NAMES) | st.text(max_size=12)
_values = json_values() | serial_numbers() | unicast_octets().flatmap(spelled)
_parameters = st.dictionaries(_names, _values, max_size=6)


@given(presented=_parameters)
def test_any_parameters_at_all_are_an_identity_or_a_reason(presented: dict[str, Any]) -> None:
    found = identify(request(presented_parameters=presented), _POLICY)
    assert isinstance(found, PresentedIdentity | DenialReason)
    if isinstance(found, PresentedIdentity):
        sent = [presented[name] for name in _POLICY.serial_number_parameter_names if presented.get(name)]
        assert set(sent) == {found.serial_number.value}
        assert SerialNumber.parse("fg-" + found.serial_number.value)
        assert found.mac_address is None or MacAddress.parse(found.mac_address.value) == found.mac_address


@given(
    template_arn=st.sampled_from([TEMPLATE_ARN, "", "x"]) | st.text(),
    claim_certificate_id=st.none() | st.text(),
    client_id=json_values(),
    presented=_parameters,
)
def test_any_request_at_all_is_an_identity_or_a_reason(
    template_arn: str, claim_certificate_id: str | None, client_id: Any, presented: dict[str, Any]
) -> None:
    asked = request(
        template_arn=template_arn,
        claim_certificate_id=claim_certificate_id,
        presented_client_id=client_id,
        presented_parameters=presented,
    )
    found = identify(asked, _POLICY)
    assert isinstance(found, PresentedIdentity | DenialReason)
    if isinstance(found, PresentedIdentity):
        assert (template_arn, found.claim_certificate_id) == (TEMPLATE_ARN, claim_certificate_id)
        assert found.claim_certificate_id


@given(serial_number=serial_numbers(), octets=unicast_octets(), data=st.data())
def test_a_sound_identity_is_found_under_any_names_and_in_any_spelling(
    serial_number: str, octets: bytes, data: st.DataObject
) -> None:
    one_name = st.sampled_from(_POLICY.serial_number_parameter_names)
    presented = {
        data.draw(one_name): serial_number,
        data.draw(one_name): serial_number,
        data.draw(st.sampled_from(_POLICY.mac_address_parameter_names)): data.draw(spelled(octets)),
    }
    found = identify(request(presented_parameters=presented), _POLICY)
    if len(serial_number) > 125:  # with the prefix, more than a thing name holds
        assert found is DenialReason.SERIAL_NUMBER_INVALID
    else:
        assert isinstance(found, PresentedIdentity)
        assert found.serial_number.value == serial_number
        assert found.mac_address == MacAddress.parse(octets.hex())


@given(event=json_values())
@example(event={"certificateId": "x", "templateArn": "x", "parameters": {}})
@example(event={"certificateId": "x", "templateArn": "x", "parameters": []})
def test_any_event_at_all_is_a_request_or_no_hook_event(event: Any) -> None:
    _is_request_or_fault(event)


@given(
    event=st.fixed_dictionaries(
        {},
        optional={
            "claimCertificateId": st.text() | json_values(),
            "certificateId": st.text() | json_values(),
            "certificatePem": json_values(),
            "templateArn": st.text() | json_values(),
            "clientId": st.text() | json_values(),
            "parameters": st.just(parameters()) | st.none() | _parameters | json_values(),
        },
    )
)
def test_any_event_of_the_documented_keys_is_a_request_or_no_hook_event(event: dict[str, Any]) -> None:
    _is_request_or_fault(event)


def _is_request_or_fault(event: Any) -> None:
    found = _request_or_fault(event)
    if isinstance(found, RegistrationRequest):
        assert found.certificate_id
        assert isinstance(identify(found, _POLICY), PresentedIdentity | DenialReason)
    else:
        assert found is FaultReason.NOT_A_HOOK_EVENT


def _request_or_fault(event: Any) -> RegistrationRequest | FaultReason:
    try:
        return _request(event)
    except Fault as fault:
        return fault.reason
