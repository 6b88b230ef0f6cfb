"""What `fleetgate doctor` looks at: one check for each part of a stack that can be wrong without anybody noticing."""

from collections.abc import Callable, Iterator, Mapping

from botocore.exceptions import BotoCoreError, ClientError

from fleetgate.domain.faults import Fault
from fleetgate_cli.checkup.alarms import alarms, dead_letters
from fleetgate_cli.checkup.archive import sealing
from fleetgate_cli.checkup.deployed import DeployedStack
from fleetgate_cli.checkup.gate import ATTACHMENT_CHECKS, attachment, blocked_claims, switch
from fleetgate_cli.checkup.line import Line, State
from fleetgate_cli.checkup.quotas import concurrency, register_thing_quota
from fleetgate_cli.errors import CouldNotCheck
from fleetgate_cli.run import Run

CHECKS: Mapping[str, Callable[[DeployedStack, str], Iterator[Line]]] = {
    **dict.fromkeys(ATTACHMENT_CHECKS, attachment),
    "switch": switch,
    "blocked_claims": blocked_claims,
    "sealing": sealing,
    "dead_letters": dead_letters,
    "alarms": alarms,
    "concurrency": concurrency,
    "register_thing_quota": register_thing_quota,
}


def check_up(run: Run) -> list[Line]:
    """Check every part. One that AWS cannot be asked about does not keep the others from being checked."""
    stack, lines = DeployedStack(run), list[Line]()
    for name, check in CHECKS.items():
        try:
            lines.extend(check(stack, name))
        except (Fault, CouldNotCheck, ClientError, BotoCoreError) as error:
            lines.append(_could_not(name, error))
    return lines


def _could_not(name: str, error: Exception) -> Line:
    cause = error.__cause__ if isinstance(error, Fault) else error
    match error:
        case CouldNotCheck():
            code, sentence = error.code, error.message
        case Fault():
            # PynamoDB's own message names the operation only; what AWS said is behind it.
            cause = getattr(cause, "cause", None) or cause
            code, sentence = error.reason.value, f"{error.reason.meaning} ({cause})" if cause else error.reason.meaning
        case ClientError():
            code, sentence = str(error.response.get("Error", {}).get("Code") or "aws_error"), str(error)
        case _:
            code, sentence = "aws_unreachable", str(error)
    denied = "AccessDenied" in str(cause)
    return Line(
        check=name,
        state=State.COULD_NOT_CHECK,
        code=code,
        sentence=sentence,
        remedy="docs/operators.md names the actions that doctor needs." if denied else "",
    )
