"""Puts a factory's file into the drop box, and follows its import."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import click
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

from fleetgate.imports.delivery import Delivery, DeliveryMode
from fleetgate.imports.options import ReadingOptions
from fleetgate.imports.record import ImportRecord, ImportStatus
from fleetgate.imports.store.drop_box import OPTIONS_METADATA, UPLOADER_METADATA, DropBox
from fleetgate.imports.store.reader import ImportReader
from fleetgate_cli.errors import CouldNotCheck
from fleetgate_cli.run import Run

WORKBOOKS = frozenset({".xlsx", ".xlsm"})
# Amazon S3, PutObject: the longest object that one call takes.
_MAX_BYTES = 5 * 1024**3
# How long an import may show no progress before the command stops waiting.
_MAX_SILENT_SECONDS = 300.0
_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class ReadyFile:
    """A file as the importer takes it.

    Attributes:
        notes: About cells of a workbook that could not be converted faithfully.
    """

    path: Path
    name: str
    notes: tuple[str, ...] = ()


@contextmanager
def ready_file(path: Path, *, sheet: str | None) -> Iterator[ReadyFile]:
    """The file itself, or the CSV file that a workbook is converted to.

    Raises:
        click.ClickException: It cannot be delivered.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise click.UsageError(f"{path} is larger than 5 GiB: split it, or compress it with gzip.")
    if path.suffix.lower() not in WORKBOOKS:
        if sheet:
            raise click.UsageError("--sheet applies to workbooks only.")
        yield ReadyFile(path, path.name)
        return
    # Its library takes longer to import than all the rest of this command.
    from fleetgate_cli.imports.spreadsheet import csv_from_workbook
    from fleetgate_cli.imports.spreadsheet_rows import UnusableWorkbook

    with TemporaryDirectory() as folder:
        converted = Path(folder, f"{path.stem}.csv")
        try:
            with converted.open("wb") as target:
                sheet_of = csv_from_workbook(path, target, sheet=sheet)
        except UnusableWorkbook as error:
            raise click.UsageError(str(error)) from error
        notes = tuple(f"{note.sheet}!{note.cell}: {note.sentence}" for note in sheet_of.notes)
        if hidden := sheet_of.noted_count - len(notes):
            notes = (*notes, f"... and {hidden} more cells")
        yield ReadyFile(converted, converted.name, notes)


def put(
    file: ReadyFile,
    *,
    manufacturer: str,
    mode: DeliveryMode,
    drop_box: DropBox,
    uploader: str,
    options: ReadingOptions = ReadingOptions(),  # noqa: B008 - immutable
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
    with file.path.open("rb") as content:
        answer = drop_box.client.put_object(
            Bucket=drop_box.bucket,
            Key=key,
            Body=_Watched(content, watch),
            ContentLength=file.path.stat().st_size,
            Metadata={UPLOADER_METADATA: uploader, **({OPTIONS_METADATA: said} if said else {})},
        )
    return Delivery.of(drop_box.look(key, answer["VersionId"]))


def wait(import_id: str, *, records: ImportReader, watch: Callable[[ImportRecord], None]) -> ImportRecord:
    """Wait until an import has ended, has failed or waits for approval.

    Raises:
        CouldNotCheck: The import shows no progress for a long time. It may still run.
    """
    seen: tuple[Any, ...] | None = None
    silent_since = time.monotonic()
    while time.monotonic() - silent_since < _MAX_SILENT_SECONDS:
        record = records.find(import_id)
        if record is not None:
            watch(record)
            if record.has_ended or record.is_waiting or record.status is ImportStatus.FAILED:
                return record
            if seen != (record.version, record.done):
                seen, silent_since = (record.version, record.done), time.monotonic()
        time.sleep(_POLL_SECONDS)
    raise CouldNotCheck(
        "import_silent",
        f"import {import_id} shows no progress for {_MAX_SILENT_SECONDS:.0f} s: "
        f"it may still run, see fleetgate import show {import_id}.",
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
    with run.progress_bar(*columns, TimeElapsedColumn()) as progress:
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
