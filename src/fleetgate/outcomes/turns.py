"""Let sweeps run one after the other, so that none keeps another from its turn: neither by time nor by a failure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

# What a sweep does is told one by one, so that what it did before a failure is counted too.
SweepRun = Callable[[Callable[[], bool]], Iterable[StrEnum]]

# What is left for closing: noting the place, and a call that takes its time.
CLOSING_MILLISECONDS = 20_000


@dataclass(slots=True)
class Turns:
    """What came of all turns, by the name of the sweep."""

    counts: dict[str, Counter[StrEnum]] = field(default_factory=dict)
    failures: dict[str, Exception] = field(default_factory=dict)


def take_turns(sweeps: Mapping[str, SweepRun], milliseconds_left: Callable[[], int]) -> Turns:
    """Run every sweep. Each has an even share of the time that is left when its turn comes.

    Args:
        milliseconds_left: Of the invocation.
    """
    turns = Turns()
    for turn, (name, run) in enumerate(sweeps.items()):
        left = milliseconds_left() - CLOSING_MILLISECONDS
        until = CLOSING_MILLISECONDS + left - left // (len(sweeps) - turn)
        counts = turns.counts[name] = Counter()
        try:
            for what in run(partial(_is_before, until, milliseconds_left)):
                counts[what] += 1
        except Exception as failure:  # noqa: BLE001 - whoever asked for the turns raises it, once all had theirs
            turns.failures[name] = failure
    return turns


def _is_before(until: int, milliseconds_left: Callable[[], int]) -> bool:
    return milliseconds_left() > until
