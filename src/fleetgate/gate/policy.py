"""What the operator of a stack decided about its gate."""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from fleetgate.domain.identifiers import DEFAULT_SERIAL_NUMBER_PATTERN
from fleetgate.domain.things import ThingNames


class ReprovisioningPolicy(StrEnum):
    """Whether a provisioned device may come back through a claim certificate."""

    NEVER = "never"
    SAME_IDENTITY = "same-identity"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePolicy:
    """One stack's rules; the defaults are the strict ones.

    Attributes:
        template_arn: The provisioning template that the gate guards.
        thing_name_prefix: Stands before the serial number in the thing name.
        claim_client_id_prefix: Client IDs of devices with a claim certificate start with it; no thing name may.
        default_thing_group: The thing group of a device whose entry names none.
        serial_number_parameter_names: Parameters that may hold the serial number; all present ones must agree.
        reservation_time: How long a device certificate can finish; AWS IoT keeps an ownership token for one hour.
        takeover_time: How long a reservation is protected from another certificate of the same identity.
        max_attempts: How often a reservation may be made in all before an operator has to look, and opens a repair
            window.
    """

    template_arn: str
    thing_name_prefix: str = "fg-"
    claim_client_id_prefix: str = "claim-"
    default_thing_group: str = "none"
    serial_number_pattern: re.Pattern[str] = DEFAULT_SERIAL_NUMBER_PATTERN
    serial_number_parameter_names: tuple[str, ...] = ("SerialNumber", "serialNumber", "serial_number", "device_serial")
    mac_address_parameter_names: tuple[str, ...] = ("MacAddress", "MACAddress", "macAddress", "mac_address", "mac")
    require_registered_claims: bool = True
    require_mac: bool = True
    allow_locally_administered_mac: bool = False
    allow_rotation: bool = True
    reprovisioning: ReprovisioningPolicy = ReprovisioningPolicy.NEVER
    reprovisioning_limit: int = 1
    reservation_time: timedelta = timedelta(hours=1)
    takeover_time: timedelta = timedelta(minutes=5)
    max_attempts: int = 3

    @property
    def thing_names(self) -> ThingNames:
        """How the stack names its things."""
        return ThingNames(self.thing_name_prefix, self.claim_client_id_prefix)

    @property
    def template_name(self) -> str:
        """The provisioning template's name, as allow-list entries and claim certificates spell it."""
        return self.template_arn.rpartition("/")[2]
