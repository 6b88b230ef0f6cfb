"""Reads a factory's file as a stream: CSV or JSON Lines, in any dialect, with flat memory."""

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, BinaryIO

from fleetgate.domain.reasons import Reason
from fleetgate.imports.reading.cells import cleaned
from fleetgate.imports.reading.columns import JSON_ROW, Column, Meaning, columns_of
from fleetgate.imports.reading.csv_records import SplitRecords, header_of, lines_of, split
from fleetgate.imports.reading.errors import FileError, RowError, UnreadableFile
from fleetgate.imports.reading.factory_list import ImportPolicy, RejectedRow, UnknownColumns
from fleetgate.imports.reading.text import MAX_CHARACTERS, is_damaged, open_text

# Unknown columns that the notes name: JSON Lines can bring new ones with every line.
_MAX_UNKNOWN = 100
_MAX_SHAPES = 1000


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Some rows, one after the other, that have the same columns.

    Attributes:
        line_numbers: Of each row's first line.
        rows: One cell for each column, as delivered.
        delivered: The fields that a reject repeats of each row; None if they are the cells.
        rejected: Rows between them that have no cells.
    """

    columns: tuple[Column, ...]
    line_numbers: Sequence[int]
    rows: Sequence[Sequence[str]]
    delivered: Sequence[tuple[str, ...]] | None = None
    rejected: Sequence[RejectedRow] = ()

    def as_delivered(self, position: int) -> tuple[str, ...]:
        """The fields that a reject repeats of a row."""
        return tuple(self.rows[position]) if self.delivered is None else self.delivered[position]


@dataclass(slots=True)
class FactoryFile:
    """A factory's file, open for one reading.

    Attributes:
        encoding: As Python names it. delimiter: None for JSON Lines.
        header: The headings of the fields of rejected rows. JSON Lines have a single one, for the whole line. The
            report of an earlier import is left out.
        batches: The rows. Every record that is not blank is in exactly one batch, as a row or as rejected.
        unknown_columns: Headings without a known meaning, complete once the file was read.
    """

    name: str
    encoding: str
    is_gzip: bool
    delimiter: str | None
    header: tuple[str, ...]
    batches: Iterator[RowBatch] = field(default=iter(()), repr=False)
    unknown_columns: dict[str, None] = field(default_factory=dict)

    def notes(self, policy: ImportPolicy) -> tuple[str, ...]:
        """Notes for people about the file as a whole."""
        if not self.unknown_columns:
            return ()
        named = ", ".join(map(repr, self.unknown_columns))
        match policy.unknown_columns:
            case UnknownColumns.KEEP:
                return (f"Unknown columns, kept as attributes: {named}.",)
            case UnknownColumns.REPORT:
                return (f"Unknown columns, left out: {named}.",)


def read_rows(stream: BinaryIO, *, name: str) -> FactoryFile:
    """Open a factory's file.

    Args:
        stream: Read once, forward only, as the batches are asked for.
        name: The name that people see.

    Raises:
        UnreadableFile: The file is no factory list; or its gzip is damaged, which shows while the batches are read.
    """
    text = open_text(stream)
    lines, line_number = _start(text.blocks)
    is_json = lines[0].lstrip()[0] in "{["
    file = FactoryFile(name, text.encoding, text.is_gzip, None, (JSON_ROW,))
    if is_json:
        blocks = itertools.chain(["".join(lines)], text.blocks)
        file.batches = _json_batches(file, _numbered(blocks, line_number))
        return file
    delimiter = _said_delimiter(lines[0])
    if delimiter:
        del lines[0]
        line_number += 1
    header = header_of(lines, delimiter)
    if header is None or is_damaged("".join(header[1])) or not any(map(str.strip, header[1])):
        raise UnreadableFile(FileError.HEADER_UNREADABLE)
    file.delimiter, headings, taken = header
    blocks = itertools.chain(["".join(lines[taken:])] if lines[taken:] else [], text.blocks)
    splits = split(blocks, delimiter=file.delimiter, first_line=line_number + taken)
    table = _Table.under(headings)
    file.header = table.pick(headings[: table.width])
    columns = table.columns
    if any(column.meaning is Meaning.JSON_ROW for column in columns):
        if len(columns) > 1:
            raise UnreadableFile(FileError.COLUMN_AMBIGUOUS, f"A file with the column {JSON_ROW} has no other.")
        file.header = (JSON_ROW,)
        file.batches = _json_batches(file, _json_cells(table, splits))
    else:
        _note(file, columns)
        file.batches = filter(_has_any, (table.batch(one) for one in splits))
    return file


def _start(blocks: Iterator[str]) -> tuple[list[str], int]:
    """The lines of the first block that is not blank, without blank lines before them, and the first line's number."""
    line_number = 1
    for block in blocks:
        lines = lines_of(block)
        for position, line in enumerate(lines):
            if re.sub("[,;\ufeff]", "", line).strip():
                return lines[position:], line_number + position
        line_number += len(lines)
    raise UnreadableFile(FileError.EMPTY)


def _said_delimiter(line: str) -> str | None:
    """The delimiter in Excel's own first line, `sep=;`."""
    said = line.strip("\r\n").strip('"')
    return said[4] if len(said) == 5 and said[:4].lower() == "sep=" and said[4] in ",;\t|" else None


def _note(file: FactoryFile, columns: Iterable[Column]) -> None:
    for column in columns:
        if column.meaning is Meaning.UNKNOWN and len(file.unknown_columns) < _MAX_UNKNOWN:
            file.unknown_columns.setdefault(_printable(column.heading))


def _printable(text: str) -> str:
    """Text that can be written as UTF-8, even if its JSON escapes are no text."""
    return text.encode("utf-8", "backslashreplace").decode()


def _has_any(batch: RowBatch) -> bool:
    return bool(batch.rows or batch.rejected)


@dataclass(frozen=True, slots=True)
class _Table:
    """The table under the header of a CSV file.

    Attributes:
        width: Of a row, without empty columns at its end.
        kept: Positions that are not a report of an earlier import; None if all are kept.
    """

    columns: tuple[Column, ...]
    width: int
    kept: tuple[int, ...] | None

    @classmethod
    def under(cls, headings: Sequence[str]) -> "_Table":
        width = max(position for position, heading in enumerate(headings, 1) if heading.strip())
        columns = columns_of(headings[:width])
        kept = tuple(position for position, column in enumerate(columns) if column.meaning is not Meaning.REPORT)
        return cls(tuple(columns[position] for position in kept), width, kept if len(kept) < width else None)

    def pick(self, fields: Sequence[str]) -> tuple[str, ...]:
        """Fields without the report of an earlier import; fields beyond the table stay."""
        if self.kept is None:
            return tuple(fields)
        inside = (fields[position] for position in self.kept if position < len(fields))
        return (*inside, *fields[self.width :])

    def batch(self, one: SplitRecords) -> RowBatch:
        """The rows of some records; blank ones are left out."""
        line_numbers: list[int] = []
        rows: list[Sequence[str]] = []
        rejected = [
            RejectedRow(line_number, self.pick(fields), None, error, error.meaning)
            for line_number, fields, error in one.failures
        ]
        width, kept = self.width, self.kept
        for line_number, record in zip(one.line_numbers, one.records, strict=True):
            if len(record) != width or not record[0].strip():
                if not any(map(str.strip, record)):
                    continue
                if len(record) > width and not any(map(str.strip, record[width:])):
                    del record[width:]
                if len(record) != width:
                    rejected.append(self._misshapen(line_number, record))
                    continue
            line_numbers.append(line_number)
            rows.append(record if kept is None else self.pick(record))
        return RowBatch(self.columns, line_numbers, rows, rejected=rejected)

    def _misshapen(self, line_number: int, record: list[str]) -> RejectedRow:
        error = RowError.TOO_FEW_FIELDS if len(record) < self.width else RowError.TOO_MANY_FIELDS
        detail = f"{error.meaning} They are {len(record)} and {self.width}."
        return RejectedRow(line_number, self.pick(record), None, error, detail)


_NumberedLine = tuple[int, str, Reason | None]


def _numbered(blocks: Iterable[str], line_number: int) -> Iterator[list[_NumberedLine]]:
    """The lines of JSON Lines that are not blank, block by block."""
    for block in blocks:
        lines = lines_of(block)
        yield [(number, line, None) for number, line in enumerate(lines, line_number) if line.strip()]
        line_number += len(lines)


def _json_cells(table: _Table, splits: Iterable[SplitRecords]) -> Iterator[list[_NumberedLine]]:
    """The lines of JSON that the cells of rejects hold."""
    for one in splits:
        batch = table.batch(one)
        cells: list[_NumberedLine] = [
            (number, cleaned(row[0]), None) for number, row in zip(batch.line_numbers, batch.rows, strict=True)
        ]
        failures: list[_NumberedLine] = [
            (rejected.line_number, " ".join(rejected.raw), rejected.error) for rejected in batch.rejected
        ]
        yield [*cells, *failures]


class _Object(list[tuple[str, Any]]):
    """A JSON object with all of its names, even repeated ones."""


class _NotARow(Exception):
    """A line that is no row."""

    def __init__(self, error: Reason, column: str | None = None) -> None:
        super().__init__(error.meaning)
        self.error = error
        self.column = column


def _json_batches(file: FactoryFile, blocks: Iterable[list[_NumberedLine]]) -> Iterator[RowBatch]:
    shapes: dict[tuple[str, ...], tuple[Column, ...]] = {}
    for lines in blocks:
        rejected: list[RejectedRow] = []
        rows: list[tuple[tuple[Column, ...], int, list[str], tuple[str, ...]]] = []
        for line_number, line, failure in lines:
            delivered = (line.strip()[: MAX_CHARACTERS + 1],)
            try:
                names, cells = _cells(line, failure)
                if names not in shapes:
                    if len(shapes) >= _MAX_SHAPES:
                        shapes.clear()
                    shapes[names] = _json_columns(names)
                    _note(file, shapes[names])
            except _NotARow as problem:
                rejected.append(
                    RejectedRow(line_number, delivered, problem.column, problem.error, problem.error.meaning)
                )
            else:
                rows.append((shapes[names], line_number, cells, delivered))
        # Neighbours with the same names in the same order make a batch; a file usually has one shape.
        for columns, group in itertools.groupby(rows, key=itemgetter(0)):
            _, line_numbers, cell_rows, texts = zip(*group, strict=True)
            yield RowBatch(columns, line_numbers, cell_rows, texts)
        if rejected:
            yield RowBatch((), (), (), (), rejected)


def _json_columns(names: tuple[str, ...]) -> tuple[Column, ...]:
    try:
        columns = columns_of(names)
    except UnreadableFile as error:
        if error.code is FileError.COLUMN_AMBIGUOUS:
            raise _NotARow(RowError.COLUMN_AMBIGUOUS) from error
        raise _NotARow(RowError.SERIAL_NUMBER_MISSING) from error
    if not any(column.meaning is Meaning.SERIAL_NUMBER for column in columns):
        raise _NotARow(RowError.SERIAL_NUMBER_MISSING)
    return columns


def _cells(line: str, failure: Reason | None) -> tuple[tuple[str, ...], list[str]]:
    """Names and cells of one line."""
    if failure is not None:
        raise _NotARow(failure)
    if len(line) > MAX_CHARACTERS:
        raise _NotARow(RowError.ROW_TOO_LONG)
    if is_damaged(line):
        raise _NotARow(RowError.NOT_DECODABLE)
    try:
        row = json.loads(line, object_pairs_hook=_Object)
    except (ValueError, RecursionError) as error:
        raise _NotARow(RowError.ROW_NOT_AN_OBJECT) from error
    if not isinstance(row, _Object):
        raise _NotARow(RowError.ROW_NOT_AN_OBJECT)
    # `"attributes": {...}` means the same as its names on their own.
    flat = itertools.chain.from_iterable(
        value if name == "attributes" and isinstance(value, _Object) else [(name, value)] for name, value in row
    )
    pairs = [(name, _cell(name, value)) for name, value in flat]
    return tuple(_printable(name) for name, _ in pairs), [cell for _, cell in pairs]


def _cell(name: str, value: object) -> str:
    match value:
        case str():
            return value
        case None:
            return ""
        case _Object():
            raise _NotARow(RowError.FIELD_NOT_TEXT, _printable(name))
        case list() if all(isinstance(part, str) for part in value):
            return ";".join(value)
        case _:
            raise _NotARow(RowError.FIELD_NOT_TEXT, _printable(name))
