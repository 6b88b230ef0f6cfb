"""A device's story: who let it in, from which list, with which claim certificate, and what happened then."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fleetgate.domain.allow_list import AllowListEntry, DeviceState
from fleetgate.domain.audit import AuditRecord, OperatorAction, RecordKind, Verdict
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.gate_switch import GateSwitch
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.reasons import DenialReason
from fleetgate.imports.record import ImportRecord
from fleetgate.outcomes.outcome import OutcomeReason


class AdmissionEnding(StrEnum):
    """What became of an allow, as far as it was seen."""

    IN_USE = "in_use"
    SUPERSEDED = "superseded"
    NEVER_COMPLETED = "never_completed"
    FAILED = "failed"
    REGISTERED = "registered"
    NOT_SEEN = "not_seen"


# Why the gate denies a device in these states, whatever it presents.
_STOPPED_STATES = {
    DeviceState.RETIRED: DenialReason.RETIRED,
    DeviceState.QUARANTINED: DenialReason.QUARANTINED,
    DeviceState.REVOKED: DenialReason.APPROVAL_REVOKED,
}

# The first that was seen tells.
_ENDINGS = (
    (AdmissionEnding.IN_USE, frozenset({OutcomeReason.CONNECTED})),
    (AdmissionEnding.NEVER_COMPLETED, frozenset({OutcomeReason.NEVER_COMPLETED})),
    (AdmissionEnding.FAILED, frozenset({OutcomeReason.PROVISIONING_FAILED})),
    (
        AdmissionEnding.REGISTERED,
        frozenset(
            {OutcomeReason.THING_REGISTERED, OutcomeReason.PROVISIONING_SUCCEEDED, OutcomeReason.CERTIFICATE_ACTIVE}
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """One time that the gate let the device in.

    Attributes:
        decision: The allow.
        repeats: How often the same device certificate asked again.
        outcomes: What was seen of it, oldest first.
        is_superseded: Whether the device uses a later certificate since.
    """

    decision: AuditRecord
    repeats: int
    outcomes: tuple[AuditRecord, ...]
    is_superseded: bool = False

    @property
    def ending(self) -> AdmissionEnding:
        """What became of it."""
        seen = {record.reason for record in self.outcomes}
        ending = next((ending for ending, signs in _ENDINGS if seen & signs), AdmissionEnding.NOT_SEEN)
        return AdmissionEnding.SUPERSEDED if ending is AdmissionEnding.IN_USE and self.is_superseded else ending


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStory:
    """All that is known of a device.

    Attributes:
        entry: None when it is not on the allow-list.
        records: Its audit records, oldest first.
        is_complete: Whether these are all that the audit table has.
        imports: The imports that its entry and its records name, by import ID; None where the record of one is gone.
        claims: The claim certificates that it came with, by certificate ID; None where one is not registered.
        switch: What is stopped for more than one device.
    """

    serial_number: SerialNumber
    entry: AllowListEntry | None
    records: tuple[AuditRecord, ...]
    is_complete: bool
    imports: Mapping[str, ImportRecord | None]
    claims: Mapping[str, ClaimCertificate | None]
    switch: GateSwitch

    @property
    def admissions(self) -> tuple[Admission, ...]:
        """How often it was let in, oldest first."""
        return admissions_of(self.records)

    @property
    def denials(self) -> tuple[AuditRecord, ...]:
        """Why it was turned away, oldest first."""
        return tuple(record for record in self.records if record.verdict is Verdict.DENIED)

    @property
    def actions(self) -> tuple[AuditRecord, ...]:
        """What operators did with it, oldest first."""
        return tuple(record for record in self.records if record.kind is RecordKind.OPERATOR_ACTION)

    @property
    def notices(self) -> tuple[AuditRecord, ...]:
        """What the watcher noticed about it, oldest first."""
        return tuple(record for record in self.records if record.kind is RecordKind.NOTICE)

    def stops(self, now: datetime) -> tuple[DenialReason, ...]:
        """Why the gate would deny the device now, whatever it presents; empty if it depends on that."""
        return tuple(self._stops(now))

    def _stops(self, now: datetime) -> Iterator[DenialReason]:
        if self.switch.is_stopped:
            yield DenialReason.GATE_STOPPED
        if self.entry is None:
            yield DenialReason.NOT_ON_ALLOW_LIST
            return
        if stop := self.switch.stop_of(self.entry):
            yield stop
        if state := _STOPPED_STATES.get(self.entry.state):
            yield state
        if self.entry.certificate_ids:
            return  # the window is for enrolling; the device may go on rotating with what it has
        if self.entry.valid_from and now < self.entry.valid_from:
            yield DenialReason.NOT_YET_VALID
        if self.entry.valid_until and now >= self.entry.valid_until:
            yield DenialReason.APPROVAL_EXPIRED


def admissions_of(records: Iterable[AuditRecord]) -> tuple[Admission, ...]:
    """The allows among a device's records, each with its repeats and what was seen of it."""
    known = sorted(records, key=lambda record: record.record_id)
    decisions: dict[str, AuditRecord] = {}
    repeats: dict[str, int] = {}
    outcomes: dict[str, list[AuditRecord]] = {}
    for record in known:
        about = record.decision_id
        if about is None:
            continue
        if record.kind is RecordKind.OUTCOME:
            outcomes.setdefault(about, []).append(record)
        elif record.verdict is Verdict.ALLOWED:
            if about in decisions:
                repeats[about] = repeats.get(about, 0) + 1
            decisions.setdefault(about, record)
    superseded = set(_superseded_certificates(known))
    return tuple(
        Admission(
            decision=decision,
            repeats=repeats.get(about, 0),
            outcomes=tuple(outcomes.get(about, ())),
            is_superseded=decision.certificate_id in superseded,
        )
        for about, decision in decisions.items()
    )


def _superseded_certificates(records: Iterable[AuditRecord]) -> Iterator[str | None]:
    """The certificates whose place went to one that connected, and those that were deactivated for it."""
    known = tuple(records)
    connected = {record.decision_id for record in known if record.reason == OutcomeReason.CONNECTED}
    for record in known:
        if record.verdict is Verdict.ALLOWED and record.superseded_certificate_id and record.decision_id in connected:
            yield record.superseded_certificate_id
        # By the reconciler or the watcher: an operator's names no decision.
        if record.action == OperatorAction.DEACTIVATE_CERTIFICATE and record.decision_id is not None:
            yield record.certificate_id
