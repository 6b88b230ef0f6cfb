"""Tells by the first bytes of a file what kind of file it is, whatever its name says."""

import zlib
from collections.abc import Sequence
from enum import Enum, auto
from mmap import mmap

from fleetgate.imports.reading.errors import FileError, UnreadableFile

# How many bytes tell the kind.
SAMPLE_BYTES = 4_096

_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
# MS-CFB, header signature: an old workbook (.xls), or a new one that is encrypted (MS-OFFCRYPTO).
_COMPOUND_FILE = bytes.fromhex("d0cf11e0a1b11ae1")
_OTHER: tuple[tuple[FileError, str, tuple[bytes, ...]], ...] = (
    # BIFF 2 to 4, from before workbooks were compound files: a record "beginning of file" and its length.
    (
        FileError.SPREADSHEET_KIND,
        "It is a very old Excel workbook (.xls).",
        (b"\x09\x00\x04\x00", b"\x09\x02\x06\x00", b"\x09\x04\x06\x00"),
    ),
    (FileError.FILE_KIND, "It is a PDF document.", (b"%PDF-",)),
    (FileError.FILE_KIND, "It is a text document (.rtf).", (rb"{\rtf",)),
    (
        FileError.FILE_KIND,
        "It is a picture.",
        (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*"),
    ),
    (FileError.FILE_KIND, "It is a database (SQLite).", (b"SQLite format 3\x00",)),
    (FileError.FILE_KIND, "It is a Parquet file.", (b"PAR1",)),
    (FileError.PACKED, "It is a 7z archive.", (b"7z\xbc\xaf\x27\x1c",)),
    (FileError.PACKED, "It is a RAR archive.", (b"Rar!\x1a\x07",)),
    (FileError.PACKED, "It is packed with xz.", (b"\xfd7zXZ\x00",)),
    (FileError.PACKED, "It is packed with bzip2.", tuple(b"BZh%d1AY&SY" % level for level in range(1, 10))),
    (FileError.PACKED, "It is packed with zstd.", (b"\x28\xb5\x2f\xfd",)),
)
_WEB_PAGE = (b"<html", b"<!doctype html", b"<table", b"<head", b"<body", b"<meta")
# By the directory of a ZIP file: the names of its entries, in small letters.
_IN_ZIP: tuple[tuple[str, FileError, str], ...] = (
    ("xl/workbook.bin", FileError.SPREADSHEET_KIND, "It is a binary Excel workbook (.xlsb)."),
    ("word/document.xml", FileError.FILE_KIND, "It is a Word document (.docx)."),
    ("ppt/presentation.xml", FileError.FILE_KIND, "It is a PowerPoint presentation (.pptx)."),
    ("index/document.iwa", FileError.SPREADSHEET_KIND, "It is a document of Apple Numbers or Pages."),
    ("index.zip", FileError.SPREADSHEET_KIND, "It is a document of Apple Numbers or Pages."),
    ("content.xml", FileError.SPREADSHEET_KIND, "It is an OpenDocument spreadsheet (.ods)."),
)
# By the names of the streams of a compound file.
_IN_COMPOUND_FILE: tuple[tuple[str, FileError, str], ...] = (
    ("EncryptedPackage", FileError.WORKBOOK_ENCRYPTED, ""),
    ("WordDocument", FileError.FILE_KIND, "It is an old Word document (.doc)."),
    ("Book", FileError.SPREADSHEET_KIND, "It is a workbook of Excel 97 to 2003 (.xls)."),
    ("Workbook", FileError.SPREADSHEET_KIND, "It is a workbook of Excel 97 to 2003 (.xls)."),
)
_MAX_SHOWN = 60


class Kind(Enum):
    """The kinds of file that can be a list, as far as the first bytes tell."""

    TEXT = auto()
    ZIP = auto()
    COMPOUND_FILE = auto()


def kind_of(start: bytes) -> Kind:
    """The kind of a file.

    Args:
        start: Its first `SAMPLE_BYTES` bytes.

    Raises:
        UnreadableFile: It is of a kind that is no list; the sentence names the kind.
    """
    kind = _kind_of(start)
    if start.startswith(_GZIP) and _kind_of(_unpacked(start)) is not Kind.TEXT:
        raise UnreadableFile(FileError.PACKED, "A workbook or an archive is inside gzip.")
    return kind


def _kind_of(start: bytes) -> Kind:
    if start.startswith(_ZIP):
        return Kind.ZIP
    if start.startswith(_COMPOUND_FILE):
        return Kind.COMPOUND_FILE
    for error, detail, beginnings in _OTHER:
        if start.startswith(beginnings):
            raise UnreadableFile(error, detail)
    if start.startswith(b"ustar", 257):
        raise UnreadableFile(FileError.PACKED, "It is a tar archive.")
    words = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if words.startswith(_WEB_PAGE):
        raise UnreadableFile(
            FileError.SPREADSHEET_KIND, "It is a web page (HTML), as some programs write under the name .xls."
        )
    if words.startswith(b"<?xml"):
        raise UnreadableFile(FileError.SPREADSHEET_KIND, "It is XML.")
    return Kind.TEXT


def check_zip(names: Sequence[str]) -> None:
    """Refuse a ZIP file that is no Excel workbook.

    Args:
        names: Of its entries.

    Raises:
        UnreadableFile: The sentence says what it is, as far as the names tell.
    """
    known = {name.replace("\\", "/").lstrip("/").lower() for name in names}
    for name, error, detail in _IN_ZIP:
        if name in known:
            raise UnreadableFile(error, detail)
    if not any(name.startswith("xl/") for name in known):
        inside = f" The first file in it is {names[0][:_MAX_SHOWN]!r}." if names else ""
        raise UnreadableFile(FileError.PACKED, f"It is a ZIP archive.{inside}")


def refused_compound_file(content: mmap) -> UnreadableFile:
    """Why a compound file is no list; none is."""
    for name, error, detail in _IN_COMPOUND_FILE:
        if content.find(name.encode("utf-16-le")) >= 0:
            return UnreadableFile(error, detail)
    return UnreadableFile(FileError.FILE_KIND, "It is a document of an old Office program.")


def _unpacked(start: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(start, SAMPLE_BYTES)
    except zlib.error:
        return b""
