"""The device certificates of many devices: all at once, or in batches for as long as there is time."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.operators.tally import Handled, Tally
from fleetgate.store.allow_list import DevicePage

# AWS IoT lets an account make ten such calls a second unless it was asked for more.
_THREADS = 4
_AT_ONCE = 100
# AWS IoT takes some seconds for as many.
_BATCH_SIZE = 20

_Subject = TypeVar("_Subject")
_Cursor = TypeVar("_Cursor")


def handle_all(
    subjects: Iterable[_Subject],
    handle: Callable[[_Subject], tuple[Handled, ...]],
    *,
    progress: Callable[[Tally], None] = lambda _tally: None,
) -> Tally:
    """Do the same with the certificates of many devices, and count how it ended.

    Args:
        progress: Told how it stands now and then.

    Raises:
        Fault: The tables could not be asked; repeat it.
    """
    tally, waiting = Tally(), iter(subjects)
    with ThreadPoolExecutor(_THREADS) as pool:
        while some := list(islice(waiting, _AT_ONCE)):
            for handled in pool.map(handle, some):
                tally.add(handled)
                progress(tally)
    return tally


@dataclass(frozen=True, slots=True)
class Batch(Generic[_Cursor]):
    """What was done of a long work.

    Attributes:
        next_cursor: Where the work goes on; None when all is done.
    """

    tally: Tally
    next_cursor: _Cursor | None


def handle_some(
    subjects: Iterable[tuple[_Subject | None, _Cursor]],
    handle: Callable[[_Subject], tuple[Handled, ...]],
    *,
    should_continue: Callable[[], bool],
) -> Batch[_Cursor]:
    """Do the same with the certificates of devices one after the other, as long as there is time.

    Args:
        subjects: Each with the place behind it; None is a place without one.
        should_continue: Asked before each handful; the first is done in any case.

    Raises:
        Fault: The tables could not be asked; repeat it.
    """
    tally, place, waiting = Tally(), None, iter(subjects)
    while some := list(islice(waiting, _BATCH_SIZE)):
        if place is not None and not should_continue():
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
