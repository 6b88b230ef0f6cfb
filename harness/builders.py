"""Domain objects for the tests: each builder gives a sound one, and a test says only what matters to it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from fleetgate.domain.allow_list import AllowListEntry, DeviceCertificate, Purpose, Reservation
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.gate.policy import GatePolicy
from fleetgate.gate.request import PresentedIdentity, RegistrationRequest

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
A_MOMENT = timedelta(microseconds=1)

TEMPLATE_ARN = "arn:aws:iot:eu-central-1:123456789012:provisioningtemplate/fleetgate"
TEMPLATE_NAME = "fleetgate"
MANUFACTURER = "acme"
SERIAL_NUMBER = "FG-0001"
MAC_ADDRESS = "00:1b:44:11:3a:b7"
OTHER_MAC_ADDRESS = "00:1b:44:11:3a:b8"
LOCALLY_ADMINISTERED_MAC_ADDRESS = "02:1b:44:11:3a:b7"

# AWS IoT certificate IDs are 64 lower-case hexadecimal digits.
CLAIM_CERTIFICATE_ID = "c1a1" * 16
CERTIFICATE_ID = "de01" * 16
KEY_FINGERPRINT = "ae01" * 16
OTHER_KEY_FINGERPRINT = "ae02" * 16
OTHER_CERTIFICATE_ID = "de02" * 16
CURRENT_CERTIFICATE_ID = "de00" * 16

DECISION_ID = "01JNX0000000000000000000DA"
EARLIER_DECISION_ID = "01JNX0000000000000000000D0"


def policy(**changes: Any) -> GatePolicy:
    """The strict policy of a stack that guards `TEMPLATE_ARN`."""
    return GatePolicy(**{"template_arn": TEMPLATE_ARN, **changes})


def parameters(**changes: Any) -> dict[str, Any]:
    """What the approved device presents; None leaves a parameter out."""
    presented = {"SerialNumber": SERIAL_NUMBER, "MacAddress": MAC_ADDRESS, **changes}
    return {name: value for name, value in presented.items() if value is not None}


def request(**changes: Any) -> RegistrationRequest:
    """The approved device's request."""
    return RegistrationRequest(
        **{
            "certificate_id": CERTIFICATE_ID,
            "key_fingerprint": KEY_FINGERPRINT,
            "claim_certificate_id": CLAIM_CERTIFICATE_ID,
            "template_arn": TEMPLATE_ARN,
            "presented_client_id": "claim-FG-0001",
            "presented_parameters": parameters(),
            **changes,
        }
    )


def identity(
    *,
    serial_number: str = SERIAL_NUMBER,
    mac_address: str | None = MAC_ADDRESS,
    certificate_id: str = CERTIFICATE_ID,
    key_fingerprint: str = KEY_FINGERPRINT,
    claim_certificate_id: str = CLAIM_CERTIFICATE_ID,
) -> PresentedIdentity:
    """Who the approved device is."""
    return PresentedIdentity(
        certificate_id=certificate_id,
        key_fingerprint=key_fingerprint,
        claim_certificate_id=claim_certificate_id,
        serial_number=SerialNumber.parse(serial_number),
        mac_address=None if mac_address is None else MacAddress.parse(mac_address),
    )


def entry(
    *, serial_number: str = SERIAL_NUMBER, mac_addresses: tuple[str, ...] = (MAC_ADDRESS,), **changes: Any
) -> AllowListEntry:
    """An approved device with one MAC address and no limits."""
    return AllowListEntry(
        **{
            "serial_number": SerialNumber.parse(serial_number),
            "manufacturer": MANUFACTURER,
            "mac_addresses": frozenset(map(MacAddress.parse, mac_addresses)),
            "attributes": MappingProxyType({"Model": "gateway-2", "HardwareRevision": "B", "ThingGroup": "gateways"}),
            **changes,
        }
    )


def reservation(*, reserved_at: datetime = NOW, **changes: Any) -> Reservation:
    """A reservation of `CERTIFICATE_ID`, live for one hour."""
    return Reservation(
        **{
            "certificate_id": CERTIFICATE_ID,
            "claim_certificate_id": CLAIM_CERTIFICATE_ID,
            "decision_id": EARLIER_DECISION_ID,
            "purpose": Purpose.ENROLMENT,
            "reserved_at": reserved_at,
            "deadline": reserved_at + timedelta(hours=1),
            **changes,
        }
    )


def current_certificate(certificate_id: str = CURRENT_CERTIFICATE_ID, **changes: Any) -> DeviceCertificate:
    """The certificate of a provisioned device."""
    return DeviceCertificate(**{"certificate_id": certificate_id, "decision_id": EARLIER_DECISION_ID, **changes})


def claim(**changes: Any) -> ClaimCertificate:
    """The claim certificate of the approved device's manufacturer, without limits."""
    return ClaimCertificate(**{"certificate_id": CLAIM_CERTIFICATE_ID, "manufacturer": MANUFACTURER, **changes})


# What template.yaml gives the hook function.
HOOK_ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {
        "ALLOW_LIST_TABLE_NAME": "allow-list",
        "AUDIT_TABLE_NAME": "audit",
        "AUDIT_RETENTION_DAYS": "400",
        "PROVISIONING_TEMPLATE_ARN": TEMPLATE_ARN,
        "THING_NAME_PREFIX": "fg-",
        "CLAIM_CLIENT_ID_PREFIX": "claim-",
        "THING_GROUP_NAME": "devices",
        "SERIAL_NUMBER_PATTERN": "[A-Z]{2}-[0-9]{4}",
        "SERIAL_NUMBER_PARAMETER_NAMES": "SerialNumber,serialNumber,serial_number,device_serial",
        "MAC_ADDRESS_PARAMETER_NAMES": "MacAddress,MACAddress,macAddress,mac_address,mac",
        "REQUIRE_REGISTERED_CLAIMS": "true",
        "REQUIRE_MAC": "true",
        "ALLOW_LOCALLY_ADMINISTERED_MAC": "false",
        "ALLOW_ROTATION": "true",
        "REPROVISIONING_POLICY": "never",
        "REPROVISIONING_LIMIT": "1",
        "RESERVATION_SECONDS": "3600",
        "RESERVATION_TAKEOVER_SECONDS": "300",
        "MAX_ATTEMPTS": "3",
        "ANSWER_MILLISECONDS": "3500",
    }
)
