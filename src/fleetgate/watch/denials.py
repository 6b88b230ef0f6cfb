"""Watch some new audit records: does somebody guess identities with one of the claim certificates?

Nothing is counted up from one call to the next: each is judged from what the audit table holds. So records may come
twice, late, in any order and cut into batches in any way, and two functions may judge the same claim certificate at
once.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from fleetgate.domain.audit import AuditRecord, NoticeAction, RecordKind
from fleetgate.domain.faults import Fault
from fleetgate.watch.answer import BurstResponder, Measure
from fleetgate.watch.burst import GUESS_REASONS, WATCHER, Burst, Guess, burst_in, guess_of
from fleetgate.watch.store import TooMuchToRead


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """How it stands with one claim certificate.

    Attributes:
        record_ids: Of the records that it was looked at for.
        burst: None when there is none, or none that was not told of already.
        measure: What was done about the burst.
        problem: Why it could not be checked: a Fault, after which the records have to come again; or TooMuchToRead,
            which is the same the next time.
    """

    claim_certificate_id: str
    record_ids: tuple[str, ...]
    burst: Burst | None = None
    measure: Measure | None = None
    problem: Fault | TooMuchToRead | None = None

    @property
    def has_to_come_again(self) -> bool:
        """Whether it can be checked later."""
        return isinstance(self.problem, Fault)


def watch_denials(records: Iterable[AuditRecord], *, responder: BurstResponder) -> Iterator[Watched]:
    """Look at each claim certificate that guesses were made with; one that fails does not hold up the others.

    Args:
        records: New ones, of any kind.
    """
    guesses: dict[str, set[Guess]] = defaultdict(set)
    for record in records:
        if record.claim_certificate_id is not None and (guess := guess_of(record)) is not None:
            guesses[record.claim_certificate_id].add(guess)
    for claim_certificate_id, new in guesses.items():
        ids = tuple(sorted(guess.record_id for guess in new))
        try:
            burst, measure = _judge(claim_certificate_id, new, responder)
        except (Fault, TooMuchToRead) as problem:
            yield Watched(claim_certificate_id=claim_certificate_id, record_ids=ids, problem=problem)
        else:
            yield Watched(claim_certificate_id=claim_certificate_id, record_ids=ids, burst=burst, measure=measure)


def _judge(
    claim_certificate_id: str, new: set[Guess], responder: BurstResponder
) -> tuple[Burst | None, Measure | None]:
    # Every window that a new guess is the last of. The window ends at a guess and not now, so that a burst which is
    # seen late is still one.
    start = min(guess.at for guess in new) - responder.policy.window
    end = max(guess.at for guess in new)
    # A notice of this burst is less than a window away from it, and its ID a window more.
    history = responder.store.history(claim_certificate_id, start=start - 2 * responder.policy.window)
    since = _last_action(history)
    # What was told before an operator acted is another matter.
    noticed = [
        record.recorded_at
        for record in history
        if record.action == NoticeAction.DENIAL_BURST and (since is None or record.recorded_at > since)
    ]
    for known in _growing(claim_certificate_id, new, responder, start=start, end=end):
        burst = burst_in(known, responder.policy, since=since, noticed=noticed)
        if burst is not None:
            return burst, responder.answer(claim_certificate_id, burst, since=since)
    return None, None


def _growing(
    claim_certificate_id: str, new: set[Guess], responder: BurstResponder, *, start: datetime, end: datetime
) -> Iterator[set[Guess]]:
    """What is known of the guesses, from the new ones on, a page of the index more each time."""
    known = set(new)  # the index may lack them yet
    yield known
    for page in responder.store.denials(claim_certificate_id, GUESS_REASONS, start=start, end=end):
        known.update(guess for record in page if (guess := guess_of(record)) is not None)
        yield known


def _last_action(history: Iterable[AuditRecord]) -> datetime | None:
    """When somebody last acted on the claim certificate, such as to release it; the watcher's own blocks aside."""
    return max(
        (
            record.recorded_at
            for record in history
            if record.kind is RecordKind.OPERATOR_ACTION and record.actor != WATCHER
        ),
        default=None,
    )
