"""The cells of one row as pydantic models, whose validators call the domain's parsers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from fleetgate.domain.allow_list import ApprovalTerms, InvalidEntry
from fleetgate.domain.identifiers import (
    DEFAULT_SERIAL_NUMBER_PATTERN,
    TEMPLATE_NAME_PATTERN,
    InvalidIdentifier,
    MacAddress,
    MisspeltMacAddress,
    SerialNumber,
)
from fleetgate.domain.public_key import InvalidPublicKey, parse_public_key
from fleetgate.domain.things import THING_GROUP, group_not_allowed
from fleetgate.imports.reading.cells import cleaned
from fleetgate.imports.reading.characters import NOT_ASCII, name_at
from fleetgate.imports.reading.columns import is_reserved
from fleetgate.imports.reading.damage import (
    ISO_DAY,
    PLACEHOLDER_MAC_ADDRESSES,
    damage_of,
    is_error_value,
    is_named_date,
    is_placeholder,
    is_scientific,
)
from fleetgate.imports.reading.dates import InvalidDate, read_moment
from fleetgate.imports.reading.errors import RowError
from fleetgate.imports.reading.factory_list import ImportPolicy, Operation
from fleetgate.imports.reading.fitting import fitted, sentence_of
from fleetgate.imports.reading.notes import CellNotes

_SEPARATORS = re.compile(r"[\s;,|]+")
# Words with one space between them; in a MAC address column these may be the octets of one address.
_WORDS = re.compile(r"[^\s;,|]+(?: [^\s;,|]+)*")
_OCTETS_WITH_SPACES = re.compile(r"[0-9a-fA-F]{2}(?: [0-9a-fA-F]{2})+")
_OCTETS_WITH_UNDERSCORES = re.compile(r"[0-9a-fA-F]{2}(?:_[0-9a-fA-F]{2})+")
_FOREIGN_TO_SERIAL_NUMBERS = re.compile(r"[^a-zA-Z0-9:_-]")
_FOREIGN_TO_MAC_ADDRESSES = re.compile(r"[^0-9a-fA-F:_. -]")
_FOREIGN_TO_TEMPLATES = re.compile(r"[^a-zA-Z0-9_;,| -]")
# Beside ASCII, a date may have letters of months' names: Latin ones, and those of Chinese, Japanese and Korean dates.
_FOREIGN_TO_DATES = re.compile(r"[^\x20-\x7e\u00c0-\u024f年月日년월일]")
_FOREIGN_TO_MAC_ADDRESS_CELLS = re.compile(r"[^0-9a-fA-F:_. ;,|-]")
_DIGITS, _DIGITS_OF_EUI_64 = 12, 16
# Letters that people tell apart, so that a sentence may repeat them.
_SHOWABLE = re.compile(r"[\x20-\x7e\u00c0-\u024f\u3041-\u30fa\u4e00-\u9fff\uac00-\ud7a3]{1,40}")
# Of a profile's prefixes, in a sentence.
_MAX_SHOWN = 5


@dataclass(frozen=True, slots=True)
class RowContext:
    """What the validators are told: the policy, and where they note what they made of a cell."""

    policy: ImportPolicy
    notes: CellNotes = field(default_factory=CellNotes)


def _problem(error: RowError, why: str = "", *, said: str = "", at: int = 0) -> PydanticCustomError:
    """The error that a validator raises.

    Args:
        why: The end of the error's own sentence. said: a sentence in its place.
        at: Position among the cells of the field.
    """
    detail = said or (f"{error.meaning.rstrip('.')}: {why}." if why else error.meaning)
    return PydanticCustomError(error.value, "{detail}", {"detail": detail, "at": at})


def _place(cell: str, part: str, foreign: re.Pattern[str]) -> str | None:
    """The first foreign character in a part of a cell, by its name and its place in the cell."""
    found = foreign.search(part)
    return found and name_at(cell, max(cell.find(part), 0) + found.start())


def _shown(text: str) -> str:
    """A text as a sentence may repeat it; of a text with other characters, the first of them by name."""
    if _SHOWABLE.fullmatch(text):
        return text
    foreign = NOT_ASCII.search(text)
    return name_at(text, foreign.start()) if foreign else f"{text[:20]}..."


def _reject_lost(text: str, *, at: int = 0) -> None:
    """Reject a cell of which a spreadsheet kept nothing, whatever its column."""
    if is_scientific(text):
        raise _problem(RowError.SCIENTIFIC_NOTATION, at=at)
    if is_error_value(text):
        said = f"A spreadsheet wrote an error in place of the value: {text}."
        raise _problem(RowError.SPREADSHEET_DAMAGE, said=said, at=at)


def _damaged(text: str, what: str, *, at: int = 0) -> PydanticCustomError:
    return _problem(RowError.SPREADSHEET_DAMAGE, said=f"A spreadsheet took the cell for {what}: {_shown(text)}.", at=at)


def serial_number_error(text: str, policy: ImportPolicy) -> PydanticCustomError | None:
    """Why a text is no serial number although it may have the characters of one; None if it is one."""
    if is_placeholder(text):
        return _problem(
            RowError.SERIAL_NUMBER_PLACEHOLDER,
            said=f"The cell has a placeholder instead of a serial number: {_shown(text)}.",
        )
    if what := damage_of(text):
        pattern = policy.serial_number_pattern
        # Whoever has serial numbers such as 2026-03-10 says so by a pattern.
        wanted = pattern.pattern != DEFAULT_SERIAL_NUMBER_PATTERN.pattern and pattern.fullmatch(text)
        return None if wanted and ISO_DAY.fullmatch(text) else _damaged(text, what)
    return None


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)


class RowIdentity(_Model):
    """The device of a row; the validation's context is a `RowContext`.

    Attributes:
        mac_addresses: From the cells of all MAC address columns.
    """

    serial_number: SerialNumber
    mac_addresses: frozenset[MacAddress]

    @field_validator("serial_number", mode="plain")
    @classmethod
    def _serial_number(cls, cell: str, info: ValidationInfo[RowContext]) -> SerialNumber:
        policy = info.context.policy
        text = cleaned(cell)
        if not text:
            raise _problem(RowError.SERIAL_NUMBER_MISSING)
        _reject_lost(text)
        if problem := serial_number_error(text, policy):
            raise problem
        if where := _place(cell, text, _FOREIGN_TO_SERIAL_NUMBERS):
            raise _problem(
                RowError.SERIAL_NUMBER_INVALID,
                said=f"The serial number has {where}; it may have letters a-z and A-Z, digits and : _ - only.",
            )
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
    def _mac_addresses(cls, cells: Sequence[str], info: ValidationInfo[RowContext]) -> frozenset[MacAddress]:
        policy = info.context.policy
        found: set[MacAddress] = set()
        for at, cell in enumerate(cells):
            text = cleaned(cell)
            _reject_lost(text, at=at)
            found.update(_mac_address(part, cell, policy, at) for part in _spelled_addresses(text))
            if len(found) > policy.max_mac_addresses:
                raise _problem(RowError.TOO_MANY_MAC_ADDRESSES, f"at most {policy.max_mac_addresses}", at=at)
        return frozenset(found)


def _spelled_addresses(text: str) -> Iterator[str]:
    """The MAC addresses of a cell, as they are written there."""
    for words in _WORDS.findall(text):
        if _OCTETS_WITH_SPACES.fullmatch(words):
            yield words
        else:
            yield from words.split(" ")


def _mac_address(part: str, cell: str, policy: ImportPolicy, at: int) -> MacAddress:
    is_of_octets = _OCTETS_WITH_SPACES.fullmatch(part) or _OCTETS_WITH_UNDERSCORES.fullmatch(part)
    try:
        mac_address = MacAddress.parse(re.sub("[ _]", ":", part) if is_of_octets else part)
    except MisspeltMacAddress as error:
        raise _misspelt(part, cell, at) from error
    except InvalidIdentifier as error:
        raise _problem(RowError.MAC_ADDRESS_INVALID, str(error), at=at) from error
    if mac_address.value in PLACEHOLDER_MAC_ADDRESSES:
        raise _placeholder(mac_address.value, at)
    if mac_address.is_locally_administered and not policy.allow_locally_administered_mac:
        raise _problem(RowError.MAC_ADDRESS_LOCALLY_ADMINISTERED, at=at)
    if not policy.may_list_mac(mac_address):
        raise _problem(RowError.MAC_ADDRESS_OF_ANOTHER_VENDOR, f"its addresses start with {_some(policy)}", at=at)
    return mac_address


def _placeholder(text: str, at: int) -> PydanticCustomError:
    said = f"The cell has a placeholder instead of a MAC address: {_shown(text)}."
    return _problem(RowError.MAC_ADDRESS_PLACEHOLDER, said=said, at=at)


def _misspelt(part: str, cell: str, at: int) -> PydanticCustomError:
    """What is wrong with a text that is not written as a MAC address."""
    text = cleaned(cell)
    if is_placeholder(text) or (not re.search("[0-9]", part) and is_placeholder(part)):
        return _placeholder(part, at)
    if what := damage_of(text):
        return _damaged(text, what, at=at)
    if text.isascii() and text.isdigit() and len(text) < _DIGITS:
        return _damaged(text, "a number, without its leading zeros", at=at)
    if where := _place(cell, part, _FOREIGN_TO_MAC_ADDRESSES):
        return _problem(RowError.MAC_ADDRESS_INVALID, said=f"The MAC address has {where}.", at=at)
    digits = len(re.findall("[0-9a-fA-F]", part))
    if digits in {_DIGITS, _DIGITS_OF_EUI_64}:
        why = "its separators are mixed or misplaced"
    else:
        why = f"it has {digits} digits, not {_DIGITS} or {_DIGITS_OF_EUI_64}"
    # Space in the midst of an address makes two of it.
    where = _place(cell, text, _FOREIGN_TO_MAC_ADDRESS_CELLS)
    said = f"The cell has no MAC address that can be read: {why}{f', and it has {where}' if where else ''}."
    return _problem(RowError.MAC_ADDRESS_INVALID, said=said, at=at)


def _some(policy: ImportPolicy) -> str:
    shown = policy.own_mac_prefixes[:_MAX_SHOWN]
    return f"{', '.join(shown)}{' and others' if len(shown) < len(policy.own_mac_prefixes) else ''}"


class RowTerms(_Model):
    """What a row says about its device; the validation's context is a `RowContext`."""

    operation: Operation = Operation.APPROVE
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    templates: frozenset[str] = frozenset()
    attributes: Mapping[str, str] = MappingProxyType({})
    key_fingerprint: str | None = None

    @field_validator("operation", mode="plain")
    @classmethod
    def _operation(cls, cell: str) -> Operation:
        text = cleaned(cell)
        _reject_lost(text)
        if where := _place(cell, text, NOT_ASCII):
            raise _problem(RowError.OPERATION_UNKNOWN, said=f"The operation has {where}. {_operations()}")
        try:
            return Operation(text.lower() or Operation.APPROVE)
        except ValueError as error:
            said = f"The operation {_shown(text)} does not exist. {_operations()}"
            raise _problem(RowError.OPERATION_UNKNOWN, said=said) from error

    @field_validator("valid_from", "valid_until", mode="plain")
    @classmethod
    def _instant(cls, cell: str) -> datetime | None:
        text = cleaned(cell)
        if not text:
            return None
        _reject_lost(text)
        if where := _place(cell, text, _FOREIGN_TO_DATES):
            raise _problem(RowError.DATE_INVALID, said=f"The date has {where}.")
        try:
            return read_moment(text)
        except InvalidDate as error:
            raise _problem(RowError.DATE_INVALID, said=f"The date {_shown(text)} {error}.") from error

    @field_validator("templates", mode="plain")
    @classmethod
    def _templates(cls, cell: str, info: ValidationInfo[RowContext]) -> frozenset[str]:
        known = info.context.policy.template_names
        text = cleaned(cell)
        _reject_lost(text)
        names = frozenset(filter(None, _SEPARATORS.split(text)))
        if all(map(TEMPLATE_NAME_PATTERN.fullmatch, names)) and (not known or names <= known):
            own = info.context.policy.own_templates
            if own and names - own:
                raise _problem(RowError.TEMPLATE_OF_OTHERS)
            return names or own
        if where := _place(cell, text, _FOREIGN_TO_TEMPLATES):
            raise _problem(RowError.TEMPLATE_INVALID, said=f"The name of the template has {where}.")
        raise _problem(RowError.TEMPLATE_INVALID, f"it has {', '.join(sorted(known))}" if known else "")

    @field_validator("key_fingerprint", mode="plain")
    @classmethod
    def _key_fingerprint(cls, cell: str) -> str | None:
        text = cleaned(cell)
        if not text:
            return None
        _reject_lost(text)
        try:
            return parse_public_key(text)
        except InvalidPublicKey as error:
            where = _place(cell, text, re.compile(r"[^\x20-\x7e\r\n\t]"))
            raise _problem(RowError.PUBLIC_KEY_INVALID, f"it has {where}" if where else str(error)) from error

    @field_validator("attributes", mode="plain")
    @classmethod
    def _attributes(cls, cells: Sequence[tuple[str, str]], info: ValidationInfo[RowContext]) -> Mapping[str, str]:
        context = info.context
        said = ((at, name, cleaned(cell), cell) for at, (name, cell) in enumerate(cells))
        values = [(name, _attribute(name, text, cell, context, at)) for at, name, text, cell in said if text]
        return MappingProxyType({name: value for name, value in values if value})

    @model_validator(mode="after")
    def _ends_after_it_starts_and_is_not_over(self, info: ValidationInfo[RowContext]) -> Self:
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise _problem(RowError.VALIDITY_EMPTY)
        now = info.context.policy.judged_at
        if now and self.valid_until and self.valid_until <= now and self.operation is not Operation.REVOKE:
            raise _problem(RowError.APPROVAL_OVER, said=f"The approval was over on {self.valid_until.date()}.")
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


def _operations() -> str:
    *first, last = Operation
    return f"The operations are {', '.join(first)} and {last}."


def _attribute(name: str, text: str, cell: str, context: RowContext, at: int) -> str:
    """The value of an attribute; empty if none is left of it."""
    if is_reserved(name):
        raise _problem(RowError.ATTRIBUTE_RESERVED, name, at=at)
    _reject_lost(text, at=at)
    if name == THING_GROUP:
        if where := _place(cell, text, NOT_ASCII):
            raise _problem(RowError.THING_GROUP_NOT_ALLOWED, said=f"The thing group has {where}.", at=at)
        if why := group_not_allowed({name: text}, context.policy.thing_groups):
            raise _problem(RowError.THING_GROUP_NOT_ALLOWED, why, at=at)
        if context.policy.own_thing_groups and text not in context.policy.own_thing_groups:
            raise _problem(RowError.THING_GROUP_OF_OTHERS, at=at)
        if not context.policy.group_exists(text):
            raise _problem(RowError.THING_GROUP_MISSING, text, at=at)
        return text
    value, changes = fitted(text)
    if changes:
        context.notes.add((name, changes), sentence_of(name, text, value, changes))
    elif is_named_date(text):
        context.notes.add(
            (name, "date"), f"{name}: {text} looks like a date that a spreadsheet made of something else."
        )
    try:
        ApprovalTerms(attributes={name: value or "-"})
    except InvalidEntry as error:
        raise _problem(RowError.ATTRIBUTE_INVALID, at=at) from error
    return value
