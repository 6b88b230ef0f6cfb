"""From the errors of PynamoDB and botocore to the gate's faults, told apart by code."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, NoCredentialsError, ReadTimeoutError
from pynamodb.exceptions import PynamoDBException

from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason

# DynamoDB developer guide, "Error handling"; KMS errors surface through DynamoDB under their own names.
_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "ThrottlingException",
        "ThrottlingError",
    }
)
_DENIED = frozenset(
    {
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "KMSAccessDeniedException",
        "KMSDisabledException",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
    }
)


# A write that was overtaken is judged and tried again; who is overtaken this often is up against a runaway writer.
_MAX_TRIES = 5
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 5.0

_Result = TypeVar("_Result")


class Overtaken(Exception):
    """Somebody else wrote between the read and the write, and nothing was written."""


class UnreadableItem(ValueError):
    """An item whose attributes contradict each other."""


@contextmanager
def faults_translated() -> Iterator[None]:
    """Raise every failure of the store as a Fault."""
    try:
        yield
    except PynamoDBException as error:
        raise Fault(fault_reason(error)) from error
    except (BotoCoreError, ClientError) as error:
        # From calls that PynamoDB has no method for.
        raise Fault(fault_reason(PynamoDBException("a call failed", error))) from error
    except (UnreadableItem, TypeError, ValueError) as error:
        # PynamoDB raises plain TypeError and ValueError for attributes of the wrong type.
        raise Fault(FaultReason.CORRUPT_ITEM) from error


def fault_reason(error: PynamoDBException) -> FaultReason:
    """Which fault a failed call is."""
    codes = {response_code(error), *cancellation_codes(error)}
    if codes & _THROTTLED:
        return FaultReason.STORE_THROTTLED
    if codes & _DENIED:
        return FaultReason.STORE_ACCESS_DENIED
    if isinstance(error.cause, ReadTimeoutError | ConnectTimeoutError):
        return FaultReason.STORE_TIMEOUT
    if isinstance(error.cause, NoCredentialsError):
        return FaultReason.STORE_ACCESS_DENIED
    return FaultReason.STORE_UNAVAILABLE


def response_code(error: PynamoDBException) -> str | None:
    """DynamoDB's error code; None when there was no answer.

    PynamoDB's own `cause_response_code` fails on botocore's HTTPClientError, whose `response` is None (6.1.0).
    """
    response = getattr(error.cause, "response", None) or {}
    code = response.get("Error", {}).get("Code")
    return None if code is None else str(code)


def cancellation_codes(error: PynamoDBException) -> set[str]:
    """Why the parts of a cancelled transaction failed; empty for any other error."""
    return {reason.code for reason in getattr(error, "cancellation_reasons", ()) if reason is not None}


def condition_failed(error: PynamoDBException) -> bool:
    """Whether a write of one item was refused for what the item holds."""
    return response_code(error) == "ConditionalCheckFailedException"


def is_lost_race(error: PynamoDBException) -> bool:
    """Whether a transaction was cancelled for what its items hold, or for another transaction at the same item."""
    return bool(cancellation_codes(error) & {"ConditionalCheckFailed", "TransactionConflict"})


def until_written(
    attempt: Callable[[], _Result],
    *,
    max_tries: int = _MAX_TRIES,
    sleep: Callable[[float], None] | None = None,
    otherwise: FaultReason = FaultReason.STORE_CONTENTION,
) -> _Result:
    """Read, judge and write again for as long as somebody else keeps writing first.

    Args:
        attempt: One try, from the read to the write; raises Overtaken where the write was, or has to come again.
        sleep: Waits some seconds between tries, longer each time; None tries again at once.
        otherwise: The fault when no try was left.

    Returns:
        What the last try gave.

    Raises:
        Fault: Every try was overtaken.
    """
    for number in range(max_tries):
        try:
            return attempt()
        except Overtaken:
            if sleep is not None:
                sleep(min(_FIRST_PAUSE_SECONDS * 2**number, _LONGEST_PAUSE_SECONDS) * random.uniform(0.5, 1.0))  # noqa: S311
    raise Fault(otherwise)
