"""Walks that take turns: none keeps another from its own."""

from collections.abc import Callable, Iterator
from enum import StrEnum

from fleetgate.outcomes.turns import CLOSING_MILLISECONDS, take_turns


class Step(StrEnum):
    """What a sweep of the test does."""

    TAKEN = "taken"


class Clock:
    """The time that an invocation has left, which every step of a sweep uses up some of."""

    def __init__(self, milliseconds: int) -> None:
        self.milliseconds = milliseconds

    def left(self) -> int:
        """What Lambda says."""
        return self.milliseconds

    def sweep(self, goes_on: Callable[[], bool]) -> Iterator[Step]:
        """Takes a second a step, and has no end."""
        while goes_on():
            self.milliseconds -= 1000
            yield Step.TAKEN


def failing(_goes_on: Callable[[], bool]) -> Iterator[Step]:
    """Fails at the second step."""
    yield Step.TAKEN
    raise RuntimeError("broken")


def short(_goes_on: Callable[[], bool]) -> Iterator[Step]:
    """Has one step."""
    yield Step.TAKEN


def test_walks_share_the_time_and_leave_some_for_closing() -> None:
    clock = Clock(CLOSING_MILLISECONDS + 90_000)
    turns = take_turns({"a": clock.sweep, "b": clock.sweep, "c": clock.sweep}, clock.left)

    assert {name: counts.total() for name, counts in turns.counts.items()} == {"a": 30, "b": 30, "c": 30}
    assert clock.milliseconds == CLOSING_MILLISECONDS


def test_what_a_walk_does_not_need_is_there_for_the_next() -> None:
    clock = Clock(CLOSING_MILLISECONDS + 90_000)
    turns = take_turns({"a": short, "b": clock.sweep, "c": clock.sweep}, clock.left)

    assert {name: counts.total() for name, counts in turns.counts.items()} == {"a": 1, "b": 45, "c": 45}


def test_no_walk_begins_when_the_time_is_over() -> None:
    clock = Clock(CLOSING_MILLISECONDS - 1)
    assert take_turns({"a": clock.sweep, "b": clock.sweep}, clock.left).counts == {"a": {}, "b": {}}


def test_a_walk_that_fails_keeps_no_other_from_its_turn_and_what_it_did_counts() -> None:
    turns = take_turns({"a": failing, "b": short}, Clock(CLOSING_MILLISECONDS + 1000).left)

    assert {name: counts[Step.TAKEN] for name, counts in turns.counts.items()} == {"a": 1, "b": 1}
    assert {name: str(failure) for name, failure in turns.failures.items()} == {"a": "broken"}
