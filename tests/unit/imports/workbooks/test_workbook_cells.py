"""Cells that become CSV: what people mean by them, and nothing silently wrong."""

import csv
import io
import re
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from openpyxl import Workbook

from fleetgate.imports.reading.errors import RowError
from fleetgate.imports.reading.factory_list import UNCLEAR_CELL, ImportPolicy, UnknownColumns
from tests.unit.imports.factory_files import judged
from tests.unit.imports.workbooks.workbooks import SHEET_XML, converted_from, first_sheet, one_cell, rewrite, save


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
        (1.5, "0.00", "1.50"),
        (1.1, "0.0##", "1.1"),
        (2, "0.##", "2"),
        (1.126, "0.00", "1.13"),
        (0.5, "0%", "50%"),
        (0.125, "0.0%", "12.5%"),
        (-3, "0;0", "3"),
        (-3, "0", "-3"),
        (-3, "(0.0)", "-(3.0)"),
        (0, '0;0;"none"', "none"),
        (12, '"SN-"0000', "SN-0012"),
        (123456, "00-00-00", "12-34-56"),
        (123456789, "###-##-####", "123-45-6789"),
        (12, "\\A0", "A12"),
        (12, "!A0", "A12"),
        (12, '0" pcs"', "12 pcs"),
        (12, "[$EUR-407] 0", "EUR 12"),
        (1.5, "0000", "0002"),
        ("12", '"SN-"@', "SN-12"),
        ("12", '0;0;0;"SN-"@', "SN-12"),
        ("twelve", "0.00", "twelve"),
        (1234567, "#,##0", "1234567"),
        (12, '_-* #,##0.00\\ "€"_-', "12.00 €"),
        (12, "[Red]0", "12"),
        (12, "@", "12"),
        (12, "000000", "000012"),
        (1234567, "000000", "1234567"),
        (12.0, "000000000000000000", "000000000000000012"),
        (date(2026, 1, 31), "dd/mm/yyyy", "2026-01-31"),
        (datetime(2026, 1, 31), "yyyy-mm-dd h:mm", "2026-01-31"),  # noqa: DTZ001 - Excel has no zones
        (datetime(2026, 1, 31, 8, 30), "yyyy-mm-dd h:mm", "2026-01-31T08:30:00"),  # noqa: DTZ001
        (time(8, 30), "h:mm", "08:30:00"),
        (datetime(2026, 1, 31, 8, 30), "d.m.yyyy", "2026-01-31"),  # noqa: DTZ001
        (True, "General", "true"),
        (False, "General", "false"),
    ],
)
def test_a_cell_becomes_the_text_that_a_person_sees(value: object, number_format: str, text: str, path: Path) -> None:
    assert one_cell(path, value, number_format, "Colour") == (text, [])


UNFAITHFUL = {
    "a number of 16 digits": (1234567890123456, "General", "has 16"),
    "a number of 18 digits": (123456789012345678, "General", "1.23457E+17 has 18"),
    "a long number with zeros in front": (123456789012345678, "0" * 20, "has 18"),
    "a fraction that rounds to 16 digits": (999999999999999.9, "General", "has 16"),
    "a text that became a number": (1_200_000, "0.00E+00", "such as 12E5"),
    "a fraction of integers": (0.5, "# ?/?", "its format # ?/? is not known"),
    "thousands that are left out": (1_200_000, "0,", "its format 0, is not known"),
    "a format with a condition": (12, "[<100]0;0000", "is not known"),
    "digits of another script": (12, "[DBNum1]0", "is not known"),
    "a duration": (timedelta(hours=25), "[h]:mm:ss", "a duration"),
    "a date before all dates": (-1, "yyyy-mm-dd", "formatted as a date and holds -1"),
    "a formula without a result": ("=A1", "General", "a formula without a result"),
    "an error": ("#N/A", "General", "#N/A"),
    "a broken reference": ("#REF!", "General", "#REF!"),
}


@pytest.mark.parametrize(("value", "number_format", "said"), UNFAITHFUL.values(), ids=UNFAITHFUL.keys())
def test_what_excel_has_lost_is_marked_and_noted(value: object, number_format: str, said: str, path: Path) -> None:
    written, (note,) = one_cell(path, value, number_format)
    assert note == f"Sheet!A2: {written.removeprefix(UNCLEAR_CELL)}."
    assert written.startswith(UNCLEAR_CELL)
    assert said in note


@pytest.mark.parametrize("heading", ["Serial Number", "MAC", "Operation", "Valid From", "Template", "Model", "Unknown"])
@pytest.mark.parametrize(("value", "number_format", "said"), UNFAITHFUL.values(), ids=UNFAITHFUL.keys())
def test_what_excel_has_lost_is_rejected_in_every_column(
    value: object, number_format: str, said: str, heading: str, path: Path
) -> None:
    written, _ = one_cell(path, value, number_format, heading)
    header = ("Serial Number", heading) if heading != "Serial Number" else ("Serial Number", "Model")
    row = ("SN-1", written) if heading != "Serial Number" else (written, "thermostat-2")
    delivered = io.StringIO()
    csv.writer(delivered).writerows([header, row])
    policy = ImportPolicy(require_mac=False, unknown_columns=UnknownColumns.KEEP)
    (reject,) = judged(delivered.getvalue(), policy).rejected
    assert (reject.column, reject.error) == (heading, RowError.WORKBOOK_CELL_UNCLEAR)
    assert said in reject.detail


@pytest.mark.parametrize(
    ("value", "number_format"),
    [(date(2026, 3, 2), "d-mmm"), (time(12, 34, 56), "h:mm:ss"), (True, "General")],
)
def test_what_excel_made_of_a_serial_number_is_not_one(value: object, number_format: str, path: Path) -> None:
    written, (note,) = one_cell(path, value, number_format, "S/N")
    assert "which Excel may have made of" in note
    assert [reject.column for reject in judged(f'S/N\n"{written}"\n').rejected] == ["S/N"]


@pytest.mark.parametrize("number_format", ["d-mmm", "mmm-yy", "yyyy", "h:mm"])
def test_an_end_that_is_shown_in_part_is_not_one(number_format: str, path: Path) -> None:
    written, (note,) = one_cell(path, datetime(2030, 3, 10, 8, 30), number_format, "Valid Until")  # noqa: DTZ001
    assert written.startswith(UNCLEAR_CELL)
    assert "shows only a part of" in note


def test_a_day_is_the_day_that_is_shown(path: Path) -> None:
    assert one_cell(path, datetime(2030, 3, 10, 8, 30), "dd/mm/yyyy", "Valid Until") == ("2030-03-10", [])  # noqa: DTZ001


def test_a_serial_number_is_not_rounded(path: Path) -> None:
    _, (note,) = one_cell(path, 4711.4, "0", "S/N")
    assert "it shows 4711 and holds 4711.4" in note


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ("<v>SN-1</v>", "SN-1"),
        ("<v></v>", ""),
    ],
)
def test_a_formula_is_its_stored_result(stored: str, text: str, path: Path) -> None:
    save(path, ["Model"], ["=A1"])
    rewrite(
        path, SHEET_XML, lambda xml: re.sub(r'<c r="A2"><f>A1</f><v ?/>', f'<c r="A2" t="str"><f>A1</f>{stored}', xml)
    )
    written, converted = converted_from(path)
    assert written.splitlines() == ["Model", *filter(None, [text])]
    assert converted.notes == ()


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ("1" + 400 * "0", "1.00000E+400 has 401"),
        ("1E+9999999", "is no number"),
        ("1E-99", "its number is 1.00000E-99"),
        ("1.2345678901234568E+17", "1.23457E+17 has 18"),
        ("12.0", "12"),
    ],
)
def test_a_number_is_read_however_it_is_stored(stored: str, text: str, path: Path) -> None:
    save(path, ["Model"], [1])
    rewrite(path, SHEET_XML, lambda xml: xml.replace("<v>1</v>", f"<v>{stored}</v>"))
    assert text in converted_from(path)[0].splitlines()[1]


@pytest.mark.parametrize("number_format_id", [31, 57])
def test_a_date_of_east_asian_excel_is_a_date(number_format_id: int, path: Path) -> None:
    book = Workbook()
    first_sheet(book)["A1"] = "Valid From"
    first_sheet(book)["A2"] = 46053
    first_sheet(book)["A2"].number_format = "0.00"
    book.save(path)
    rewrite(path, "xl/styles.xml", lambda xml: xml.replace('numFmtId="2"', f'numFmtId="{number_format_id}"'))
    assert converted_from(path)[0] == "Valid From\n2026-01-31\n"


def test_a_date_counts_from_the_workbooks_own_start(path: Path) -> None:
    book = Workbook()
    first_sheet(book).append(["Valid From"])
    first_sheet(book).append([date(2026, 1, 31)])
    book.save(path)
    rewrite(path, "xl/workbook.xml", lambda xml: xml.replace("<workbookPr ", '<workbookPr date1904="1" '))
    # 1904 - 1900: four years and a day.
    assert converted_from(path)[0] == "Valid From\n2030-02-01\n"
