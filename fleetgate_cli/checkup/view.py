"""How `fleetgate doctor` shows what it found, in 80 columns."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from rich.console import Console

from fleetgate_cli.checkup.line import Line, State
from fleetgate_cli.tables import plain_table, print_table, short, word

_CERTIFICATE_ID_DIGITS = 64
_MAX_NAMED = 5
# 80, less the columns before it and what the style puts between and around.
_FINDING_COLUMNS = 80 - len("register thing quota") - len("unchecked") - 6
_WORDS = {State.COULD_NOT_CHECK: "unchecked"}


def checkup_document(lines: Sequence[Line]) -> dict[str, Any]:
    """Every line, and whether anything is wrong."""
    return {
        "wrong": _number(lines, State.WRONG),
        "could_not_check": _number(lines, State.COULD_NOT_CHECK),
        "checks": [asdict(line) for line in lines],
    }


def print_checkup(lines: Sequence[Line], console: Console) -> None:
    """A table of the lines, and how they add up."""
    table = plain_table("Check", "State", "Finding")
    table.columns[-1].max_width = _FINDING_COLUMNS
    above = ""
    for (check, state, *_), alike in groupby(lines, key=_shown_once):
        name = check.replace("_", " ") if check != above else ""
        table.add_row(name, word(_WORDS.get(state, state.value)), _finding(list(alike)))
        above = check
    print_table(console, table)
    wrong, unchecked = _number(lines, State.WRONG), _number(lines, State.COULD_NOT_CHECK)
    if wrong:
        console.print(f"{_count(wrong, 'problem')} found.", style="bold red")
    elif not unchecked:
        console.print("Nothing is wrong.", style="bold green")
    if unchecked:
        console.print(f"{_count(unchecked, 'part')} could not be checked.", style="yellow")


def _shown_once(line: Line) -> tuple[str, State, str, str, str]:
    """What lines have in common that are shown as one."""
    return line.check, line.state, line.code, line.sentence, line.remedy


def _finding(alike: Sequence[Line]) -> str:
    """What it is about, a sentence, and what to do."""
    first, about = alike[0], ", ".join(_about(alike))
    return "\n".join(filter(None, [about and f"{first.code}: {about}", first.sentence, first.remedy]))


def _about(alike: Sequence[Line]) -> Iterator[str]:
    named = [line.about for line in alike if line.about and line.state is not State.OK and not _is_said(line)]
    for about in named[:_MAX_NAMED]:
        yield short(about) if len(about) == _CERTIFICATE_ID_DIGITS else about
    if len(named) > _MAX_NAMED:
        yield f"{len(named) - _MAX_NAMED} more"


def _is_said(line: Line) -> bool:
    return all(name in line.sentence for name in line.about.split(",")[:_MAX_NAMED])


def _number(lines: Sequence[Line], state: State) -> int:
    return sum(line.state is state for line in lines)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
