"""The device certificates of a manufacturer, an import or a claim certificate, many at once."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TypeVar

from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.store.stops import StopStore
from fleetgate.workflows.device_certificates import CertificateDesk, Handled, Tally

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


def issued_through(claim_certificate_id: str, store: StopStore) -> Iterator[AuditRecord]:
    """A decision for each device certificate that goes back to a claim certificate, however often it was rotated."""
    seen, waiting = {claim_certificate_id}, [claim_certificate_id]
    while waiting:
        for record in store.allows_through(waiting.pop()):
            if record.certificate_id and record.certificate_id not in seen:
                seen.add(record.certificate_id)
                waiting.append(record.certificate_id)
                yield record
