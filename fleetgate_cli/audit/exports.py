"""Where an export goes: a file that is there as a whole or not at all, or stdout; and how far it is."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.documents import instant
from fleetgate_cli.errors import CouldNotCheck
from fleetgate_cli.run import Run


@contextmanager
def output_at(path: Path | None) -> Iterator[IO[str]]:
    """A text file, for its owner only, that takes its name when it is whole; stdout where there is no path.

    Raises:
        click.UsageError: Nothing can be written there.
        CouldNotCheck: Writing failed half-way. What lay there before is still there.
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
def watching(run: Run) -> Iterator[Callable[[AuditRecord], None]]:
    """Count records and tell how far back they reach, to a person at a terminal only."""
    console = Console(stderr=True, markup=False, highlight=False)
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} records"), TextColumn("{task.description}"))
    disabled = run.as_json or not console.is_terminal
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True, disable=disabled) as progress:
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
