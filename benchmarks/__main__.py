"""Measure the hook, the import and the audit trail against their floors and goals.

    python -m benchmarks [--json]

A figure that misses its goal is shown, not failed; the exit status is 1 only where something could not be measured.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.calls import calls_per_decision
from benchmarks.figures import CouldNotMeasure, Figure
from benchmarks.fingerprint import fingerprint_figures
from benchmarks.import_calls import import_call_figures
from benchmarks.import_memory import import_memory_figures
from benchmarks.import_writes import import_write_figures
from benchmarks.imports import import_figures
from benchmarks.query import query_figures
from benchmarks.report import as_json, show
from benchmarks.validation import validation_figures
from benchmarks.verify import verify_figures
from benchmarks.warm import warm_hook_figures
from benchmarks.whole_import import whole_import_figures
from harness.embedded import Embedded
from harness.gate_world import PARAMETERS, GateWorld
from local.embedded.stack import running_stack
from local.progress import step


def main() -> int:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure the hook, the import and the audit trail."
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    wanted = parser.parse_args()
    try:
        figures = list(_figures())
    except CouldNotMeasure as error:
        sys.stderr.write(f"could not measure: {error}\n")
        return 1
    if wanted.json:
        sys.stdout.write(as_json(figures) + "\n")
    else:
        show(figures, Console(width=None if sys.stdout.isatty() else 120))
    return 0


def _figures() -> Iterator[Figure]:
    with step("measuring fingerprints"):
        yield from fingerprint_figures()
    with step("measuring validation"):
        yield from validation_figures()
    with step("measuring the whole import of a factory list"):
        yield from whole_import_figures()
        yield from import_memory_figures()
    with step("measuring the verification of an archive"):
        yield from verify_figures()
    with TemporaryDirectory() as folder, running_stack(Path(folder), parameters=PARAMETERS) as stack:
        world = GateWorld.of(Embedded(stack))
        with step("counting DynamoDB calls"):
            yield from calls_per_decision(world)
        with step("measuring the warm hook"):
            yield from warm_hook_figures(world)
        with step("measuring questions to the audit trail"):
            yield from query_figures(world)
        with step("measuring imports"):
            yield from import_figures(world.environment)
        with step("measuring writes of a factory list"):
            yield from import_write_figures(world)
            yield from import_call_figures(world)


if __name__ == "__main__":
    sys.exit(main())
