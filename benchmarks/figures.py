"""What a benchmark says: how often something happens, how much it is, or what it costs against its floor."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles


class CouldNotMeasure(Exception):
    """What was to be measured did not do its work, so that its time means nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A figure that is the same in every run.

    Attributes:
        detail: What was counted, one by one.
        goal: The number it has to be.
    """

    name: str
    count: int
    detail: tuple[str, ...]
    goal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A figure that stands for itself.

    Attributes:
        unit: Of the amount, and of what it has to keep to.
        least: What it has to reach. most: what it must not exceed. None where there is none.
    """

    name: str
    what: str
    amount: float
    unit: str
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A cost against its floor.

    Attributes:
        measured_seconds: Median over the rounds, for one repetition.
        floor_seconds: The same of the floor.
        ratio: Median of the ratios, each of one round; not the ratio of the medians.
        low: First quartile of the ratios. high: third quartile.
        goal: The most it may be; None where there is none.
    """

    name: str
    cost: str
    measured_seconds: float
    floor_seconds: float
    ratio: float
    low: float
    high: float
    rounds: int
    goal: float | None = None

    @classmethod
    def of(
        cls, name: str, cost: str, measured: Sequence[float], floor: Sequence[float], *, goal: float | None = None
    ) -> "Ratio":
        """From the seconds of both sides, round by round."""
        ratios = [mine / its for mine, its in zip(measured, floor, strict=True)]
        low, middle, high = quantiles(ratios, n=4, method="inclusive")
        return cls(
            name=name,
            cost=cost,
            measured_seconds=median(measured),
            floor_seconds=median(floor),
            ratio=middle,
            low=low,
            high=high,
            rounds=len(ratios),
            goal=goal,
        )


Figure = Count | Amount | Ratio
