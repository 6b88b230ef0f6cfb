"""Measures two ways of doing a thing in turn, so that whatever else this machine does falls on both alike."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

# One repetition, ready to go: what it needs is made before the clock starts.
Repetition = Callable[[], object]
Prepare = Callable[[int], Sequence[Repetition]]


@dataclass(frozen=True, slots=True)
class Seconds:
    """What repetitions cost on the average of each round: wall time, and processor time of this process."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def time(self, repetitions: Sequence[Repetition]) -> None:
        """Run one round."""
        wall, cpu = time.perf_counter(), time.process_time()
        for repetition in repetitions:
            repetition()
        cpu_ended, wall_ended = time.process_time(), time.perf_counter()
        self.wall.append((wall_ended - wall) / len(repetitions))
        self.cpu.append((cpu_ended - cpu) / len(repetitions))


def interleaved(subject: Prepare, floor: Prepare, *, rounds: int, repetitions: int) -> tuple[Seconds, Seconds]:
    """Measure both sides round by round; who goes first alternates, so that a drift favours neither.

    Args:
        repetitions: Of each side in a round.

    Returns:
        Of the subject and of the floor.
    """
    subject_seconds, floor_seconds = Seconds(), Seconds()
    sides: list[tuple[Prepare, Seconds]] = [(subject, subject_seconds), (floor, floor_seconds)]
    _run(repetition for prepare, _ in sides for repetition in prepare(repetitions))  # warm
    for _ in range(rounds):
        for prepare, seconds in sides:
            seconds.time(prepare(repetitions))
        sides.reverse()
    return subject_seconds, floor_seconds


def _run(repetitions: Iterable[Repetition]) -> None:
    for repetition in repetitions:
        repetition()
