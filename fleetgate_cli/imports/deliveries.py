"""Puts a factory's file into the drop box, and follows its import."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

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
from fleetgate.imports.record import ImportRecord, ImportStatus
from fleetgate.imports.store.drop_box import UPLOADER_METADATA, DropBox
from fleetgate.imports.store.reader import ImportReader
from fleetgate_cli.errors import CouldNotCheck
from fleetgate_cli.run import Run

WORKBOOKS = frozenset({".xlsx", ".xlsm"})
# Amazon S3, PutObject: the longest object that one call takes.
_MAX_BYTES = 5 * 1024**3
# How long an import may show no progress before the command stops waiting: longer than a file is read at most, and
# than it waits at once for its turn.
_MAX_SILENT_SECONDS = 1000.0
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
    watch: Callable[[int], None],
) -> Delivery:
    """Put a file into a manufacturer's folder.

    Args:
        watch: Called with the number of bytes sent so far.
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
        f"Look at it later: fleetgate import show {import_id}. "
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
