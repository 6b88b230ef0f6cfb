"""The device certificates of many devices, as many at a time as there is time for, and where to go on."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.operators.certificates import Handled, Tally
from fleetgate.operators.many_certificates import handle_all
from fleetgate.store.allow_list import DevicePage

# AWS IoT takes some seconds for as many.
_AT_ONCE = 20

_Subject = TypeVar("_Subject")
_Place = TypeVar("_Place")


@dataclass(frozen=True, slots=True)
class Batch(Generic[_Place]):
    """What was done of a long work.

    Attributes:
        next_place: Where it goes on; None when all is done.
    """

    tally: Tally
    next_place: _Place | None


def handle_some(
    subjects: Iterable[tuple[_Subject | None, _Place]],
    handle: Callable[[_Subject], tuple[Handled, ...]],
    *,
    goes_on: Callable[[], bool],
) -> Batch[_Place]:
    """Do the same with the certificates of devices one after the other, as long as there is time.

    Args:
        subjects: Each with the place behind it; None is a place without one.
        goes_on: Asked before each handful; the first is done in any case.

    Raises:
        Fault: The tables could not be asked; repeat it.
    """
    tally, place, waiting = Tally(), None, iter(subjects)
    while some := list(islice(waiting, _AT_ONCE)):
        if place is not None and not goes_on():
            return Batch(tally, place)
        tally.merge(handle_all([subject for subject, _ in some if subject is not None], handle))
        place = some[-1][1]
    return Batch(tally, None)


def devices_in(pages: Iterable[DevicePage]) -> Iterator[tuple[AllowListEntry | None, str]]:
    """The devices of some pages, each with the place behind it; a page without any has a place all the same."""
    for page in pages:
        yield from ((entry, place) for entry, place in page.entries)
        if page.place is not None:
            yield None, page.place
