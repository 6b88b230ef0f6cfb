"""Puts a factory's file into the drop box, and follows its import."""

import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, cast

import click
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from fleetgate.imports.delivery import Delivery, DeliveryMode
from fleetgate.imports.options import ReadingOptions
from fleetgate.imports.record import ImportRecord, ImportStatus
from fleetgate.imports.store.drop_box import OPTIONS_METADATA, UPLOADER_METADATA, DropBox
from fleetgate.imports.store.reader import ImportReader
from fleetgate_cli.errors import CouldNotCheck
from fleetgate_cli.run import Run, hint
from fleetgate_cli.terminal import harmless

# Amazon S3, PutObject: the longest object that one call takes.
_MAX_BYTES = 5 * 1024**3
# How long an import may show no progress before the command stops waiting: longer than a file is read at most, and
# than it waits at once for its turn.
_MAX_SILENT_SECONDS = 1000.0
_POLL_SECONDS = 0.5
_CHUNK = 1024**2
# What a pipe holds is named by its kind, since the importer goes by the names of workbooks.
_NAME_OF_PIPE, _NAME_OF_WORKBOOK = "stdin.csv", "stdin.xlsx"
_OF_DEVICES = ("/dev/", "/proc/")
# All workbooks are ZIP files.
_ZIP = b"PK\x03\x04"
# A key of S3 has at most 1,024 bytes of UTF-8.
_MAX_NAME = 128


@dataclass(frozen=True, slots=True)
class ReadyFile:
    """A file that can be sent, more than once if need be.

    Attributes:
        name: As its key has it.
        is_workbook: Whether it may be one, by its content.
    """

    content: BinaryIO
    name: str
    size_bytes: int
    is_workbook: bool


@contextmanager
def ready_file(file: str, *, name: str | None) -> Iterator[ReadyFile]:
    """The file at a path, or what comes out of a pipe.

    Args:
        file: A path as the command line gives it; `-` is the standard input.
        name: Takes the place of the file's own name.

    Raises:
        click.UsageError: There is nothing that can be read.
    """
    with ExitStack() as closing:
        try:
            content, is_pipe = _opened(file, closing)
            size_bytes = content.seek(0, os.SEEK_END)
            content.seek(0)
            is_workbook = content.read(len(_ZIP)) == _ZIP
            content.seek(0)
        except OSError as error:
            raise click.UsageError(f"{harmless(file)} cannot be read: {error.strerror or error}.") from error
        if size_bytes > _MAX_BYTES:
            raise click.UsageError(f"{harmless(file)} is larger than 5 GiB: split it, or compress it with gzip.")
        of_pipe = _NAME_OF_WORKBOOK if is_workbook else _NAME_OF_PIPE
        own_name = of_pipe if is_pipe else Path(file).name
        yield ReadyFile(content, key_name(name or own_name), size_bytes, is_workbook)


def _opened(file: str, closing: ExitStack) -> tuple[BinaryIO, bool]:
    """A file that can be read more than once, and whether it came out of a pipe."""
    source: BinaryIO = sys.stdin.buffer
    if file != "-":
        source = closing.enter_context(Path(file).open("rb"))  # noqa: SIM115 - it is closed with the rest
        if stat.S_ISREG(os.fstat(source.fileno()).st_mode) and not file.startswith(_OF_DEVICES):
            return source, False
    spool = cast(BinaryIO, closing.enter_context(TemporaryFile()))  # noqa: SIM115
    while spool.tell() <= _MAX_BYTES and (chunk := source.read(_CHUNK)):
        spool.write(chunk)
    return spool, True


def key_name(name: str) -> str:
    """A file's name as a part of a key: without slashes, and without characters that a terminal obeys."""
    text = os.fsencode(name).decode("utf-8", "replace")
    return "".join("_" if one in "/\\" or not one.isprintable() else one for one in text)[-_MAX_NAME:]


def put(
    file: ReadyFile,
    *,
    manufacturer: str,
    mode: DeliveryMode,
    drop_box: DropBox,
    uploader: str,
    options: ReadingOptions,
    watch: Callable[[int], None],
) -> Delivery:
    """Put a file into a manufacturer's folder.

    Args:
        options: How to read the file.
        watch: Called with the number of bytes sent so far.

    Raises:
        InvalidOptions: They are longer than S3 takes.
    """
    said = options.metadata()
    key = f"{mode.value}/{manufacturer}/{file.name}"
    answer = drop_box.client.put_object(
        Bucket=drop_box.bucket,
        Key=key,
        Body=_Watched(file.content, watch),
        ContentLength=file.size_bytes,
        Metadata={UPLOADER_METADATA: uploader, **({OPTIONS_METADATA: said} if said else {})},
    )
    return Delivery.of(drop_box.look(key, answer["VersionId"]))


def wait(
    import_id: str,
    *,
    records: ImportReader,
    watch: Callable[[ImportRecord], None],
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> ImportRecord:
    """Wait until an import has ended, has failed or waits for approval, however long it takes.

    Args:
        now, sleep: Of the clock, in seconds.

    Raises:
        CouldNotCheck: The import shows no progress for a long time. It may still run.
    """
    record: ImportRecord | None = None
    seen: tuple[Any, ...] | None = None
    silent_since = now()
    while now() - silent_since < _MAX_SILENT_SECONDS:
        record = records.find(import_id)
        if record is not None:
            watch(record)
            if record.has_ended or record.is_waiting or record.status is ImportStatus.FAILED:
                return record
            if seen != (record.version, record.done):
                seen, silent_since = (record.version, record.done), now()
        sleep(_POLL_SECONDS)
    is_begun = record is not None
    raise CouldNotCheck(
        "import_silent",
        f"Import {import_id} has {'shown no progress' if is_begun else 'not begun'} for "
        f"{_MAX_SILENT_SECONDS / 60:.0f} minutes. It goes on without this command. "
        f"Look at it later: {hint(f'import show {import_id}')}. "
        "If it stays so, see ImportDeadLetterAlarm in the runbook.",
    )


@contextmanager
def upload_bar(run: Run, total: int) -> Iterator[Callable[[int], None]]:
    """Show how many bytes are uploaded; call what this gives with the number so far."""
    with run.progress_bar(TextColumn("uploading"), BarColumn(), DownloadColumn()) as progress:
        task = progress.add_task("uploading", total=total)
        yield lambda done: progress.update(task, completed=done)


@contextmanager
def import_bar(run: Run) -> Iterator[Callable[[ImportRecord], None]]:
    """Show how many rows are imported; call what this gives with the import as it stands."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("rows"))
    with run.progress_bar(*columns, TimeElapsedColumn(), TimeRemainingColumn()) as progress:
        task = progress.add_task("waiting for the importer", total=None)
        yield lambda record: progress.update(
            task, description=record.status.value, total=record.total, completed=record.done
        )


class _Watched:
    """A file that reports how far it was read."""

    def __init__(self, file: BinaryIO, watch: Callable[[int], None]) -> None:
        self._file, self._watch = file, watch

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._watch(self._file.tell())
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
