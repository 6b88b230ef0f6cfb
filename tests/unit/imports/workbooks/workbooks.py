"""Workbooks as openpyxl writes them and as Excel does, and what becomes of them."""

import csv
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from fleetgate.imports.options import HiddenCells
from fleetgate.imports.reading.errors import FileError, UnreadableFile
from fleetgate.imports.reading.workbook import ConvertedSheet, csv_from_workbook

SHEET_XML = "xl/worksheets/sheet1.xml"


def converted_from(
    path: Path, sheet: str | None = None, hidden: HiddenCells = HiddenCells.REFUSE
) -> tuple[str, ConvertedSheet]:
    target = io.BytesIO()
    converted = csv_from_workbook(path, target, sheet=sheet, hidden=hidden)
    return target.getvalue().decode("utf-8-sig"), converted


def refusal_of(path: Path, sheet: str | None = None) -> tuple[FileError, str]:
    with pytest.raises(UnreadableFile) as refused:
        converted_from(path, sheet)
    return refused.value.code, str(refused.value)


def save(path: Path, *rows: list[Any]) -> Path:
    book = Workbook()
    for row in rows:
        first_sheet(book).append(row)
    book.save(path)
    return path


def first_sheet(book: Workbook) -> Worksheet:
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    return sheet


def one_cell(path: Path, value: Any, number_format: str = "General", heading: str = "Model") -> tuple[str, list[str]]:
    """The text that a cell becomes, and the notes about it."""
    book = Workbook()
    first_sheet(book)["A1"] = heading
    first_sheet(book)["A2"] = value
    first_sheet(book)["A2"].number_format = number_format
    book.save(path)
    text, converted = converted_from(path)
    _, *rows = csv.reader(io.StringIO(text))
    return (rows[0][0] if rows else ""), list(converted.notes)


def rewrite(path: Path, name: str, change: Callable[[str], str], **added: str) -> None:
    """Change the text of one part of a workbook, and add others."""
    with zipfile.ZipFile(path) as archive:
        parts = {part.filename: archive.read(part).decode() for part in archive.infolist()}
    changed = change(parts[name])
    assert changed != parts[name]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in {**parts, name: changed, **added}.items():
            archive.writestr(part, content)


def share_texts(path: Path) -> None:
    """Move the texts of the cells into a table, as Excel does and openpyxl does not."""
    texts: list[str] = []

    def shared(cell: re.Match[str]) -> str:
        texts.append(f"<si>{cell[1]}</si>")
        return f't="s"><v>{len(texts) - 1}</v></c>'

    rewrite(path, SHEET_XML, lambda xml: re.sub(r't="inlineStr"><is>(.*?)</is></c>', shared, xml, flags=re.DOTALL))
    table = f'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{"".join(texts)}</sst>'
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    said = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}" /></Types>'
    rewrite(
        path,
        "[Content_Types].xml",
        lambda xml: xml.replace("</Types>", said),
        **{"xl/sharedStrings.xml": table},
    )
