"""Converts one sheet of an Excel workbook to CSV, as its reader sees it.

Merged cells are filled in, and a sheet with hidden cells is refused until somebody says what to do with them.

Row N of the sheet is line N of the CSV.
"""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from fleetgate.imports.options import HiddenCells
from fleetgate.imports.reading.columns import Meaning, column_of
from fleetgate.imports.reading.errors import FileError, UnreadableFile
from fleetgate.imports.reading.factory_list import UNCLEAR_CELL
from fleetgate.imports.reading.workbook_cells import text_of
from fleetgate.imports.reading.workbook_parts import DamagedWorkbook, TooLargeWorkbook, opened_parts
from fleetgate.imports.reading.workbook_sheets import Layout, Range, SheetName, SheetRow, WorkbookReader, column_name

# The CSV may be longer than the sheet, since merged cells repeat what they hold.
_MAX_CHARACTERS = 400 * 1024**2
_MAX_FILLED = 20_000_000
# A range may reach to the last column of the sheet, where no list has anything.
_MAX_WIDTH = 1_000
# Characters that tell what a heading means.
_MAX_HEADING = 500
# Rows that one merged serial number makes one device of.
_MAX_OF_A_DEVICE = 64
_MAX_NOTES = 20
_MAX_NAMED = 5


@dataclass(frozen=True, slots=True)
class ConvertedSheet:
    """The result of a conversion.

    Attributes:
        row_count: Rows that are not blank, with the heading.
        notes: For people: cells that could not be converted faithfully, and what was hidden or merged.
    """

    name: str
    row_count: int
    notes: tuple[str, ...]


def csv_from_workbook(
    path: Path,
    target: BinaryIO,
    *,
    sheet: str | None = None,
    hidden: HiddenCells = HiddenCells.REFUSE,
    keep_time: Callable[[], None] = lambda: None,
) -> ConvertedSheet:
    """Write one sheet as CSV in UTF-8, separated by commas.

    Every row is at least as wide as the first, and no wider than its last cell that is not blank.

    Args:
        target: Stays open; holds part of the sheet after an error.
        sheet: Its name, in whatever case; None for the only visible one that is not blank.
        keep_time: Called now and then; raises when the time is up.

    Raises:
        UnreadableFile: The workbook or the sheet cannot be converted.
    """
    try:
        with opened_parts(path, keep_time) as parts, TemporaryFile() as scratch:
            reader = WorkbookReader(parts, scratch)
            chosen = _named(reader, sheet) if sheet is not None else _only_visible(reader)
            layout = Layout()
            text = io.TextIOWrapper(target, encoding="utf-8-sig", newline="")
            try:
                conversion = _Conversion(
                    chosen.title, text, layout, hidden, reader.is_1904, reader.merged_ranges(chosen)
                )
                for row in reader.rows(chosen, layout):
                    conversion.add(row)
                return conversion.result()
            finally:
                text.detach()
    except DamagedWorkbook as error:
        raise UnreadableFile(FileError.WORKBOOK_DAMAGED, f"What is wrong with it: {error}.") from error
    except TooLargeWorkbook as error:
        raise UnreadableFile(FileError.WORKBOOK_TOO_LARGE) from error


def _named(reader: WorkbookReader, name: str) -> SheetName:
    # Excel itself does not let the names of two sheets differ in case only.
    found = next((one for one in reader.sheets if one.title.casefold() == name.casefold()), None)
    if found is None:
        raise _unclear_sheet(f"It has no sheet {name!r}; it has {_listed(reader.sheets)}.")
    if _is_blank(reader, found):
        raise _unclear_sheet(f"The sheet {found.title!r} is blank; the workbook has {_listed(reader.sheets)}.")
    return found


def _only_visible(reader: WorkbookReader) -> SheetName:
    filled = [one for one in reader.sheets if not _is_blank(reader, one)]
    visible = [one for one in filled if one.is_visible]
    match visible, filled:
        case [only], _:
            return only
        case [], []:
            raise UnreadableFile(FileError.EMPTY, "No sheet of the workbook has anything in it.")
        case [], _:
            raise _unclear_sheet(f"Only hidden sheets have anything in them: {_listed(filled)}.")
        case _:
            raise _unclear_sheet(f"Several have something in them: {_listed(visible)}.")


def _unclear_sheet(detail: str) -> UnreadableFile:
    return UnreadableFile(FileError.WORKBOOK_SHEET_UNCLEAR, detail)


def _is_blank(reader: WorkbookReader, sheet: SheetName) -> bool:
    return not any(cell.value.strip() for row in reader.rows(sheet, Layout()) for cell in row.cells)


def _listed(sheets: Sequence[SheetName]) -> str:
    return _some([repr(sheet.title) for sheet in sheets], len(sheets)) if sheets else "no sheets"


def _some(named: Sequence[str], count: int) -> str:
    return ", ".join(named[:_MAX_NAMED]) + (", ..." if count > _MAX_NAMED else "")


@dataclass(slots=True)
class _Counted:
    """How many there are of something, and the names of the first."""

    count: int = 0
    named: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        self.count += 1
        if len(self.named) < _MAX_NAMED:
            self.named.append(name)

    def said(self, one: str, more: str) -> str:
        return f"{self.count:,} {one if self.count == 1 else more} ({_some(self.named, self.count)})"


@dataclass(slots=True)
class _Hidden:
    """What a sheet holds and does not show."""

    rows: _Counted = field(default_factory=_Counted)
    cells: _Counted = field(default_factory=_Counted)
    columns: set[int] = field(default_factory=set)

    def __str__(self) -> str:
        columns = _Counted(len(self.columns), [column_name(column) for column in sorted(self.columns)[:_MAX_NAMED]])
        found = ((self.rows, "row", "rows"), (columns, "column", "columns"), (self.cells, "cell", "cells"))
        return " and ".join(counted.said(one, more) for counted, one, more in found if counted.count)


@dataclass(slots=True)
class _Filled:
    """A merged range, and what it shows."""

    range: Range
    text: str = ""
    is_noted: bool = False


@dataclass(slots=True)
class _Conversion:
    """A conversion in progress."""

    sheet: str
    text: io.TextIOWrapper
    layout: Layout
    policy: HiddenCells
    is_1904: bool
    merged: list[Range]
    csv: Any = field(init=False)
    next_merged: int = 0
    active: list[_Filled] = field(default_factory=list)
    hidden_columns: frozenset[int] | None = None
    hidden: _Hidden = field(default_factory=_Hidden)
    lines: int = 0
    row_count: int = 0
    characters: int = 0
    filled: int = 0
    width: int = 0
    meanings: Sequence[Meaning] = ()
    serial_number: int = 0
    device: Range | None = None
    rows_of_device: list[tuple[int, list[str]]] = field(default_factory=list)
    filled_ranges: _Counted = field(default_factory=_Counted)
    notes: list[str] = field(default_factory=list)
    noted_count: int = 0

    def __post_init__(self) -> None:
        self.csv = csv.writer(self.text, lineterminator="\n")

    def add(self, row: SheetRow) -> None:
        """Convert a row; a blank one is held back, since Excel may have a million of them at the end."""
        if self.hidden_columns is None:
            self.hidden_columns = frozenset(
                column
                for first, last in self.layout.hidden_columns
                for column in range(first, min(last, _MAX_WIDTH) + 1)
            )
        texts = self._shown(row)
        covering = self._covering(row, texts)
        if not texts:
            return
        if row.is_hidden:
            self.hidden.rows.add(f"{row.number}")
            if self.policy is HiddenCells.LEAVE_OUT:
                return
        for filled in covering:
            self._fill(filled, texts)
        width = max(texts)
        line = [texts.get(column, "") for column in range(1, max(width, self.width) + 1)]
        if not self.row_count:
            self._take_heading(row, line)
        self._gather(row.number, line, covering)

    def result(self) -> ConvertedSheet:
        """The result, after the last row.

        Raises:
            UnreadableFile: The sheet hides something, and nobody said what to do about it.
        """
        self._write_device()
        notes = list(self.notes)
        if self.noted_count > len(notes):
            notes.append(f"... and {self.noted_count - len(notes):,} more cells.")
        if self.filled_ranges.count:
            merged = self.filled_ranges.said("merged range", "merged ranges")
            notes.append(f"{self.sheet}: {merged}: what it shows counts for every row and column that it covers.")
        if hidden := str(self.hidden):
            match self.policy:
                case HiddenCells.REFUSE:
                    raise UnreadableFile(FileError.WORKBOOK_HIDDEN_CELLS, f"The sheet {self.sheet!r} hides {hidden}.")
                case HiddenCells.LEAVE_OUT:
                    notes.append(f"{self.sheet}: left out, since hidden: {hidden}.")
                case HiddenCells.INCLUDE:
                    notes.append(f"{self.sheet}: taken, although hidden: {hidden}.")
        return ConvertedSheet(self.sheet, self.row_count, tuple(notes))

    def _shown(self, row: SheetRow) -> dict[int, str]:
        """The texts of the cells that a row has itself, by column."""
        texts: dict[int, str] = {}
        meanings, hidden_columns = self.meanings, self.hidden_columns or frozenset()
        takes_hidden = self.policy is not HiddenCells.LEAVE_OUT
        for cell in row.cells:
            column = cell.column
            meaning = meanings[column - 1] if column <= len(meanings) else None
            text, problem, is_invisible = text_of(cell, meaning, is_1904=self.is_1904)
            if not text.strip():
                continue
            if is_invisible or (not self.layout.shows_zeros and cell.kind == "n" and not text.strip("-0.")):
                self.hidden.cells.add(f"{column_name(column)}{row.number}")
                if not takes_hidden:
                    continue
            texts[column] = text
            if column in hidden_columns:
                self.hidden.columns.add(column)
            if problem and (takes_hidden or not (row.is_hidden or column in hidden_columns)):
                self._add_note(f"{self.sheet}!{column_name(column)}{row.number}: {problem}.")
        return texts

    def _covering(self, row: SheetRow, texts: dict[int, str]) -> list[_Filled]:
        """The merged ranges that cover a row; what they show is taken from their first cell."""
        number = row.number
        if self.active:
            self.active = [one for one in self.active if one.range.bottom >= number]
        while self.next_merged < len(self.merged) and self.merged[self.next_merged].top <= number:
            new = self.merged[self.next_merged]
            self.next_merged += 1
            if new.bottom < number:
                continue
            for one in self.active:
                if one.range.left <= new.right and new.left <= one.range.right:
                    raise UnreadableFile(FileError.WORKBOOK_MERGED_CELLS, f"{one.range} and {new} overlap.")
            self.active.append(_Filled(new, texts.get(new.left, "") if new.top == number else ""))
        if self.active:
            self._uncover(row, texts)
        if self.hidden.columns and self.policy is HiddenCells.LEAVE_OUT:
            for column in self.hidden.columns & texts.keys():
                del texts[column]
        return self.active

    def _uncover(self, row: SheetRow, texts: dict[int, str]) -> None:
        """Find the cells of a row that hold something under a merged range."""
        for one in self.active:
            for column in [column for column in texts if one.range.left <= column <= one.range.right]:
                if (row.number, column) != (one.range.top, one.range.left):
                    self.hidden.cells.add(f"{column_name(column)}{row.number}")
                    if self.policy is not HiddenCells.INCLUDE:
                        del texts[column]

    def _fill(self, one: _Filled, texts: dict[int, str]) -> None:
        if not one.text:
            return
        hidden = self.hidden_columns if self.policy is not HiddenCells.INCLUDE else None
        before = len(texts)
        for column in range(one.range.left, min(one.range.right, _MAX_WIDTH) + 1):
            if not (hidden and column in hidden):
                texts.setdefault(column, one.text)
        self.filled += min(one.range.right, _MAX_WIDTH) - one.range.left + 1
        if self.filled > _MAX_FILLED:
            raise TooLargeWorkbook
        if self.row_count and len(texts) > before and not one.is_noted:
            one.is_noted = True
            self.filled_ranges.add(str(one.range))

    def _take_heading(self, row: SheetRow, headings: Sequence[str]) -> None:
        for position, heading in enumerate(headings, 1):
            if heading.startswith(UNCLEAR_CELL):
                why = heading.removeprefix(UNCLEAR_CELL)
                place = f"{column_name(position)}{row.number}"
                raise UnreadableFile(FileError.HEADER_UNREADABLE, f"The cell {place}: {why}.")
        self.width = len(headings)
        self.meanings = [
            column_of(heading[:_MAX_HEADING], position).meaning for position, heading in enumerate(headings, 1)
        ]
        if self.meanings.count(Meaning.SERIAL_NUMBER) == 1:
            self.serial_number = self.meanings.index(Meaning.SERIAL_NUMBER) + 1

    def _gather(self, number: int, line: list[str], covering: Iterable[_Filled]) -> None:
        """Write a row, unless it may be one device with the next ones: a merged serial number covers them all."""
        device = next(
            (
                one.range
                for one in covering
                if self.row_count and one.text and one.range.left == self.serial_number == one.range.right
            ),
            None,
        )
        if device is None or device != self.device or len(self.rows_of_device) >= _MAX_OF_A_DEVICE:
            self._write_device()
        self.device = device
        if device is None:
            self._write(number, line)
        else:
            self.rows_of_device.append((number, line))

    def _write_device(self) -> None:
        rows, self.rows_of_device = self.rows_of_device, []
        if len(rows) > 1 and (combined := self._combined([line for _, line in rows])) is not None:
            rows = [(rows[0][0], combined)]
        elif len(rows) > 1:
            self._add_note(f"{self.sheet}!{self.device}: the serial number covers rows that contradict each other.")
        for number, line in rows:
            self._write(number, line)

    def _combined(self, lines: Sequence[list[str]]) -> list[str] | None:
        """One row of several that are about one device; None if they contradict each other."""
        combined: list[str] = []
        for column in range(max(map(len, lines))):
            said = list(dict.fromkeys(line[column] for line in lines if column < len(line) and line[column].strip()))
            unclear = next((text for text in said if text.startswith(UNCLEAR_CELL)), None)
            if column < len(self.meanings) and self.meanings[column] is Meaning.MAC_ADDRESS:
                combined.append(unclear or ";".join(said))
            elif len(said) > 1:
                return None
            else:
                combined.append(said[0] if said else "")
        return combined

    def _write(self, number: int, line: Sequence[str]) -> None:
        self.characters += sum(map(len, line)) + len(line)
        if self.characters > _MAX_CHARACTERS:
            raise TooLargeWorkbook
        self.text.write("\n" * (number - self.lines - 1))
        if not self.row_count and any(mark in heading for heading in line for mark in ";\t|"):
            # A heading with another separator in it must not be taken for two.
            csv.writer(self.text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(line)
        else:
            self.csv.writerow(line)
        self.lines = number
        self.row_count += 1

    def _add_note(self, note: str) -> None:
        self.noted_count += 1
        if len(self.notes) < _MAX_NOTES:
            self.notes.append(note)
