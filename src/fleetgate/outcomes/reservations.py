"""Ask AWS IoT what became of reservations that ran out unseen: completed, released for the next try, or left open."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.faults import Fault
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.reasons import FaultReason
from fleetgate.outcomes.note import Noted, OutcomeRecorder
from fleetgate.outcomes.outcome import OutcomeEvent, OutcomeReason, may_complete_unseen, never_completed
from fleetgate.outcomes.sweep import RecordSweep
from fleetgate.store.audit_reader import UnreadableRecord
from fleetgate.store.certificates import CertificateOutOfReach, Certificates, CertificateStatus, Obstacle
from fleetgate.store.faults import Overtaken, until_written

# AWS IoT never activated it, so nobody can have used it.
_UNUSED = frozenset({CertificateStatus.PENDING_ACTIVATION, None})


class ReservationResult(StrEnum):
    """What became of a reservation."""

    COMPLETED = "completed"
    RELEASED = "released"
    LEFT_OPEN = "left_open"
    UNREADABLE = "unreadable"
    NOTHING_OPEN = "nothing_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """Looks into the decisions that let devices in, once each, as soon as their reservations have run out.

    Attributes:
        sweep: Its patience is longer than any reservation.
        tell_unreadable: Told what could not be read and is passed by.
    """

    recorder: OutcomeRecorder
    sweep: RecordSweep
    certificates: Certificates
    tell_unreadable: Callable[[str], None]

    def run(self, goes_on: Callable[[], bool] = lambda: True) -> Iterator[ReservationResult]:
        """Look into what is due; what became of each, one by one.

        Args:
            goes_on: Asked before each decision; no ends the run.

        Raises:
            Fault: The tables or AWS IoT could not be asked. What was looked into until then is done.
        """
        now = self.recorder.clock.now()
        with closing(self.sweep.run(_lets_in, now=now, goes_on=goes_on)) as decisions:
            for decision in decisions:
                yield self._looked_into(decision, now)

    def _looked_into(self, decision: AuditRecord | UnreadableRecord, now: datetime) -> ReservationResult:
        if isinstance(decision, UnreadableRecord):
            self.tell_unreadable(f"audit record {decision.record_id or 'without an ID'}")
            return ReservationResult.UNREADABLE
        try:
            return self._settle(decision, now)
        except Fault as fault:
            if fault.reason is not FaultReason.CORRUPT_ITEM:
                raise
            self.tell_unreadable(decision.subject)
            return ReservationResult.UNREADABLE

    def _settle(self, decision: AuditRecord, now: datetime) -> ReservationResult:
        """Settle the reservation that a decision made, if it is still open."""
        serial_number = SerialNumber(decision.serial_number or "")

        def attempt() -> ReservationResult:
            entry = self.recorder.store.device(serial_number)
            held = entry.reservation if entry else None
            if entry is None or held is None or held.decision_id != decision.decision_id or held.is_live(now):
                return ReservationResult.NOTHING_OPEN
            status = self._status(held.certificate_id)
            if status not in _UNUSED:
                # An inactive one may be a quarantine's, and be active again tomorrow: it says nothing of the device.
                if status is not CertificateStatus.ACTIVE or not may_complete_unseen(held):
                    return ReservationResult.LEFT_OPEN
                outcome = OutcomeEvent(
                    reason=OutcomeReason.CERTIFICATE_ACTIVE,
                    seen_at=now,
                    event_id=decision.record_id,
                    certificate_id=held.certificate_id,
                    thing_name=decision.thing_name,
                )
                done = self.recorder.note(outcome) is Noted.COMPLETED
                return ReservationResult.COMPLETED if done else ReservationResult.NOTHING_OPEN
            after = never_completed(entry)
            if self.recorder.store.settle(after, self._release(decision, now, after.version)):
                return ReservationResult.RELEASED
            raise Overtaken

        return until_written(attempt)

    def _status(self, certificate_id: str) -> CertificateStatus | None:
        """What AWS IoT says of a certificate; None where there is none."""
        try:
            return self.certificates.status(certificate_id)
        except CertificateOutOfReach as error:
            if error.obstacle is Obstacle.NOT_FOUND:
                return None
            raise Fault(FaultReason.SERVICE_UNAVAILABLE) from error

    def _release(self, decision: AuditRecord, now: datetime, version: int) -> AuditRecord:
        return replace(
            decision,
            record_id=self.recorder.clock.new_record_id(now),
            recorded_at=now,
            kind=RecordKind.OUTCOME,
            verdict=None,
            reason=OutcomeReason.NEVER_COMPLETED.value,
            superseded_certificate_id=None,
            taken_over=False,
            entry_version=version,
            client_id=None,
            presented_serial_number=None,
            presented_mac_address=None,
            request_id=None,
        )


def _lets_in(record: AuditRecord) -> bool:
    return record.verdict is Verdict.ALLOWED
