"""Puts a factory's file into the drop box, and follows the import that comes of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from fleetgate.imports.delivery import Delivery, DeliveryMode
from fleetgate.imports.record import ImportRecord, ImportStatus
from fleetgate.imports.store.drop_box import UPLOADER_METADATA, DropBox
from fleetgate.imports.store.records import ImportRecords
from fleetgate_cli.errors import CouldNotCheck

WORKBOOKS = frozenset({".xlsx", ".xlsm"})
# Amazon S3, PutObject: the longest object that one call takes.
_MOST_BYTES = 5 * 1024**3
# How long an import may stay without any sign before the command gives up waiting for it.
_MOST_SILENT_SECONDS = 300.0
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
    """The file itself, or the CSV file that a workbook becomes.

    Raises:
        click.ClickException: It cannot be delivered.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise click.UsageError(f"{path} is longer than 5 GiB: split it, or compress it with gzip.")
    if path.suffix.lower() not in WORKBOOKS:
        if sheet:
            raise click.UsageError("--sheet is for workbooks only.")
        yield ReadyFile(path, path.name)
        return
    # Its library takes longer to import than all the rest of this command.
    from fleetgate_cli.imports.spreadsheet import csv_from_workbook  # noqa: PLC0415
    from fleetgate_cli.imports.spreadsheet_rows import UnusableWorkbook  # noqa: PLC0415

    with TemporaryDirectory() as folder:
        converted = Path(folder, f"{path.stem}.csv")
        try:
            with converted.open("wb") as target:
                sheet_of = csv_from_workbook(path, target, sheet=sheet)
        except UnusableWorkbook as error:
            raise click.UsageError(str(error)) from error
        notes = tuple(f"{note.sheet}!{note.cell}: {note.sentence}" for note in sheet_of.notes)
        if hidden := sheet_of.noted_count - len(notes):
            notes = (*notes, f"... and {hidden} cells more")
        yield ReadyFile(converted, converted.name, notes)


def put(
    file: ReadyFile,
    *,
    manufacturer: str,
    mode: DeliveryMode,
    drop_box: DropBox,
    uploader: str,
    watch: Callable[[int], None],
) -> Delivery:
    """Put a file into a manufacturer's folder.

    Args:
        watch: Told how many bytes are on their way.
    """
    key = f"{mode.value}/{manufacturer}/{file.name}"
    with file.path.open("rb") as content:
        answer = drop_box.client.put_object(
            Bucket=drop_box.bucket,
            Key=key,
            Body=_Watched(content, watch),
            ContentLength=file.path.stat().st_size,
            Metadata={UPLOADER_METADATA: uploader},
        )
    return Delivery.of(drop_box.look(key, answer["VersionId"]))


def wait(import_id: str, *, records: ImportRecords, watch: Callable[[ImportRecord], None]) -> ImportRecord:
    """Wait until an import has ended, waits for a second person, or has failed.

    Raises:
        CouldNotCheck: There is no sign of it for a long time. It may still go on.
    """
    seen: tuple[Any, ...] | None = None
    silent_since = time.monotonic()
    while time.monotonic() - silent_since < _MOST_SILENT_SECONDS:
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
        f"there is no sign of import {import_id} for {_MOST_SILENT_SECONDS:.0f} s: "
        f"it may still go on, see fleetgate import show {import_id}.",
    )


class Watcher:
    """Shows a person at a terminal how far an upload and its import are."""

    def __init__(self, console: Console, *, is_shown: bool) -> None:
        self._upload = Progress(
            TextColumn("uploading"),
            BarColumn(),
            DownloadColumn(),
            console=console,
            transient=True,
            disable=not is_shown,
        )
        self._import = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("rows"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not is_shown,
        )

    @contextmanager
    def uploading(self, total: int) -> Iterator[Callable[[int], None]]:
        """A bar for bytes."""
        with self._upload as progress:
            task = progress.add_task("uploading", total=total)
            yield lambda done: progress.update(task, completed=done)

    @contextmanager
    def importing(self) -> Iterator[Callable[[ImportRecord], None]]:
        """A bar for rows."""
        with self._import as progress:
            task = progress.add_task("waiting for the importer", total=None)
            yield lambda record: progress.update(
                task, description=record.status.value, total=record.total, completed=record.done
            )


class _Watched:
    """A file that tells how far it was read."""

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
