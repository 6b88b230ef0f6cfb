"""How a command fails: exit codes, and from the errors of the parts below to one sentence and a code."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import IO, Any

import click
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from fleetgate.domain.allow_list import InvalidEntry
from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason
from fleetgate.domain.refusals import Refusal
from fleetgate_cli.local_stack import StackNotRunning


class ExitCode(IntEnum):
    """What the exit code tells a script. 130 stands for an interrupt, as in every shell."""

    DONE = 0
    SAID_NO = 1
    USAGE = 2
    COULD_NOT_CHECK = 3
    INTERRUPTED = 130


class CommandFailed(click.ClickException):
    """A command that did not do what it was asked; one sentence, and a code for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SaidNo(CommandFailed):
    """The gate or a list speaks against it."""

    exit_code = ExitCode.SAID_NO


class CouldNotCheck(CommandFailed):
    """Neither yes nor no: AWS or the tables could not be asked."""

    exit_code = ExitCode.COULD_NOT_CHECK


@contextmanager
def errors_translated() -> Iterator[None]:
    """Raise every foreseen failure as one that click can show."""
    try:
        yield
    except Refusal as refusal:
        raise SaidNo(refusal.code.value, str(refusal)) from refusal
    except InvalidEntry as error:
        raise click.UsageError(str(error)) from error
    except Fault as fault:
        raise CouldNotCheck(fault.reason.value, _fault(fault)) from fault
    except StackNotRunning as error:
        raise CouldNotCheck("stack_not_running", str(error)) from error
    except NoRegionError as error:
        raise CouldNotCheck("no_region", "No AWS region is set: give --region, or set AWS_REGION.") from error
    except NoCredentialsError as error:
        raise CouldNotCheck("no_credentials", f"{error}: sign in, or give --profile") from error
    except ClientError as error:
        raise CouldNotCheck(str(error.response["Error"].get("Code", "aws_error")), f"AWS refused: {error}") from error
    except BotoCoreError as error:
        raise CouldNotCheck("aws_unreachable", f"AWS could not be asked: {error}") from error


def show(error: click.ClickException, *, as_json: bool, stream: IO[Any]) -> None:
    """Write a failure to a stream, for a person or as one JSON document."""
    if as_json:
        code = error.code if isinstance(error, CommandFailed) else "usage"
        click.echo(json.dumps({"error": {"code": code, "message": error.format_message()}}), file=stream)
    else:
        error.show(file=stream)


def _fault(fault: Fault) -> str:
    # A fault's own remedy speaks to whoever runs the hook, not to whoever runs this command.
    meaning = (
        "These credentials may not make a call that the command needs."
        if fault.reason is FaultReason.STORE_ACCESS_DENIED
        else fault.reason.meaning
    )
    # PynamoDB's own message names the operation only; what AWS said is behind it.
    detail = getattr(fault.__cause__, "cause", None) or fault.__cause__
    return f"{meaning} ({detail})" if detail else meaning
