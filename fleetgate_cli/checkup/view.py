"""How `fleetgate doctor` shows what it found, in 80 columns."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.text import Text

from fleetgate_cli.checkup.line import Line, State
from fleetgate_cli.tables import plain_table, print_table, short, word

_CERTIFICATE_ID_DIGITS = 64
_MAX_NAMED = 5
_COLUMNS = 80
_CHECK_COLUMNS, _STATE_COLUMNS, _BETWEEN = 20, 9, 4
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
    table.columns[-1].max_width = _COLUMNS - _CHECK_COLUMNS - _STATE_COLUMNS - _BETWEEN
    for (check, state, *_), alike in groupby(lines, key=_shown_once):
        table.add_row(check.replace("_", " "), word(_WORDS.get(state, state.value)), _finding(list(alike)))
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


def _finding(alike: Sequence[Line]) -> Text:
    """A sentence, what it is about, and what to do."""
    first = alike[0]
    if first.state is State.OK:
        return Text(first.sentence)
    parts = [first.sentence]
    about = list(_about(alike))
    if first.state is not State.COULD_NOT_CHECK:
        parts.insert(0, f"{first.code}{': ' if about else ''}{', '.join(about)}")
    if first.remedy:
        parts.append(first.remedy)
    return Text("\n".join(parts))


def _about(alike: Sequence[Line]) -> Iterator[str]:
    # A list of names is in the sentence already.
    named = [line.about for line in alike if line.about and line.about not in line.sentence and "," not in line.about]
    for about in named[:_MAX_NAMED]:
        yield short(about) if len(about) == _CERTIFICATE_ID_DIGITS else about
    if len(named) > _MAX_NAMED:
        yield f"{len(named) - _MAX_NAMED} more"


def _number(lines: Sequence[Line], state: State) -> int:
    return sum(line.state is state for line in lines)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
