"""Cells that people do not see, and cells that they see several times."""

from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from fleetgate.imports.options import HiddenCells
from fleetgate.imports.reading import workbook_sheets
from fleetgate.imports.reading.errors import FileError
from tests.unit.imports.factory_files import LENIENT, judged
from tests.unit.imports.workbooks.workbooks import SHEET_XML, converted_from, first_sheet, refusal_of, rewrite, save

ROWS = [["Serial Number", "Model", "MAC"], ["SN-1", "a", "m1"], ["SN-2", "b", "m2"], ["SN-3", "c", "m3"]]
ALL = "Serial Number,Model,MAC\nSN-1,a,m1\nSN-2,b,m2\nSN-3,c,m3\n"
WITHOUT_ROW_3 = "Serial Number,Model,MAC\nSN-1,a,m1\n\nSN-3,c,m3\n"
WITHOUT_B = "Serial Number,,MAC\nSN-1,,m1\nSN-2,,m2\nSN-3,,m3\n"
WITHOUT_B3 = "Serial Number,Model,MAC\nSN-1,a,m1\nSN-2,,m2\nSN-3,c,m3\n"


def _zero(sheet: Worksheet) -> None:
    sheet["B3"] = 0
    sheet.sheet_view.showZeros = False


def _format(code: str, value: str | int) -> Callable[[Worksheet], None]:
    def hide(sheet: Worksheet) -> None:
        sheet["B3"] = value
        sheet["B3"].number_format = code

    return hide


HIDDEN: dict[str, tuple[Callable[[Worksheet], None], str, str]] = {
    "a row": (lambda sheet: setattr(sheet.row_dimensions[3], "hidden", True), "1 row (3)", WITHOUT_ROW_3),
    "a row without height": (lambda sheet: setattr(sheet.row_dimensions[3], "height", 0.1), "1 row (3)", WITHOUT_ROW_3),
    "a folded group": (lambda sheet: sheet.row_dimensions.group(3, 3, hidden=True), "1 row (3)", WITHOUT_ROW_3),
    "a column": (lambda sheet: setattr(sheet.column_dimensions["B"], "hidden", True), "1 column (B)", WITHOUT_B),
    "a column without width": (
        lambda sheet: setattr(sheet.column_dimensions["B"], "width", 0.1),
        "1 column (B)",
        WITHOUT_B,
    ),
    "a text by its format": (_format(";;;", "b"), "1 cell (B3)", WITHOUT_B3),
    "a number by its format": (_format(";;", 7), "1 cell (B3)", WITHOUT_B3),
    "a negative one": (_format("0;", -7), "1 cell (B3)", WITHOUT_B3),
    "a zero": (_zero, "1 cell (B3)", WITHOUT_B3),
}


@pytest.mark.parametrize(("hide", "said", "visible"), HIDDEN.values(), ids=HIDDEN)
def test_what_is_hidden_is_refused_until_somebody_says_what_to_do(
    hide: Callable[[Worksheet], None], said: str, visible: str, path: Path
) -> None:
    book = Workbook()
    for row in ROWS:
        first_sheet(book).append(row)
    hide(first_sheet(book))
    book.save(path)

    code, sentence = refusal_of(path)
    assert code is FileError.WORKBOOK_HIDDEN_CELLS
    assert f"The sheet 'Sheet' hides {said}." in sentence
    assert "--visible-only" in sentence
    text, converted = converted_from(path, hidden=HiddenCells.LEAVE_OUT)
    assert text == visible
    assert converted.notes == (f"Sheet: left out, since hidden: {said}.",)
    text, converted = converted_from(path, hidden=HiddenCells.INCLUDE)
    assert len(text.splitlines()) == 4
    assert "SN-2" in text
    assert converted.notes == (f"Sheet: taken, although hidden: {said}.",)


@pytest.mark.parametrize("attribute", ['zeroHeight="1"', 'defaultRowHeight="0"'])
def test_rows_may_all_be_hidden_but_those_that_say_otherwise(attribute: str, path: Path) -> None:
    save(path, *ROWS)
    rewrite(path, SHEET_XML, lambda xml: xml.replace('defaultRowHeight="15"', attribute))
    rewrite(path, SHEET_XML, lambda xml: xml.replace('<row r="1"', '<row r="1" ht="15"'))
    assert "hides 3 rows (2, 3, 4)" in refusal_of(path)[1]


def test_what_is_hidden_and_blank_refuses_nothing(path: Path) -> None:
    book = Workbook()
    for row in ROWS:
        first_sheet(book).append([*row, None, " "])
    sheet = first_sheet(book)
    sheet.row_dimensions[5].hidden = sheet.column_dimensions["D"].hidden = sheet.column_dimensions["E"].hidden = True
    book.save(path)
    assert converted_from(path) == (ALL, converted_from(path)[1])
    assert converted_from(path)[1].notes == ()


def _merged(path: Path, rows: list[list[object]], *ranges: str) -> Path:
    save(path, *rows)
    cells = "".join(f'<mergeCell ref="{one}"/>' for one in ranges)
    rewrite(path, SHEET_XML, lambda xml: xml.replace("</sheetData>", f"</sheetData><mergeCells>{cells}</mergeCells>"))
    return path


def test_a_merged_cell_counts_for_every_row_that_it_covers(path: Path) -> None:
    rows: list[list[object]] = [["SN", "Operation"], ["SN-1", "revoke"], ["SN-2"], ["SN-3"], ["SN-4"]]
    text, converted = converted_from(_merged(path, rows, "B2:B4"))
    assert text == "SN,Operation\nSN-1,revoke\nSN-2,revoke\nSN-3,revoke\nSN-4,\n"
    assert converted.notes == (
        "Sheet: 1 merged range (B2:B4): what it shows counts for every row and column that it covers.",
    )


@pytest.mark.parametrize(
    ("hide", "text"),
    [
        ("row", "SN,Operation\n\nSN-2,revoke\nSN-3,revoke\n"),
        ("column", "SN\nSN-1\nSN-2\nSN-3\n"),
    ],
)
def test_a_merged_cell_shows_what_it_holds_also_where_its_first_row_is_hidden(hide: str, text: str, path: Path) -> None:
    _merged(path, [["SN", "Operation"], ["SN-1", "revoke"], ["SN-2"], ["SN-3"]], "B2:B4")
    if hide == "row":
        rewrite(path, SHEET_XML, lambda xml: xml.replace('<row r="2"', '<row r="2" hidden="1"'))
    else:
        cols = '<cols><col min="2" max="2" hidden="1"/></cols><sheetData>'
        rewrite(path, SHEET_XML, lambda xml: xml.replace("<sheetData>", cols))
    assert refusal_of(path)[0] is FileError.WORKBOOK_HIDDEN_CELLS
    assert converted_from(path, hidden=HiddenCells.LEAVE_OUT)[0] == text


def test_what_lies_under_a_merged_cell_is_hidden(path: Path) -> None:
    _merged(path, [["SN", "Operation"], ["SN-1", "revoke"], ["SN-2", "approve"]], "B2:B3")
    assert "hides 1 cell (B3)" in refusal_of(path)[1]
    assert converted_from(path, hidden=HiddenCells.LEAVE_OUT)[0].endswith("SN-2,revoke\n")
    assert converted_from(path, hidden=HiddenCells.INCLUDE)[0].endswith("SN-2,approve\n")


def test_rows_under_one_serial_number_are_one_device(path: Path) -> None:
    one, two, three = (f"00:1b:44:11:3a:0{number}" for number in (1, 2, 3))
    rows: list[list[object]] = [["SN", "MAC", "Model"], ["SN-1", one, "a"], [None, two], ["SN-2", three]]
    read = judged(converted_from(_merged(path, rows, "A2:A3"))[0], LENIENT)
    assert read.classes == {2: "ok", 4: "ok"}
    assert {mac.value for mac in read.rows[0].mac_addresses} == {one, two}
    assert read.rows[0].terms.attributes == {"Model": "a"}


def test_rows_under_one_serial_number_that_contradict_each_other_are_no_device(path: Path) -> None:
    rows: list[list[object]] = [["SN", "Model"], ["SN-1", "a"], [None, "b"], ["SN-2", "a"]]
    text, converted = converted_from(_merged(path, rows, "A2:A3"))
    assert text == "SN,Model\nSN-1,a\nSN-1,b\nSN-2,a\n"
    assert converted.notes[0] == "Sheet!A2:A3: the serial number covers rows that contradict each other."


@pytest.mark.parametrize(
    ("ranges", "code"),
    [
        (("A1:A2", "A2:A3"), FileError.WORKBOOK_MERGED_CELLS),
        (("A1:B3", "B2:B2"), FileError.WORKBOOK_MERGED_CELLS),
        (("A0:A2",), FileError.WORKBOOK_DAMAGED),
        (("A2:A1",), FileError.WORKBOOK_DAMAGED),
        (("A1:XFE1",), FileError.WORKBOOK_DAMAGED),
        (("A1:A1048577",), FileError.WORKBOOK_DAMAGED),
        (("rubbish",), FileError.WORKBOOK_DAMAGED),
    ],
)
def test_ranges_that_excel_does_not_write_are_refused(ranges: tuple[str, ...], code: FileError, path: Path) -> None:
    assert refusal_of(_merged(path, [["SN"], ["SN-1"], ["SN-2"]], *ranges))[0] is code


def test_a_range_may_reach_to_the_end_of_the_sheet(path: Path) -> None:
    text, _ = converted_from(_merged(path, [["SN", "Model"], ["SN-1", "a"], ["SN-2"]], "B2:B1048576", "A1:A1"))
    assert text == "SN,Model\nSN-1,a\nSN-2,a\n"


def test_more_ranges_than_a_list_has_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_sheets, "_MAX_MERGED_RANGES", 2)
    _merged(path, [["SN"], ["SN-1"]], "A3:B3", "A4:B4", "A5:B5")
    assert "more than 2" in refusal_of(path)[1]
