"""How `fleetgate doctor` shows what it found."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console

from fleetgate_cli.checkup import Line, State
from fleetgate_cli.tables import plain_table, print_table, word

_SHOWN_DIGITS = 8
_CERTIFICATE_ID_DIGITS = 64


def checkup_document(lines: Sequence[Line]) -> dict[str, Any]:
    """Every line, and whether anything is wrong."""
    return {
        "wrong": sum(line.state is State.WRONG for line in lines),
        "could_not_check": sum(line.state is State.COULD_NOT_CHECK for line in lines),
        "checks": [asdict(line) for line in lines],
    }


def print_checkup(lines: Sequence[Line], console: Console) -> None:
    """A table of the lines, and how they add up."""
    table = plain_table("Check", "State", "What")
    for line in lines:
        about = f"{line.about[:_SHOWN_DIGITS] if _is_certificate(line.about) else line.code}: " if line.remedy else ""
        what = f"{about}{line.sentence}"
        table.add_row(
            line.check.replace("_", " "),
            word(line.state.value.replace("_", " ")),
            f"{what}\n{line.remedy}" if line.remedy else what,
        )
    print_table(console, table)
    wrong = sum(line.state is State.WRONG for line in lines)
    unchecked = sum(line.state is State.COULD_NOT_CHECK for line in lines)
    if wrong:
        console.print(f"{_count(wrong, 'finding')}.", style="bold red")
    elif not unchecked:
        console.print("Nothing is wrong.", style="bold green")
    if unchecked:
        console.print(f"{_count(unchecked, 'part')} could not be checked.", style="yellow")


def _is_certificate(about: str) -> bool:
    return len(about) == _CERTIFICATE_ID_DIGITS


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
