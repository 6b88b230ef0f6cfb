"""Parameter types: a text becomes a domain value, or a usage error that names the mistake."""

import os
import re
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import IO, Any, Generic, NoReturn, TypeVar

import click

from fleetgate.domain.claim import ANY_MANUFACTURER
from fleetgate.domain.identifiers import TEMPLATE_NAME_PATTERN, InvalidIdentifier, MacAddress, SerialNumber
from fleetgate.domain.manufacturer import NAME_RULE, InvalidManufacturer, Manufacturer, is_manufacturer_name, mac_prefix
from fleetgate.domain.public_key import InvalidPublicKey, parse_public_key
from fleetgate.imports.delivery import is_import_id
from fleetgate.watch.burst import WATCHER

_Value = TypeVar("_Value")

_CERTIFICATE_ID = re.compile(r"[0-9a-f]{64}")
_START_OF_CERTIFICATE_ID = re.compile(r"[0-9a-f]{8,64}")
_DURATION = re.compile(r"(?P<number>[0-9]{1,5})(?P<unit>[mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_MAX_DURATION = timedelta(days=30)
_MAX_PUBLIC_KEY_FILE = 64 * 1024


class _Parsed(click.ParamType[Any], Generic[_Value]):
    """A parameter that a function parses; its ValueError becomes a usage error."""

    def __init__(self, name: str, parse: Callable[[str], _Value]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except InvalidIdentifier as error:
            self.fail(f"{value!r}: {error}.", param, ctx)
        except InvalidManufacturer as error:
            self.fail(f"{error}.", param, ctx)
        except ValueError as error:
            self.fail(f"{value!r} is not {error}.", param, ctx)


class _PublicKeyFile(click.File):
    """A file that names a public key, as its fingerprint; the standard input is `-`."""

    name = "public key file"

    def __init__(self) -> None:
        super().__init__("rb")

    def convert(
        self, value: str | os.PathLike[str] | IO[Any], param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        opened = super().convert(value, param, ctx)
        content = opened.read(_MAX_PUBLIC_KEY_FILE)
        if value != "-":
            opened.close()
        try:
            return parse_public_key(content.decode("ascii").strip())
        except UnicodeDecodeError:
            pass  # DER
        except InvalidPublicKey as error:
            self._fail(value, error, param, ctx)
        try:
            return parse_public_key(b64encode(content).decode())
        except InvalidPublicKey as error:
            self._fail(value, error, param, ctx)

    def _fail(
        self, value: object, error: InvalidPublicKey, param: click.Parameter | None, ctx: click.Context | None
    ) -> NoReturn:
        # What the file holds may be a private key, and is not repeated.
        self.fail(f"{str(value)!r} names no public key: {error}.", param, ctx)


def _certificate_id(text: str) -> str:
    if not _CERTIFICATE_ID.fullmatch(text.lower()):
        raise ValueError("a certificate ID, which has 64 hexadecimal digits")
    return text.lower()


def _start_of_certificate_id(text: str) -> str:
    if not _START_OF_CERTIFICATE_ID.fullmatch(text.lower()):
        raise ValueError("a certificate ID, or at least the first 8 of its 64 hexadecimal digits")
    return text.lower()


def _key_fingerprint(text: str) -> str:
    digits = text.replace(":", "").lower()
    if not _CERTIFICATE_ID.fullmatch(digits):
        raise ValueError("the SHA-256 fingerprint of a public key, which has 64 hexadecimal digits")
    return digits


def _manufacturer(text: str) -> str:
    if text == ANY_MANUFACTURER:
        raise ValueError("a manufacturer's name; for a claim certificate of any manufacturer, give --any-manufacturer")
    if not is_manufacturer_name(text):
        raise ValueError(f"a manufacturer's name, which has {NAME_RULE}")
    return text


def _manufacturer_on_record(text: str) -> str:
    # Records and devices of earlier versions may name any.
    if not text.strip() or text != text.strip() or not text.isprintable() or len(text) > 128 or text == "*":
        raise ValueError("a manufacturer's name, which has 1 to 128 printable characters and no space at its ends")
    return text


def _serial_numbers(text: str) -> str:
    Manufacturer(name="any", serial_numbers=frozenset({text}))
    return text


def _thing_group_name(text: str) -> str:
    Manufacturer(name="any", thing_groups=frozenset({text}))
    return text


def _import_id(text: str) -> str:
    if not is_import_id(text):
        raise ValueError("the ID of an import, such as 20260131T080000Z-0123456789ab: see fleetgate import list")
    return text


def _column_mapping(text: str) -> tuple[str, str]:
    # The words of all languages take a while to compile.
    from fleetgate.imports.reading.columns import COLUMN_NAMES, column_named

    heading, equals, name = text.rpartition("=")
    if not equals or not heading.strip():
        raise ValueError("HEADING=COLUMN, such as 'MAC-Adresse=MAC Address', or HEADING= to leave a column out")
    if not name.strip():
        return heading.strip(), ""
    column = column_named(name)
    if column is None:
        raise ValueError(f"HEADING=COLUMN, since {name!r} is none of the columns {', '.join(COLUMN_NAMES)}")
    return heading.strip(), column


def _reason(text: str) -> str:
    if not text.strip() or not text.strip().isprintable() or len(text) > 500:
        raise ValueError("a reason: a line of 1 to 500 printable characters")
    return text.strip()


def _exact(text: str) -> str:
    if not text or not text.isprintable() or len(text) > 512:
        raise ValueError("a text of 1 to 512 printable characters")
    return text


def _actor(text: str) -> str:
    # Tables show its last part only. AWS also names callers by an ID such as AIDAJQABLZS4A3QDU576Q.
    if text != WATCHER and not re.search("[:#]", text) and not re.fullmatch("[A-Z0-9]+", text):
        raise ValueError(
            "an actor as on record: the whole ARN, such as "
            "arn:aws:sts::123456789012:assumed-role/Operators/alice, or the issuer and the subject of a token, such as "
            "https://issuer.example/pool#alice (see --json)"
        )
    return _exact(text)


def _template_name(text: str) -> str:
    if not TEMPLATE_NAME_PATTERN.fullmatch(text):
        raise ValueError("a provisioning template's name, which has 1 to 36 characters out of a-z A-Z 0-9 _ -")
    return text


def _instant(text: str) -> datetime:
    hint = "a time with its zone such as 2026-01-31T08:00:00Z, or a date such as 2026-01-31 (midnight UTC)"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(hint) from error
    if moment.tzinfo is None:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            raise ValueError(hint)
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError("a UTC day such as 2026-01-31") from error


def _hours(text: str) -> tuple[datetime, datetime]:
    """A UTC day or hour, as the moments of its start and its end."""
    form, length = ("%Y-%m-%dT%H", timedelta(hours=1)) if "T" in text else ("%Y-%m-%d", timedelta(days=1))
    try:
        start = datetime.strptime(text, form).replace(tzinfo=UTC)
        return start, start + length
    except (ValueError, OverflowError) as error:
        raise ValueError("a UTC day such as 2026-01-31, or an hour such as 2026-01-31T08") from error


def _time(text: str) -> tuple[datetime, datetime]:
    """A UTC day, hour or moment, as the moments of its start and its end; those of a moment are the same."""
    with suppress(ValueError):
        return _hours(text)
    try:
        moment = _instant(text)
    except ValueError as error:
        hint = "a UTC day such as 2026-01-31, an hour such as 2026-01-31T08 or a moment such as 2026-01-31T08:15:00Z"
        raise ValueError(hint) from error
    return moment, moment


def _duration(text: str) -> timedelta:
    told = _DURATION.fullmatch(text.strip())
    duration = timedelta(**{_UNITS[told["unit"]]: int(told["number"])}) if told else timedelta()
    if not timedelta() < duration <= _MAX_DURATION:
        raise ValueError("a duration of at most 30 days, such as 90m, 2h or 3d")
    return duration


def _attribute(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ValueError("an attribute such as Model=thermostat-2")
    return name, value


SERIAL_NUMBER = _Parsed("serial number", SerialNumber.parse)
MAC_ADDRESS = _Parsed("MAC address", MacAddress.parse)
CERTIFICATE_ID = _Parsed("certificate ID", _certificate_id)
START_OF_CERTIFICATE_ID = _Parsed("certificate ID", _start_of_certificate_id)
KEY_FINGERPRINT = _Parsed("public key fingerprint", _key_fingerprint)
PUBLIC_KEY_FILE = _PublicKeyFile()
MANUFACTURER = _Parsed("manufacturer", _manufacturer)
MANUFACTURER_ON_RECORD = _Parsed("manufacturer", _manufacturer_on_record)
SERIAL_NUMBERS = _Parsed("pattern", _serial_numbers)
MAC_PREFIX = _Parsed("MAC prefix", mac_prefix)
THING_GROUP_NAME = _Parsed("thing group name", _thing_group_name)
COLUMN_MAPPING = _Parsed("heading=column", _column_mapping)
IMPORT_ID = _Parsed("import ID", _import_id)
TEMPLATE_NAME = _Parsed("template name", _template_name)
REASON = _Parsed("reason", _reason)
INSTANT = _Parsed("time", _instant)
DAY = _Parsed("day", _day)
HOURS = _Parsed("UTC day or hour", _hours)
TIME = _Parsed("UTC day, hour or moment", _time)
ACTOR = _Parsed("actor", _actor)
EXACT = _Parsed("text", _exact)
DURATION = _Parsed("duration", _duration)
ATTRIBUTE = _Parsed("name=value", _attribute)
LIMIT = click.IntRange(min=1, max=10_000)
