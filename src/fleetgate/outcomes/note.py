"""Note what happened after an allow: a reservation that was used makes its device provisioned."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from ulid import ULID

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord, Clock, RecordKind, printable
from fleetgate.domain.identifiers import InvalidIdentifier, SerialNumber
from fleetgate.outcomes.outcome import (
    OutcomeEvent,
    OutcomeReason,
    came_into_use,
    completed,
    decision_meant,
    fell_back,
    is_certainly_later,
    is_superseded_use,
)
from fleetgate.outcomes.store import OutcomeStore
from fleetgate.store.audit_items import make_clock
from fleetgate.store.faults import Overtaken, until_written
from fleetgate.store.tables import TableSettings


class Noted(StrEnum):
    """What a sign led to."""

    COMPLETED = "completed"
    IN_USE = "in_use"
    FELL_BACK = "fell_back"
    MAY_HAVE_FALLEN_BACK = "may_have_fallen_back"
    SUPERSEDED_USED = "superseded_used"
    REGISTERED = "registered"
    FAILED = "failed"
    UNAPPROVED = "unapproved"
    KNOWN = "known"
    NOT_OURS = "not_ours"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRecorder:
    """Notes outcomes.

    Attributes:
        thing_name_prefix: Stands before the serial number in thing names.
    """

    store: OutcomeStore
    thing_name_prefix: str
    clock: Clock

    @classmethod
    def of_stack(cls, tables: TableSettings, thing_name_prefix: str) -> "OutcomeRecorder":
        """The recorder of one stack."""
        return cls(store=OutcomeStore(tables), thing_name_prefix=thing_name_prefix, clock=make_clock())

    def note(self, outcome: OutcomeEvent) -> Noted:
        """Note one sign. The same sign again, or signs in another order, end in the same state and the same records.

        Raises:
            Fault: The tables could not be asked; repeat it later.
        """
        serial_number = self._serial_number(outcome)
        entry = self.store.device(serial_number) if serial_number else None
        decision_id = decision_meant(entry, outcome) if entry else None
        if outcome.is_of_stack and decision_id is None and not self._was_decided(outcome, serial_number):
            return self._noted(OutcomeReason.UNAPPROVED_THING, outcome, serial_number, outcome.event_id)
        if serial_number is None or entry is None:
            return Noted.NOT_OURS
        match outcome.reason:
            case OutcomeReason.CONNECTED | OutcomeReason.CERTIFICATE_ACTIVE:
                return self._used(outcome, serial_number, entry)
            case _ if decision_id is None:
                return Noted.KNOWN
            case _:
                return self._noted(outcome.reason, outcome, serial_number, decision_id, entry)

    def note_listed(self, thing: OutcomeEvent) -> Noted:
        """Note a thing that AWS IoT has, once, if no decision stands behind it.

        A decision is committed before its thing is made, so there is nothing to wait for.

        Raises:
            Fault: The tables could not be asked; repeat it later.
        """
        serial_number = self._serial_number(thing)
        entry = self.store.device(serial_number) if serial_number else None
        # The entry is asked first: it still names its decision when the audit table has forgotten it.
        if (entry and decision_meant(entry, thing)) or self._was_decided(thing, serial_number):
            return Noted.REGISTERED
        reason, hour = OutcomeReason.UNAPPROVED_THING, thing.seen_at.replace(minute=0, second=0, microsecond=0)
        # Two looks at once give one record; later ones find it, whether it came from here or from a registry event.
        record = self._record(reason, thing, thing.seen_at, _id_of(reason, thing.event_id, hour))
        if serial_number is not None:
            record = replace(record, serial_number=serial_number.value)
        if self.store.is_noted(record) or not self.store.note(record):
            return Noted.KNOWN
        return Noted.UNAPPROVED

    def _used(self, outcome: OutcomeEvent, serial_number: SerialNumber, entry: AllowListEntry | None) -> Noted:

        def attempt() -> Noted:
            nonlocal entry
            change = self._change(entry, outcome) if entry else None
            if entry is None:
                return Noted.KNOWN
            if change is None:
                return self._superseded_used(entry, outcome)
            what, after = change
            if self.store.settle(after, self._record_of_use(what, entry, outcome, after)):
                return what
            entry = self.store.device(serial_number)
            raise Overtaken

        return until_written(attempt)

    def _change(self, entry: AllowListEntry, outcome: OutcomeEvent) -> tuple[Noted, AllowListEntry] | None:
        """What a certificate in use changes; None where it is no news."""
        if (after := completed(entry, outcome)) is not None:
            return Noted.COMPLETED, after
        if (after := came_into_use(entry, outcome)) is not None:
            return Noted.IN_USE, after
        after, used = fell_back(entry, outcome), outcome.certificate_id
        if after is None or used is None or self.store.promised_to(used) != entry.serial_number:
            return None
        superseding = self.store.superseded_by(entry.serial_number, used)
        if superseding is not None and superseding.taken_over:
            return None  # the loser's certificate was deactivated at once: nobody is to use it
        current = entry.device_certificate
        is_certain = is_certainly_later(outcome.seen_at, current.seen_at if current else None)
        return Noted.FELL_BACK if is_certain else Noted.MAY_HAVE_FALLEN_BACK, after

    def _superseded_used(self, entry: AllowListEntry, outcome: OutcomeEvent) -> Noted:
        """Put on record that somebody uses a certificate that lost its place; it changes nothing of the device."""
        used, current = outcome.certificate_id, entry.device_certificate
        has_place = used in entry.certificate_ids and (current is None or used != current.fell_back_to)
        if outcome.reason is not OutcomeReason.CONNECTED or used is None or has_place:
            return Noted.KNOWN
        superseding = self.store.superseded_by(entry.serial_number, used)
        if superseding is None or not is_superseded_use(
            entry, outcome, superseded_at=superseding.recorded_at, is_loser=bool(superseding.taken_over)
        ):
            return Noted.KNOWN
        reason = OutcomeReason.SUPERSEDED_USED
        record = self._record(reason, outcome, outcome.seen_at, _id_of(reason, outcome.event_id, outcome.seen_at))
        record = replace(_about(entry, record), decision_id=superseding.decision_id)
        return Noted.SUPERSEDED_USED if self.store.note(record) else Noted.KNOWN

    def _record_of_use(
        self, what: Noted, entry: AllowListEntry, outcome: OutcomeEvent, after: AllowListEntry
    ) -> AuditRecord:
        moment, current = self.clock.now(), entry.device_certificate
        reason = OutcomeReason.FELL_BACK if what in _FALLEN else outcome.reason
        record = self._record(reason, outcome, moment, self.clock.new_record_id(moment))
        if what is Noted.COMPLETED:
            return _about(entry, record, after)
        if what is Noted.IN_USE and current is not None:
            record = replace(record, decision_id=current.decision_id)
        return replace(_about(entry, record), entry_version=after.version)

    def _noted(
        self,
        reason: OutcomeReason,
        outcome: OutcomeEvent,
        serial_number: SerialNumber | None,
        about: str,
        entry: AllowListEntry | None = None,
    ) -> Noted:
        """Append a record, once for what it is about."""
        record = self._record(reason, outcome, outcome.seen_at, _id_of(reason, about, outcome.seen_at))
        if entry is not None:
            record = _about(entry, replace(record, decision_id=about))
        elif serial_number is not None:
            record = replace(record, serial_number=serial_number.value)
        return _NOTED[reason] if self.store.note(record) else Noted.KNOWN

    def _was_decided(self, outcome: OutcomeEvent, serial_number: SerialNumber | None) -> bool:
        if serial_number is None or outcome.decision_id is None:
            return False
        return self.store.is_decided(serial_number, outcome.decision_id)

    def _serial_number(self, outcome: OutcomeEvent) -> SerialNumber | None:
        if outcome.thing_name is not None:
            return self._of_thing(outcome.thing_name)
        return self.store.promised_to(outcome.certificate_id) if outcome.certificate_id else None

    def _of_thing(self, thing_name: str) -> SerialNumber | None:
        if not thing_name.startswith(self.thing_name_prefix):
            return None
        try:
            return SerialNumber.parse(thing_name.removeprefix(self.thing_name_prefix))
        except InvalidIdentifier:
            return None

    def _record(self, reason: OutcomeReason, outcome: OutcomeEvent, moment: datetime, record_id: str) -> AuditRecord:
        return AuditRecord(
            record_id=record_id,
            recorded_at=moment,
            kind=RecordKind.OUTCOME,
            reason=reason.value,
            certificate_id=outcome.certificate_id,
            decision_id=outcome.decision_id,
            thing_name=printable(outcome.thing_name),
        )


_FALLEN = frozenset({Noted.FELL_BACK, Noted.MAY_HAVE_FALLEN_BACK})
_NOTED = {
    OutcomeReason.THING_REGISTERED: Noted.REGISTERED,
    OutcomeReason.PROVISIONING_SUCCEEDED: Noted.REGISTERED,
    OutcomeReason.PROVISIONING_FAILED: Noted.FAILED,
    OutcomeReason.UNAPPROVED_THING: Noted.UNAPPROVED,
}


def _about(entry: AllowListEntry, record: AuditRecord, after: AllowListEntry | None = None) -> AuditRecord:
    """A record with what it has to say of the device, and of what the device was promised.

    Args:
        after: The entry with the reservation used; None where the reservation stays as it is.
    """
    held, current = entry.reservation, entry.device_certificate
    told = replace(
        record,
        serial_number=entry.serial_number.value,
        manufacturer=entry.manufacturer,
        import_id=entry.import_id,
        entry_version=(after or entry).version,
    )
    if held is not None and (after is not None or record.decision_id == held.decision_id):
        return replace(
            told,
            certificate_id=held.certificate_id,
            claim_certificate_id=held.claim_certificate_id,
            decision_id=held.decision_id,
            superseded_certificate_id=current.certificate_id if current and after else None,
        )
    if current is not None and record.decision_id == current.decision_id:
        return replace(told, certificate_id=current.certificate_id)
    return told


def _id_of(reason: OutcomeReason, about: str, seen_at: datetime) -> str:
    """A record ID that is the same whenever the same is said of the same thing.

    It has the time of the decision that it is about, and so stands beside it; else the time of the sign.
    """
    try:
        moment = ULID.from_str(about).bytes[:6]
    except ValueError:
        moment = int(seen_at.timestamp() * 1000).to_bytes(6, "big")
    digest = hashlib.blake2b(f"{reason.value} {about}".encode(), digest_size=10).digest()
    return str(ULID(moment + digest))
