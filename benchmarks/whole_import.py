"""The whole import of a factory's list, bytes to written, into a sink that takes all and takes no time for it.

    python -m benchmarks.whole_import LIST

It runs in a process of its own, since the garbage collector looks through all that a process has loaded. It prints the
processor seconds of the check pass, the apply pass, the floor and the apply pass of known devices as JSON, round by
round.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.figures import Amount, CouldNotMeasure, Ratio
from benchmarks.import_subject import KnownSink, NullSink, apply_pass, check_pass, list_on_disk
from benchmarks.validation import ROWS, bare_rows, factory_lines
from fleetgate.imports.collector import collect_rarely

_ROUNDS = 10
# Of one processor.
_LEAST_ROWS_A_SECOND = 30_000
_LEAST_UPDATES_A_SECOND = 5_000


def whole_import_figures() -> Iterator[Amount | Ratio]:
    """Both passes in processor time, of which there is one thread's; the floor is the bare loop of `validation`."""
    with list_on_disk(factory_lines(ROWS)) as path:
        command = [sys.executable, "-m", "benchmarks.whole_import", str(path)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - our own code
    rounds: list[tuple[float, float, float, float]] = json.loads(done.stdout)
    checks, applies, floors, updates = zip(*rounds, strict=True)
    wholes = [check + apply for check, apply in zip(checks, applies, strict=True)]
    yield Ratio.of(f"whole import of {ROWS:,} rows, null sink", "processor time", wholes, floors)
    yield Amount(
        name="whole import, null sink",
        what="rows in a second of a processor",
        amount=round(ROWS / median(wholes)),
        unit="rows/s",
        least=_LEAST_ROWS_A_SECOND,
    )
    yield Amount(
        name="whole import of known devices, each changed, null sink",
        what="rows in a second of a processor",
        amount=round(ROWS / median(check + update for check, update in zip(checks, updates, strict=True))),
        unit="rows/s",
        least=_LEAST_UPDATES_A_SECOND,
    )
    for name, seconds in (("check pass", checks), ("apply pass, null sink", applies)):
        yield Amount(
            name=name,
            what="processor time of a million rows",
            amount=round(median(seconds) / ROWS * 1_000_000, 1),
            unit="s",
        )


def _round(path: Path) -> tuple[float, float, float, float]:
    started = time.process_time()
    checked = check_pass(path)
    after_check = time.process_time()
    tally = apply_pass(path, checked, NullSink())
    after_apply = time.process_time()
    with path.open("rb") as stream:
        bare = sum(1 for _ in bare_rows(stream))
    ended = time.process_time()
    changed = apply_pass(path, checked, KnownSink())
    after_changes = time.process_time()
    if changed.rows != {"updated": ROWS}:
        raise CouldNotMeasure(f"the rows of known devices ended as {dict(changed.rows)}")
    if tally.rows != {"added": ROWS} or bare != ROWS:
        raise CouldNotMeasure(f"the rows of the whole import ended as {dict(tally.rows)}; the floor had {bare}")
    return after_check - started, after_apply - after_check, ended - after_apply, after_changes - ended


if __name__ == "__main__":
    collect_rarely()
    list_path = Path(sys.argv[1])
    _round(list_path)  # warm
    sys.stdout.write(json.dumps([_round(list_path) for _ in range(_ROUNDS)]))
