"""Judges the rows of a factory's file with pydantic, a batch at a time: sound rows, and rejected ones with an error.

Two steps, because a list has a million rows and nearly all of them are plain. Whole columns are first held against
patterns, inside pydantic's own compiled core. A row that does not match goes cell by cell through the models of `row`;
they alone can reject it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from operator import itemgetter
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import CoreSchema, ErrorDetails, core_schema

from fleetgate.domain.allow_list import ApprovalTerms
from fleetgate.domain.identifiers import DEFAULT_SERIAL_NUMBER_PATTERN, MacAddress, SerialNumber
from fleetgate.imports.reading.columns import Column, Meaning, names_of
from fleetgate.imports.reading.damage import PLACEHOLDER_MAC_ADDRESSES, QuickLook
from fleetgate.imports.reading.errors import FileError, RowError, UnreadableFile
from fleetgate.imports.reading.factory_file import FactoryFile, RowBatch
from fleetgate.imports.reading.factory_list import (
    UNCLEAR_CELL,
    ImportPolicy,
    ImportRow,
    Operation,
    RejectedRow,
    UnknownColumns,
)
from fleetgate.imports.reading.row import RowContext, RowIdentity, RowTerms, serial_number_error
from fleetgate.imports.reading.structure import no_device
from fleetgate.imports.reading.unknown_cells import UnknownCells

# Combinations of terms, and sets of columns, that are remembered at once.
_MAX_REMEMBERED = 2_000


@dataclass(frozen=True, slots=True)
class ValidatedBatch:
    """The rows of one batch, each either sound or rejected, both in the order of the file.

    Attributes:
        repeated: How many more there are that are identical to an earlier row of the file.
    """

    rows: Sequence[ImportRow]
    rejected: Sequence[RejectedRow]
    _batch: RowBatch
    _positions: Sequence[int]
    repeated: int = 0

    def as_delivered(self, at: int) -> tuple[str, ...]:
        """The fields that a reject repeats of a sound row that is not applied."""
        return self._batch.as_delivered(self._positions[at])

    def heading(self, meaning: Meaning) -> str | None:
        """The heading of the first column with some meaning, as delivered."""
        return next((column.heading for column in self._batch.columns if column.meaning is meaning), None)

    def without(self, rejected: Mapping[int, RejectedRow], repeated: Collection[int]) -> "ValidatedBatch":
        """The batch with some more of its rows rejected, and without some that repeat others.

        Args:
            rejected: By the row's position in `rows`. repeated: positions there.
        """
        if not rejected and not repeated:
            return self
        kept = [at for at in range(len(self.rows)) if at not in rejected and at not in repeated]
        return ValidatedBatch(
            [self.rows[at] for at in kept],
            sorted([*self.rejected, *rejected.values()], key=lambda row: row.line_number),
            self._batch,
            [self._positions[at] for at in kept],
            self.repeated + len(repeated),
        )


def validate_rows(file: FactoryFile, policy: ImportPolicy) -> Iterator[ValidatedBatch]:
    """Judge every row of a file, as it is read.

    Raises:
        UnreadableFile: The file is damaged, or a column of it restricts what is allowed and is not known; none of the
            batches before counts.
    """
    judges: dict[tuple[Column, ...], _Judge] = {}
    # Whether all of the file's columns are remembered.
    is_complete = True
    for batch in file.batches:
        if batch.columns not in judges:
            if len(judges) >= _MAX_REMEMBERED:
                _conclude(judges.values())
                judges.clear()
                is_complete = False
            judges[batch.columns] = _Judge(batch.columns, RowContext(policy, file.cell_notes))
        yield judges[batch.columns].validated(batch)
    _conclude(judges.values())
    lacking = [columns for columns, judge in judges.items() if judge.lacks_mac_address]
    if lacking and is_complete and not any(judge.has_mac_address for judge in judges.values()):
        raise _mac_column_missing(lacking[0])


def _conclude(judges: "Iterable[_Judge]") -> None:
    for judge in judges:
        judge.unknown_cells.conclude()


def _mac_column_missing(columns: Sequence[Column]) -> UnreadableFile:
    return UnreadableFile(FileError.MAC_COLUMN_MISSING, names_of(columns))


class _NoneIfNot:
    """Makes None of an invalid value, so that one of them does not spoil a whole column."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_default_schema(handler(source), default=None, on_error="default")


def _plain(pattern: str, *, to_lower: bool = False, max_length: int | None = None) -> TypeAdapter[list[str | None]]:
    # pydantic's pattern engine has no fullmatch; its $ is the very end of the text.
    constraints = StringConstraints(
        strip_whitespace=True, to_lower=to_lower, min_length=1, max_length=max_length, pattern=f"^(?:{pattern})$"
    )
    return TypeAdapter(list[Annotated[str, constraints, _NoneIfNot()]])  # type: ignore[arg-type] # None by _NoneIfNot


# Of one device, assigned by a vendor: both low bits of the first octet are clear. 5 or 7 more octets follow.
_FIRST, _OCTET = "[0-9a-fA-F][048cC]", "[0-9a-fA-F]{2}"
# One character at least is none of those that placeholders repeat: zeros, x and marks.
_PLAIN_SERIAL_NUMBER = "[a-zA-Z0-9:_-]*[1-9a-wyzA-WYZ][a-zA-Z0-9:_-]*"
_QUICK_LOOK = QuickLook()
_PLAIN_MAC_ADDRESSES = _plain(
    "|".join(
        (
            *(f"{_FIRST}(?:{mark}{_OCTET}){{5}}(?:(?:{mark}{_OCTET}){{2}})?" for mark in (":", "-", "")),
            rf"{_FIRST}{_OCTET}(?:\.{_OCTET}{_OCTET}){{2}}(?:\.{_OCTET}{_OCTET})?",
        )
    ),
    to_lower=True,
)
_SEPARATORS, _DIGITS = str.maketrans("", "", ":-."), 12
_NO_DEVICE = frozenset({bytes(6).hex(":"), bytes(8).hex(":"), *PLACEHOLDER_MAC_ADDRESSES})


def _plain_mac_addresses(texts: Sequence[str | None]) -> list[MacAddress | None]:
    """The values of plain addresses in small letters; None for others, and for those that are no device's."""
    if None not in texts:
        digits = "\n".join(texts).translate(_SEPARATORS)  # type: ignore[arg-type] # no None is among them
        if len(digits) + 1 == (_DIGITS + 1) * len(texts):
            # All are EUI-48, as in nearly every list, so that they can be spelled at once: pairs with colons.
            pairs, step = bytes.fromhex(digits).hex(":"), 3 * _DIGITS // 2
            values = [pairs[place : place + step - 1] for place in range(0, len(pairs), step)]
            if _NO_DEVICE.isdisjoint(values):
                return list(map(MacAddress, values))
    return [None if text is None else _plain_mac_address(text) for text in texts]


def _plain_mac_address(text: str) -> MacAddress | None:
    value = bytes.fromhex(text.translate(_SEPARATORS)).hex(":")
    return None if value in _NO_DEVICE else MacAddress(value)


def _all_of(mac_addresses: Sequence[MacAddress | None]) -> frozenset[MacAddress] | None:
    known = [mac_address for mac_address in mac_addresses if mac_address is not None]
    return frozenset(known) if len(known) == len(mac_addresses) else None


# A column whose meaning is a field of `RowTerms` has the field's name.
_TERM_FIELDS = {meaning: meaning.name.lower() for meaning in Meaning if meaning.name.lower() in RowTerms.model_fields}
_ROW_ERRORS = {error.value: error for error in RowError}
_NO_MAC_ADDRESSES: frozenset[MacAddress] = frozenset()
_NOTHING: frozenset[str] = frozenset()
# Makes a row of its fields as they are, which a call of its class does in Python.
_ROW_OF: Callable[[tuple[Any, ...]], ImportRow] = partial(tuple.__new__, ImportRow)


# The attributes come last that the row clears.
_Said = tuple[Operation, ApprovalTerms, frozenset[str]]


@lru_cache(maxsize=16)
def _plain_serial_numbers(max_length: int) -> TypeAdapter[list[str | None]]:
    return _plain(_PLAIN_SERIAL_NUMBER, max_length=max_length)


class _Judge:
    """Judges rows that have the same columns."""

    def __init__(self, columns: tuple[Column, ...], context: RowContext) -> None:
        policy = context.policy
        wanted = {Meaning.ATTRIBUTE, *_TERM_FIELDS}
        if policy.unknown_columns is UnknownColumns.KEEP:
            wanted.add(Meaning.UNKNOWN)
        self._context = context
        self._policy = policy
        own, max_length = policy.own_serial_numbers, policy.thing_names.max_serial_number
        self._plain_serial_numbers_of = (
            _plain(own.pattern, max_length=max_length) if own else _plain_serial_numbers(max_length)
        )
        self._columns = columns
        self._serial_number = next((at for at, one in enumerate(columns) if one.meaning is Meaning.SERIAL_NUMBER), 0)
        self._mac_addresses = [at for at, one in enumerate(columns) if one.meaning is Meaning.MAC_ADDRESS]
        self._terms = [at for at, one in enumerate(columns) if one.meaning in wanted]
        self._pick_terms = _picker(self._terms)
        self.unknown_cells = UnknownCells(columns)
        self.has_mac_address = bool(self._mac_addresses)
        # Whether a row needs a MAC address, and has no column for it.
        self.lacks_mac_address = False
        # By the cells that say them: a list says the same of thousands of devices.
        self._known_terms: dict[tuple[str, ...], _Said | None] = {}

    def validated(self, batch: RowBatch) -> ValidatedBatch:
        """Judge one batch.

        Raises:
            UnreadableFile: The file as a whole is to be refused.
        """
        self.unknown_cells.look(batch)
        rows: list[ImportRow] = []
        positions: list[int] = []
        rejected = list(batch.rejected)
        cells = batch.rows
        serial_numbers = self._plain_serial_numbers([row[self._serial_number] for row in cells])
        mac_addresses = self._plain_mac_addresses(cells)
        terms = self._said_terms(cells)
        if None not in serial_numbers and None not in mac_addresses and None not in terms:
            # So it is in nearly every batch of a list: nothing but C is called for each row.
            operations, approved, clears = zip(*terms, strict=True) if terms else ((), (), ())
            numbers = map(SerialNumber, serial_numbers)  # type: ignore[arg-type] # no None is among them
            fields = zip(batch.line_numbers, operations, numbers, mac_addresses, approved, clears, strict=True)
            return ValidatedBatch(list(map(_ROW_OF, fields)), batch.rejected, batch, range(len(cells)))
        for position, (line_number, serial_number, of_device, said) in enumerate(
            zip(batch.line_numbers, serial_numbers, mac_addresses, terms, strict=True)
        ):
            if serial_number is not None and of_device is not None and said is not None:
                rows.append(ImportRow(line_number, said[0], SerialNumber(serial_number), of_device, said[1], said[2]))
                positions.append(position)
                continue
            judged = self._judged(batch, position)
            if isinstance(judged, RejectedRow):
                rejected.append(judged)
            else:
                rows.append(judged)
                positions.append(position)
        rejected.sort(key=lambda row: row.line_number)
        return ValidatedBatch(rows, rejected, batch, positions)

    def _plain_serial_numbers(self, cells: list[str]) -> list[str | None]:
        """The serial numbers that are plain; None for other cells."""
        plain, policy = self._plain_serial_numbers_of.validate_python(cells), self._policy
        if not _QUICK_LOOK.is_clean(list(filter(None, plain))):
            plain = [text if text and serial_number_error(text, policy) is None else None for text in plain]
        pattern, names = policy.serial_number_pattern, policy.thing_names
        if pattern.pattern != DEFAULT_SERIAL_NUMBER_PATTERN.pattern:
            plain = [text if text and pattern.fullmatch(text) else None for text in plain]
        if names.may_meet_claims:
            plain = [text if text and names.fits(text) else None for text in plain]
        return plain

    def _plain_mac_addresses(self, rows: Sequence[Sequence[str]]) -> list[frozenset[MacAddress] | None]:
        """The addresses of rows with one plain address in each MAC address column; None for other rows."""
        if len(self._mac_addresses) > self._policy.max_mac_addresses:
            return [None] * len(rows)
        if not self._mac_addresses:
            return [None if self._policy.require_mac else _NO_MAC_ADDRESSES] * len(rows)
        columns = [
            _plain_mac_addresses(_PLAIN_MAC_ADDRESSES.validate_python([row[at] for row in rows]))
            for at in self._mac_addresses
        ]
        if self._policy.own_mac_prefixes:
            columns = [
                [one if one is not None and self._policy.may_list_mac(one) else None for one in column]
                for column in columns
            ]
        if len(columns) == 1:
            return [None if mac_address is None else frozenset((mac_address,)) for mac_address in columns[0]]
        return [_all_of(of_device) for of_device in zip(*columns, strict=True)]

    def _said_terms(self, rows: Sequence[Sequence[str]]) -> list[_Said | None]:
        """The terms of each row; None if they are not valid."""
        said, known = list(map(self._pick_terms, rows)), self._known_terms
        if len(known) >= _MAX_REMEMBERED:
            known.clear()
        for cells in dict.fromkeys(said):  # in their order, so that the notes are the same at every reading
            if cells in known:
                continue
            if any(cell.startswith(UNCLEAR_CELL) for cell in cells):
                known[cells] = None
                continue
            try:
                read = self._read_terms(cells)
                known[cells] = read.operation, read.approved(), self._cleared(read)
            except ValidationError:
                known[cells] = None
        return [known[cells] for cells in said]

    def _read_terms(self, said: Sequence[str]) -> RowTerms:
        # Where there is no such column, the row names no template: that means those of the manufacturer.
        fields: dict[str, Any] = {Meaning.TEMPLATES.name.lower(): ""} if self._policy.own_templates else {}
        attributes: list[tuple[str, str]] = []
        for at, cell in zip(self._terms, said, strict=True):
            column = self._columns[at]
            if column.meaning in _TERM_FIELDS:
                fields[_TERM_FIELDS[column.meaning]] = cell
            else:
                attributes.append((column.attribute, cell))
        return RowTerms.model_validate({**fields, "attributes": attributes}, context=self._context)

    def _judged(self, batch: RowBatch, position: int) -> ImportRow | RejectedRow:
        """Judge one row cell by cell."""
        row, line_number = batch.rows[position], batch.line_numbers[position]
        for at in (self._serial_number, *self._mac_addresses, *self._terms):
            if row[at].startswith(UNCLEAR_CELL):
                error, why = RowError.WORKBOOK_CELL_UNCLEAR, row[at].removeprefix(UNCLEAR_CELL)
                detail = f"{error.meaning.rstrip('.')}: {why}."
                return RejectedRow(line_number, batch.as_delivered(position), self._columns[at].heading, error, detail)
        try:
            device = RowIdentity.model_validate(
                {
                    "serial_number": row[self._serial_number],
                    "mac_addresses": [row[at] for at in self._mac_addresses],
                },
                context=self._context,
            )
            terms = self._read_terms(self._pick_terms(row))
        except ValidationError as invalid:
            if is_no_device := no_device(row, self._columns, line_number):
                return _no_device(batch, position, is_no_device)
            found = invalid.errors(include_url=False, include_input=False)[0]
            return RejectedRow(
                line_number,
                batch.as_delivered(position),
                self._heading(found),
                _ROW_ERRORS[found["type"]],
                found["msg"],
            )
        if not device.mac_addresses and self._policy.require_mac and terms.operation is Operation.APPROVE:
            if is_no_device := no_device(row, self._columns, line_number):
                return _no_device(batch, position, is_no_device)
            missing = RowError.MAC_ADDRESS_MISSING
            self.lacks_mac_address = not self.has_mac_address
            if self.lacks_mac_address and batch.delivered is None:
                raise _mac_column_missing(self._columns)
            heading = self._columns[self._mac_addresses[0]].heading if self._mac_addresses else None
            return RejectedRow(line_number, batch.as_delivered(position), heading, missing, missing.meaning)
        said = terms.approved(), self._cleared(terms)
        return ImportRow(line_number, terms.operation, device.serial_number, device.mac_addresses, *said)

    def _cleared(self, said: RowTerms) -> frozenset[str]:
        """The attributes that a row clears: empty cells of a row that replaces."""
        if said.operation is not Operation.REPLACE:
            return _NOTHING
        attributes = {column.attribute for column in map(self._columns.__getitem__, self._terms) if column.attribute}
        return frozenset(attributes.difference(said.attributes))

    def _heading(self, error: ErrorDetails) -> str | None:
        """The heading of the column with an error."""
        if not error["loc"]:
            return self._heading_of(Meaning.VALID_UNTIL)
        (field,) = error["loc"]
        at: int = error["ctx"]["at"]
        match field:
            case "serial_number":
                return self._columns[self._serial_number].heading
            case "mac_addresses":
                return self._columns[self._mac_addresses[at]].heading
            case "attributes":
                attributes = [at for at in self._terms if self._columns[at].meaning not in _TERM_FIELDS]
                return self._columns[attributes[at]].heading
            case _:
                return self._heading_of(next(meaning for meaning, name in _TERM_FIELDS.items() if name == field))

    def _heading_of(self, meaning: Meaning) -> str | None:
        return next((column.heading for column in self._columns if column.meaning is meaning), None)


def _no_device(batch: RowBatch, position: int, error: RowError) -> RejectedRow:
    return RejectedRow(batch.line_numbers[position], batch.as_delivered(position), None, error, error.meaning)


def _picker(positions: Sequence[int]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """A function that picks the cells at these positions, always as a tuple."""
    match positions:
        case []:
            return lambda _row: ()
        case [position]:
            return lambda row: (row[position],)
        case _:
            return itemgetter(*positions)
