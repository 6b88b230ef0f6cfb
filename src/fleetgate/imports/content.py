"""The content of a delivered file as text that can be read again and again: a workbook is converted once.

What is no list is refused here, by what it is and not by what it is called.
"""

import mmap
import os
import tempfile
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from fleetgate.imports.delivery import Delivery
from fleetgate.imports.options import InvalidOptions, ReadingOptions
from fleetgate.imports.reading.errors import FileError, UnreadableFile
from fleetgate.imports.reading.kinds import SAMPLE_BYTES, Kind, check_zip, kind_of, refused_compound_file

# A workbook of a million devices has some 60 MB.
_MAX_WORKBOOK_BYTES = 200 * 1024**2
_CHUNK = 1024**2
_WORKBOOKS = (".xlsx", ".xlsm", ".xltx", ".xltm")


@dataclass(frozen=True, slots=True)
class ReadableContent:
    """A file as the reading takes it.

    Attributes:
        first: The first reading.
        again: Opens the same content once more.
        notes: For people, about the conversion of a workbook.
    """

    first: BinaryIO
    again: Callable[[], BinaryIO]
    notes: tuple[str, ...] = ()


def options_of(delivery: Delivery) -> ReadingOptions:
    """How to read a file, as its sender says.

    Raises:
        UnreadableFile: What the sender says cannot be read.
    """
    try:
        return ReadingOptions.of_metadata(delivery.file.presented_options)
    except InvalidOptions as error:
        raise UnreadableFile(FileError.OPTIONS_UNREADABLE) from error


def readable(
    delivered: BinaryIO,
    again: Callable[[], BinaryIO],
    *,
    file_name: str,
    options: ReadingOptions,
    folder: Path | None = None,
    keep_time: Callable[[], None] = lambda: None,
) -> ReadableContent:
    """Recognise a file, and convert it if it is a workbook.

    Args:
        keep_time: Called while a workbook is converted; raises when the time is up.
        delivered: Read once, forward only: text as it is asked for, a workbook at once.
        again: Opens the delivered bytes once more.
        folder: For a workbook and what it is converted to; None takes the machine's temporary folder.

    Raises:
        UnreadableFile: The file is no list, or its workbook cannot be converted.
    """
    start = b""
    while len(start) < SAMPLE_BYTES and (more := delivered.read(SAMPLE_BYTES - len(start))):
        start += more
    kind = kind_of(start)
    if kind is Kind.TEXT:
        return ReadableContent(cast(BinaryIO, _Restarted(start, delivered)), again)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".xlsx") as spool:
        _spool(start, delivered, cast(BinaryIO, spool))
        if kind is Kind.COMPOUND_FILE:
            with mmap.mmap(spool.fileno(), 0, access=mmap.ACCESS_READ) as content:
                raise refused_compound_file(content)
        return _converted(Path(spool.name), file_name, options, folder, keep_time)


def _spool(start: bytes, delivered: BinaryIO, spool: BinaryIO) -> None:
    size = spool.write(start)
    while chunk := delivered.read(_CHUNK):
        size += spool.write(chunk)
        if size > _MAX_WORKBOOK_BYTES:
            limit = f"The limit for a workbook is {_MAX_WORKBOOK_BYTES // 1024**2} MiB."
            raise UnreadableFile(FileError.WORKBOOK_TOO_LARGE, limit)
    spool.flush()


def _converted(
    workbook: Path, file_name: str, options: ReadingOptions, folder: Path | None, keep_time: Callable[[], None]
) -> ReadableContent:
    # What only a workbook needs is loaded for a workbook.
    from fleetgate.imports.reading.workbook import csv_from_workbook  # noqa: PLC0415
    from fleetgate.imports.reading.workbook_parts import member_names  # noqa: PLC0415

    check_zip(member_names(workbook))
    if not file_name.lower().endswith(_WORKBOOKS):
        raise UnreadableFile(FileError.WORKBOOK_MISNAMED)
    target, name = tempfile.mkstemp(dir=folder, suffix=".csv")
    converted = _TemporaryFile(Path(name))
    with open(target, "wb") as stream:  # noqa: PTH123 - opened already
        sheet = csv_from_workbook(workbook, stream, sheet=options.sheet, hidden=options.hidden, keep_time=keep_time)
    return ReadableContent(converted(), converted, sheet.notes)


class _Restarted:
    """A stream with the bytes that were read from its start put back."""

    def __init__(self, start: bytes, stream: BinaryIO) -> None:
        self._start, self._stream = start, stream

    def read(self, size: int = -1) -> bytes:
        if not self._start:
            return self._stream.read(size)
        if size < 0:
            start, self._start = self._start, b""
            return start + self._stream.read()
        taken, self._start = self._start[:size], self._start[size:]
        return taken


class _TemporaryFile:
    """A file that is opened for reading by a call, and removed when nobody can open it any more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        weakref.finalize(self, path.unlink, missing_ok=True)

    def __call__(self) -> BinaryIO:
        return cast(BinaryIO, _Reading(self._path, self))


class _Reading:
    """One reading of a temporary file; closed when it is no longer read."""

    def __init__(self, path: Path, file: _TemporaryFile) -> None:
        self._file = file
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor)

    def read(self, size: int = -1) -> bytes:
        if size >= 0:
            return os.read(self._descriptor, size)
        return b"".join(iter(lambda: os.read(self._descriptor, _CHUNK), b""))
