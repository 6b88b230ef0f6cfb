"""Why an operator's request was turned down: the lists hold something that speaks against it. Not a fault."""

from collections.abc import Iterable
from enum import StrEnum

from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.likeness import did_you_mean


class RefusalCode(StrEnum):
    """What spoke against a request, for programs."""

    ALREADY_ON_ALLOW_LIST = "already_on_allow_list"
    MAC_ADDRESS_TAKEN = "mac_address_taken"
    KEY_OF_ANOTHER_DEVICE = "key_of_another_device"
    SERIAL_NUMBER_UNUSABLE = "serial_number_unusable"
    THING_GROUP_NOT_ALLOWED = "thing_group_not_allowed"
    THING_GROUP_MISSING = "thing_group_missing"
    TOO_MANY_MAC_ADDRESSES = "too_many_mac_addresses"
    UNKNOWN_DEVICE = "unknown_device"
    DEVICE_RETIRED = "device_retired"
    DEVICE_QUARANTINED = "device_quarantined"
    TOO_MANY_STOPS = "too_many_stops"
    CLAIM_CERTIFICATE_NOT_REGISTERED = "claim_certificate_not_registered"
    CLAIM_CERTIFICATE_REGISTERED_OTHERWISE = "claim_certificate_registered_otherwise"
    CLAIM_CERTIFICATE_BLOCKED = "claim_certificate_blocked"
    CERTIFICATE_OF_A_DEVICE = "certificate_of_a_device"
    CERTIFICATE_NOT_IN_AWS_IOT = "certificate_not_in_aws_iot"
    UNKNOWN_MAC_ADDRESS = "unknown_mac_address"
    UNKNOWN_IMPORT = "unknown_import"
    IMPORT_NOT_WAITING = "import_not_waiting"
    IMPORT_STILL_RUNNING = "import_still_running"
    IMPORT_WAS_DRY_RUN = "import_was_dry_run"
    SAME_PERSON = "same_person"
    UNKNOWN_MANUFACTURER = "unknown_manufacturer"
    MANUFACTURER_REGISTERED_OTHERWISE = "manufacturer_registered_otherwise"
    MANUFACTURER_LOOKS_LIKE_ANOTHER = "manufacturer_looks_like_another"
    UNKNOWN_COLUMN = "unknown_column"


class Refusal(Exception):
    """A request that was turned down, and nothing was changed; the message says what to do."""

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def unknown_manufacturer(name: str, known: Iterable[str]) -> Refusal:
    """The refusal for a manufacturer that is not registered.

    Args:
        known: The names of those that are.
    """
    return Refusal(
        RefusalCode.UNKNOWN_MANUFACTURER,
        f"no manufacturer {name} is registered. {did_you_mean(name, known)} See fleetgate manufacturer list, or "
        "register it with fleetgate manufacturer add.",
    )


def unknown_device(serial_number: SerialNumber) -> Refusal:
    """The refusal for a device that nothing is known of."""
    return Refusal(
        RefusalCode.UNKNOWN_DEVICE,
        f"{serial_number} is not on the allow-list and never asked to be let in: check the serial number "
        "(case matters), or approve it with fleetgate allow-list add.",
    )
