"""Workbooks that become CSV: which sheet and which rows, and what is refused."""

import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from fleetgate.imports.reading.errors import FileError
from tests.unit.imports.factory_files import LENIENT, judged
from tests.unit.imports.workbooks.workbooks import (
    SHEET_XML,
    converted_from,
    first_sheet,
    refusal_of,
    rewrite,
    save,
    share_texts,
)


def test_row_n_is_line_n(path: Path) -> None:
    book = Workbook()
    for place, value in {"A3": "Serial Number", "B3": "MAC", "A4": "SN-4", "A7": "SN\n7", "B7": "x"}.items():
        first_sheet(book)[place] = value
    book.save(path)
    text, converted = converted_from(path)
    assert text == "\n\nSerial Number,MAC\nSN-4,\n\n\nSN 7,x\n"
    assert converted.row_count == 3


def test_rows_and_columns_that_are_only_formatted_are_left_out(path: Path) -> None:
    book = Workbook()
    sheet = first_sheet(book)
    sheet.append(["Serial Number", "MAC", " "])
    sheet.append(["SN-1", None, None, None, "  "])
    for place in ("A50", "XFD2", "A1048576"):
        sheet[place].number_format = "0000"
    book.save(path)
    assert converted_from(path)[0] == "Serial Number,MAC\nSN-1,\n"


def test_cells_beyond_the_header_are_kept_for_the_import_to_reject(path: Path) -> None:
    assert converted_from(save(path, ["Serial Number"], ["SN-1", None, "x"]))[0] == "Serial Number\nSN-1,,x\n"


@pytest.mark.parametrize("claimed", ["A1", "A1:XFD1048576"])
def test_the_size_that_a_sheet_claims_is_not_believed(claimed: str, path: Path) -> None:
    save(path, ["Serial Number", "MAC"], ["SN-1", "x"], ["SN-2", "y"])
    rewrite(path, SHEET_XML, lambda xml: xml.replace('ref="A1:B3"', f'ref="{claimed}"'))
    assert converted_from(path)[0] == "Serial Number,MAC\nSN-1,x\nSN-2,y\n"


def _several(path: Path, **states: str) -> Path:
    book = Workbook()
    book.remove(first_sheet(book))
    for title, state in states.items():
        sheet = book.create_sheet(title)
        sheet.sheet_state = state
        if not title.startswith("Blank"):
            sheet["A1"] = title
    book.save(path)
    return path


def test_the_only_visible_sheet_with_content_is_taken(path: Path) -> None:
    _several(path, Blank="visible", Old="hidden", Older="veryHidden", Devices="visible")
    text, converted = converted_from(path)
    assert (text, converted.name) == ("Devices\n", "Devices")


def test_of_several_sheets_none_is_guessed(path: Path) -> None:
    _several(path, Devices="visible", Spares="visible", Old="hidden")
    code, refusal = refusal_of(path)
    assert code is FileError.WORKBOOK_SHEET_UNCLEAR
    assert "'Devices', 'Spares'" in refusal
    assert "--sheet" in refusal
    assert "Old" not in refusal


@pytest.mark.parametrize("sheet", ["Spares", "sPARES", "Old"])
def test_a_named_sheet_is_taken_also_when_it_is_hidden(sheet: str, path: Path) -> None:
    _several(path, Devices="visible", Spares="visible", Old="hidden")
    assert converted_from(path, sheet)[0].strip().casefold() == sheet.casefold()


@pytest.mark.parametrize(
    ("states", "sheet", "said"),
    [
        ({"Devices": "visible"}, "Spares", "no sheet 'Spares'; it has 'Devices'"),
        ({"Devices": "visible", "Blank": "visible"}, "Blank", "'Blank' is blank"),
        ({"Blank": "visible", "Old": "hidden"}, None, "Only hidden sheets have anything in them: 'Old'"),
        ({"Blank": "visible"}, None, "No sheet of the workbook has anything"),
    ],
)
def test_a_sheet_that_cannot_be_taken(states: dict[str, str], sheet: str | None, said: str, path: Path) -> None:
    assert said in refusal_of(_several(path, **states), sheet)[1]


def test_only_the_first_notes_are_kept_and_all_are_counted(path: Path) -> None:
    save(path, ["Model", "Serial Number"], *([["x", 10**17]] * 30))
    _, converted = converted_from(path)
    *noted, rest = converted.notes
    assert [note.partition(":")[0] for note in noted] == [f"Sheet!B{row}" for row in range(2, 22)]
    assert rest == "... and 10 more cells."


@pytest.mark.parametrize(
    ("damage", "change"),
    [
        ("cut off XML", lambda xml: xml[: len(xml) // 2]),
        ("rows out of order", lambda xml: xml.replace('<row r="1"', '<row r="9"')),
        ("a row below the last possible one", lambda xml: xml.replace('<row r="2"', '<row r="1048577"')),
        ("an unknown style", lambda xml: xml.replace('<c r="A2"', '<c r="A2" s="77"')),
        ("a text that is not there", lambda xml: xml.replace("<v>1</v>", "<v>77</v>")),
    ],
)
def test_a_damaged_sheet_is_refused(damage: str, change: Callable[[str], str], path: Path) -> None:
    save(path, ["Serial Number"], ["SN-1"])
    share_texts(path)
    rewrite(path, SHEET_XML, change)
    assert refusal_of(path)[0] is FileError.WORKBOOK_DAMAGED


def _claim_size(path: Path, part: str, size: int) -> Path:
    save(path, ["Serial Number"], ["SN-1"])
    share_texts(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.getinfo(part).file_size = size
        archive.comment = b"has the directory written anew"
    return path


@pytest.mark.parametrize(
    ("part", "size"), [(SHEET_XML, 2**30 + 1), ("xl/sharedStrings.xml", 2**29 + 1), ("xl/styles.xml", 2**26)]
)
def test_a_workbook_that_unpacks_to_too_much_is_refused_unread(part: str, size: int, path: Path) -> None:
    assert refusal_of(_claim_size(path, part, size))[0] is FileError.WORKBOOK_TOO_LARGE


def test_a_long_sheet_is_not_too_much(path: Path) -> None:
    assert converted_from(_claim_size(path, SHEET_XML, 2**29))[0] == "Serial Number\nSN-1\n"


def test_a_workbook_with_macros_is_read_for_its_data(tmp_path: Path) -> None:
    path = save(tmp_path / "list.XLSM", ["Serial Number"], ["SN-1"])
    rewrite(
        path,
        "[Content_Types].xml",
        lambda xml: xml.replace(
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
            "application/vnd.ms-excel.sheet.macroEnabled.main+xml",
        ),
    )
    assert converted_from(path)[0] == "Serial Number\nSN-1\n"


@pytest.mark.parametrize("finish", [lambda path: None, share_texts], ids=["texts in cells", "texts in a table"])
def test_the_import_takes_what_was_converted_and_rejects_what_excel_lost(
    finish: Callable[[Path], None], path: Path
) -> None:
    book = Workbook()
    sheet = first_sheet(book)
    for row in (
        ["Serial\nNumber", "MAC Address", "Valid Until", "Model", "HW Rev"],
        ["SN-2", "00:1b:44:11:3a:b2", date(2030, 1, 31), "thermostat-2", 1.5],
        [],
        [4, "001b44113ab4", None, "A,B", 2],
        [123456789012345678, "00:1b:44:11:3a:b5"],
        ["SN-6", 112233445566778899],
        ["SN-7", "00:1b:44:11:3a:b7", datetime(2030, 1, 31, 8)],  # noqa: DTZ001 - Excel has no zones
        ["SN-8", "00:1b:44:11:3a:b8", None, "#N/A"],
        ["=A2", "00:1b:44:11:3a:b9"],
        [" SN-10\n", "00:1b:44:11:3a:ba", None, None, None, "more"],
    ):
        sheet.append(row)
    sheet["A4"].number_format = "00000000"
    sheet["A11"] = "SN-11"
    book.save(path)
    finish(path)
    text, converted = converted_from(path)
    read = judged(text, LENIENT)
    assert read.classes == {
        2: "ok",
        4: "ok",
        5: "workbook_cell_unclear",
        6: "workbook_cell_unclear",
        7: "date_invalid",
        8: "workbook_cell_unclear",
        9: "workbook_cell_unclear",
        10: "too_many_fields",
        11: "ok",
    }
    assert read.serial_numbers == ["SN-2", "00000004", "SN-11"]
    assert read.rows[0].terms.valid_until is not None
    assert read.rows[0].terms.valid_until.isoformat() == "2030-01-31T00:00:00+00:00"
    assert read.rows[1].terms.attributes == {"Model": "A,B", "HardwareRevision": "2"}
    assert [note.partition(":")[0] for note in converted.notes] == ["Sheet!A5", "Sheet!B6", "Sheet!D8", "Sheet!A9"]
    assert converted.row_count == 10
