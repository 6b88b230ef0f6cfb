"""Splits the text of a factory's CSV file into records: finds its delimiter, and where each record ends."""

import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fleetgate.imports.reading.columns import recognised
from fleetgate.imports.reading.errors import RowError
from fleetgate.imports.reading.text import MAX_CHARACTERS, is_damaged

_DELIMITERS = (",", ";", "\t")
# Of one record: an address with line breaks in quotes fits, a quotation mark that is never closed ends here.
_MAX_LINES = 100


@dataclass(frozen=True, slots=True)
class SplitRecords:
    """A run of records that were split off.

    Attributes:
        line_numbers: Of each record's first line.
        records: The fields of each.
        failures: Text that makes no record: its line number, its fields as far as they are clear, and the error.
    """

    line_numbers: Sequence[int]
    records: Sequence[list[str]]
    failures: Sequence[tuple[int, list[str], RowError]] = ()


def lines_of(block: str) -> list[str]:
    """The lines of a block, each with its line end: CR LF, CR or LF."""
    return list(io.StringIO(block, newline=""))


def header_of(lines: Sequence[str], delimiter: str | None = None) -> tuple[str, list[str], int] | None:
    """Read a header from the start of the lines.

    Args:
        delimiter: As the file itself says; None takes the one that splits off most recognised headings.

    Returns:
        The delimiter, the headings and the number of lines they take; None if no delimiter makes a header.
    """
    found = []
    for candidate in (delimiter,) if delimiter else _DELIMITERS:
        reader = csv.reader(lines[:_MAX_LINES], delimiter=candidate, strict=True, skipinitialspace=True)
        try:
            headings = next(reader)
        except (csv.Error, StopIteration):
            continue
        found.append((candidate, headings, reader.line_num))
    return max(found, key=lambda header: (recognised(header[1]), len(header[1])), default=None)


def split(blocks: Iterator[str], *, delimiter: str, first_line: int) -> Iterator[SplitRecords]:
    """SplitRecords blocks of whole lines into records, some hundred at a time.

    If a quotation is damaged, its first line is a failure and the next line is a new record: one stray mark costs one
    row, not the rest of the file.

    Args:
        first_line: The number of the first line.
    """
    line_number = first_line
    for block in blocks:
        lines = lines_of(block)
        if '"' in block or is_damaged(block) or max(map(len, lines)) > MAX_CHARACTERS:
            careful = _Careful(lines, blocks, delimiter, line_number)
            yield careful.split()
            line_number = careful.line_number
        else:
            # Without quotation marks a line is a record, at the full speed of csv.
            yield SplitRecords(
                range(line_number, line_number + len(lines)), list(csv.reader(lines, delimiter=delimiter))
            )
            line_number += len(lines)


class _TooLong(Exception):
    """A record has more lines or characters than a record may have."""


class _Careful:
    """Splits a block record by record, and takes from the next blocks what its last record needs."""

    def __init__(self, lines: Sequence[str], blocks: Iterator[str], delimiter: str, line_number: int) -> None:
        self.line_number = line_number
        self._lines = deque(lines)
        self._blocks = blocks
        self._delimiter = delimiter
        self._taken: list[str] = []

    def split(self) -> SplitRecords:
        # Some factories write a space between delimiter and quotation mark.
        reader = csv.reader(self._feed(), delimiter=self._delimiter, strict=True, skipinitialspace=True)
        line_numbers, records = [], []
        failures: list[tuple[int, list[str], RowError]] = []
        while self._lines:
            self._taken.clear()
            try:
                fields = next(reader)
                error = self._error()
            except (csv.Error, _TooLong):
                error = self._error(self._taken[0]) or RowError.QUOTING_INVALID
                self._lines.extendleft(reversed(self._taken[1:]))
                del self._taken[1:]
                fields = self._as_it_stands(self._taken[0])
                reader = csv.reader(self._feed(), delimiter=self._delimiter, strict=True, skipinitialspace=True)
            if error is None:
                line_numbers.append(self.line_number)
                records.append(fields)
            else:
                failures.append((self.line_number, fields, error))
            self.line_number += len(self._taken)
        return SplitRecords(line_numbers, records, failures)

    def _feed(self) -> Iterator[str]:
        while self._lines or self._next_block():
            if len(self._taken) >= _MAX_LINES or sum(map(len, self._taken)) > MAX_CHARACTERS:
                raise _TooLong
            line = self._lines.popleft()
            self._taken.append(line)
            yield line

    def _next_block(self) -> bool:
        block = next(self._blocks, None)
        if block is None:
            return False
        self._lines.extend(lines_of(block))
        return True

    def _error(self, *only: str) -> RowError | None:
        lines = only or tuple(self._taken)
        if sum(map(len, lines)) > MAX_CHARACTERS:
            return RowError.ROW_TOO_LONG
        return RowError.NOT_DECODABLE if any(map(is_damaged, lines)) else None

    def _as_it_stands(self, line: str) -> list[str]:
        """The fields of a line, with its quotation marks as plain characters."""
        plain = csv.reader([line[: MAX_CHARACTERS + 1]], delimiter=self._delimiter, quoting=csv.QUOTE_NONE)
        return next(plain, [])
