"""What a device presents with RegisterThing, and the identity that can be read from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fleetgate.domain.identifiers import InvalidIdentifier, MacAddress, SerialNumber
from fleetgate.domain.reasons import DenialReason
from fleetgate.gate.policy import GatePolicy

_LONGEST_PARAMETER = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationRequest:
    """One RegisterThing request as AWS IoT hands it to the hook.

    Only `claim_certificate_id`, `certificate_id` and the key are AWS IoT's own word; the rest is chosen by the device.

    Attributes:
        claim_certificate_id: None when AWS IoT named none.
        key_fingerprint: Of the public key of the certificate that is asked for; None when it cannot be read.
        presented_parameters: As they came; values may be of any JSON type.
    """

    certificate_id: str
    key_fingerprint: str | None
    claim_certificate_id: str | None
    template_arn: str
    presented_client_id: str
    presented_parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentedIdentity:
    """Who the device says it is, with everything about the request that could be wrong already ruled out."""

    certificate_id: str
    key_fingerprint: str
    claim_certificate_id: str
    serial_number: SerialNumber
    mac_address: MacAddress | None


def identify(request: RegistrationRequest, policy: GatePolicy) -> PresentedIdentity | DenialReason:
    """Read the identity that a request presents, before anything is looked up.

    Returns:
        The identity, or the first thing that is wrong with the request.
    """
    if request.template_arn != policy.template_arn:
        return DenialReason.UNKNOWN_TEMPLATE
    if not request.claim_certificate_id:
        return DenialReason.CLAIM_CERTIFICATE_MISSING
    if not request.key_fingerprint:
        return DenialReason.CERTIFICATE_UNREADABLE
    return _presented_identity(request, policy, request.claim_certificate_id, request.key_fingerprint)


def presented(request: RegistrationRequest, names: tuple[str, ...]) -> list[Any]:
    """The values under any of the given parameter names, in the order of the names, empty text left out."""
    values = (request.presented_parameters[name] for name in names if name in request.presented_parameters)
    return [value for value in values if value not in (None, "")]


def _presented_identity(
    request: RegistrationRequest, policy: GatePolicy, claim_certificate_id: str, key_fingerprint: str
) -> PresentedIdentity | DenialReason:
    if not request.presented_parameters:
        return DenialReason.PARAMETERS_MISSING
    serial_number = _serial_number(request, policy)
    if isinstance(serial_number, DenialReason):
        return serial_number
    mac_address = _mac_address(request, policy)
    if isinstance(mac_address, DenialReason):
        return mac_address
    return PresentedIdentity(
        certificate_id=request.certificate_id,
        key_fingerprint=key_fingerprint,
        claim_certificate_id=claim_certificate_id,
        serial_number=serial_number,
        mac_address=mac_address,
    )


def _serial_number(request: RegistrationRequest, policy: GatePolicy) -> SerialNumber | DenialReason:
    values = presented(request, policy.serial_number_parameter_names)
    if not values:
        return DenialReason.SERIAL_NUMBER_MISSING
    if not all(_is_readable(value) for value in values):
        return DenialReason.PARAMETER_INVALID
    try:
        serial_numbers = {SerialNumber.parse(value, policy.serial_number_pattern) for value in values}
    except InvalidIdentifier:
        return DenialReason.SERIAL_NUMBER_INVALID
    if len(serial_numbers) > 1:
        return DenialReason.SERIAL_NUMBER_AMBIGUOUS
    serial_number = serial_numbers.pop()
    if not policy.thing_names.fits(serial_number.value):
        return DenialReason.SERIAL_NUMBER_INVALID
    return serial_number


def _mac_address(request: RegistrationRequest, policy: GatePolicy) -> MacAddress | DenialReason | None:
    values = presented(request, policy.mac_address_parameter_names)
    if not values:
        return None
    if not all(_is_readable(value) for value in values):
        return DenialReason.PARAMETER_INVALID
    try:
        mac_addresses = {MacAddress.parse(value) for value in values}
    except InvalidIdentifier:
        return DenialReason.MAC_ADDRESS_INVALID
    if len(mac_addresses) > 1:
        return DenialReason.MAC_ADDRESS_AMBIGUOUS
    mac_address = mac_addresses.pop()
    if mac_address.is_locally_administered and not policy.allow_locally_administered_mac:
        return DenialReason.MAC_ADDRESS_LOCALLY_ADMINISTERED
    return mac_address


def _is_readable(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_PARAMETER and value.isascii()
