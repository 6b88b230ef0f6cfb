"""Faults: the gate could not judge. Never to be confused with a denial, which is a value."""

from fleetgate.domain.reasons import FaultReason


class Fault(Exception):
    """Something the gate depends on failed; `reason` tells which thing, the cause is chained."""

    def __init__(self, reason: FaultReason) -> None:
        super().__init__(reason.meaning)
        self.reason = reason


class DeadlineExceeded(BaseException):
    """The time for an answer is used up.

    A BaseException, so that no library's `except Exception` on the way can take it for a failed attempt and retry.
    """
