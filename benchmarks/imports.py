"""What a cold start pays before the first request: importing the hook, against importing boto3 and making a client."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import fleetgate
from benchmarks.figures import Count, Ratio

_ROUNDS = 9
_SOURCE = Path(fleetgate.__file__).parents[1]
_UNWANTED = ("boto3", "pydantic", "aws_xray_sdk")

_FLOOR = "import boto3; boto3.client('dynamodb', region_name='eu-central-1')"
_IMPORT = "import fleetgate.gate.hook"
_SUBJECTS = {
    "import of hook": _IMPORT,
    # As at init in Lambda, where the handler module builds its client before the first request.
    "import of hook, client built": f"import os; os.environ['AWS_LAMBDA_FUNCTION_NAME'] = 'hook'; {_IMPORT}",
    "empty interpreter": "pass",
}


def import_figures(variables: Mapping[str, str]) -> Iterator[Count | Ratio]:
    """What is imported, and what it costs a fresh interpreter.

    Args:
        variables: Of the deployed hook; it needs them to build its client.
    """
    loaded = _run(f"{_IMPORT}; import sys; print(*sys.modules, sep='\\n')", variables).stdout.splitlines()
    unwanted = tuple(sorted({name.partition(".")[0] for name in loaded} & {*_UNWANTED}))
    yield Count(
        name="unwanted imports", count=len(unwanted), detail=unwanted or (f"none of {', '.join(_UNWANTED)}",), goal=0
    )

    costs: dict[str, list[float]] = {name: [] for name in _SUBJECTS}
    walls: dict[str, list[float]] = {name: [] for name in _SUBJECTS}
    floor_costs: list[float] = []
    floor_walls: list[float] = []
    for code in (_FLOOR, *_SUBJECTS.values()):
        _run(code, variables)  # byte code is written, files are in memory
    for _ in range(_ROUNDS):
        _measure(_FLOOR, variables, floor_walls, floor_costs)
        for name, code in _SUBJECTS.items():
            _measure(code, variables, walls[name], costs[name])
    for name in _SUBJECTS:
        yield Ratio.of(name, "processor time", costs[name], floor_costs)
        yield Ratio.of(name, "wall time", walls[name], floor_walls)


def _measure(code: str, variables: Mapping[str, str], walls: list[float], costs: list[float]) -> None:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    _run(code, variables)
    ended, after = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    walls.append(ended - started)
    costs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _run(code: str, variables: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - our own interpreter and our own code
        [sys.executable, "-c", code],
        env={**variables, "PYTHONPATH": str(_SOURCE), "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
