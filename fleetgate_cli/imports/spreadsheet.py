"""Converts one sheet of an Excel workbook to the CSV file that an import takes, row by row."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._read_only import ReadOnlyWorksheet

from fleetgate.imports.reading.columns import Meaning, column_of
from fleetgate_cli.imports.spreadsheet_cells import CellText, text_of
from fleetgate_cli.imports.spreadsheet_rows import StoredCell, UnusableWorkbook, opened_workbook, rows_of

_MAX_NOTES = 20


@dataclass(frozen=True, slots=True)
class CellNote:
    """A cell that could not be converted faithfully; the import will reject its row where it uses the cell.

    Attributes:
        cell: As Excel names it, such as B17.
        sentence: For people: what is wrong, and what to do.
    """

    sheet: str
    cell: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ConvertedSheet:
    """The result of a conversion.

    Attributes:
        row_count: Rows that are not blank, with the header.
        notes: About the first cells that could not be converted faithfully. noted_count: how many there are.
    """

    name: str
    row_count: int
    notes: tuple[CellNote, ...]
    noted_count: int


def csv_from_workbook(path: Path, target: BinaryIO, *, sheet: str | None = None) -> ConvertedSheet:
    """Write one sheet as CSV in UTF-8, separated by commas.

    Row N of the sheet is line N of the CSV. Every row is at least as wide as the header, and no wider than its last
    cell that is not blank.

    Args:
        path: An .xlsx or .xlsm workbook.
        target: Stays open; holds part of the sheet after an error.
        sheet: Its name, in whatever case; None for the only visible one that is not blank.

    Raises:
        UnusableWorkbook: The workbook or the sheet cannot be converted.
    """
    with opened_workbook(path) as workbook:
        chosen = _named(workbook, path, sheet) if sheet is not None else _only_visible(workbook, path)
        text = io.TextIOWrapper(target, encoding="utf-8-sig", newline="")
        try:
            conversion = _Conversion(chosen.title, text)
            for number, cells in rows_of(chosen):
                conversion.add(number, cells)
        finally:
            text.detach()
        return conversion.result()


def _named(workbook: Workbook, path: Path, name: str) -> ReadOnlyWorksheet:
    sheets = _sheets(workbook)
    # Excel itself does not let the names of two sheets differ in case only.
    found = next((sheet for sheet in sheets if sheet.title.casefold() == name.casefold()), None)
    if found is None:
        raise UnusableWorkbook(f"{path.name} has no sheet {name!r}. It has {_listed(sheets)}.")
    if _is_blank(found):
        raise UnusableWorkbook(
            f"The sheet {found.title!r} of {path.name} is blank. The workbook has {_listed(sheets)}."
        )
    return found


def _only_visible(workbook: Workbook, path: Path) -> ReadOnlyWorksheet:
    filled = [sheet for sheet in _sheets(workbook) if not _is_blank(sheet)]
    visible = [sheet for sheet in filled if sheet.sheet_state == "visible"]
    match visible, filled:
        case [only], _:
            return only
        case [], []:
            raise UnusableWorkbook(
                f"{path.name} has no sheet with anything in it. "
                "If Excel shows more, save it as an Excel Workbook (.xlsx), not as Strict Open XML."
            )
        case [], _:
            raise UnusableWorkbook(
                f"{path.name} has only hidden sheets with anything in them: {_listed(filled)}. "
                "To take one of them, give --sheet NAME."
            )
        case _:
            raise UnusableWorkbook(
                f"{path.name} has several sheets: {_listed(visible)}. Name the one with the list: --sheet NAME."
            )


def _sheets(workbook: Workbook) -> list[ReadOnlyWorksheet]:
    return [sheet for sheet in workbook.worksheets if isinstance(sheet, ReadOnlyWorksheet)]


def _is_blank(sheet: ReadOnlyWorksheet) -> bool:
    return not any(text_of(cell).text.strip() for _, cells in rows_of(sheet) for cell in cells)


def _listed(sheets: Sequence[ReadOnlyWorksheet]) -> str:
    return ", ".join(repr(sheet.title) for sheet in sheets) or "no sheets"


@dataclass(slots=True)
class _Conversion:
    """A conversion in progress."""

    sheet: str
    text: io.TextIOWrapper
    csv: Any = field(init=False)
    lines: int = 0
    row_count: int = 0
    width: int = 0
    serial_number_columns: frozenset[int] = frozenset()
    notes: list[CellNote] = field(default_factory=list)
    noted_count: int = 0

    def __post_init__(self) -> None:
        self.csv = csv.writer(self.text, lineterminator="\n")

    def add(self, number: int, cells: Sequence[StoredCell]) -> None:
        """Convert a row; a blank one is held back, since Excel may have a million of them at the end."""
        texts: list[str] = []
        for cell in cells:
            converted = text_of(cell, is_serial_number=cell.column in self.serial_number_columns)
            if converted.problem:
                self._note(f"{get_column_letter(cell.column)}{number}", converted)
            texts.extend([""] * (cell.column - len(texts)))
            texts[cell.column - 1] = converted.text
        while texts and not texts[-1].strip():
            del texts[-1]
        if not texts:
            return
        if not self.row_count:
            self._take_header(texts)
        texts.extend([""] * (self.width - len(texts)))
        self.text.write("\n" * (number - self.lines - 1))
        self.csv.writerow(texts)
        self.lines = number
        self.row_count += 1

    def result(self) -> ConvertedSheet:
        """The result, after the last row."""
        return ConvertedSheet(self.sheet, self.row_count, tuple(self.notes), self.noted_count)

    def _take_header(self, headings: Sequence[str]) -> None:
        self.width = len(headings)
        self.serial_number_columns = frozenset(
            position
            for position, heading in enumerate(headings, 1)
            if column_of(heading, position).meaning is Meaning.SERIAL_NUMBER
        )

    def _note(self, cell: str, converted: CellText) -> None:
        self.noted_count += 1
        if len(self.notes) < _MAX_NOTES:
            self.notes.append(CellNote(self.sheet, cell, converted.problem))
