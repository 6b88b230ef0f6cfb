"""The rejects of an import: read as the report has them, and written as a workbook that can be corrected."""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from fleetgate.imports.reading.cells import cleaned
from fleetgate.imports.reading.factory_list import REPORT_COLUMNS

WORKBOOK = ".xlsx"
# Microsoft, "Excel specifications and limits".
MAX_ROWS = 1_048_575
_MAX_CHARACTERS = 32_767

_DELIMITER = re.compile(rf'"?{REPORT_COLUMNS[0]}"?(?P<delimiter>[^"])')
# What XML cannot hold, or what Excel would take for such a character (ECMA-376 part 1, 22.9.2.19).
_TO_ESCAPE = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_NO_TEXT = re.compile(r"[\ud800-\udfff]")
_WRONG, _HEADING = "FFFFC7CE", "FFD9E1F2"
_WIDTHS = (14, 18, 26, 60)


class Reject(NamedTuple):
    """A row that did not take effect.

    Attributes:
        report: What is wrong with it: the fields of `REPORT_COLUMNS`.
        row: Its fields as delivered, without the marks that keep them safe in a spreadsheet.
    """

    report: tuple[str, ...]
    row: tuple[str, ...]


class Rejects:
    """A rejects.csv, read once; its stream stays open.

    Attributes:
        header: The headings of the delivered fields.
    """

    def __init__(self, content: BinaryIO) -> None:
        # A line end inside a cell is in quotation marks, and csv joins the lines again.
        lines = (line.decode("utf-8", "replace") for line in content)
        first = next(lines, "").removeprefix("\ufeff")
        found = _DELIMITER.match(first)
        reader = csv.reader(chain([first], lines), delimiter=found["delimiter"] if found else ",")
        self.header = tuple(map(cleaned, next(reader, [])[len(REPORT_COLUMNS) :]))
        self._reader = reader

    def __iter__(self) -> Iterator[Reject]:
        columns = len(REPORT_COLUMNS)
        for fields in self._reader:
            yield Reject(tuple(fields[:columns]), tuple(map(cleaned, fields[columns:])))


def write_workbook(rejects: Rejects, path: Path) -> int:
    """Write rejects as a workbook: every cell is text, and the wrong ones are coloured.

    Returns:
        How many rows were left out, since a sheet has no room for them.
    """
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet("Rejected rows")
    sheet.freeze_panes = "A2"
    for letter, width in zip("ABCD", _WIDTHS, strict=True):
        sheet.column_dimensions[letter].width = width
    headings = (*REPORT_COLUMNS, *rejects.header)
    sheet.append(_cells(sheet, headings, range(len(headings)), _HEADING))
    left_out = 0
    for number, reject in enumerate(rejects):
        if number >= MAX_ROWS:
            left_out += 1
            continue
        sheet.append(_cells(sheet, (*reject.report, *reject.row), _wrong(reject, rejects.header), _WRONG))
    book.save(path)
    return left_out


def _wrong(reject: Reject, header: Sequence[str]) -> Sequence[int]:
    """The positions of the cells that are wrong: those of the column that the report names, or the whole row."""
    start = len(REPORT_COLUMNS)
    column = cleaned(reject.report[1]) if len(reject.report) > 1 else ""
    named = [start + at for at, heading in enumerate(header) if column and heading == column]
    return named or range(start, start + len(reject.row))


def _cells(sheet: Any, texts: Sequence[str], coloured: Sequence[int], colour: str) -> list[Any]:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import PatternFill

    cells: list[Any] = []
    for at, text in enumerate(texts):
        cell: Any = WriteOnlyCell(sheet)
        cell._value = _TO_ESCAPE.sub(_escaped, _NO_TEXT.sub("\ufffd", text))[:_MAX_CHARACTERS]
        cell.data_type = "s"
        cell.number_format = "@"
        cell.quotePrefix = True
        if at in coloured:
            cell.fill = PatternFill("solid", fgColor=colour)
        cells.append(cell)
    return cells


def _escaped(found: re.Match[str]) -> str:
    return f"_x{ord(found[0]):04X}_"
