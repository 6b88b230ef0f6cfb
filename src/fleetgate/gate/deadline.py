"""A hard limit on how long a piece of work may take, whatever it waits for."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from fleetgate.domain.faults import DeadlineExceeded


@contextmanager
def answer_within(seconds: float) -> Iterator[None]:
    """Interrupt the work inside after some seconds of wall time.

    Socket time-outs start anew with every byte that arrives, so they cannot bound a call to a slow server; a timer
    of the operating system can. Main thread only, which is where Lambda runs a handler.

    Raises:
        DeadlineExceeded: The time is used up.
    """

    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise DeadlineExceeded

    previous = signal.signal(signal.SIGALRM, give_up)
    previous_timer = signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        signal.setitimer(signal.ITIMER_REAL, *previous_timer)
