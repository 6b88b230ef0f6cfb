"""The device certificates of a manufacturer, an import or a claim certificate, many at once."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TypeVar

from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.operators.certificates import CertificateDesk, Handled, Tally
from fleetgate.operators.stop_store import StopStore

# AWS IoT lets an account make ten such calls a second unless it was asked for more.
_THREADS = 4
_AT_ONCE = 100

_Subject = TypeVar("_Subject")


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


def deactivate_all_through(
    claim_certificate_id: str, *, desk: CertificateDesk, progress: Callable[[Tally], None] = lambda _tally: None
) -> Tally:
    """Deactivate for good every device certificate that was issued through a claim certificate. Safe to repeat.

    Certificates that devices got later with such a certificate of their own count as well: whoever has the claim
    certificate's key may have them. Decisions that are no longer on record cannot be followed.

    Raises:
        Fault: The tables could not be asked; repeat it.
    """
    return handle_all(
        issued_through(claim_certificate_id, desk.store), partial(deactivate_issued, desk), progress=progress
    )


def deactivate_issued(desk: CertificateDesk, record: AuditRecord) -> tuple[Handled, ...]:
    """Deactivate for good the device certificate that a decision led to.

    Raises:
        Fault: The tables could not be asked; repeat it.
    """
    entry = desk.store.device(SerialNumber(record.serial_number)) if record.serial_number else None
    return (desk.deactivate_for_good(entry, record),)


# Where a walk through what was issued is: the claim certificate and the certificates that lead from it to here, each
# with the ID of the last record that was gone through.
IssuedPlace = list[list[str]]


def issued_through(claim_certificate_id: str, store: StopStore) -> Iterator[AuditRecord]:
    """A decision for each device certificate that goes back to a claim certificate, however often it was rotated."""
    found = issued_from([[claim_certificate_id, ""]], store)
    return (record for record, _ in found if record is not None)


def issued_from(place: IssuedPlace, store: StopStore) -> Iterator[tuple[AuditRecord | None, IssuedPlace]]:
    """The same from some place on, each with the place behind it; a query that found nothing has a place all the same.

    Depth first, so that a place is as short as a device's certificates are many. A place behind everything is empty.
    """
    levels = [_Level(certificate_id, after, store) for certificate_id, after in place]
    while levels:
        record = next(levels[-1].records, None)
        if record is None:
            levels.pop()
            yield None, [level.place for level in levels]
            continue
        levels[-1].after = record.record_id
        issued = record.certificate_id
        # A retry led to nothing new.
        is_first = record.decision_id in (None, record.record_id)
        if issued and is_first and issued not in {level.certificate_id for level in levels}:
            levels.append(_Level(issued, "", store))
            yield record, [level.place for level in levels]


class _Level:
    """One certificate on the way, and what was issued through it."""

    def __init__(self, certificate_id: str, after: str, store: StopStore) -> None:
        self.certificate_id = certificate_id
        self.after = after
        self.records = store.allows_through(certificate_id, after=after)

    @property
    def place(self) -> list[str]:
        return [self.certificate_id, self.after]
