"""Opens a factory's Excel workbook and reads the rows of its sheets as a stream.

openpyxl's own iteration believes the size that a sheet claims, fills every gap with empty rows, keeps something of each
row in memory and cannot tell a formula without a result from an empty cell; so only its parser is used.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from zipfile import BadZipFile, ZipFile

from openpyxl import Workbook, load_workbook
from openpyxl.cell.read_only import ReadOnlyCell
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.worksheet._reader import DATA_TAG, FORMULA_TAG, ROW_TAG, WorkSheetParser
from openpyxl.xml.functions import iterparse

# What a full sheet of a dozen columns unpacks to.
_MAX_UNPACKED_BYTES = 1024**3
# Of the parts that are held in memory; nearly all of it is the text of the cells.
_MAX_UNPACKED_BYTES_IN_MEMORY = 256 * 1024**2
_STREAMED = "xl/worksheets/"
# Microsoft, "Excel specifications and limits".
_MAX_ROWS = 1_048_576
# Old .xls workbooks, and those encrypted with a password, are OLE compound files (MS-CFB, header signature).
_COMPOUND_FILE = bytes.fromhex("d0cf11e0a1b11ae1")
# ECMA-376 part 1, 18.8.30: dates and times of East Asian Excel, which are written without their format.
_EAST_ASIAN_DATES = frozenset((*range(27, 37), *range(50, 59)))


class StoredCell(NamedTuple):
    """A cell that a sheet stores.

    Attributes:
        column: The first is 1.
        kind: openpyxl's data type: `e` is an error. Here `f` is a formula without a stored result.
        value: Text, number, bool, date, time, duration or None; of a formula, its stored result.
        number_format: The code by which Excel shows a number.
    """

    column: int
    kind: str
    value: object
    number_format: str


class UnusableWorkbook(Exception):
    """A workbook that cannot be converted; the message says what to do."""


@contextmanager
def opened_workbook(path: Path) -> Iterator[Workbook]:
    """A workbook, open for reading; macros, links and charts in it are passed over.

    Raises:
        UnusableWorkbook: The file is not a workbook, or cannot be read.
    """
    with path.open("rb") as file, warnings.catch_warnings():
        # openpyxl warns of parts that it leaves out; none of them holds a cell.
        warnings.simplefilter("ignore")
        _check(path, file)
        try:
            workbook = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        except Exception as error:
            raise _damaged(path.name) from error
        try:
            yield workbook
        finally:
            workbook.close()


def rows_of(sheet: ReadOnlyWorksheet) -> Iterator[tuple[int, list[StoredCell]]]:
    """The rows that a sheet stores, by their number from 1; each has the cells that it stores.

    Raises:
        UnusableWorkbook: The sheet is damaged; rows that came before do not make it sound.
    """
    try:
        yield from _parsed(sheet)
    except Exception as error:
        # Whatever damage openpyxl stumbles over comes as it is: KeyError, TypeError, ParseError, zlib.error ...
        raise _damaged(f"The sheet {sheet.title!r}") from error


def _check(path: Path, file: BinaryIO) -> None:
    """Refuse what should not even be given to openpyxl."""
    if file.read(len(_COMPOUND_FILE)) == _COMPOUND_FILE:
        raise UnusableWorkbook(
            f"{path.name} is protected with a password, or is an old .xls workbook. "
            "Open it in Excel and save it without a password as an Excel Workbook (.xlsx)."
        )
    try:
        with ZipFile(file) as archive:
            parts = {part.filename: part.file_size for part in archive.infolist()}
    except (BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UnusableWorkbook(
            f"{path.name} is not an Excel workbook, or was cut off. "
            "Save it again as an Excel Workbook (.xlsx); if it is text, upload it as .csv."
        ) from error
    finally:
        file.seek(0)
    in_memory = sum(size for name, size in parts.items() if name.endswith(".xml") and not name.startswith(_STREAMED))
    if sum(parts.values()) > _MAX_UNPACKED_BYTES or in_memory > _MAX_UNPACKED_BYTES_IN_MEMORY:
        raise UnusableWorkbook(
            f"{path.name} unpacks to {sum(parts.values()) // 1024**2} MiB, more than a list of devices needs. "
            "Split the list, or export the sheet as CSV UTF-8 and upload that."
        )


def _damaged(what: str) -> UnusableWorkbook:
    return UnusableWorkbook(
        f"{what} cannot be read as .xlsx or .xlsm. Open the workbook in Excel and save it as an Excel Workbook "
        "(.xlsx), or export the sheet as CSV UTF-8."
    )


class _Parser(WorkSheetParser):
    def parse_cell(self, element: Any) -> dict[str, Any]:
        cell = super().parse_cell(element)
        # A result that is an empty text has the type str.
        if cell["value"] is None and cell["data_type"] == "n" and element.find(FORMULA_TAG) is not None:
            cell["data_type"] = "f"
        return cell


def _parsed(sheet: ReadOnlyWorksheet) -> Iterator[tuple[int, list[StoredCell]]]:
    inside: Any = sheet
    workbook = inside.parent
    styles = workbook._cell_styles
    formats = [ReadOnlyCell(sheet, 1, 1, None, style_id=style_id).number_format for style_id in range(len(styles))]
    east_asian = {style_id for style_id, style in enumerate(styles) if style.numFmtId in _EAST_ASIAN_DATES}
    with inside._get_source() as source:
        parser = _Parser(
            source,
            inside._shared_strings,
            data_only=True,
            epoch=workbook.epoch,
            date_formats=workbook._date_formats | east_asian,
            timedelta_formats=workbook._timedelta_formats,
        )
        last = 0
        stored: Any = None
        for event, element in iterparse(source, ("start", "end")):
            if element.tag == DATA_TAG:
                if event == "end":
                    return
                stored = element
            elif element.tag == ROW_TAG and event == "end":
                number, cells = parser.parse_row(element)
                if not last < number <= _MAX_ROWS:
                    raise ValueError(f"row {number} follows row {last}")
                last = number
                yield (
                    number,
                    [
                        StoredCell(cell["column"], cell["data_type"], cell["value"], formats[cell["style_id"]])
                        for cell in cells
                    ],
                )
                # Else every row would leave its element behind.
                stored.clear()
