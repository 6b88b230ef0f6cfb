"""How long an invocation may work on a file. Whoever reads the file is stopped in time for a report."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, Self, cast

from fleetgate.domain.faults import DeadlineExceeded

# For the batch that is under way when the time is up, and for the report.
_RESERVED = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class Deadline:
    """The end of an invocation.

    Attributes:
        begins_at, ends_at: Of the invocation, aware UTC.
        now: The clock, aware UTC.
    """

    begins_at: datetime
    ends_at: datetime
    now: Callable[[], datetime]

    @classmethod
    def after(cls, seconds: float, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Self:
        """The deadline of an invocation that has so many seconds left."""
        moment = now()
        return cls(moment, moment + timedelta(seconds=seconds), now)

    @property
    def minutes(self) -> int:
        """Minutes for the work."""
        return round((self.ends_at - self.begins_at - _RESERVED) / timedelta(minutes=1))

    def keep(self) -> None:
        """Go on only if there is time.

        Raises:
            DeadlineExceeded: There is only time for the report.
        """
        if self.now() >= self.ends_at - _RESERVED:
            raise DeadlineExceeded

    def timed(self, stream: BinaryIO) -> BinaryIO:
        """A stream that nobody can read on when the time is up."""
        return cast(BinaryIO, _Timed(stream, self))


# Of nobody who has to hurry.
NEVER = Deadline(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), lambda: datetime.now(UTC))


class _Timed:
    """A stream whose reader looks at the clock block by block."""

    def __init__(self, stream: BinaryIO, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, size: int = -1) -> bytes:
        self._deadline.keep()
        return self._stream.read(size)
