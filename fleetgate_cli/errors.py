"""How a command ends: the exit codes, and the errors that say one sentence to people and a code to programs."""

import io
import json
from enum import IntEnum
from typing import IO, Any

import click

from fleetgate_cli.terminal import harmless


class ExitCode(IntEnum):
    """What the exit code tells a script. 130 stands for an interrupt, as in every shell."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    COULD_NOT_CHECK = 3
    INTERRUPTED = 130


class CommandFailed(click.ClickException):
    """A command that did not do what it was asked; one sentence, and a code for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def format_message(self) -> str:
        """The sentence for people; it may quote what others wrote."""
        return harmless(self.message)


class Refused(CommandFailed):
    """The gate, the allow-list or the audit trail refuses: denied, not found, conflict."""

    exit_code = ExitCode.REFUSED


class CouldNotCheck(CommandFailed):
    """Neither done nor refused: AWS or the tables could not answer."""

    exit_code = ExitCode.COULD_NOT_CHECK


def show(error: click.ClickException, *, as_json: bool, stream: IO[Any]) -> None:
    """Write a failure to a stream, for a person or as one JSON document."""
    if as_json:
        code, message = (
            (error.code, error.message) if isinstance(error, CommandFailed) else ("usage", error.format_message())
        )
        click.echo(json.dumps({"error": {"code": code, "message": message}}), file=stream)
    else:
        said = io.StringIO()
        error.show(file=said)
        # It may quote what others wrote, such as the name of a file.
        click.echo(harmless(said.getvalue()), file=stream, nl=False)
