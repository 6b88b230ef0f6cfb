"""Rejects as a workbook: nothing in it is lost or run by Excel, and it goes in again."""

import csv
import io
from pathlib import Path

from openpyxl import load_workbook

from fleetgate.imports.reading.factory_list import REPORT_COLUMNS
from fleetgate.imports.reading.workbook import csv_from_workbook
from fleetgate_cli.imports.rejects import Rejects, write_workbook
from tests.unit.imports.factory_files import judged

HEADER = ("Serial Number", "MAC", "Model", "Model")
SAID = ("serial_number_invalid", "The sentence, with a comma.")
CELLS = [
    ("00077", "=1+1", "12345678901234567890", "10-Mar"),
    ("+49", "@x", "-1", "_x0041_"),
    ("1.10", "1E5", "TRUE", "'quoted'"),
    ("\x07bell", "\ud800", "\uff41", "x" * 5_000),
    ("too few",),
    ("too", "many", "fields", "for", "this"),
]


def _rejects(delimiter: str = ";", column: str = "Serial Number") -> Rejects:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow((*REPORT_COLUMNS, *HEADER))
    writer.writerows((str(line), column, *SAID, *cells) for line, cells in enumerate(CELLS, 2))
    return Rejects(io.BytesIO(text.getvalue().encode("utf-8-sig", "surrogatepass")))


def _expected(cells: tuple[str, ...]) -> list[str]:
    return [cell.replace("'quoted'", "quoted'").replace("\ud800", "\ufffd" * 3) for cell in cells]


def test_a_corrected_workbook_says_what_was_delivered(tmp_path: Path) -> None:
    for delimiter in ";,\t|":
        path = tmp_path / "rejects.xlsx"
        assert write_workbook(_rejects(delimiter), path) == 0
        target = io.BytesIO()
        converted = csv_from_workbook(path, target)
        assert converted.notes == ()
        header, *rows = csv.reader(io.StringIO(target.getvalue().decode("utf-8-sig"), newline=""))
        assert header == [*REPORT_COLUMNS, *HEADER]
        width = len(header)
        assert [row[4:] for row in rows] == [[*_expected(cells), *[""] * (width - 4 - len(cells))] for cells in CELLS]


def test_all_cells_are_text_and_the_wrong_ones_are_coloured(tmp_path: Path) -> None:
    path = tmp_path / "rejects.xlsx"
    for column, coloured in (("Model", ["G", "H"]), ("", ["E", "F", "G", "H"])):
        write_workbook(_rejects(column=column), path)
        sheet = load_workbook(path)["Rejected rows"]
        assert sheet.freeze_panes == "A2"
        filled = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
        assert {(cell.data_type, cell.number_format, cell.quotePrefix) for cell in filled} == {("s", "@", True)}
        assert [cell.coordinate[0] for cell in sheet[2] if cell.fill.fill_type == "solid"] == coloured


def test_a_row_that_is_corrected_in_the_workbook_goes_in(tmp_path: Path) -> None:
    path = tmp_path / "rejects.xlsx"
    text = ";".join((*REPORT_COLUMNS, "Serial Number", "MAC")) + "\n2;MAC;mac_address_invalid;Wrong.;00077;bad\n"
    write_workbook(Rejects(io.BytesIO(text.encode("utf-8-sig"))), path)
    book = load_workbook(path)
    book["Rejected rows"]["F2"] = "00:1b:44:11:3a:b7"
    book.save(path)
    target = io.BytesIO()
    csv_from_workbook(path, target)
    read = judged(target.getvalue())
    assert read.serial_numbers == ["00077"]
    assert [mac.value for mac in read.rows[0].mac_addresses] == ["00:1b:44:11:3a:b7"]
