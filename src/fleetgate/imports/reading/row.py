"""The cells of one row as pydantic models, whose validators call the domain's parsers."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from fleetgate.domain.allow_list import ApprovalTerms, InvalidEntry
from fleetgate.domain.identifiers import TEMPLATE_NAME_PATTERN, InvalidIdentifier, MacAddress, SerialNumber
from fleetgate.domain.public_key import InvalidPublicKey, parse_public_key
from fleetgate.domain.things import THING_GROUP, group_not_allowed
from fleetgate.imports.reading.columns import is_reserved
from fleetgate.imports.reading.errors import RowError
from fleetgate.imports.reading.factory_list import ImportPolicy, Operation

_SEPARATORS = re.compile(r"[\s;,|]+")
# A spreadsheet always writes the sign: 1.23457E+11, or 1,23457E+11 in half of Europe.
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE]\+\d+")
# A formula that makes a cell text: ="0012".
_TEXT_FORMULA = re.compile(r'="(.*)"', re.DOTALL)
_MAX_SHOWN = 5
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _problem(error: RowError, why: str = "", *, at: int = 0) -> PydanticCustomError:
    """The error that a validator raises.

    Args:
        at: Position among the cells of the field.
    """
    detail = f"{error.meaning.rstrip('.')}: {why}." if why else error.meaning
    return PydanticCustomError(error.value, "{detail}", {"detail": detail, "at": at})


def _cleaned(cell: str) -> str:
    """A cell without the space around it, and without the marks that make it text in a spreadsheet."""
    text = cell.strip()
    formula = _TEXT_FORMULA.fullmatch(text)
    return (formula[1] if formula else text.removeprefix("'")).strip()


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)


class RowIdentity(_Model):
    """The device of a row; the validation's context is the `ImportPolicy`.

    Attributes:
        mac_addresses: From the cells of all MAC address columns.
    """

    serial_number: SerialNumber
    mac_addresses: frozenset[MacAddress]

    @field_validator("serial_number", mode="plain")
    @classmethod
    def _serial_number(cls, cell: str, info: ValidationInfo[ImportPolicy]) -> SerialNumber:
        policy = info.context
        text = _cleaned(cell)
        if not text:
            raise _problem(RowError.SERIAL_NUMBER_MISSING)
        if _SCIENTIFIC.fullmatch(text):
            raise _problem(RowError.SCIENTIFIC_NOTATION)
        try:
            serial_number = SerialNumber.parse(text, policy.serial_number_pattern)
        except InvalidIdentifier as error:
            raise _problem(RowError.SERIAL_NUMBER_INVALID, str(error)) from error
        if why := policy.thing_names.why_not(serial_number):
            raise _problem(RowError.SERIAL_NUMBER_INVALID, why)
        if policy.own_serial_numbers is not None and not policy.own_serial_numbers.fullmatch(text):
            raise _problem(RowError.SERIAL_NUMBER_OF_ANOTHER_RANGE)
        return serial_number

    @field_validator("mac_addresses", mode="plain")
    @classmethod
    def _mac_addresses(cls, cells: Sequence[str], info: ValidationInfo[ImportPolicy]) -> frozenset[MacAddress]:
        policy = info.context
        found: set[MacAddress] = set()
        for at, cell in enumerate(cells):
            text = _cleaned(cell)
            if _SCIENTIFIC.fullmatch(text):
                raise _problem(RowError.SCIENTIFIC_NOTATION, at=at)
            for part in filter(None, _SEPARATORS.split(text)):
                found.add(_mac_address(part, policy, at))
            if len(found) > policy.max_mac_addresses:
                raise _problem(RowError.TOO_MANY_MAC_ADDRESSES, f"at most {policy.max_mac_addresses}", at=at)
        return frozenset(found)


def _mac_address(text: str, policy: ImportPolicy, at: int) -> MacAddress:
    try:
        mac_address = MacAddress.parse(text)
    except InvalidIdentifier as error:
        raise _problem(RowError.MAC_ADDRESS_INVALID, str(error), at=at) from error
    if mac_address.is_locally_administered and not policy.allow_locally_administered_mac:
        raise _problem(RowError.MAC_ADDRESS_LOCALLY_ADMINISTERED, at=at)
    if not policy.may_list_mac(mac_address):
        raise _problem(RowError.MAC_ADDRESS_OF_ANOTHER_VENDOR, f"its addresses start with {_some(policy)}", at=at)
    return mac_address


def _some(policy: ImportPolicy) -> str:
    shown = policy.own_mac_prefixes[:_MAX_SHOWN]
    return f"{', '.join(shown)}{' and others' if len(shown) < len(policy.own_mac_prefixes) else ''}"


class RowTerms(_Model):
    """What a row says about its device; the validation's context is the `ImportPolicy`."""

    operation: Operation = Operation.APPROVE
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    templates: frozenset[str] = frozenset()
    attributes: Mapping[str, str] = MappingProxyType({})
    key_fingerprint: str | None = None

    @field_validator("operation", mode="plain")
    @classmethod
    def _operation(cls, cell: str) -> Operation:
        try:
            return Operation(_cleaned(cell).lower() or Operation.APPROVE)
        except ValueError as error:
            raise _problem(RowError.OPERATION_UNKNOWN) from error

    @field_validator("valid_from", "valid_until", mode="plain")
    @classmethod
    def _instant(cls, cell: str) -> datetime | None:
        text = _cleaned(cell)
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise _problem(RowError.DATE_INVALID) from error
        if not _DAY.fullmatch(text):
            raise _problem(RowError.DATE_INVALID, "a time needs its zone")
        return moment.replace(tzinfo=UTC)

    @field_validator("templates", mode="plain")
    @classmethod
    def _templates(cls, cell: str, info: ValidationInfo[ImportPolicy]) -> frozenset[str]:
        policy = info.context
        names = frozenset(filter(None, _SEPARATORS.split(_cleaned(cell))))
        if not all(map(TEMPLATE_NAME_PATTERN.fullmatch, names)) or (
            policy.template_names and names - policy.template_names
        ):
            raise _problem(RowError.TEMPLATE_INVALID)
        own = policy.own_templates
        if own and names - own:
            raise _problem(RowError.TEMPLATE_OF_OTHERS)
        return names or own

    @field_validator("key_fingerprint", mode="plain")
    @classmethod
    def _key_fingerprint(cls, cell: str) -> str | None:
        text = _cleaned(cell)
        if not text:
            return None
        try:
            return parse_public_key(text)
        except InvalidPublicKey as error:
            raise _problem(RowError.PUBLIC_KEY_INVALID, str(error)) from error

    @field_validator("attributes", mode="plain")
    @classmethod
    def _attributes(cls, cells: Sequence[tuple[str, str]], info: ValidationInfo[ImportPolicy]) -> Mapping[str, str]:
        policy = info.context
        said = ((at, name, _cleaned(cell)) for at, (name, cell) in enumerate(cells))
        return MappingProxyType({name: _attribute(name, text, policy, at) for at, name, text in said if text})

    @model_validator(mode="after")
    def _is_not_over_before_it_starts(self) -> Self:
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise _problem(RowError.VALIDITY_EMPTY)
        return self

    def approved(self) -> ApprovalTerms:
        """The terms that the row approves a device for."""
        return ApprovalTerms(
            templates=self.templates,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            attributes=self.attributes,
            key_fingerprint=self.key_fingerprint,
        )


def _attribute(name: str, text: str, policy: ImportPolicy, at: int) -> str:
    if is_reserved(name):
        raise _problem(RowError.ATTRIBUTE_RESERVED, name, at=at)
    try:
        # A row may say no attribute that an entry cannot hold.
        ApprovalTerms(attributes={name: text})
    except InvalidEntry as error:
        raise _problem(RowError.ATTRIBUTE_INVALID, at=at) from error
    if why := group_not_allowed({name: text}, policy.thing_groups):
        raise _problem(RowError.THING_GROUP_NOT_ALLOWED, why, at=at)
    if policy.own_thing_groups and name == THING_GROUP and text not in policy.own_thing_groups:
        raise _problem(RowError.THING_GROUP_OF_OTHERS, at=at)
    if name == THING_GROUP and not policy.group_exists(text):
        raise _problem(RowError.THING_GROUP_MISSING, text, at=at)
    return text
