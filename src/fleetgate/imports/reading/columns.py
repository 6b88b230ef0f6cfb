"""Tells what the columns of a factory list mean: by their headings, or as a person says."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from fleetgate.domain.allow_list import is_of_aws
from fleetgate.imports.reading.errors import FileError, UnreadableFile
from fleetgate.imports.reading.factory_list import REPORT_COLUMNS, RESERVED_ATTRIBUTES
from fleetgate.imports.reading.heading_words import WEAK_SERIAL_NUMBERS
from fleetgate.imports.reading.headings import heading_key, hint_of, name_of

# The one column of rejects that were delivered as JSON Lines: each cell holds one line.
JSON_ROW = "json_row"


class Meaning(StrEnum):
    """What a column says about a device. A typed column has the name of its field in `RowTerms`."""

    SERIAL_NUMBER = "serial number"
    MAC_ADDRESS = "MAC address"
    OPERATION = "operation"
    VALID_FROM = "valid from"
    VALID_UNTIL = "valid until"
    TEMPLATES = "templates"
    KEY_FINGERPRINT = "public key"
    ATTRIBUTE = "attribute"
    UNKNOWN = "unknown"
    LEFT_OUT = "left out, as a person says"
    REPORT = "report of an earlier import"
    JSON_ROW = "row as JSON"


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        heading: As delivered.
        attribute: The name of the device's attribute; only if the meaning is ATTRIBUTE or UNKNOWN.
        instead: The heading of the column that says the same attribute and counts; only if the meaning is UNKNOWN.
    """

    heading: str
    meaning: Meaning
    attribute: str = ""
    instead: str = ""


# By the names that a person may give to a column.
_MEANINGS = {
    "Serial Number": (Meaning.SERIAL_NUMBER, ""),
    "MAC Address": (Meaning.MAC_ADDRESS, ""),
    "Operation": (Meaning.OPERATION, ""),
    "Valid From": (Meaning.VALID_FROM, ""),
    "Valid Until": (Meaning.VALID_UNTIL, ""),
    "Templates": (Meaning.TEMPLATES, ""),
    "Public Key": (Meaning.KEY_FINGERPRINT, ""),
    "Model": (Meaning.ATTRIBUTE, "Model"),
    "Hardware Revision": (Meaning.ATTRIBUTE, "HardwareRevision"),
    "Group": (Meaning.ATTRIBUTE, "ThingGroup"),
}
COLUMN_NAMES = tuple(_MEANINGS)
_OURS = {
    **{heading_key(name): (Meaning.REPORT, "") for name in REPORT_COLUMNS},
    heading_key(JSON_ROW): (Meaning.JSON_ROW, ""),
    **{heading_key(name): (Meaning.ATTRIBUTE, name) for name in ("ThingName", "DecisionId")},
}
# Of two columns that say one of these the first counts. A group decides what a device may do, so it is not one.
_FIRST_COUNTS = frozenset({"Model", "HardwareRevision"})
_SINGLE_VALUED = set(Meaning) - {Meaning.MAC_ADDRESS, Meaning.UNKNOWN, Meaning.LEFT_OUT, Meaning.REPORT}
_RESERVED_KEYS = frozenset(map(heading_key, RESERVED_ATTRIBUTES))
_EXPECTED = "One named Serial Number, S/N, SN, Serial or Serial No was expected."
_MAX_SHOWN = 20
NOTHING_SAID: Mapping[str, str] = MappingProxyType({})


def column_of(heading: str, position: int) -> Column:
    """What one column means by its heading.

    Args:
        position: Of the column; the first is 1. It is the name of an unknown column without a usable character.
    """
    name = name_of(heading)
    known = _MEANINGS[name] if name else _OURS.get(heading_key(heading))
    return Column(heading, *known) if known else _unknown(heading, position)


def columns_of(headings: Sequence[str], mapped: Mapping[str, str] = NOTHING_SAID) -> tuple[Column, ...]:
    """What the columns of a file mean, in its order.

    Args:
        mapped: What a person says, by heading: the name of a column, or "" for one to be left out.

    Raises:
        UnreadableFile: No column has the serial numbers; two mean the same single-valued thing; an unknown one looks
            as if it restricts what is allowed; or a person names a column that does not exist.
    """
    said = _said(mapped)
    columns = [_column(heading, position, said) for position, heading in enumerate(headings, 1)]
    _take_weak_serial_numbers(columns)
    _let_the_first_count(columns, said)
    _check(columns)
    taken: set[str] = set()
    for position, column in enumerate(columns):
        if column.meaning is Meaning.UNKNOWN and column.attribute in taken:
            columns[position] = replace(column, attribute=f"{column.attribute}_{position + 1}")
        taken.add(columns[position].attribute)
    return tuple(columns)


def recognised(headings: Sequence[str], mapped: Mapping[str, str] = NOTHING_SAID) -> int:
    """How many of the headings are known ones."""
    said = _said(mapped)
    return sum(_column(heading, 1, said).meaning is not Meaning.UNKNOWN for heading in headings)


def column_named(name: str) -> str | None:
    """The one of `COLUMN_NAMES` that a person means, in any spelling; None if there is none."""
    found = name_of(name)
    return found if found in _MEANINGS else None


def shown(heading: str) -> str:
    """A heading, for people."""
    return repr(heading[:40]) if heading.strip() else "one without a heading"


def rename_to(heading: str, name: str) -> str:
    """What to do about an unknown column that may be the one with this name."""
    if not heading.strip():
        return f"Give it the heading {name}, or empty the column."
    heading = " ".join(heading.split()) if len(heading) <= 40 and heading.isprintable() else "HEADING"
    said, left_out = shlex.quote(f"{heading}={name}"), shlex.quote(f"{heading}=")
    return f"If it is that, call it {name}, or upload the list with --map {said}; --map {left_out} leaves it out."


def is_reserved(attribute: str) -> bool:
    """Whether only the gate or AWS IoT may set this attribute, in any spelling."""
    return is_of_aws(attribute) or heading_key(attribute) in _RESERVED_KEYS


def _said(mapped: Mapping[str, str]) -> Mapping[str, str]:
    said: dict[str, str] = {}
    for heading, name in mapped.items():
        column = column_named(name) if name.strip() else ""
        if column is None:
            raise UnreadableFile(
                FileError.MAPPING_INVALID,
                f"{name[:40]!r} is no column. The columns are {', '.join(COLUMN_NAMES)}.",
            )
        said[heading_key(heading)] = column
    return said


def _column(heading: str, position: int, said: Mapping[str, str]) -> Column:
    name = said.get(heading_key(heading)) if said else None
    if name is None:
        return column_of(heading, position)
    return Column(heading, *_MEANINGS[name]) if name else Column(heading, Meaning.LEFT_OUT)


def _unknown(heading: str, position: int) -> Column:
    # AWS IoT, AttributePayload: characters of an attribute's name.
    safe = re.sub(r"[^a-zA-Z0-9_.@/:#-]+", "_", heading).strip("_")[:100]
    return Column(heading, Meaning.UNKNOWN, safe or f"column_{position}")


def _take_weak_serial_numbers(columns: list[Column]) -> None:
    if any(column.meaning is Meaning.SERIAL_NUMBER for column in columns):
        return
    for at, column in enumerate(columns):
        if column.meaning is Meaning.UNKNOWN and heading_key(column.heading) == WEAK_SERIAL_NUMBERS:
            columns[at] = Column(column.heading, Meaning.SERIAL_NUMBER)


def _let_the_first_count(columns: list[Column], said: Mapping[str, str]) -> None:
    """Make unknown columns of those that repeat an attribute. What a person says counts before a heading."""
    counts: dict[str, str] = {}
    for at in sorted(range(len(columns)), key=lambda at: heading_key(columns[at].heading) not in said):
        column = columns[at]
        if column.attribute in _FIRST_COUNTS and column.meaning is Meaning.ATTRIBUTE:
            if column.attribute in counts:
                columns[at] = replace(_unknown(column.heading, at + 1), instead=counts[column.attribute])
            counts.setdefault(column.attribute, column.heading)


def _check(columns: Sequence[Column]) -> None:
    if any(column.meaning is not Meaning.UNKNOWN for column in columns):
        _check_unknown(columns)
    seen: dict[tuple[Meaning, str], Column] = {}
    for column in columns:
        means = (column.meaning, column.attribute)
        if column.meaning in _SINGLE_VALUED:
            if means in seen:
                raise UnreadableFile(
                    FileError.COLUMN_AMBIGUOUS,
                    f"They are {shown(seen[means].heading)} and {shown(column.heading)}; one was expected.",
                )
            seen[means] = column
    if not {Meaning.SERIAL_NUMBER, Meaning.JSON_ROW} & {column.meaning for column in columns}:
        raise UnreadableFile(FileError.SERIAL_NUMBER_COLUMN_MISSING, f"{names_of(columns)} {_EXPECTED}")


def names_of(columns: Sequence[Column]) -> str:
    """A sentence that names the columns of a file."""
    return f"The columns are {', '.join(shown(column.heading) for column in columns[:_MAX_SHOWN]) or 'none at all'}."


def _check_unknown(columns: Sequence[Column]) -> None:
    for column in columns:
        if (
            column.meaning is Meaning.UNKNOWN
            and not (column.instead or is_of_aws(column.attribute))
            and (name := hint_of(column.heading))
        ):
            raise UnreadableFile(
                FileError.COLUMN_UNKNOWN,
                f"{shown(column.heading)} is not known, and looks like {name}. {rename_to(column.heading, name)}",
            )
