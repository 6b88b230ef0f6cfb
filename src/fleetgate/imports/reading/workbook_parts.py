"""Opens a workbook, which is a ZIP file of XML parts, so that no part can take more memory than a list needs.

A factory may be hacked, and its workbook hostile. No entry of the archive is believed before it is bounded: neither the
size of its directory, nor what a part unpacks to, nor the length of anything in its XML.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from fleetgate.imports.reading.errors import FileError, UnreadableFile

# PKWARE, APPNOTE.TXT 4.3.16: the end of the central directory, and the longest comment that may follow it.
_END, _END_BYTES, _MAX_COMMENT_BYTES = b"PK\x05\x06", 22, 65_535
_ZIP64_LOCATOR, _ZIP64_LOCATOR_BYTES = b"PK\x06\x07", 20
# Excel's own workbooks have some ten parts; a few have hundreds, of charts.
_MAX_DIRECTORY_BYTES = 1024**2
_MAX_PARTS = 5_000
_ENCRYPTED = 0x1

# Of all that is unpacked of one workbook; a sheet is read up to three times.
_MAX_UNPACKED_BYTES = 4 * 1024**3
_CHUNK = 65_536
# Of one tag, comment or name in the XML, and how deep and varied it may be. Excel stays far below.
_MAX_TOKEN_BYTES = 1024**2
_MAX_DEPTH = 100
_MAX_NAMES = 20_000

StartElement = Callable[[str, Mapping[str, str]], None]


class DamagedWorkbook(Exception):
    """What a workbook says is no workbook's; the message says which rule it breaks."""


class TooLargeWorkbook(Exception):
    """A workbook or one of its parts is larger than a list needs."""


class Parts:
    """The parts of one workbook that is open.

    Args:
        keep_time: Called for each block that is unpacked; raises when the time is up.
    """

    def __init__(self, archive: ZipFile, keep_time: Callable[[], None]) -> None:
        self._archive = archive
        self._keep_time = keep_time
        self._unpacked = 0
        # Some programs write the names with a backslash, or with capitals of their own.
        self._members = {_folded(member.filename): member for member in archive.infolist()}

    def __contains__(self, name: str) -> bool:
        return _folded(name) in self._members

    def chunks(self, name: str, *, max_bytes: int) -> Iterator[bytes]:
        """The content of a part, unpacked as it is asked for.

        Raises:
            DamagedWorkbook: It is missing or cannot be unpacked.
            TooLargeWorkbook: It has more than `max_bytes`.
        """
        member = self._members.get(_folded(name))
        if member is None:
            raise DamagedWorkbook(f"no part {name}")
        if member.flag_bits & _ENCRYPTED or member.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
            raise DamagedWorkbook(f"{name} is packed in an unknown way")
        if member.file_size > max_bytes:
            raise TooLargeWorkbook
        allowed = min(self._unpacked + max_bytes, _MAX_UNPACKED_BYTES)
        try:
            with self._archive.open(member) as stream:
                while chunk := stream.read(_CHUNK):
                    self._keep_time()
                    self._unpacked += len(chunk)
                    if self._unpacked > allowed:
                        raise TooLargeWorkbook
                    yield chunk
        except (BadZipFile, EOFError, OSError, ValueError, NotImplementedError, RuntimeError, zlib.error) as error:
            raise DamagedWorkbook(f"{name} cannot be unpacked") from error


@contextmanager
def opened_parts(path: Path, keep_time: Callable[[], None]) -> Iterator[Parts]:
    """The parts of a workbook.

    Args:
        keep_time: As `Parts` takes it.

    Raises:
        UnreadableFile: The file is no ZIP file of a bounded directory.
    """
    with path.open("rb") as file:
        with _refused_unless_bounded():
            _check_directory(file)
            file.seek(0)
            archive = ZipFile(file)
        with archive:
            yield Parts(archive, keep_time)


def member_names(path: Path) -> list[str]:
    """The names in the directory of a ZIP file; nothing of it is unpacked.

    Raises:
        UnreadableFile: It is no ZIP file of a bounded directory.
    """
    with path.open("rb") as file, _refused_unless_bounded():
        _check_directory(file)
        file.seek(0)
        with ZipFile(file) as archive:
            return archive.namelist()


def parse(
    chunks: Iterator[bytes], *, start: StartElement, end: Callable[[str], None], text: Callable[[str], None]
) -> Iterator[None]:
    """Parse the XML of a part, as far as the caller asks: a step for each chunk.

    Names come without their namespace's prefix, except those of attributes that have one.

    Args:
        text: Called with text as it comes, which may be in pieces.

    Raises:
        DamagedWorkbook: It is not well-formed, declares entities, or is built to exhaust a reader.
    """
    names: dict[str, str] = {}
    parser = expat.ParserCreate(intern=names)
    parser.buffer_text = True
    depth = 0

    def started(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _MAX_DEPTH:
            raise DamagedWorkbook("the XML is nested too deeply")
        start(name.rpartition(":")[2], attributes)

    def ended(name: str) -> None:
        nonlocal depth
        depth -= 1
        end(name.rpartition(":")[2])

    def refused(*_declared: object) -> None:
        # Entities are the way to make gigabytes of a line; no program that writes workbooks declares any.
        raise DamagedWorkbook("the XML has a document type")

    parser.StartElementHandler = started
    parser.EndElementHandler = ended
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refused
    given = 0
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
            given += len(chunk)
            if given - parser.CurrentByteIndex > _MAX_TOKEN_BYTES or len(names) > _MAX_NAMES:
                raise DamagedWorkbook("a tag or a comment of the XML is too long, or there are too many names")
            yield
        parser.Parse(b"", True)
        yield
    except expat.ExpatError as error:
        raise DamagedWorkbook(f"the XML is damaged: {error}") from error


@contextmanager
def _refused_unless_bounded() -> Iterator[None]:
    try:
        yield
    except (DamagedWorkbook, BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UnreadableFile(FileError.WORKBOOK_DAMAGED) from error


def _check_directory(file: BinaryIO) -> None:
    """Refuse a directory that zipfile should not be asked to read: it reads all of it at once."""
    size = file.seek(0, 2)
    tail_bytes = min(size, _END_BYTES + _MAX_COMMENT_BYTES)
    file.seek(size - tail_bytes)
    tail = file.read(tail_bytes)
    # zipfile looks first for an end without a comment, and then for the last one that it finds.
    for place in {len(tail) - _END_BYTES, tail.rfind(_END)}:
        end = tail[place : place + _END_BYTES] if place >= 0 else b""
        if not end.startswith(_END):
            continue
        before = tail[max(place - _ZIP64_LOCATOR_BYTES, 0) : place]
        count, directory_bytes = int.from_bytes(end[10:12], "little"), int.from_bytes(end[12:16], "little")
        # The longer form is for archives of 4 GiB and more; a workbook of that size is too large anyway.
        if before.startswith(_ZIP64_LOCATOR) or count > _MAX_PARTS or directory_bytes > _MAX_DIRECTORY_BYTES:
            raise DamagedWorkbook("its directory is longer than a workbook's")


def _folded(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()
