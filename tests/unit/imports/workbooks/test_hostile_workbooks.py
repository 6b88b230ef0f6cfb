"""Workbooks that are built to exhaust a reader, and files that are no workbook."""

import gzip
import io
import tracemalloc
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from fleetgate.domain.faults import DeadlineExceeded
from fleetgate.imports.check import CheckedFile, check_file
from fleetgate.imports.options import HiddenCells, ReadingOptions
from fleetgate.imports.reading import workbook
from fleetgate.imports.reading.errors import FileError, UnreadableFile
from fleetgate.imports.reading.factory_list import ImportPolicy
from tests.unit.imports.factory_files import LENIENT
from tests.unit.imports.workbooks.workbooks import SHEET_XML, refusal_of, rewrite, save

MEGABYTE = 1024**2
OLE = bytes.fromhex("d0cf11e0a1b11ae1")


def _instead_of_rows(xml: str) -> Callable[[str], str]:
    def change(sheet: str) -> str:
        start, end = sheet.index("<sheetData>"), sheet.index("</sheetData>")
        return f"{sheet[:start]}<sheetData>{xml}{sheet[end:]}"

    return change


DAMAGED, LARGE = FileError.WORKBOOK_DAMAGED, FileError.WORKBOOK_TOO_LARGE
HOSTILE: dict[str, tuple[Callable[[str], str], FileError]] = {
    "a declared entity": (lambda xml: f'<!DOCTYPE x [<!ENTITY a "{"a" * 9999}">]>{xml}', DAMAGED),
    "elements in elements": (_instead_of_rows("<a>" * 200_000), DAMAGED),
    "an attribute without end": (_instead_of_rows(f'<row a="{"a" * 8 * MEGABYTE}"/>'), DAMAGED),
    "a comment without end": (_instead_of_rows(f"<!--{'a' * 8 * MEGABYTE}-->"), DAMAGED),
    "a text without end": (
        _instead_of_rows(f'<row r="1"><c r="A1" t="inlineStr"><is><t>{"a" * 8 * MEGABYTE}</t></is></c></row>'),
        DAMAGED,
    ),
    "ever new names": (_instead_of_rows("".join(f"<x{number}/>" for number in range(100_000))), DAMAGED),
    "ever new attributes": (_instead_of_rows("".join(f'<x a{number}=""/>' for number in range(100_000))), DAMAGED),
    "a row of cells without end": (
        _instead_of_rows('<row r="1">' + '<c t="n"><v>1</v></c>' * 16_384 + "</row>"),
        LARGE,
    ),
}


@pytest.mark.parametrize(("change", "code"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_sheet_is_refused_in_little_memory(change: Callable[[str], str], code: FileError, path: Path) -> None:
    save(path, ["Serial Number"], ["SN-1"])
    rewrite(path, SHEET_XML, change)
    tracemalloc.start()
    try:
        assert refusal_of(path)[0] is code
        assert tracemalloc.get_traced_memory()[1] < 16 * MEGABYTE
    finally:
        tracemalloc.stop()


def test_a_long_table_of_texts_does_not_lie_in_memory(path: Path) -> None:
    save(path, ["Serial Number"], ["SN-1"])
    texts = "".join(f"<si><t>{number:0>1000}</t></si>" for number in range(10_000))
    rewrite(
        path, SHEET_XML, lambda xml: xml.replace(">SN-1<", ">SN-2<"), **{"xl/sharedStrings.xml": f"<sst>{texts}</sst>"}
    )
    del texts
    tracemalloc.start()
    try:
        assert checked(path.read_bytes()).total == 1
        assert tracemalloc.get_traced_memory()[1] < 4 * MEGABYTE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("limit", ["_MAX_CHARACTERS", "_MAX_FILLED"])
def test_what_merged_cells_repeat_is_bounded(limit: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, limit, 20_000)
    rows = "".join(f'<row r="{row}"><c r="A{row}"><v>1</v></c></row>' for row in range(2, 40))
    save(path, ["Serial Number"], ["SN-1"])
    text = f'<row r="1"><c r="B1" t="inlineStr"><is><t>{"a" * 20}</t></is></c></row>'
    rewrite(path, SHEET_XML, _instead_of_rows(text + rows))
    merged = '</sheetData><mergeCells><mergeCell ref="B1:XFD1048576"/></mergeCells>'
    rewrite(path, SHEET_XML, lambda xml: xml.replace("</sheetData>", merged))
    assert refusal_of(path)[0] is LARGE


def _zip(*names: str, content: bytes = b"x") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return packed.getvalue()


def _many(count: int) -> bytes:
    return _zip(*(f"xl/{number}.xml" for number in range(count)))


def checked(content: bytes, name: str = "list.xlsx", options: ReadingOptions = ReadingOptions()) -> CheckedFile:  # noqa: B008
    return check_file(
        lambda: io.BytesIO(content),
        file_name=name,
        policy=ImportPolicy(require_mac=False),
        max_rows=100_000,
        options=options,
    )


NO_LIST = {
    "an old workbook": (OLE + bytes(600) + "Workbook".encode("utf-16-le"), FileError.SPREADSHEET_KIND, ".xls"),
    "a workbook with a password": (
        OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
        FileError.WORKBOOK_ENCRYPTED,
        "without a password",
    ),
    "an old document": (OLE + bytes(600) + "WordDocument".encode("utf-16-le"), FileError.FILE_KIND, ".doc"),
    "something else of Office": (OLE + bytes(600), FileError.FILE_KIND, "old Office program"),
    "a very old workbook": (bytes.fromhex("0904060000001000"), FileError.SPREADSHEET_KIND, ".xls"),
    "OpenDocument": (_zip("mimetype", "content.xml"), FileError.SPREADSHEET_KIND, ".ods"),
    "a binary workbook": (_zip("xl/workbook.bin"), FileError.SPREADSHEET_KIND, ".xlsb"),
    "Numbers": (_zip("Index/Document.iwa"), FileError.SPREADSHEET_KIND, "Numbers"),
    "a document": (_zip("word/document.xml"), FileError.FILE_KIND, ".docx"),
    "an archive": (_zip("list.csv"), FileError.PACKED, "'list.csv'"),
    "an empty archive": (_zip(), FileError.PACKED, "ZIP"),
    "a PDF": (b"%PDF-1.7\n", FileError.FILE_KIND, "PDF"),
    "a picture": (b"\x89PNG\r\n\x1a\n", FileError.FILE_KIND, "picture"),
    "RTF": (rb"{\rtf1 Serial Number}", FileError.FILE_KIND, ".rtf"),
    "a web page": (b"\xef\xbb\xbf \n<HTML><table><tr><td>SN", FileError.SPREADSHEET_KIND, "HTML"),
    "XML": (b'<?xml version="1.0"?><Workbook/>', FileError.SPREADSHEET_KIND, "XML"),
    "7z": (b"7z\xbc\xaf\x27\x1c..", FileError.PACKED, "7z"),
    "bzip2": (b"BZh91AY&SY..", FileError.PACKED, "bzip2"),
    "a workbook in gzip": (gzip.compress(_zip("xl/workbook.xml")), FileError.PACKED, "inside gzip"),
    "a workbook that was cut off": (_zip("xl/workbook.xml")[:40], FileError.WORKBOOK_DAMAGED, "cut off"),
    "a directory that is too long": (_many(5_001), FileError.WORKBOOK_DAMAGED, ""),
    "a directory that lies": (_zip("xl/workbook.xml")[:-10] + b"\xff" * 10, FileError.WORKBOOK_DAMAGED, ""),
}


@pytest.mark.parametrize(("content", "code", "said"), NO_LIST.values(), ids=NO_LIST)
@pytest.mark.parametrize("name", ["list.csv", "list.xlsx"])
def test_what_is_no_list_is_named_and_refused(content: bytes, code: FileError, said: str, name: str) -> None:
    with pytest.raises(UnreadableFile) as refused:
        checked(content, name)
    assert refused.value.code is code
    assert said in str(refused.value)


@pytest.mark.parametrize("start", [b"PAR", b"BZh-1", b"Rar", b"<Model>", b"%PDF", b"7z", b"PK"])
def test_a_heading_may_begin_like_a_file_of_another_kind(start: bytes) -> None:
    assert checked(start + b",Serial Number\n1,SN-1\n", "list.csv").total == 1


def test_a_workbook_is_read_twice_by_its_content_and_leaves_nothing_behind(path: Path, tmp_path: Path) -> None:
    save(path, ["Serial Number", "Model"], ["SN-1", 7], ["SN-2", "=1+1"])
    content = path.read_bytes()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    read = check_file(
        lambda: io.BytesIO(content),
        file_name="list.XLSM",
        policy=ImportPolicy(require_mac=False),
        max_rows=10,
        folder=scratch,
    )
    assert (read.total, read.rejected) == (2, 1)
    assert [note.partition(":")[0] for note in read.notes] == ["Sheet!B3"]
    for _ in range(2):
        _, batches = read.batches()
        assert [row.serial_number.value for batch in batches for row in batch.rows] == ["SN-1"]
    assert len(list(scratch.iterdir())) == 1
    del read, batches
    assert list(scratch.iterdir()) == []


def test_a_workbook_without_a_sheet_is_damaged() -> None:
    with pytest.raises(UnreadableFile, match="the XML is damaged"):
        checked(_zip("xl/workbook.xml"))


def test_a_workbook_under_another_name_is_refused_by_its_name(path: Path) -> None:
    content = save(path, ["Serial Number"], ["SN-1"]).read_bytes()
    with pytest.raises(UnreadableFile, match=r"name ends in \.xlsx") as refused:
        checked(content, "list.csv")
    assert refused.value.code is FileError.WORKBOOK_MISNAMED


def test_the_sender_says_which_sheet_and_what_of_it(path: Path) -> None:
    save(path, ["Serial Number"], ["SN-1"], ["SN-2"])
    rewrite(path, SHEET_XML, lambda xml: xml.replace('<row r="3"', '<row r="3" hidden="1"'))
    content = path.read_bytes()
    assert checked(content, options=ReadingOptions(sheet="sheet", hidden=HiddenCells.INCLUDE)).total == 2
    assert checked(content, options=ReadingOptions(hidden=HiddenCells.LEAVE_OUT)).total == 1
    with pytest.raises(UnreadableFile, match="no sheet 'Other'"):
        checked(content, options=ReadingOptions(sheet="Other"))


def test_a_workbook_that_takes_too_long_to_convert_is_given_up(path: Path) -> None:
    save(path, ["Serial Number"], *(["SN-1"] for _ in range(20_000)))
    content, looks = path.read_bytes(), iter(range(3))

    def keep_time() -> None:
        if next(looks, None) is None:
            raise DeadlineExceeded

    with pytest.raises(DeadlineExceeded):
        check_file(
            partial(io.BytesIO, content), file_name=path.name, policy=LENIENT, max_rows=10**6, keep_time=keep_time
        )
