"""Bursts of denials: so many identities tried with one claim certificate, in so short a time, that somebody guesses.

Identities are counted, not denials: a genuine device that is turned away and tries again is one identity, however often
it tries.
"""

from collections import Counter, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.reasons import DenialReason
from fleetgate.domain.suspicion import Suspicion, reasons_for

# Who acts, in the audit trail, where no person does.
WATCHER = "fleetgate-watcher"

GUESS_REASONS: frozenset[DenialReason] = reasons_for(Suspicion.GUESS)


class Reaction(StrEnum):
    """What a burst leads to."""

    BLOCK = "block"
    NOTIFY = "notify"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPolicy:
    """From when on it is a burst, and what then.

    Attributes:
        window: How long a time is looked at; it slides.
        threshold: More distinct identities than this in a window are a burst.
    """

    window: timedelta = timedelta(minutes=10)
    threshold: int = 20
    reaction: Reaction = Reaction.BLOCK


@dataclass(frozen=True, slots=True)
class Guess:
    """A denial that points at guessing.

    Attributes:
        at: Aware UTC.
        identity: The serial number and the MAC address as they were presented.
    """

    record_id: str
    at: datetime
    identity: tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class Burst:
    """A window with too many identities in it.

    Attributes:
        identities: How many were counted; there may have been more.
        began_at: The first of them. ended_at: the last. Aware UTC.
    """

    identities: int
    began_at: datetime
    ended_at: datetime


def guess_of(record: AuditRecord) -> Guess | None:
    """The guess that an audit record tells of; None where it is something else."""
    if record.kind is not RecordKind.DECISION or record.verdict is not Verdict.DENIED:
        return None
    if record.reason not in GUESS_REASONS:
        return None
    return Guess(record.record_id, record.recorded_at, (record.presented_serial_number, record.presented_mac_address))


def burst_in(
    guesses: Iterable[Guess],
    policy: WatchPolicy,
    *,
    since: datetime | None = None,
    noticed: Collection[datetime] = (),
) -> Burst | None:
    """The window with the most identities, if these are too many; the first of several such.

    Args:
        guesses: Through one claim certificate, in any order, one and the same as often as it comes.
        since: Guesses up to then do not count: an operator has seen to them.
        noticed: When the bursts ended that were told of already. What is less than a window away from one is the same.
    """
    window: deque[Guess] = deque()
    presented: Counter[tuple[str | None, str | None]] = Counter()
    found: Burst | None = None
    counted = {guess for guess in guesses if since is None or guess.at > since}
    for guess in sorted(counted, key=lambda guess: (guess.at, guess.record_id)):
        window.append(guess)
        presented[guess.identity] += 1
        while window[0].at <= guess.at - policy.window:
            gone = window.popleft().identity
            presented[gone] -= 1
            if not presented[gone]:
                del presented[gone]
        is_known = any(abs(guess.at - end) < policy.window for end in noticed)
        if not is_known and len(presented) > max(policy.threshold, found.identities if found else 0):
            found = Burst(len(presented), window[0].at, guess.at)
    return found
