"""Tells what the columns of a factory list mean, in every spelling of their headings."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from fleetgate.domain.allow_list import is_of_aws
from fleetgate.imports.reading.errors import FileError, UnreadableFile
from fleetgate.imports.reading.factory_list import REPORT_COLUMNS, RESERVED_ATTRIBUTES

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
    REPORT = "report of an earlier import"
    JSON_ROW = "row as JSON"


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        heading: As delivered.
        attribute: The name of the device's attribute; only if the meaning is ATTRIBUTE or UNKNOWN.
    """

    heading: str
    meaning: Meaning
    attribute: str = ""


# As `_key` leaves them.
_SPELLINGS = {
    Meaning.SERIAL_NUMBER: """serialnumber serialno serialnum serialnr serial sn sno serialid seriennummer seriennr
        snr deviceserial deviceserialnumber deviceserialno devicesn productserialnumber productsn unitserialnumber""",
    Meaning.OPERATION: "operation action op",
    Meaning.VALID_FROM: "validfrom notbefore startdate validitystart",
    Meaning.VALID_UNTIL: "validuntil validto validtill notafter expiry expires expirydate expiration expirationdate",
    Meaning.TEMPLATES: "template templates provisioningtemplate provisioningtemplates templatename templatenames",
    Meaning.KEY_FINGERPRINT: """publickey pubkey devicepublickey publickeypem publickeyder publickeybase64
        subjectpublickey subjectpublickeyinfo spki devicekey publickeyfingerprint keyfingerprint publickeysha256
        publickeyhash spkisha256 spkifingerprint csr csrpem certificatesigningrequest certificaterequest devicecsr
        pkcs10 certificatepem devicecertificate devicecertificatepem devicecert devicecertpem clientcertificate
        clientcertificatepem""",
    Meaning.REPORT: " ".join(name.replace("_", "") for name in REPORT_COLUMNS),
    Meaning.JSON_ROW: JSON_ROW.replace("_", ""),
}
_ATTRIBUTE_SPELLINGS = {
    "Model": "model modelname modelnumber modelno productmodel devicemodel",
    "HardwareRevision": "hardwarerevision hardwarerev hardwareversion hwrevision hwrev hwversion",
    "ThingGroup": "group groupname thinggroup thinggroupname",
}
_KNOWN = {
    **{key: Column("", meaning) for meaning, keys in _SPELLINGS.items() for key in keys.split()},
    **{
        key: Column("", Meaning.ATTRIBUTE, attribute)
        for attribute, keys in _ATTRIBUTE_SPELLINGS.items()
        for key in keys.split()
    },
    **{name.lower(): Column("", Meaning.ATTRIBUTE, name) for name in ("ThingName", "DecisionId")},
}
_INTERFACE = r"(?:wifi|wlan|wireless|ethernet|eth|lan|wired|bluetooth|bt|ble|zigbee|thread|device|base|primary)?\d{0,2}"
_MAC_ADDRESS = re.compile(rf"{_INTERFACE}(?:mac|macs|macid|macaddr|macaddress|macaddresses|eui48|eui64){_INTERFACE}")
_SINGLE_VALUED = set(Meaning) - {Meaning.MAC_ADDRESS, Meaning.UNKNOWN, Meaning.REPORT}
_EXPECTED = "One named Serial Number, S/N, SN, Serial or Serial No was expected."
_MAX_SHOWN = 20


def column_of(heading: str, position: int) -> Column:
    """What one column means.

    Args:
        position: Of the column; the first is 1. It is the name of an unknown column without a usable character.
    """
    key = _key(heading)
    known = _KNOWN.get(key)
    if known is not None:
        return Column(heading, known.meaning, known.attribute)
    if _MAC_ADDRESS.fullmatch(key):
        return Column(heading, Meaning.MAC_ADDRESS)
    # AWS IoT, AttributePayload: characters of an attribute's name.
    safe = re.sub(r"[^a-zA-Z0-9_.@/:#-]+", "_", heading).strip("_")[:100]
    return Column(heading, Meaning.UNKNOWN, safe or f"column_{position}")


def columns_of(headings: Sequence[str]) -> tuple[Column, ...]:
    """What the columns of a file mean, in its order.

    Raises:
        UnreadableFile: No column has the serial numbers, or two mean the same single-valued thing.
    """
    columns = [column_of(heading, position) for position, heading in enumerate(headings, 1)]
    _check(columns)
    taken: set[str] = set()
    for position, column in enumerate(columns):
        if column.meaning is Meaning.UNKNOWN and column.attribute in taken:
            columns[position] = replace(column, attribute=f"{column.attribute}_{position + 1}")
        taken.add(columns[position].attribute)
    return tuple(columns)


def recognised(headings: Sequence[str]) -> int:
    """How many of the headings are known ones."""
    return sum(column_of(heading, 1).meaning is not Meaning.UNKNOWN for heading in headings)


def _check(columns: Sequence[Column]) -> None:
    seen: dict[tuple[Meaning, str], Column] = {}
    for column in columns:
        means = (column.meaning, column.attribute)
        if column.meaning in _SINGLE_VALUED:
            if means in seen:
                shown = f"{_shown(seen[means])} and {_shown(column)}"
                raise UnreadableFile(FileError.COLUMN_AMBIGUOUS, f"They are {shown}; one was expected.")
            seen[means] = column
    if not {Meaning.SERIAL_NUMBER, Meaning.JSON_ROW} & {column.meaning for column in columns}:
        named = ", ".join(map(_shown, columns[:_MAX_SHOWN])) or "none at all"
        raise UnreadableFile(FileError.SERIAL_NUMBER_COLUMN_MISSING, f"The columns are {named}. {_EXPECTED}")


def is_reserved(attribute: str) -> bool:
    """Whether only the gate or AWS IoT may set this attribute, in any spelling."""
    return is_of_aws(attribute) or _key(attribute) in _RESERVED_KEYS


def _key(heading: str) -> str:
    """What is left of a heading when spelling is left out: letters and digits, all small."""
    return "".join(filter(str.isalnum, heading.casefold()))


def _shown(column: Column) -> str:
    return repr(column.heading[:40])


_RESERVED_KEYS = frozenset(map(_key, RESERVED_ATTRIBUTES))
