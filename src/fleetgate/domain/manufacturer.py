"""Manufacturers: what their names look like, and what their lists may say."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType

from fleetgate.domain.identifiers import TEMPLATE_NAME_PATTERN

# A folder of the drop box and the value of an IAM tag; small letters of ASCII, so that no two letters look the same.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
NAME_RULE = "1 to 63 characters out of a-z 0-9 . _ -, the first a letter or a digit"

# `*` stands for any characters or none, once in a pattern at most; `?` for one, `#` for one digit.
_SERIAL_NUMBERS = re.compile(r"(?=.)[a-zA-Z0-9:_?#-]*\*?[a-zA-Z0-9:_?#-]*")
_WILDCARDS: Mapping[str, str] = {"*": "[a-zA-Z0-9:_-]*", "?": "[a-zA-Z0-9:_-]", "#": "[0-9]"}
_MAC_PREFIX_DIGITS = range(6, 13)
# AWS IoT, CreateThingGroup: thingGroupName pattern and length.
_THING_GROUP = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
_MAX_OF_EACH = 100
_MAX_HEADING = 100


class InvalidManufacturer(ValueError):
    """A manufacturer that cannot be; the message says why."""


def is_manufacturer_name(text: str) -> bool:
    """Whether a text can be the name of a manufacturer."""
    return _NAME.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manufacturer:
    """A manufacturer and its profile: what the lists that it delivers may say. What is empty is not limited.

    Attributes:
        serial_numbers: Patterns of its serial numbers, such as `ACME-*` or `AX-####`.
        mac_prefixes: First digits of its MAC addresses, an OUI or more, as small digits with colons: `00:1b:44`.
        templates: Names of the provisioning templates that its rows may name. A row that names none means these.
        thing_groups: The thing groups that its rows may name.
        rows_per_day: Of all its files; None is as many as the stack permits, which is the most in any case.
        columns: By a heading of its lists: the name of one of our columns, or "" to leave the column out.
        version: Grows with every change; each write has the version that was read as its condition.
    """

    name: str
    serial_numbers: frozenset[str] = field(default_factory=frozenset)
    mac_prefixes: frozenset[str] = field(default_factory=frozenset)
    templates: frozenset[str] = field(default_factory=frozenset)
    thing_groups: frozenset[str] = field(default_factory=frozenset)
    rows_per_day: int | None = None
    columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    version: int = 1

    def __post_init__(self) -> None:
        if not is_manufacturer_name(self.name):
            raise InvalidManufacturer(f"{self.name!r} is no manufacturer's name, which has {NAME_RULE}")
        for pattern in self.serial_numbers:
            if not _SERIAL_NUMBERS.fullmatch(pattern):
                raise InvalidManufacturer(
                    f"{pattern!r} is no pattern of serial numbers, which has characters out of a-z A-Z 0-9 : _ -, ? "
                    "for any one of them, # for a digit, and * once at most for any number of them"
                )
        for prefix in self.mac_prefixes:
            if mac_prefix(prefix) != prefix:
                raise InvalidManufacturer(f"{prefix!r} is not written as an OUI such as 00:1b:44")
        for names, form, what in (
            (self.templates, TEMPLATE_NAME_PATTERN, "provisioning template"),
            (self.thing_groups, _THING_GROUP, "thing group"),
        ):
            for name in names:
                if not form.fullmatch(name):
                    raise InvalidManufacturer(f"{name!r} cannot be the name of a {what}")
        if self.rows_per_day is not None and self.rows_per_day < 1:
            raise InvalidManufacturer("a manufacturer may list at least one row a day")
        for heading in self.columns:
            if not (heading.strip() and heading.isprintable() and len(heading) <= _MAX_HEADING):
                raise InvalidManufacturer(f"{heading!r} is no heading of 1 to {_MAX_HEADING} printable characters")
        if (
            max(map(len, (self.serial_numbers, self.mac_prefixes, self.templates, self.thing_groups, self.columns)))
            > _MAX_OF_EACH
        ):
            raise InvalidManufacturer(f"a profile has at most {_MAX_OF_EACH} of each")


def mac_prefix(text: str) -> str:
    """The first digits of MAC addresses, at least those of an OUI, as small digits with colons.

    Raises:
        InvalidManufacturer: It is none.
    """
    digits = re.sub("[:.-]", "", text).lower()
    if not re.fullmatch("[0-9a-f]+", digits) or len(digits) not in _MAC_PREFIX_DIGITS:
        raise InvalidManufacturer(
            f"{text!r} is no beginning of MAC addresses: 6 to 12 hexadecimal digits, such as the OUI 00:1b:44"
        )
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def serial_numbers_expression(patterns: Iterable[str]) -> str:
    """The regular expression of all serial numbers that one of the patterns means, without anchors."""
    said = ("".join(_WILDCARDS.get(one, re.escape(one)) for one in pattern) for pattern in sorted(patterns))
    return f"(?:{'|'.join(said)})"


def have_common_serial_numbers(one: str, other: str) -> bool:
    """Whether there is a serial number that two patterns mean."""

    @cache
    def meet(at: int, other_at: int) -> bool:
        here, there = one[at : at + 1], other[other_at : other_at + 1]
        if not here and not there:
            return True
        if here == "*":
            return meet(at + 1, other_at) or bool(there and meet(at, other_at + 1))
        if there == "*":
            return meet(at, other_at + 1) or bool(here and meet(at + 1, other_at))
        return bool(here and there) and _is_common(here, there) and meet(at + 1, other_at + 1)

    return meet(0, 0)


def _is_common(one: str, other: str) -> bool:
    """Whether two characters of patterns, no `*`, mean a common one."""
    if one == other or "?" in (one, other):
        return True
    return (one == "#" and other.isdigit()) or (other == "#" and one.isdigit())
