"""A reservation was taken over: the loser's certificate is deactivated at once, and the live session is ended.

Of two contestants never two have a working identity. The hook has no time for that, and no right to it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.faults import Fault
from fleetgate.operators.certificates import CertificateService
from fleetgate.operators.tally import Handled
from fleetgate.store.certificates import CertificateOutOfReach, Obstacle, SessionResult
from fleetgate.watch.store import ClaimWatchStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Loser:
    """What became of the certificate that lost its reservation.

    Attributes:
        record_id: Of the decision that took the reservation over.
        handled: None where the device may use the certificate again, or it could not be deactivated.
        problem: After which the record has to come again; also that the live session could not be ended.
    """

    record_id: str
    certificate_id: str
    serial_number: str
    handled: Handled | None = None
    problem: Fault | CertificateOutOfReach | None = None


def watch_takeovers(
    records: Iterable[AuditRecord], *, store: ClaimWatchStore, service: Callable[[], CertificateService]
) -> Iterator[Loser]:
    """Deactivate the losers' certificates; one that fails does not hold up the others. Safe to repeat.

    Args:
        records: New ones, of any kind.
        service: Gives what deactivates certificates; asked where there is a take-over.
    """
    for record in records:
        if record.kind is not RecordKind.DECISION or record.verdict is not Verdict.ALLOWED or not record.taken_over:
            continue
        certificate_id, serial_number = record.superseded_certificate_id, record.serial_number
        if certificate_id is None or serial_number is None:
            continue
        handled: Handled | None = None
        problem: Fault | CertificateOutOfReach | None = None
        try:
            fingerprint = store.key_of(serial_number, certificate_id)
            handled = service().deactivate_superseded(record, key_fingerprint=fingerprint)
            if handled is not None and handled.session is SessionResult.NOT_ENDED:
                problem = CertificateOutOfReach(Obstacle.UNAVAILABLE)
        except (Fault, CertificateOutOfReach) as error:
            problem = error
        yield Loser(
            record_id=record.record_id,
            certificate_id=certificate_id,
            serial_number=serial_number,
            handled=handled,
            problem=problem,
        )
