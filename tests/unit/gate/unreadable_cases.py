"""Requests whose identity cannot be read, and why."""

from typing import Any

from fleetgate.domain.reasons import DenialReason
from fleetgate.gate.request import RegistrationRequest
from harness.builders import (
    LOCALLY_ADMINISTERED_MAC_ADDRESS,
    MAC_ADDRESS,
    OTHER_MAC_ADDRESS,
    SERIAL_NUMBER,
    parameters,
    policy,
    request,
)
from tests.unit.gate.cases import Presented


def _presenting(**changes: Any) -> RegistrationRequest:
    return request(presented_parameters=parameters(**changes))


UNREADABLE: tuple[Presented, ...] = (
    Presented(
        behaviour="a template this gate does not guard is unknown",
        reason=DenialReason.UNKNOWN_TEMPLATE,
        request=request(template_arn="arn:aws:iot:eu-central-1:123456789012:provisioningtemplate/another"),
    ),
    Presented(
        behaviour="the same template name in another account is unknown",
        reason=DenialReason.UNKNOWN_TEMPLATE,
        request=request(template_arn="arn:aws:iot:eu-central-1:210987654321:provisioningtemplate/fleetgate"),
    ),
    Presented(
        behaviour="an empty template ARN is unknown",
        reason=DenialReason.UNKNOWN_TEMPLATE,
        request=request(template_arn=""),
    ),
    Presented(
        behaviour="a request without a claim certificate is denied",
        reason=DenialReason.CLAIM_CERTIFICATE_MISSING,
        request=request(claim_certificate_id=None),
    ),
    Presented(
        behaviour="a request with an empty claim certificate is denied",
        reason=DenialReason.CLAIM_CERTIFICATE_MISSING,
        request=request(claim_certificate_id=""),
    ),
    Presented(
        behaviour="a request whose certificate has no readable key is denied",
        reason=DenialReason.CERTIFICATE_UNREADABLE,
        request=request(key_fingerprint=None),
    ),
    Presented(
        behaviour="an unreadable certificate speaks before missing parameters",
        reason=DenialReason.CERTIFICATE_UNREADABLE,
        request=request(key_fingerprint=None, presented_parameters={}),
    ),
    Presented(
        behaviour="a request without parameters is denied",
        reason=DenialReason.PARAMETERS_MISSING,
        request=request(presented_parameters={}),
    ),
    Presented(
        behaviour="foreign parameters only are a missing serial number",
        reason=DenialReason.SERIAL_NUMBER_MISSING,
        request=request(presented_parameters={"Colour": "blue"}),
    ),
    Presented(
        behaviour="a MAC address alone is a missing serial number",
        reason=DenialReason.SERIAL_NUMBER_MISSING,
        request=_presenting(SerialNumber=None),
    ),
    Presented(
        behaviour="an empty serial number is a missing one",
        reason=DenialReason.SERIAL_NUMBER_MISSING,
        request=_presenting(SerialNumber=""),
    ),
    Presented(
        behaviour="a null serial number is a missing one",
        reason=DenialReason.SERIAL_NUMBER_MISSING,
        request=request(presented_parameters={"SerialNumber": None, "MacAddress": MAC_ADDRESS}),
    ),
    Presented(
        behaviour="parameter names are case sensitive",
        reason=DenialReason.SERIAL_NUMBER_MISSING,
        request=_presenting(SerialNumber=None, SERIALNUMBER=SERIAL_NUMBER),
    ),
    Presented(
        behaviour="a serial number that is a number is invalid",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(SerialNumber=1),
    ),
    Presented(
        behaviour="a serial number that is zero is not taken for a missing one",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(SerialNumber=0),
    ),
    Presented(
        behaviour="a serial number that is false is not taken for a missing one",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(SerialNumber=False),
    ),
    Presented(
        behaviour="a serial number in a list is invalid",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(SerialNumber=[SERIAL_NUMBER]),
    ),
    Presented(
        behaviour="a serial number in an object is invalid",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(SerialNumber={"value": SERIAL_NUMBER}),
    ),
    Presented(
        behaviour="a serial number of 257 characters is oversize",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(SerialNumber="A" * 257),
    ),
    Presented(
        behaviour="a serial number outside ASCII is invalid",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(SerialNumber="FG-000\N{FULLWIDTH DIGIT ONE}"),
    ),
    Presented(
        behaviour="a sound serial number does not hide an unreadable one under another name",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(serialNumber=7),
    ),
    Presented(
        behaviour="two parameter names with different serial numbers are ambiguous",
        reason=DenialReason.SERIAL_NUMBER_AMBIGUOUS,
        request=_presenting(device_serial="FG-0002"),
    ),
    Presented(
        behaviour="two serial numbers that differ in case are ambiguous",
        reason=DenialReason.SERIAL_NUMBER_AMBIGUOUS,
        request=_presenting(serialNumber=SERIAL_NUMBER.lower()),
    ),
    Presented(
        behaviour="a serial number of 129 characters is invalid",
        reason=DenialReason.SERIAL_NUMBER_INVALID,
        request=_presenting(SerialNumber="A" * 129),
    ),
    Presented(
        behaviour="a serial number with a topic wildcard is invalid",
        reason=DenialReason.SERIAL_NUMBER_INVALID,
        request=_presenting(SerialNumber="FG-#"),
    ),
    Presented(
        behaviour="a serial number with a trailing newline is invalid",
        reason=DenialReason.SERIAL_NUMBER_INVALID,
        request=_presenting(SerialNumber=SERIAL_NUMBER + "\n"),
    ),
    Presented(
        behaviour="a serial number of one space is invalid",
        reason=DenialReason.SERIAL_NUMBER_INVALID,
        request=_presenting(SerialNumber=" "),
    ),
    Presented(
        behaviour="a serial number with which the thing name is too long is invalid",
        reason=DenialReason.SERIAL_NUMBER_INVALID,
        request=_presenting(SerialNumber="A" * 126),
        policy=policy(thing_name_prefix="fg-"),
    ),
    Presented(
        behaviour="a serial number whose thing name claim certificates may connect as is invalid",
        reason=DenialReason.SERIAL_NUMBER_INVALID,
        request=_presenting(SerialNumber="claim-1"),
        policy=policy(thing_name_prefix="fg-", claim_client_id_prefix="fg-claim-"),
    ),
    Presented(
        behaviour="a MAC address of five octets is invalid",
        reason=DenialReason.MAC_ADDRESS_INVALID,
        request=_presenting(MacAddress="00:1b:44:11:3a"),
    ),
    Presented(
        behaviour="a MAC address with mixed separators is invalid",
        reason=DenialReason.MAC_ADDRESS_INVALID,
        request=_presenting(MacAddress="00:1b-44-11-3a-b7"),
    ),
    Presented(
        behaviour="a multicast MAC address is invalid",
        reason=DenialReason.MAC_ADDRESS_INVALID,
        request=_presenting(MacAddress="01:1b:44:11:3a:b7"),
    ),
    Presented(
        behaviour="an all zero MAC address is invalid",
        reason=DenialReason.MAC_ADDRESS_INVALID,
        request=_presenting(MacAddress="00:00:00:00:00:00"),
    ),
    Presented(
        behaviour="two parameter names with different MAC addresses are ambiguous",
        reason=DenialReason.MAC_ADDRESS_AMBIGUOUS,
        request=_presenting(mac=OTHER_MAC_ADDRESS),
    ),
    Presented(
        behaviour="a MAC address that is a number is invalid",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(MacAddress=1844113),
    ),
    Presented(
        behaviour="a MAC address of 257 characters is oversize",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(MacAddress="0" * 257),
    ),
    Presented(
        behaviour="a MAC address outside ASCII is invalid",
        reason=DenialReason.PARAMETER_INVALID,
        request=_presenting(MacAddress="00:1b:44:11:3a:b\N{FULLWIDTH DIGIT SEVEN}"),
    ),
    Presented(
        behaviour="a locally administered MAC address is denied unless the policy allows it",
        reason=DenialReason.MAC_ADDRESS_LOCALLY_ADMINISTERED,
        request=_presenting(MacAddress=LOCALLY_ADMINISTERED_MAC_ADDRESS),
    ),
)
