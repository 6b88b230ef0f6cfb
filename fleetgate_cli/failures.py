"""From the errors of the parts below to one sentence, an exit code and a code for programs."""

import click
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from fleetgate.domain.allow_list import InvalidEntry
from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason
from fleetgate.domain.refusals import Refusal
from fleetgate_cli.errors import CouldNotCheck, Refused
from fleetgate_cli.local_stack import StackNotRunning


def translated(error: Exception) -> click.ClickException | None:
    """An error as one that click can show; None for an error that nobody foresaw."""
    failure: click.ClickException | None
    match error:
        case Refusal():
            failure = Refused(error.code.value, str(error))
        case InvalidEntry():
            failure = click.UsageError(str(error))
        case Fault():
            failure = CouldNotCheck(error.reason.value, _sentence(error))
        case StackNotRunning():
            failure = CouldNotCheck("stack_not_running", str(error))
        case NoRegionError():
            failure = CouldNotCheck("no_region", "No AWS region is set: give --region, or set AWS_REGION.")
        case NoCredentialsError():
            failure = CouldNotCheck("no_credentials", f"{error}: sign in, or give --profile")
        case ClientError():
            failure = CouldNotCheck(str(error.response["Error"].get("Code", "aws_error")), f"AWS refused: {error}")
        case BotoCoreError():
            failure = CouldNotCheck("aws_unreachable", f"AWS did not answer: {error}")
        case _:
            failure = None
    return failure


def _sentence(fault: Fault) -> str:
    # A fault's own remedy speaks to whoever runs the hook, not to whoever runs this command.
    meaning = (
        "These credentials may not make a call that the command needs."
        if fault.reason is FaultReason.STORE_ACCESS_DENIED
        else fault.reason.meaning
    )
    # PynamoDB's own message names the operation only; what AWS said is behind it.
    detail = getattr(fault.__cause__, "cause", None) or fault.__cause__
    return f"{meaning} ({detail})" if detail else meaning
