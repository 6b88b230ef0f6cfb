"""What a check says: its lines, and the exit code that they add up to."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from fleetgate_cli.errors import ExitCode


class State(StrEnum):
    """How a check ended. A note is something to know, such as a block that an operator made."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"
    COULD_NOT_CHECK = "could_not_check"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that a check says.

    Attributes:
        code: For programs.
        about: The name or ID of what it is about; empty for the part as a whole.
    """

    check: str
    state: State
    code: str
    sentence: str
    remedy: str = ""
    about: str = ""


def exit_code_of(lines: Iterable[Line]) -> ExitCode:
    """What the exit code tells: something is wrong, else something could not be checked, else neither."""
    states = {line.state for line in lines}
    if State.WRONG in states:
        return ExitCode.REFUSED
    return ExitCode.COULD_NOT_CHECK if State.COULD_NOT_CHECK in states else ExitCode.DONE
