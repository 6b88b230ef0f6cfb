"""The most memory that an import holds, in a process of its own that imports one list.

    python -m benchmarks.import_memory LIST

It prints how many rows were added and the peak of its resident memory in bytes.
"""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.figures import Amount, CouldNotMeasure
from benchmarks.import_subject import NullSink, apply_pass, check_pass, list_on_disk
from benchmarks.validation import factory_lines
from fleetgate.imports.collector import collect_rarely
from harness.memory import peak_bytes

_FEW_ROWS, _MANY_ROWS = 20_000, 1_000_000
_MAX_MEGABYTES = 100
_MAX_GROWTH = 1.05


def import_memory_figures() -> Iterator[Amount]:
    """Of a list, and of one that is fifty times as long."""
    few, many = _peak_megabytes(_FEW_ROWS), _peak_megabytes(_MANY_ROWS)
    for rows, megabytes in ((_FEW_ROWS, few), (_MANY_ROWS, many)):
        yield Amount(
            name=f"memory, {rows:,} rows",
            what="peak of the resident memory",
            amount=round(megabytes, 1),
            unit="MB",
            most=_MAX_MEGABYTES,
        )
    yield Amount(
        name="memory that grows with the list",
        what=f"peak of {_MANY_ROWS:,} rows by that of {_FEW_ROWS:,}",
        amount=round(many / few, 3),
        unit="times",
        most=_MAX_GROWTH,
    )


def _peak_megabytes(rows: int) -> float:
    with list_on_disk(_with_errors(factory_lines(rows))) as path:
        command = [sys.executable, "-m", "benchmarks.import_memory", str(path)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - our own code
    added, peak_bytes = map(int, done.stdout.split())
    if added != rows:
        raise CouldNotMeasure(f"{added} of {rows} rows were added")
    return peak_bytes / 1_000_000


def _with_errors(lines: Iterable[str]) -> Iterator[str]:
    """A list with a row too short after every hundredth."""
    for number, line in enumerate(lines, 1):
        yield line
        if number % 100 == 0:
            yield "FG-too-short\r\n"


def _import(path: Path) -> tuple[int, int]:
    """How many rows were added, and this process's peak of resident memory in bytes."""
    tally = apply_pass(path, check_pass(path), NullSink())
    return tally.rows["added"], peak_bytes()


if __name__ == "__main__":
    collect_rarely()
    sys.stdout.write("{} {}\n".format(*_import(Path(sys.argv[1]))))
