"""Workbooks that become CSV: what people mean by their cells, and nothing silently wrong."""

import csv
import io
import re
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from fleetgate.imports.reading.factory_list import ImportPolicy, UnknownColumns
from fleetgate_cli.imports.spreadsheet import ConvertedSheet, csv_from_workbook
from fleetgate_cli.imports.spreadsheet_rows import UnusableWorkbook
from tests.unit.imports.factory_files import LENIENT, judged

SHEET_XML = "xl/worksheets/sheet1.xml"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "list.xlsx"


def _converted(path: Path, sheet: str | None = None) -> tuple[str, ConvertedSheet]:
    target = io.BytesIO()
    converted = csv_from_workbook(path, target, sheet=sheet)
    return target.getvalue().decode("utf-8-sig"), converted


def _refusal(path: Path, sheet: str | None = None) -> str:
    with pytest.raises(UnusableWorkbook) as refused:
        _converted(path, sheet)
    return str(refused.value)


def _save(path: Path, *rows: list[Any]) -> Path:
    book = Workbook()
    for row in rows:
        _first(book).append(row)
    book.save(path)
    return path


def _first(book: Workbook) -> Worksheet:
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    return sheet


def _one_cell(path: Path, value: Any, number_format: str = "General", heading: str = "Model") -> tuple[str, list[str]]:
    """The text that a cell becomes, and the sentences about it."""
    book = Workbook()
    _first(book)["A1"] = heading
    _first(book)["A2"] = value
    _first(book)["A2"].number_format = number_format
    book.save(path)
    text, converted = _converted(path)
    _, *rows = csv.reader(io.StringIO(text))
    return (rows[0][0] if rows else ""), [note.sentence for note in converted.notes]


def _rewrite(path: Path, name: str, change: Callable[[str], str], **added: str) -> None:
    """Change the text of one part of a workbook, and add others."""
    with zipfile.ZipFile(path) as archive:
        parts = {part.filename: archive.read(part).decode() for part in archive.infolist()}
    changed = change(parts[name])
    assert changed != parts[name]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in {**parts, name: changed, **added}.items():
            archive.writestr(part, content)


def _share_texts(path: Path) -> None:
    """Move the texts of the cells into a table, as Excel does and openpyxl does not."""
    texts: list[str] = []

    def shared(cell: re.Match[str]) -> str:
        texts.append(f"<si>{cell[1]}</si>")
        return f't="s"><v>{len(texts) - 1}</v></c>'

    _rewrite(path, SHEET_XML, lambda xml: re.sub(r't="inlineStr"><is>(.*?)</is></c>', shared, xml, flags=re.DOTALL))
    table = f'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{"".join(texts)}</sst>'
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    said = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}" /></Types>'
    _rewrite(
        path,
        "[Content_Types].xml",
        lambda xml: xml.replace("</Types>", said),
        **{"xl/sharedStrings.xml": table},
    )


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        ("thermostat-2", "General", "thermostat-2"),
        ("0012", "General", "0012"),
        ("Größe, „drei“", "General", "Größe, „drei“"),
        ('15" rack', "General", '15" rack'),
        ("one\ntwo\r\n\nthree", "General", "one two three"),
        ("SN-1_x000D_", "General", "SN-1 "),
        (12, "General", "12"),
        (12.0, "General", "12"),
        (-12, "General", "-12"),
        (123456789012345, "General", "123456789012345"),
        (0.1 + 0.2, "General", "0.3"),
        (0.00001, "General", "0.00001"),
        (1.5, "0.00", "1.5"),
        (1234567, "#,##0", "1234567"),
        (12, '_-* #,##0.00\\ "€"_-', "12"),
        (12, "[Red]0", "12"),
        (12, "@", "12"),
        (12, "000000", "000012"),
        (1234567, "000000", "1234567"),
        (12.0, "000000000000000000", "000000000000000012"),
        (date(2026, 1, 31), "dd/mm/yyyy", "2026-01-31"),
        (datetime(2026, 1, 31), "yyyy-mm-dd h:mm", "2026-01-31"),  # noqa: DTZ001 - Excel has no zones
        (datetime(2026, 1, 31, 8, 30), "yyyy-mm-dd h:mm", "2026-01-31T08:30:00"),  # noqa: DTZ001
        (time(8, 30), "h:mm", "08:30:00"),
        (True, "General", "true"),
        (False, "General", "false"),
    ],
)
def test_a_cell_becomes_the_text_that_a_person_means(value: object, number_format: str, text: str, path: Path) -> None:
    assert _one_cell(path, value, number_format) == (text, [])


UNFAITHFUL = {
    "a number of 16 digits": (1234567890123456, "General", "1.23457E+15", "has 16"),
    "a number of 18 digits": (123456789012345678, "General", "1.23457E+17", "has 18"),
    "a long number with zeros in front": (123456789012345678, "0" * 20, "1.23457E+17", "has 18"),
    "a fraction that rounds to 16 digits": (999999999999999.9, "General", "1.00000E+15", "has 16"),
    "a text that became a number": (1_200_000, "0.00E+00", "1.20000E+6", "such as 12E5"),
    "a prefix that is only shown": (12, '"SN-"0000', "12 (custom format)", 'format "SN-"0000'),
    "groups that are only shown": (123456, "00-00-00", "123456 (custom format)", "format 00-00-00"),
    "hyphens that are only shown": (123456789, "###-##-####", "123456789 (custom format)", "format ###-##-####"),
    "digits that are only shown": (12, "\\A0", "12 (custom format)", "format \\A0"),
    "a fraction shown as whole": (1.5, "0000", "1.5 (custom format)", "format 0000"),
    "a duration": (timedelta(hours=25), "[h]:mm:ss", "1 day, 1:00:00 (duration)", "duration"),
    "a formula without a result": ("=A1", "General", "(formula without result)", "no stored result"),
    "an error": ("#N/A", "General", "#N/A (error)", "#N/A"),
    "a broken reference": ("#REF!", "General", "#REF! (error)", "#REF!"),
}


@pytest.mark.parametrize(("value", "number_format", "text", "said"), UNFAITHFUL.values(), ids=UNFAITHFUL.keys())
def test_what_excel_has_lost_is_marked_and_noted(
    value: object, number_format: str, text: str, said: str, path: Path
) -> None:
    written, (sentence,) = _one_cell(path, value, number_format)
    assert written == text
    assert said in sentence


@pytest.mark.parametrize("heading", ["Serial Number", "MAC", "Operation", "Valid From", "Template", "Model", "Unknown"])
@pytest.mark.parametrize(("value", "number_format", "text", "said"), UNFAITHFUL.values(), ids=UNFAITHFUL.keys())
def test_what_excel_has_lost_is_rejected_in_every_column(
    value: object, number_format: str, text: str, said: str, heading: str, path: Path
) -> None:
    written, _ = _one_cell(path, value, number_format, heading)
    header = ("Serial Number", heading) if heading != "Serial Number" else ("Serial Number", "Model")
    row = ("SN-1", written) if heading != "Serial Number" else (written, "thermostat-2")
    delivered = io.StringIO()
    csv.writer(delivered).writerows([header, row])
    policy = ImportPolicy(require_mac=False, unknown_columns=UnknownColumns.KEEP)
    assert [reject.column for reject in judged(delivered.getvalue(), policy).rejected] == [heading]


@pytest.mark.parametrize(
    ("value", "number_format"),
    [(date(2026, 3, 2), "d-mmm"), (time(12, 34, 56), "h:mm:ss"), (True, "General")],
)
def test_what_excel_made_of_a_serial_number_is_not_one(value: object, number_format: str, path: Path) -> None:
    written, (sentence,) = _one_cell(path, value, number_format, "S/N")
    assert "Excel made" in sentence
    assert [reject.column for reject in judged(f"S/N\n{written}\n").rejected] == ["S/N"]


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ("<v>SN-1</v>", "SN-1"),
        ("<v></v>", ""),
    ],
)
def test_a_formula_is_its_stored_result(stored: str, text: str, path: Path) -> None:
    _save(path, ["Model"], ["=A1"])
    _rewrite(
        path, SHEET_XML, lambda xml: re.sub(r'<c r="A2"><f>A1</f><v ?/>', f'<c r="A2" t="str"><f>A1</f>{stored}', xml)
    )
    written, converted = _converted(path)
    assert written.splitlines() == ["Model", *filter(None, [text])]
    assert converted.notes == ()


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ("1" + 400 * "0", "1.00000E+400"),
        ("1E+999", "#NUM! (error)"),
        ("1.2345678901234568E+17", "1.23457E+17"),
        ("12.0", "12"),
    ],
)
def test_a_number_is_read_however_it_is_stored(stored: str, text: str, path: Path) -> None:
    _save(path, ["Model"], [1])
    _rewrite(path, SHEET_XML, lambda xml: xml.replace("<v>1</v>", f"<v>{stored}</v>"))
    assert _converted(path)[0] == f"Model\n{text}\n"


@pytest.mark.parametrize("number_format_id", [31, 57])
def test_a_date_of_east_asian_excel_is_a_date(number_format_id: int, path: Path) -> None:
    book = Workbook()
    _first(book)["A1"] = "Valid From"
    _first(book)["A2"] = 46053
    _first(book)["A2"].number_format = "0.00"
    book.save(path)
    _rewrite(path, "xl/styles.xml", lambda xml: xml.replace('numFmtId="2"', f'numFmtId="{number_format_id}"'))
    assert _converted(path)[0] == "Valid From\n2026-01-31\n"


def test_a_date_counts_from_the_workbooks_own_start(path: Path) -> None:
    book = Workbook()
    _first(book).append(["Valid From"])
    _first(book).append([date(2026, 1, 31)])
    book.save(path)
    _rewrite(path, "xl/workbook.xml", lambda xml: xml.replace("<workbookPr ", '<workbookPr date1904="1" '))
    # 1904 - 1900: four years and a day.
    assert _converted(path)[0] == "Valid From\n2030-02-01\n"


def test_row_n_is_line_n(path: Path) -> None:
    book = Workbook()
    for place, value in {"A3": "Serial Number", "B3": "MAC", "A4": "SN-4", "A7": "SN\n7", "B7": "x"}.items():
        _first(book)[place] = value
    book.save(path)
    text, converted = _converted(path)
    assert text == "\n\nSerial Number,MAC\nSN-4,\n\n\nSN 7,x\n"
    assert converted.row_count == 3


def test_rows_and_columns_that_are_only_formatted_are_left_out(path: Path) -> None:
    book = Workbook()
    sheet = _first(book)
    sheet.append(["Serial Number", "MAC", " "])
    sheet.append(["SN-1", None, None, None, "  "])
    for place in ("A50", "XFD2", "A1048576"):
        sheet[place].number_format = "0000"
    book.save(path)
    assert _converted(path)[0] == "Serial Number,MAC\nSN-1,\n"


def test_cells_beyond_the_header_are_kept_for_the_import_to_reject(path: Path) -> None:
    assert _converted(_save(path, ["Serial Number"], ["SN-1", None, "x"]))[0] == "Serial Number\nSN-1,,x\n"


@pytest.mark.parametrize("claimed", ["A1", "A1:XFD1048576"])
def test_the_size_that_a_sheet_claims_is_not_believed(claimed: str, path: Path) -> None:
    _save(path, ["Serial Number", "MAC"], ["SN-1", "x"], ["SN-2", "y"])
    _rewrite(path, SHEET_XML, lambda xml: xml.replace('ref="A1:B3"', f'ref="{claimed}"'))
    assert _converted(path)[0] == "Serial Number,MAC\nSN-1,x\nSN-2,y\n"


def _several(path: Path, **states: str) -> Path:
    book = Workbook()
    book.remove(_first(book))
    for title, state in states.items():
        sheet = book.create_sheet(title)
        sheet.sheet_state = state
        if not title.startswith("Blank"):
            sheet["A1"] = title
    book.save(path)
    return path


def test_the_only_visible_sheet_with_content_is_taken(path: Path) -> None:
    _several(path, Blank="visible", Old="hidden", Older="veryHidden", Devices="visible")
    text, converted = _converted(path)
    assert (text, converted.name) == ("Devices\n", "Devices")


def test_of_several_sheets_none_is_guessed(path: Path) -> None:
    _several(path, Devices="visible", Spares="visible", Old="hidden")
    refusal = _refusal(path)
    assert "'Devices', 'Spares'" in refusal
    assert "--sheet" in refusal
    assert "Old" not in refusal


@pytest.mark.parametrize("sheet", ["Spares", "sPARES", "Old"])
def test_a_named_sheet_is_taken_also_when_it_is_hidden(sheet: str, path: Path) -> None:
    _several(path, Devices="visible", Spares="visible", Old="hidden")
    assert _converted(path, sheet)[0].strip().casefold() == sheet.casefold()


@pytest.mark.parametrize(
    ("states", "sheet", "said"),
    [
        ({"Devices": "visible"}, "Spares", "no sheet 'Spares'. It has 'Devices'"),
        ({"Devices": "visible", "Blank": "visible"}, "Blank", "'Blank' of list.xlsx is blank"),
        ({"Blank": "visible", "Old": "hidden"}, None, "only hidden sheets with anything in them: 'Old'"),
        ({"Blank": "visible"}, None, "no sheet with anything in it"),
    ],
)
def test_a_sheet_that_cannot_be_taken(states: dict[str, str], sheet: str | None, said: str, path: Path) -> None:
    assert said in _refusal(_several(path, **states), sheet)


def test_only_the_first_notes_are_kept_and_all_are_counted(path: Path) -> None:
    _save(path, ["Model", "Serial Number"], *([["x", 10**17]] * 30))
    _, converted = _converted(path)
    assert converted.noted_count == 30
    assert [note.cell for note in converted.notes] == [f"B{row}" for row in range(2, 22)]
    assert {note.sheet for note in converted.notes} == {"Sheet"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not an Excel workbook"),
        (b"Serial Number,MAC\nSN-1,001b44113ab7\n", "upload it as .csv"),
        (b"PK\x03\x04 and no more", "cut off"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504), "password, or is an old .xls"),
    ],
)
def test_what_is_no_workbook_is_refused_with_what_to_do(content: bytes, said: str, path: Path) -> None:
    path.write_bytes(content)
    assert said in _refusal(path)


def test_a_zip_file_of_something_else_is_refused(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "list.xlsx cannot be read as .xlsx" in _refusal(path)


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
    _save(path, ["Serial Number"], ["SN-1"])
    _share_texts(path)
    _rewrite(path, SHEET_XML, change)
    assert "The sheet 'Sheet' cannot be read" in _refusal(path)


def _claim_size(path: Path, part: str, size: int) -> Path:
    _save(path, ["Serial Number"], ["SN-1"])
    _share_texts(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.getinfo(part).file_size = size
        archive.comment = b"has the directory written anew"
    return path


@pytest.mark.parametrize(("part", "size"), [(SHEET_XML, 2**30), ("xl/sharedStrings.xml", 2**28)])
def test_a_workbook_that_unpacks_to_too_much_is_refused_unread(part: str, size: int, path: Path) -> None:
    assert "MiB, more than a list of devices needs" in _refusal(_claim_size(path, part, size))


def test_a_long_sheet_is_not_too_much(path: Path) -> None:
    assert _converted(_claim_size(path, SHEET_XML, 2**29))[0] == "Serial Number\nSN-1\n"


def test_a_workbook_with_macros_is_read_for_its_data(tmp_path: Path) -> None:
    path = _save(tmp_path / "list.XLSM", ["Serial Number"], ["SN-1"])
    _rewrite(
        path,
        "[Content_Types].xml",
        lambda xml: xml.replace(
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
            "application/vnd.ms-excel.sheet.macroEnabled.main+xml",
        ),
    )
    assert _converted(path)[0] == "Serial Number\nSN-1\n"


@pytest.mark.parametrize("finish", [lambda path: None, _share_texts], ids=["texts in cells", "texts in a table"])
def test_the_import_takes_what_was_converted_and_rejects_what_excel_lost(
    finish: Callable[[Path], None], path: Path
) -> None:
    book = Workbook()
    sheet = _first(book)
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
    text, converted = _converted(path)
    read = judged(text, LENIENT)
    assert read.classes == {
        2: "ok",
        4: "ok",
        5: "scientific_notation",
        6: "scientific_notation",
        7: "date_invalid",
        8: "attribute_invalid",
        9: "serial_number_invalid",
        10: "too_many_fields",
        11: "ok",
    }
    assert read.serial_numbers == ["SN-2", "00000004", "SN-11"]
    assert read.rows[0].terms.valid_until is not None
    assert read.rows[0].terms.valid_until.isoformat() == "2030-01-31T00:00:00+00:00"
    assert read.rows[1].terms.attributes == {"Model": "A,B", "HardwareRevision": "2"}
    assert [note.cell for note in converted.notes] == ["A5", "B6", "D8", "A9"]
    assert converted.row_count == 10
