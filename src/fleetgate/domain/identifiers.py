"""Serial numbers and MAC addresses: values that cannot be wrong once they exist."""

import re
from dataclasses import dataclass
from typing import Self

# AWS IoT, CreateThing: thingName pattern and length.
MAX_THING_NAME = 128
DEFAULT_SERIAL_NUMBER_PATTERN = re.compile(r"[a-zA-Z0-9:_-]{1,128}")

# AWS IoT, CreateProvisioningTemplate: templateName pattern and length.
TEMPLATE_NAME_PATTERN = re.compile(r"[0-9A-Za-z_-]{1,36}")

_PAIRS_WITH_COLONS = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}(?:(?::[0-9a-f]{2}){2})?")
_PAIRS_WITH_HYPHENS = re.compile(r"[0-9a-f]{2}(?:-[0-9a-f]{2}){5}(?:(?:-[0-9a-f]{2}){2})?")
_QUADS_WITH_DOTS = re.compile(r"[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}(?:\.[0-9a-f]{4})?")
_BARE = re.compile(r"[0-9a-f]{12}(?:[0-9a-f]{4})?")
_SPELLINGS = (_PAIRS_WITH_COLONS, _PAIRS_WITH_HYPHENS, _QUADS_WITH_DOTS, _BARE)

_GROUP_BIT = 0x01
_LOCAL_BIT = 0x02


class InvalidIdentifier(ValueError):
    """A serial number or MAC address that cannot be accepted; the message says why."""


class MisspeltMacAddress(InvalidIdentifier):
    """A text that is not written as a MAC address."""


@dataclass(frozen=True, slots=True, order=True)
class SerialNumber:
    """A device's serial number, exactly as it will stand in the thing name. Case matters."""

    value: str

    @classmethod
    def parse(cls, text: str, pattern: re.Pattern[str] = DEFAULT_SERIAL_NUMBER_PATTERN) -> Self:
        """Read a serial number.

        Args:
            text: What was presented.
            pattern: What the operator allows. A thing name must always be possible as well.

        Raises:
            InvalidIdentifier: It does not fit.
        """
        if not DEFAULT_SERIAL_NUMBER_PATTERN.fullmatch(text):
            raise InvalidIdentifier("a serial number has 1 to 128 characters out of a-z A-Z 0-9 : _ -")
        if not pattern.fullmatch(text):
            raise InvalidIdentifier(f"the serial number does not match the pattern {pattern.pattern}")
        return cls(text)

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True, order=True)
class MacAddress:
    """An EUI-48 or EUI-64 of one device, as lower-case pairs with colons."""

    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a MAC address in any of its common spellings.

        Accepted: `00:1b:44:11:3a:b7`, `00-1B-44-11-3A-B7`, `001b.4411.3ab7`, `001B44113AB7`, and the same with
        8 octets. One address keeps to one separator.

        Raises:
            InvalidIdentifier: Not a MAC address, or one that no single device can own.
        """
        lowered = text.lower() if text.isascii() else ""
        if not any(spelling.fullmatch(lowered) for spelling in _SPELLINGS):
            raise MisspeltMacAddress(
                "a MAC address is 6 or 8 octets in hexadecimal, written with one separator throughout "
                "(00:1b:44:11:3a:b7, 00-1B-44-11-3A-B7, 001b.4411.3ab7) or with none (001B44113AB7)"
            )
        octets = bytes.fromhex(re.sub(r"[:.\-]", "", lowered))
        if not any(octets):
            raise InvalidIdentifier("an all-zero MAC address identifies no device")
        if octets[0] & _GROUP_BIT:
            raise InvalidIdentifier("a multicast MAC address identifies a group, not a device")
        return cls(octets.hex(":"))

    @property
    def is_locally_administered(self) -> bool:
        """Whether the address was made up rather than assigned by a vendor (the U/L bit)."""
        return bool(int(self.value[:2], 16) & _LOCAL_BIT)

    def __str__(self) -> str:
        return self.value
