"""Reads a factory's file as a stream: CSV or JSON Lines, in any dialect, with flat memory."""

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, BinaryIO

from fleetgate.domain.reasons import Reason
from fleetgate.imports.reading.cells import cleaned
from fleetgate.imports.reading.columns import JSON_ROW, NOTHING_SAID, Column, Meaning, column_of, columns_of, shown
from fleetgate.imports.reading.csv_records import Header, RowShape, SplitRecords, header_of, lines_of, split, unwrapped
from fleetgate.imports.reading.errors import FileError, RowError, UnreadableFile
from fleetgate.imports.reading.factory_list import REPORT_COLUMNS, ImportPolicy, RejectedRow, UnknownColumns
from fleetgate.imports.reading.headings import heading_key
from fleetgate.imports.reading.notes import CellNotes
from fleetgate.imports.reading.structure import is_rule, no_device, spellings_again
from fleetgate.imports.reading.text import (
    MAX_CHARACTERS,
    NO_LIMITS,
    NUL,
    LineCounts,
    ReadingLimits,
    is_damaged,
    open_text,
)

# Unknown columns that the notes name: JSON Lines can bring new ones with every line.
_MAX_UNKNOWN = 100
_MAX_SHAPES = 1000
_MAX_NAMED_LINES = 5
# Lines above a heading that are looked at.
_MAX_ABOVE = 100
# An operation, a date or a MAC address.
_RESTRICTS = re.compile(
    r"(?i)approve|revoke|replace|\d{4}-?\d\d-?\d\d|\d[./]\d+[./]\d\d|[0-9a-f]{2}(?:[:. _/-]?[0-9a-f]{2}){5}"
)
_JSON_OBJECT = re.compile(r'\s*\{\s*(?:["}]|$)')
_JSON_ARRAY = re.compile(r'\s*\[\s*(?:[\[{"\]]|$)')


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
        lines: Its physical lines, complete once the file was read.
        batches: The rows. Every record that is not blank is in exactly one batch, as a row or as rejected.
        unknown_columns: Headings without a known meaning, complete once the file was read.
        left_out: Headings of columns that are left out as a person says; likewise.
        instead: By the heading of a column that repeats another: the heading of the one that counts; likewise.
        mapped: Headings that people say something about, as they are compared. found: those that the file has;
            likewise.
        is_guessed: Whether nothing tells the encoding.
        beside_the_table: The first lines with a comment under no heading, complete once the file was read.
        is_rejects: Whether the file has the report of an earlier import, so that all its rows were wrong once.
        cell_notes: What was made of cells, complete once the rows were judged.
    """

    name: str
    encoding: str
    is_gzip: bool
    delimiter: str | None
    header: tuple[str, ...]
    lines: LineCounts = field(default_factory=LineCounts)
    batches: Iterator[RowBatch] = field(default=iter(()), repr=False)
    unknown_columns: dict[str, None] = field(default_factory=dict)
    left_out: dict[str, None] = field(default_factory=dict)
    instead: dict[str, str] = field(default_factory=dict)
    mapped: frozenset[str] = frozenset()
    found: set[str] = field(default_factory=set)
    is_guessed: bool = False
    beside_the_table: list[int] = field(default_factory=list)
    is_rejects: bool = False
    cell_notes: CellNotes = field(default_factory=CellNotes)

    def notes(self, policy: ImportPolicy) -> tuple[str, ...]:
        """Notes for people about the file as a whole."""
        notes = []
        if self.unknown_columns:
            named = ", ".join(map(shown, self.unknown_columns))
            match policy.unknown_columns:
                case UnknownColumns.KEEP:
                    notes.append(f"Unknown columns, kept as attributes: {named}.")
                case UnknownColumns.REPORT:
                    notes.append(f"Unknown columns, left out: {named}.")
        if self.left_out:
            named = ", ".join(map(shown, self.left_out))
            notes.append(f"Columns left out, as the upload or the manufacturer's profile says: {named}.")
        notes.extend(
            f"{first!r} and {second!r} say the same; {first!r} counts." for second, first in self.instead.items()
        )
        if self.is_guessed:
            notes.append(f"The file is not UTF-8. Its letters beyond ASCII were read as {self.encoding}; check them.")
        if self.beside_the_table:
            named = ", ".join(map(str, self.beside_the_table[:_MAX_NAMED_LINES]))
            more = " and others" if len(self.beside_the_table) > _MAX_NAMED_LINES else ""
            notes.append(f"Text under no heading, left out: line {named}{more}.")
        return (*notes, *self.cell_notes.sentences())


def read_rows(
    stream: BinaryIO, *, name: str, mapped: Mapping[str, str] = NOTHING_SAID, limits: ReadingLimits = NO_LIMITS
) -> FactoryFile:
    """Open a factory's file.

    Args:
        stream: Read once, forward only, as the batches are asked for.
        name: The name that people see.
        mapped: What people say about columns, as `columns_of` takes it.
        limits: For what it holds.

    Raises:
        UnreadableFile: The file is no factory list; or, which shows while the batches are read, its gzip is damaged or
            it holds more than it may.
    """
    counts = LineCounts()
    text = open_text(stream, limits=limits, lines=counts)
    lines, line_number = _start(text.blocks)
    counts.blank = line_number - 1
    file = FactoryFile(name, text.encoding, text.is_gzip, None, (JSON_ROW,), counts, is_guessed=text.is_guess)
    file.mapped = frozenset(map(heading_key, mapped))
    if _is_json_lines(lines):
        blocks = itertools.chain(["".join(lines)], text.blocks)
        file.batches = _json_batches(file, _numbered(blocks, line_number, counts), mapped)
        return file
    delimiter = _said_delimiter(lines[0])
    if delimiter:
        del lines[0]
        line_number += 1
        counts.separator = 1
    header = _readable_header(lines, delimiter)
    try:
        table = _Table.under(header, mapped)
    except UnreadableFile as error:
        if error.code is FileError.SERIAL_NUMBER_COLUMN_MISSING:
            _say_where_the_heading_is(lines, line_number, delimiter)
        raise
    counts.heading = _heading_lines(lines, header)
    rest = lines[counts.heading :]
    blocks = itertools.chain(["".join(rest)] if rest else [], text.blocks)
    splits = split(blocks, shape=table.shape, first_line=line_number + counts.heading)
    file.delimiter = header.delimiter
    file.header = table.pick(header.headings[: table.shape.width])
    file.is_rejects = table.shape.width - len(table.columns) == len(REPORT_COLUMNS)
    columns = table.columns
    if any(column.meaning is Meaning.JSON_ROW for column in columns):
        if len(columns) > 1:
            raise UnreadableFile(FileError.COLUMN_AMBIGUOUS, f"A file with the column {JSON_ROW} has no other.")
        file.header = (JSON_ROW,)
        file.batches = _json_batches(file, _json_cells(table, splits, counts), mapped)
    else:
        _note(file, columns)
        file.batches = filter(_has_any, (table.batch(one, counts, file.beside_the_table) for one in splits))
    return file


def _start(blocks: Iterator[str]) -> tuple[list[str], int]:
    """The lines of the first block that is not blank, without blank lines before them, and the first line's number."""
    line_number = 1
    for block in blocks:
        lines = lines_of(block)
        for position, line in enumerate(lines):
            if re.sub("[,;|\ufeff]", "", line).strip():
                return lines[position:], line_number + position
        line_number += len(lines)
    raise UnreadableFile(FileError.EMPTY)


def _is_json_lines(lines: Sequence[str]) -> bool:
    """Whether a file is JSON Lines.

    Raises:
        UnreadableFile: It is JSON of another shape.
    """
    first = lines[0].rstrip()
    if _JSON_ARRAY.match(first):
        raise UnreadableFile(FileError.JSON_NOT_LINES, "It is one array.")
    if _JSON_OBJECT.match(first) and first.strip() == "{":
        raise UnreadableFile(FileError.JSON_NOT_LINES, "Its objects go over several lines.")
    return _JSON_OBJECT.match(first) is not None


def _readable_header(lines: Sequence[str], delimiter: str | None) -> Header:
    header = header_of(lines, delimiter)
    if header is None or not any(map(str.strip, header.headings)):
        raise UnreadableFile(FileError.HEADER_UNREADABLE)
    text = "".join(header.headings)
    if is_damaged(text):
        raise UnreadableFile(FileError.HEADER_UNREADABLE, "It has a NUL byte." if NUL in text else "")
    return header


def _say_where_the_heading_is(lines: Sequence[str], line_number: int, delimiter: str | None) -> None:
    """Refuse a file whose heading stands below other lines."""
    for position in range(1, min(len(lines), _MAX_ABOVE)):
        header = header_of(lines[position : position + 1], delimiter)
        if header is None:
            continue
        filled = [heading for heading in header.headings if heading.strip()]
        known = [meaning for heading in filled if (meaning := column_of(heading, 1).meaning) is not Meaning.UNKNOWN]
        if Meaning.SERIAL_NUMBER in known and (len(known) > 1 or len(filled) == 1):
            raise UnreadableFile(FileError.HEADING_NOT_FIRST, f"The heading is in line {line_number + position}.")


def _heading_lines(lines: Sequence[str], header: Header) -> int:
    """How many lines a heading takes, with the line that underlines it."""
    taken = header.line_count
    below = lines[taken].rstrip("\r\n").split(header.delimiter) if taken < len(lines) else []
    return taken + 1 if is_rule(below) else taken


def _said_delimiter(line: str) -> str | None:
    """The delimiter in Excel's own first line, `sep=;`."""
    said = line.strip("\r\n").strip('"')
    return said[4] if len(said) == 5 and said[:4].lower() == "sep=" and said[4] in ",;\t|" else None


def _note(file: FactoryFile, columns: Iterable[Column]) -> None:
    for column in columns:
        heading = _printable(column.heading)
        if file.mapped:
            file.found |= file.mapped & {heading_key(column.heading)}
        match column.meaning:
            case Meaning.LEFT_OUT if len(file.left_out) < _MAX_UNKNOWN:
                file.left_out.setdefault(heading)
            case Meaning.UNKNOWN if column.instead:
                file.instead.setdefault(heading, _printable(column.instead))
            case Meaning.UNKNOWN if len(file.unknown_columns) < _MAX_UNKNOWN:
                file.unknown_columns.setdefault(heading)


def _printable(text: str) -> str:
    """Text that can be written as UTF-8, even if its JSON escapes are no text."""
    return text.encode("utf-8", "backslashreplace").decode()


def _has_any(batch: RowBatch) -> bool:
    return bool(batch.rows or batch.rejected)


@dataclass(frozen=True, slots=True)
class _Table:
    """The table under the header of a CSV file.

    Attributes:
        shape: Of a row as delivered, without empty columns at its end.
        kept: Positions that are not a report of an earlier import; None if all are kept.
        again: What the serial number's column has where a line is the heading again.
        heading_count: With empty ones at the end.
    """

    columns: tuple[Column, ...]
    shape: RowShape
    kept: tuple[int, ...] | None
    again: frozenset[str]
    heading_count: int

    @classmethod
    def under(cls, header: Header, mapped: Mapping[str, str]) -> "_Table":
        headings = header.headings
        width = max(position for position, heading in enumerate(headings, 1) if heading.strip())
        columns = columns_of(headings[:width], mapped)
        kept = tuple(position for position, column in enumerate(columns) if column.meaning is not Meaning.REPORT)
        return cls(
            tuple(columns[position] for position in kept),
            RowShape.of([column.meaning for column in columns], header.delimiter),
            kept if len(kept) < width else None,
            spellings_again(columns),
            len(headings),
        )

    def pick(self, fields: Sequence[str]) -> tuple[str, ...]:
        """Fields without the report of an earlier import; fields beyond the table stay."""
        if self.kept is None:
            return tuple(fields)
        inside = (fields[position] for position in self.kept if position < len(fields))
        return (*inside, *fields[self.shape.width :])

    def batch(self, one: SplitRecords, counts: LineCounts, beside: list[int]) -> RowBatch:
        """The rows of some records; blank ones are left out.

        Args:
            beside: Gets the lines with a comment beside the table.
        """
        line_numbers: list[int] = []
        rows: list[Sequence[str]] = []
        rejected = [
            RejectedRow(failure.line_number, self.pick(failure.fields), None, failure.error, failure.detail)
            for failure in one.failures
        ]
        width, kept = self.shape.width, self.kept
        records: Iterable[tuple[int, list[str]]] = zip(one.line_numbers, one.records, strict=True)
        if kept is None and _are_all_rows(one.records, width):
            line_numbers, rows, records = list(one.line_numbers), list(one.records), ()
        for line_number, record in records:
            if len(record) != width or not record[0].strip():
                if not any(map(str.strip, record)):
                    continue
                fitted = self._fitted(record, line_number, beside)
                if fitted is None:
                    rejected.append(self._misshapen(line_number, record))
                    continue
                record = fitted  # noqa: PLW2901
            line_numbers.append(line_number)
            rows.append(record if kept is None else self.pick(record))
        counts.rows += len(rows) + len(rejected)
        counts.blank += len(one.records) + len(one.failures) - len(rows) - len(rejected)
        counts.continuation += one.line_count - len(one.records) - len(one.failures)
        batch = RowBatch(self.columns, line_numbers, rows, rejected=rejected)
        return batch if self._has_no_heading(rows) else self._without_headings(batch)

    def _has_no_heading(self, rows: Sequence[Sequence[str]]) -> bool:
        at = next((at for at, column in enumerate(self.columns) if column.meaning is Meaning.SERIAL_NUMBER), None)
        return at is None or self.again.isdisjoint(map(itemgetter(at), rows))

    def _without_headings(self, batch: RowBatch) -> RowBatch:
        """A batch where the heading stands again."""
        found = {
            at: error
            for at, (line_number, row) in enumerate(zip(batch.line_numbers, batch.rows, strict=True))
            if (error := no_device(row, self.columns, line_number)) is RowError.HEADING_AGAIN
        }
        again = [
            RejectedRow(batch.line_numbers[at], tuple(batch.rows[at]), None, error, error.meaning)
            for at, error in found.items()
        ]
        kept = [at for at in range(len(batch.rows)) if at not in found]
        return RowBatch(
            self.columns,
            [batch.line_numbers[at] for at in kept],
            [batch.rows[at] for at in kept],
            rejected=[*batch.rejected, *again],
        )

    def _fitted(self, record: list[str], line_number: int, beside: list[int]) -> list[str] | None:
        """A record as wide as the table; None if it cannot be made so."""
        width = self.shape.width
        if beyond := [cell for cell in record[width:] if cell.strip()]:
            if len(record) > self.heading_count or not all(map(_is_comment, beyond)):
                return None
            if len(beside) <= _MAX_NAMED_LINES:
                beside.append(line_number)
        if len(record) >= width:
            return record[:width]
        whole = unwrapped(record, self.shape.delimiter)
        return whole if whole is not None and len(whole) == width else None

    def _misshapen(self, line_number: int, record: list[str]) -> RejectedRow:
        raw, width = self.pick(record), self.shape.width
        error = no_device(raw, self.columns, line_number)
        if error is not None:
            return RejectedRow(line_number, raw, None, error, error.meaning)
        error = RowError.TOO_FEW_FIELDS if len(record) < width else RowError.TOO_MANY_FIELDS
        detail = f"{error.meaning} They are {len(record)} and {width}."
        return RejectedRow(line_number, raw, None, error, detail)


def _are_all_rows(records: Sequence[Sequence[str]], width: int) -> bool:
    """Whether all records are as wide as the table and have a first cell, as in nearly every block of a list."""
    return set(map(len, records)) == {width} and all(map(str.strip, map(itemgetter(0), records)))


def _is_comment(cell: str) -> bool:
    """Whether a cell under no heading is several words that restrict nothing, so no cell that was moved aside."""
    return len(cell.split()) > 1 and not _RESTRICTS.search(cell)


_NumberedLine = tuple[int, str, Reason | None]


def _numbered(blocks: Iterable[str], line_number: int, counts: LineCounts) -> Iterator[list[_NumberedLine]]:
    """The lines of JSON Lines that are not blank, block by block."""
    for block in blocks:
        lines = lines_of(block)
        numbered: list[_NumberedLine] = [
            (number, line, None) for number, line in enumerate(lines, line_number) if line.strip()
        ]
        counts.rows += len(numbered)
        counts.blank += len(lines) - len(numbered)
        yield numbered
        line_number += len(lines)


def _json_cells(table: _Table, splits: Iterable[SplitRecords], counts: LineCounts) -> Iterator[list[_NumberedLine]]:
    """The lines of JSON that the cells of rejects hold."""
    for one in splits:
        batch = table.batch(one, counts, [])
        cells: list[_NumberedLine] = [
            (number, cleaned(row[0]), None) for number, row in zip(batch.line_numbers, batch.rows, strict=True)
        ]
        failures: list[_NumberedLine] = [
            (rejected.line_number, " ".join(rejected.raw), rejected.error) for rejected in batch.rejected
        ]
        yield [*cells, *failures]


class _Object(list[tuple[str, Any]]):
    """A JSON object with all of its names, even repeated ones."""


class _Number(str):
    """A JSON number as it is written."""

    __slots__ = ()


_JSON = json.JSONDecoder(object_pairs_hook=_Object, parse_int=_Number, parse_float=_Number, parse_constant=_Number)


class _NotARow(Exception):
    """A line that is no row; the message says why."""

    def __init__(self, error: Reason, column: str | None = None, detail: str = "") -> None:
        super().__init__(detail or error.meaning)
        self.error = error
        self.column = column


def _json_batches(
    file: FactoryFile, blocks: Iterable[list[_NumberedLine]], mapped: Mapping[str, str]
) -> Iterator[RowBatch]:
    shapes: dict[tuple[str, ...], tuple[Column, ...]] = {}
    for lines in blocks:
        rejected: list[RejectedRow] = []
        rows: list[tuple[tuple[Column, ...], int, list[str], tuple[str, ...]]] = []
        for line_number, line, failure in lines:
            delivered = (line.strip()[: MAX_CHARACTERS + 1],)
            try:
                names, values = _pairs(line, failure)
                if names not in shapes:
                    if len(shapes) >= _MAX_SHAPES:
                        shapes.clear()
                    shapes[names] = _json_columns(names, mapped)
                    _note(file, shapes[names])
                cells = [
                    value if type(value) is str else _cell(column, value)
                    for column, value in zip(shapes[names], values, strict=True)
                ]
            except _NotARow as problem:
                rejected.append(RejectedRow(line_number, delivered, problem.column, problem.error, str(problem)))
            else:
                rows.append((shapes[names], line_number, cells, delivered))
        # Neighbours with the same names in the same order make a batch; a file usually has one shape.
        for columns, group in itertools.groupby(rows, key=itemgetter(0)):
            _, line_numbers, cell_rows, texts = zip(*group, strict=True)
            yield RowBatch(columns, line_numbers, cell_rows, texts)
        if rejected:
            yield RowBatch((), (), (), (), rejected)


def _json_columns(names: tuple[str, ...], mapped: Mapping[str, str]) -> tuple[Column, ...]:
    try:
        columns = columns_of(names, mapped)
    except UnreadableFile as error:
        if error.code in {FileError.COLUMN_UNKNOWN, FileError.MAPPING_INVALID}:
            raise
        if error.code is FileError.COLUMN_AMBIGUOUS:
            raise _NotARow(RowError.COLUMN_AMBIGUOUS) from error
        raise _NotARow(RowError.SERIAL_NUMBER_MISSING) from error
    if not any(column.meaning is Meaning.SERIAL_NUMBER for column in columns):
        raise _NotARow(RowError.SERIAL_NUMBER_MISSING)
    seen: set[str] = set()
    for column in columns:
        name = column.heading.strip().casefold()
        if name in seen and column.meaning is not Meaning.UNKNOWN:
            detail = f"The row says {column.heading[:40]!r} twice, so it is not clear which counts."
            raise _NotARow(RowError.COLUMN_AMBIGUOUS, column.heading, detail)
        seen.add(name)
    return columns


def _pairs(line: str, failure: Reason | None) -> tuple[tuple[str, ...], list[Any]]:
    """Names and values of one line."""
    if failure is not None:
        raise _NotARow(failure)
    if len(line) > MAX_CHARACTERS:
        raise _NotARow(RowError.ROW_TOO_LONG)
    if is_damaged(line):
        raise _NotARow(RowError.NUL_BYTE if NUL in line else RowError.NOT_DECODABLE)
    try:
        row = _JSON.decode(line)
    except (ValueError, RecursionError) as error:
        raise _NotARow(RowError.ROW_NOT_AN_OBJECT) from error
    if not isinstance(row, _Object):
        raise _NotARow(RowError.ROW_NOT_AN_OBJECT)
    # `"attributes": {...}` means the same as its names on their own.
    flat = itertools.chain.from_iterable(
        value if isinstance(value, _Object) and name.casefold() == "attributes" else [(name, value)]
        for name, value in row
    )
    names, values = [], []
    for name, value in flat:
        names.append(_printable(name))
        values.append(value)
    return tuple(names), values


def _cell(column: Column, value: object) -> str:
    match value:
        case None:
            return ""
        case list() if not isinstance(value, _Object) and all(type(part) is str for part in value):
            return ";".join(value)
        case _ if column.meaning is not Meaning.UNKNOWN:
            raise _NotARow(RowError.FIELD_NOT_TEXT, column.heading)
        # What is left out cannot reject; what is kept as an attribute is text as it was written.
        case bool():
            return str(value).lower()
        case _Number():
            return str.__str__(value)
        case _:
            return json.dumps(value)
