"""Merged ranges over any sheet: what the reader sees in each row is what the row says."""

import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from fleetgate.imports.reading.workbook import csv_from_workbook

ROWS, COLUMNS = 6, 5

_Ranges = list[tuple[int, int, int, int]]


@st.composite
def disjoint_ranges(draw: st.DrawFn) -> _Ranges:
    """Ranges below the headings that do not overlap."""
    taken: set[tuple[int, int]] = set()
    ranges: _Ranges = []
    for _ in range(draw(st.integers(0, 5))):
        top, left = draw(st.integers(2, ROWS)), draw(st.integers(1, COLUMNS))
        bottom, right = draw(st.integers(top, ROWS)), draw(st.integers(left, COLUMNS))
        cells = {(row, column) for row in range(top, bottom + 1) for column in range(left, right + 1)}
        if len(cells) > 1 and not cells & taken:
            taken |= cells
            ranges.append((top, left, bottom, right))
    return ranges


def _converted(sheet: list[list[str]], ranges: _Ranges) -> str:
    book = Workbook()
    active = book.active
    assert isinstance(active, Worksheet)
    for row in sheet:
        active.append([cell or None for cell in row])
    for top, left, bottom, right in ranges:
        active.merge_cells(f"{get_column_letter(left)}{top}:{get_column_letter(right)}{bottom}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "list.xlsx")
        book.save(path)
        target = io.BytesIO()
        csv_from_workbook(path, target)
    return target.getvalue().decode("utf-8-sig")


@given(
    sheet=st.lists(
        st.lists(st.sampled_from(["", "x", "y", "0012"]), min_size=COLUMNS, max_size=COLUMNS),
        min_size=ROWS - 1,
        max_size=ROWS - 1,
    ),
    ranges=disjoint_ranges(),
)
@settings(max_examples=60, deadline=None)
def test_a_sheet_with_merged_ranges_says_what_the_filled_sheet_says(sheet: list[list[str]], ranges: _Ranges) -> None:
    sheet = [[f"Column {number}" for number in range(COLUMNS)], *sheet]
    filled = [list(row) for row in sheet]
    for top, left, bottom, right in ranges:
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                if (row, column) != (top, left):
                    sheet[row - 1][column - 1] = ""  # as Excel does when it merges
                filled[row - 1][column - 1] = filled[top - 1][left - 1]
    # A row without a cell of its own is blank, and no device.
    for said, own in zip(filled, sheet, strict=True):
        if not any(own):
            said[:] = [""] * COLUMNS
    assert _converted(sheet, ranges) == _converted(filled, [])
