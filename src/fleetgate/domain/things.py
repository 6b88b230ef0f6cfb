"""What the things of a stack are called, and which thing groups they may be in."""

from collections.abc import Mapping
from dataclasses import dataclass

from fleetgate.domain.identifiers import MAX_THING_NAME, SerialNumber

# The attribute of an approval that names the thing group of its device.
THING_GROUP = "ThingGroup"


@dataclass(frozen=True, slots=True)
class ThingNames:
    """How a stack names its things.

    Attributes:
        prefix: Stands before the serial number.
        claim_client_id_prefix: Client IDs of devices with a claim certificate start with it, so no thing name may: a
            claim certificate could push the device off its connection.
    """

    prefix: str = "fg-"
    claim_client_id_prefix: str = "claim-"

    def of(self, serial_number: SerialNumber) -> str:
        """The thing name of a device."""
        return self.prefix + serial_number.value

    @property
    def max_serial_number(self) -> int:
        """Characters of the longest serial number."""
        return MAX_THING_NAME - len(self.prefix)

    @property
    def may_meet_claims(self) -> bool:
        """Whether a thing name can start as the client IDs of claim certificates do."""
        ours, theirs = self.prefix, self.claim_client_id_prefix
        return ours.startswith(theirs) or theirs.startswith(ours)

    def fits(self, serial_number: str) -> bool:
        """Whether a serial number makes a thing name of this stack."""
        name = self.prefix + serial_number
        return len(name) <= MAX_THING_NAME and not name.startswith(self.claim_client_id_prefix)

    def why_not(self, serial_number: SerialNumber) -> str | None:
        """Why a serial number makes no thing name of this stack, without the end of the sentence; None if it does."""
        if self.fits(serial_number.value):
            return None
        name = self.of(serial_number)
        if len(name) > MAX_THING_NAME:
            return f"the thing name {name} would be longer than {MAX_THING_NAME} characters"
        return (
            f"the thing name {name} would start with {self.claim_client_id_prefix}, as the client IDs of claim "
            "certificates do"
        )


@dataclass(frozen=True, slots=True)
class ThingRules:
    """What a stack wants of the things that an approval may lead to.

    Attributes:
        groups: The thing groups that an approval may name.
    """

    names: ThingNames
    groups: frozenset[str]


def group_not_allowed(attributes: Mapping[str, str], allowed: frozenset[str]) -> str | None:
    """Why an approval may not name the thing group that it names, without the end of the sentence; None if it may."""
    group = attributes.get(THING_GROUP)
    if group is None or group in allowed:
        return None
    return f"the thing group {group} is not among those of this stack, which are {', '.join(sorted(allowed))}"
