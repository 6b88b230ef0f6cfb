"""Where an export goes: stdout, or a file that takes its name when it is complete; and its progress."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

import click
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.documents import instant
from fleetgate_cli.errors import CouldNotCheck
from fleetgate_cli.run import Run


@contextmanager
def output_at(path: Path | None) -> Iterator[IO[str]]:
    """A text file that only its owner may read and that takes its name when it is complete; stdout without a path.

    Raises:
        click.UsageError: The file cannot be written.
        CouldNotCheck: Writing failed half-way; an earlier file of that name is unchanged.
    """
    if path is None:
        yield sys.stdout
        return
    part = _part_of(path)
    try:
        with part:
            yield part
            part.flush()
            os.fsync(part.fileno())
        Path(part.name).replace(path)
    except BaseException as error:
        Path(part.name).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise CouldNotCheck("export_not_written", f"{path} could not be written: {error.strerror}") from error
        raise


@contextmanager
def export_bar(run: Run) -> Iterator[Callable[[AuditRecord], None]]:
    """Count records and show how far back they reach; call what this gives with each record."""
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} records"), TextColumn("{task.description}"))
    with run.progress_bar(*columns, TimeElapsedColumn()) as progress:
        task = progress.add_task("", total=None)
        yield lambda record: progress.update(task, advance=1, description=f"back to {instant(record.recorded_at)}")


def _part_of(path: Path) -> IO[str]:
    if path.exists() and not path.is_file():
        raise click.UsageError(f"{path} is not a file.")
    try:
        return NamedTemporaryFile(
            "w", dir=path.parent, prefix=f".{path.name}.", suffix=".part", encoding="utf-8", newline="", delete=False
        )
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}.") from error
