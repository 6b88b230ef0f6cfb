"""Shows figures: a table for people, JSON for programs."""

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import version

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Amount, Count, Figure, Ratio


def machine() -> dict[str, str | int]:
    """What the figures were measured on."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count() or 0,
        **{name: version(name) for name in ("aws-lambda-powertools", "boto3", "botocore", "pynamodb")},
    }


def as_json(figures: Iterable[Figure]) -> str:
    """The machine and every figure."""
    return json.dumps({"machine": machine(), "figures": [asdict(figure) for figure in figures]}, indent=2)


def show(figures: Iterable[Figure], console: Console) -> None:
    """Print a table."""
    table = Table(title="Fleetgate against its floors", title_justify="left", caption_justify="left")
    table.caption = ", ".join(f"{name} {value}" for name, value in machine().items())
    for column in ("figure", "what"):
        table.add_column(column)
    for column in ("measured", "floor", "ratio", "middle half", "goal"):
        table.add_column(column, justify="right", no_wrap=True)
    for figure in figures:
        table.add_row(*_row(figure))
    console.print(table)


def _row(figure: Figure) -> tuple[str, ...]:
    match figure:
        case Count():
            goal = _goal(str(figure.goal), figure.count == figure.goal)
            return figure.name, " + ".join(figure.detail), str(figure.count), "", "", "", goal
        case Amount():
            return figure.name, figure.what, f"{figure.amount:,.6g} {figure.unit}", "", "", "", _goal_of(figure)
        case Ratio():
            goal = "" if figure.goal is None else _goal(f"≤ {figure.goal}", figure.ratio <= figure.goal)
            return (
                figure.name,
                figure.cost,
                _time(figure.measured_seconds),
                _time(figure.floor_seconds),
                f"{figure.ratio:.2f}",
                f"{figure.low:.2f} - {figure.high:.2f}",
                goal,
            )


def _time(seconds: float) -> str:
    return f"{seconds * 1_000_000:.1f} µs" if seconds < 0.000_1 else f"{seconds * 1000:.2f} ms"


def _goal_of(figure: Amount) -> str:
    if figure.least is not None:
        return _goal(f"≥ {figure.least:,.6g}", figure.amount >= figure.least)
    if figure.most is not None:
        return _goal(f"≤ {figure.most:,.6g}", figure.amount <= figure.most)
    return ""


def _goal(text: str, is_met: bool) -> str:
    return f"{text} [green]✓[/]" if is_met else f"{text} [red]✗[/]"
