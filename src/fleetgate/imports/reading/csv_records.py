"""Splits the text of a factory's CSV file into records: finds its delimiter, and where each record ends.

A quoted cell may go over several lines, and a stray quotation mark looks like the start of one. So a record takes more
lines than its first only if none of them is a row by itself; otherwise the mark costs its own line alone.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fleetgate.imports.reading.columns import Meaning, column_of, recognised
from fleetgate.imports.reading.errors import RowError
from fleetgate.imports.reading.text import MAX_CHARACTERS, NUL, is_damaged

_DELIMITERS = (",", ";", "\t", "|")
# Of one record: an address with line breaks in quotes fits, a quotation mark that is never closed ends here.
_MAX_LINES = 100
# Lines that may be read again beyond those that were read once: it bounds the work that open quotation marks make.
_MAX_READ_AGAIN = 10_000
_LINE_END = re.compile(r"\r\n?|\n")
_BEFORE_A_MARK = re.compile(r'(?:[^"]|"")*')
_MARKS = " \t\r\n\"'="
_SERIAL_NUMBER = re.compile(r"[a-zA-Z0-9:_-]{1,128}|\{.*")
# What a row may have where its MAC address is not known.
_NO_MAC_ADDRESS = re.compile(r"[\w./ -]{0,24}")
_MAC_ADDRESS = re.compile(r"(?:[0-9A-Fa-f]{2}[:. _/-]?){5,7}[0-9A-Fa-f]{2}")


class Failure(NamedTuple):
    """Text that makes no record: the number of its first line, its fields as far as they are clear, and the error."""

    line_number: int
    fields: list[str]
    error: RowError
    detail: str


@dataclass(frozen=True, slots=True)
class SplitRecords:
    """A run of records that were split off.

    Attributes:
        line_numbers: Of each record's first line.
        records: The fields of each.
        line_count: Physical lines of the run. Those beyond one for each record and failure are inside quoted cells.
        failures: Text that makes no record.
    """

    line_numbers: Sequence[int]
    records: Sequence[list[str]]
    line_count: int
    failures: Sequence[Failure] = ()


@dataclass(frozen=True, slots=True)
class RowShape:
    """What a row of a table looks like.

    Attributes:
        width: Of the table.
        serial_number: The position of its cell; None where the table has no such column.
        mac_addresses: The positions of their cells.
    """

    delimiter: str
    width: int
    serial_number: int | None
    mac_addresses: tuple[int, ...]

    @classmethod
    def of(cls, meanings: Sequence[Meaning], delimiter: str) -> "RowShape":
        """The shape of rows under columns with these meanings."""
        identity = {Meaning.SERIAL_NUMBER, Meaning.JSON_ROW}
        return cls(
            delimiter,
            len(meanings),
            next((at for at, meaning in enumerate(meanings) if meaning in identity), None),
            tuple(at for at, meaning in enumerate(meanings) if meaning is Meaning.MAC_ADDRESS),
        )

    def row_in(self, line: str, *, is_first: bool) -> str | None:
        """The serial number of a line that is a row, if one quotation mark is stray; maybe a wrong row.

        Args:
            line: Of a record with several lines.
            is_first: Whether it is the first one, whose last mark is open; else the first mark closes the cell.

        Returns:
            None if it is no row.
        """
        stray = self._open_mark(line) if is_first else _closing_mark(line)
        cells = self._cells(line[:stray] + line[stray + 1 :])
        if len(cells) == self.width and (
            self._has_mac_address(cells) or (self._has_serial_number(cells) and self._may_have_no_mac_address(cells))
        ):
            return self.serial_number_of(cells)
        if is_first:
            return None
        inside = self._cells(line[:stray])
        is_row = self._has_serial_number(inside) and self._has_mac_address(inside)
        return self.serial_number_of(inside) if is_row else None

    def _fields(self, text: str) -> list[str]:
        return next(csv.reader([text], delimiter=self.delimiter, skipinitialspace=True), [])

    def _cells(self, text: str) -> list[str]:
        cells = [field.strip(_MARKS) for field in self._fields(text)]
        while len(cells) > self.width and not cells[-1]:
            del cells[-1]
        return cells

    def _open_mark(self, line: str) -> int:
        open_cell = self._fields(line)[-1].replace('"', '""')
        return max(len(line) - len(open_cell) - 1, 0)

    def _has_serial_number(self, cells: Sequence[str]) -> bool:
        return _SERIAL_NUMBER.fullmatch(self.serial_number_of(cells)) is not None

    def _may_have_no_mac_address(self, cells: Sequence[str]) -> bool:
        return all(_NO_MAC_ADDRESS.fullmatch(cells[at]) for at in self.mac_addresses)

    def _has_mac_address(self, cells: Sequence[str]) -> bool:
        return any(at < len(cells) and _MAC_ADDRESS.fullmatch(cells[at]) for at in self.mac_addresses)

    def serial_number_of(self, fields: Sequence[str]) -> str:
        """The cell of the serial number, empty if there is none."""
        at = self.serial_number
        return "" if at is None or at >= len(fields) else fields[at]


def _closing_mark(line: str) -> int:
    """The position of the mark that closes a cell; the line's length if all of the line is inside of it."""
    return _BEFORE_A_MARK.match(line).end()  # type: ignore[union-attr] # it matches every line


class _RowsInside:
    """Watches the lines of one record for rows that it would take into a cell."""

    def __init__(self, shape: RowShape) -> None:
        self._shape = shape
        self._own: str | None = None
        self._own_at = 0
        self._taken_at: int | None = None

    def add(self, at: int, line: str) -> bool:
        """Look at one more line; whether the record cannot take it, or one before it."""
        serial_number = self._shape.row_in(line, is_first=at == 0)
        if serial_number is not None and self._taken_at is None:
            # The first line, or the one with the last cells, may be the record itself.
            is_inside = at > 0 and _closing_mark(line) == len(line)
            if is_inside or self._own is not None:
                self._taken_at = at
            else:
                self._own, self._own_at = serial_number, at
        return self._taken_at is not None

    def taken_by(self, fields: Sequence[str]) -> int | None:
        """The position of a line that the record must not take; None if the only row in it is the record itself."""
        if self._taken_at is None and self._own is not None:
            own = {part.strip(_MARKS) for part in _LINE_END.split(self._shape.serial_number_of(fields))}
            return None if self._own in own else self._own_at
        return self._taken_at


class Header(NamedTuple):
    """The header of a file: its delimiter, its headings and how many lines they take."""

    delimiter: str
    headings: list[str]
    line_count: int


def lines_of(block: str) -> list[str]:
    """The lines of a block, each with its line end: CR LF, CR or LF."""
    return list(io.StringIO(block, newline=""))


def header_of(lines: Sequence[str], delimiter: str | None = None) -> Header | None:
    """Read a header from the start of the lines.

    Args:
        delimiter: As the file itself says; None takes the one that splits off most recognised headings.

    Returns:
        None if there is no line.
    """
    if not lines:
        return None
    found = [_header(lines[:_MAX_LINES], candidate) for candidate in ((delimiter,) if delimiter else _DELIMITERS)]
    return max(found, key=lambda header: (recognised(header.headings), len(header.headings)))


def _header(lines: Sequence[str], delimiter: str) -> Header:
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    try:
        headings = next(reader)
        taken = reader.line_num
    except csv.Error:
        headings, taken = _as_it_stands(lines[0], delimiter), 1
    if taken > 1:
        inside = _RowsInside(RowShape.of([column_of(heading, 1).meaning for heading in headings], delimiter))
        for at, line in enumerate(lines[:taken]):
            inside.add(at, line)
        if inside.taken_by(headings) is not None:
            headings, taken = _as_it_stands(lines[0], delimiter), 1
    return Header(delimiter, unwrapped(headings, delimiter) or headings, taken)


def unwrapped(fields: Sequence[str], delimiter: str) -> list[str] | None:
    """The fields of a line that is one quoted cell as a whole; None for other lines."""
    if len(fields) != 1 or delimiter not in fields[0] or len(lines_of(fields[0])) != 1:
        return None
    try:
        return next(csv.reader(fields, delimiter=delimiter, strict=True, skipinitialspace=True))
    except csv.Error:
        return None


def split(blocks: Iterator[str], *, shape: RowShape, first_line: int) -> Iterator[SplitRecords]:
    """Split blocks of whole lines into records, some hundred at a time.

    If a quotation is damaged, or would take rows into its cell, its first line is a failure and the next line is a new
    record: one stray mark costs one row, not the rest of the file.

    Args:
        first_line: The number of the first line.
    """
    careful = _Careful(blocks, shape)
    line_number = first_line
    for block in blocks:
        lines = lines_of(block)
        records = _lines_as_records(block, lines, shape.delimiter)
        if records is None:
            done = careful.split(lines, line_number)
        else:
            done = SplitRecords(range(line_number, line_number + len(lines)), records, len(lines))
            careful.may_read_again += len(lines)
        yield done
        line_number += done.line_count


def _lines_as_records(block: str, lines: Sequence[str], delimiter: str) -> list[list[str]] | None:
    """The records of a block whose every line is one, at the full speed of csv; None for other blocks."""
    if is_damaged(block) or max(map(len, lines)) > MAX_CHARACTERS:
        return None
    if '"' not in block:
        return list(csv.reader(lines, delimiter=delimiter))
    try:
        # Some factories write a space between delimiter and quotation mark.
        records = list(csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True))
    except csv.Error:
        return None
    return records if len(records) == len(lines) else None


class _Broken(Exception):
    """A record has more lines or characters than a record may have, or would take a row into a cell.

    Attributes:
        at: The position of the row that it would take.
    """

    def __init__(self, at: int | None = None) -> None:
        super().__init__()
        self.at = at


class _Careful:
    """Splits a block record by record, and takes from the next blocks what its last record needs."""

    def __init__(self, blocks: Iterator[str], shape: RowShape) -> None:
        self._blocks = blocks
        self._shape = shape
        self._lines: deque[str] = deque()
        self._taken: list[str] = []
        self._characters = 0
        self._inside = _RowsInside(shape)
        self.may_read_again = _MAX_READ_AGAIN

    def split(self, lines: Sequence[str], line_number: int) -> SplitRecords:
        self._lines.extend(lines)
        reader = self._reader()
        first_line = line_number
        line_numbers, records = [], []
        failures: list[Failure] = []
        while self._lines:
            self._taken, self._characters = [], 0
            self._inside = _RowsInside(self._shape)
            problem: tuple[RowError, str] | None = None
            try:
                fields = next(reader)
            except csv.Error:
                problem = self._quoting_problem(line_number, None)
            except _Broken as broken:
                problem = self._quoting_problem(line_number, broken.at)
            else:
                if len(self._taken) > 1 and (at := self._inside.taken_by(fields)) is not None:
                    problem = self._quoting_problem(line_number, at)
            if problem:
                self.may_read_again -= len(self._taken) - 1
                self._lines.extendleft(reversed(self._taken[1:]))
                del self._taken[1:]
                fields = _as_it_stands(self._taken[0], self._shape.delimiter)
                reader = self._reader()
            self.may_read_again += 1
            problem = _unreadable(self._taken) or problem
            if problem is None:
                line_numbers.append(line_number)
                records.append(fields)
            else:
                failures.append(Failure(line_number, fields, *problem))
            line_number += len(self._taken)
        return SplitRecords(line_numbers, records, line_number - first_line, failures)

    def _reader(self) -> Iterator[list[str]]:
        return csv.reader(self._feed(), delimiter=self._shape.delimiter, strict=True, skipinitialspace=True)

    def _feed(self) -> Iterator[str]:
        while self._lines or self._next_block():
            at = len(self._taken)
            if at and (at >= _MAX_LINES or self._characters > MAX_CHARACTERS or self.may_read_again < at):
                raise _Broken
            line = self._lines.popleft()
            self._taken.append(line)
            self._characters += len(line)
            if at == 1:
                self._inside.add(0, self._taken[0])
            if at and self._inside.add(at, line):
                raise _Broken(at)
            yield line

    def _next_block(self) -> bool:
        block = next(self._blocks, None)
        if block is None:
            return False
        self._lines.extend(lines_of(block))
        return True

    def _quoting_problem(self, line_number: int, at: int | None) -> tuple[RowError, str]:
        """The sentence for quotation marks of a record that is broken.

        Args:
            at: The position of the row that it would take; None if there is none.
        """
        error = RowError.QUOTING_INVALID
        if any(cell.strip() == '"' for cell in _as_it_stands(self._taken[0], self._shape.delimiter)):
            return error, "A cell holds a quotation mark and nothing else: write out what it stands for."
        if at:
            return error, f"A quotation mark is open at the end of the line, and line {line_number + at} is a row."
        return error, error.meaning


def _unreadable(lines: Sequence[str]) -> tuple[RowError, str] | None:
    if sum(map(len, lines)) > MAX_CHARACTERS:
        error = RowError.ROW_TOO_LONG
    elif any(NUL in line for line in lines):
        error = RowError.NUL_BYTE
    elif any(map(is_damaged, lines)):
        error = RowError.NOT_DECODABLE
    else:
        return None
    return error, error.meaning


def _as_it_stands(line: str, delimiter: str) -> list[str]:
    """The fields of a line, with its quotation marks as plain characters."""
    return line[: MAX_CHARACTERS + 1].rstrip("\r\n").split(delimiter)
