"""The device certificates that were issued through a claim certificate, however often they were rotated since."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from fleetgate.domain.audit import AuditRecord
from fleetgate.operators.certificates import CertificateService
from fleetgate.operators.claim_store import ClaimStore
from fleetgate.operators.key_store import claim_stop_name
from fleetgate.operators.many_certificates import handle_all
from fleetgate.operators.tally import Handled, Tally


@dataclass(slots=True, kw_only=True)
class IssuedDeactivation:
    """Deactivates what decisions let in, each certificate once, and stops its key.

    A device may rotate until its certificate is noted as deactivated, when a walk has long passed by. So what it got
    with the certificate is looked for after that, where nothing lags, and `rest` gives it.

    Attributes:
        stop: The stop that holds the keys.
        since: Certificates that a device got with its own before that stay; None deactivates all, and the others of a
            key that is stopped, whoever they came through.
    """

    service: CertificateService
    stop: str
    since: datetime | None = None
    _seen: set[str] = field(default_factory=set)
    _waiting: dict[str, AuditRecord] = field(default_factory=dict)

    def handle(self, record: AuditRecord) -> tuple[Handled, ...]:
        """Deactivate the certificate that a decision let in, and look for what goes with it.

        Raises:
            Fault: The tables could not be asked.
        """
        certificate_id = record.certificate_id or ""
        self._seen.add(certificate_id)
        self._waiting.pop(certificate_id, None)
        handled = self.service.deactivate_issued(record, stop=self.stop)
        fingerprint = handled[0].key_fingerprint if self.since is None else None
        for found in self.service.beside(record, key_fingerprint=fingerprint):
            is_due = self.since is None or found.recorded_at >= self.since
            if is_due and found.certificate_id and found.certificate_id not in self._seen:
                self._waiting[found.certificate_id] = found
        return handled

    def rest(self) -> Tally:
        """Deactivate what was found beside all that was handled.

        Raises:
            Fault: The tables could not be asked.
        """
        tally = Tally()
        while self._waiting:
            certificate_id, record = self._waiting.popitem()
            if certificate_id not in self._seen:
                tally.add(self.handle(record))
        return tally


def deactivate_all_through(
    claim_certificate_id: str,
    *,
    service: CertificateService,
    claims: ClaimStore,
    progress: Callable[[Tally], None] = lambda _tally: None,
) -> Tally:
    """Deactivate every device certificate that was issued through a claim certificate, and stop its key.

    Safe to repeat. Certificates that devices got later with such a certificate of their own count as well: whoever has
    the claim certificate's key may have them; so do other certificates of a key that is stopped. Decisions that are no
    longer on record cannot be followed.

    Raises:
        Fault: The tables could not be asked; repeat it.
    """
    deactivation = IssuedDeactivation(service=service, stop=claim_stop_name(claim_certificate_id))
    tally = handle_all(issued_through(claim_certificate_id, claims), deactivation.handle, progress=progress)
    tally.merge(deactivation.rest())
    return tally


def activate_all_through(
    claim_certificate_id: str,
    *,
    service: CertificateService,
    claims: ClaimStore,
    progress: Callable[[Tally], None] = lambda _tally: None,
) -> Tally:
    """Lift a claim certificate's stop from every key that it was put on; activate what no other stop holds.

    Safe to repeat.

    Raises:
        Fault: The tables could not be asked; repeat it.
    """
    handle = partial(service.activate_issued, stop=claim_stop_name(claim_certificate_id))
    found = issued_from([[claim_certificate_id, ""]], claims, with_repeats=True)
    return handle_all((record for record, _ in found if record is not None), handle, progress=progress)


# Where a walk through what was issued is: the claim certificate and the certificates that lead from it to here, each
# with the ID of the last record that was gone through.
IssuedCursor = list[list[str]]


def issued_through(claim_certificate_id: str, claims: ClaimStore) -> Iterator[AuditRecord]:
    """A decision for each device certificate that goes back to a claim certificate, however often it was rotated."""
    found = issued_from([[claim_certificate_id, ""]], claims)
    return (record for record, _ in found if record is not None)


def issued_from(
    place: IssuedCursor, claims: ClaimStore, *, with_repeats: bool = False
) -> Iterator[tuple[AuditRecord | None, IssuedCursor]]:
    """The same from some place on, each with the place behind it; a query that found nothing has a place all the same.

    Depth first, so that a place is as short as a device's certificates are many. A place behind everything is empty.

    Args:
        with_repeats: Also give decisions that repeated an earlier one, which may have come another way.
    """
    levels = [_Level(certificate_id, after, claims) for certificate_id, after in place]
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
            levels.append(_Level(issued, "", claims))
            yield record, [level.place for level in levels]
        elif issued and not is_first and with_repeats:
            yield record, [level.place for level in levels]


class _Level:
    """One certificate on the way, and what was issued through it."""

    def __init__(self, certificate_id: str, after: str, claims: ClaimStore) -> None:
        self.certificate_id = certificate_id
        self.after = after
        self.records = claims.allows_through(certificate_id, after=after)

    @property
    def place(self) -> list[str]:
        return [self.certificate_id, self.after]
