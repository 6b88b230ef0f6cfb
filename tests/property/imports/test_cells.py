"""A cell of a report says what the delivered cell said, and starts no formula in a spreadsheet that opens it."""

import csv
import io
import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fleetgate.imports.reading.cells import as_text, cleaned
from fleetgate.imports.reading.errors import RowError
from fleetgate.imports.reading.factory_file import read_rows
from fleetgate.imports.reading.factory_list import REPORT_COLUMNS, RejectedRow
from tests.unit.imports.factory_files import judged

_PIECES = st.sampled_from(
    [
        "=",
        '="',
        '"',
        "'",
        "+",
        "-",
        "@",
        "\t",
        "\r\n",
        "\n",
        " ",
        "\u00a0",
        "0",
        "7",
        "1E5",
        "10-Mar",
        "cmd|",
        "=1+1",
        ";",
    ]
)
_CELLS = st.text(max_size=12) | st.lists(_PIECES | st.text(max_size=3), max_size=6).map("".join)
_SAFE_TEXT = re.compile(r'="[A-Za-z0-9 :._/,-]+"')


@given(_CELLS)
@example('="=cmd"')
@example('="\'0"')
@example("'=1")
def test_a_cell_comes_back_as_it_was_and_starts_no_formula(cell: str) -> None:
    written = as_text(cell)

    assert cleaned(written) == cleaned(cell)
    assert _SAFE_TEXT.fullmatch(written) or not written.lstrip().startswith(("=", "+", "-", "@"))
    assert not written.startswith(("\t", "\r", "\n"))


@given(_CELLS.map(lambda cell: re.sub("[\\x00-\\x1f\ufffd]", "", cell)))
def test_a_row_of_rejects_is_read_as_it_was_delivered(cell: str) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*REPORT_COLUMNS, "sn", "remark"])
    rejected = RejectedRow(2, ("FG-1", cell), "remark", RowError.ATTRIBUTE_INVALID, "It is wrong.")
    writer.writerow(rejected.reported())
    (batch,) = read_rows(io.BytesIO(text.getvalue().encode("utf-8-sig")), name="rejects.csv").batches
    ((serial_number, again),) = batch.rows

    assert (serial_number, cleaned(again)) == ("FG-1", cleaned(cell))


@given(_CELLS)
def test_a_line_of_json_lines_comes_back_as_it_was(cell: str) -> None:
    line = json.dumps({"sn": "FG 1", "model": cell})
    delivered = judged(line).rejected
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*REPORT_COLUMNS, "json_row"])
    writer.writerows(one.reported() for one in delivered)
    again = judged(text.getvalue().encode("utf-8-sig")).rejected

    assert [(one.raw, one.error) for one in again] == [(one.raw, one.error) for one in delivered]


@pytest.mark.parametrize(
    "cell",
    [
        *("00077", "0012.5", "123456789012", "12345678901234567890", "1.10", "1,10", "007:12", "12:34:56"),
        *("1E5", "12E456789012", "1e-3", "10-Mar", "MAR-01", "2027-12-31", "31.12.2027", "1/2", "SEP1", "1 Okt 2027"),
        *("12:30 PM", "1 a", "TRUE", "wahr", "00:11:22:33:44:55", "00-11-22-33-44-55", "-5", "12-34"),
    ],
)
def test_what_a_spreadsheet_takes_for_a_value_is_written_as_text(cell: str) -> None:
    assert as_text(cell) == f'="{cell}"'
    assert cleaned(cell) == cell, "as the spreadsheet saves it"


@pytest.mark.parametrize(
    "cell", ["FG-0001", "77", "12345678901", "001b.4411.3aba", "A1", "gw-2", "March", "", "'007", "ABC"]
)
def test_what_a_spreadsheet_leaves_alone_is_written_as_it_is(cell: str) -> None:
    assert as_text(cell) == cell


def test_a_place_that_is_no_text_is_shown_as_one() -> None:
    assert as_text("gw\udcff2\ud800") == "gw\ufffd2\ufffd"
