"""Superseded certificates that AWS IoT still accepts: deactivate them a while after a later one came into use."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord, OperatorAction, RecordKind
from fleetgate.domain.faults import Fault
from fleetgate.domain.operator_action import Operator
from fleetgate.domain.reasons import FaultReason
from fleetgate.operators.device_store import DeviceStore
from fleetgate.operators.key_store import KeyChange, KeyStore, supersession
from fleetgate.outcomes.outcome import OutcomeReason
from fleetgate.outcomes.supersession import Superseded, SupersededPolicy, Use, is_out_of_use, superseded_by
from fleetgate.outcomes.sweep import RecordSweep
from fleetgate.outcomes.sweep_store import SetAside, SweepStore
from fleetgate.store.audit_reader import UnreadableRecord
from fleetgate.store.certificates import CertificateOutOfReach, Certificates, CertificateStatus, Obstacle
from fleetgate.store.faults import Overtaken, until_written

# What is set aside is one item of the table, and DynamoDB takes 400 KB.
MAX_SET_ASIDE = 500
# After that nobody is going to lift what stands in the way.
_GIVES_UP_AFTER = timedelta(days=30)


class SupersessionResult(StrEnum):
    """What became of a superseded certificate."""

    DEACTIVATED = "deactivated"
    REPORTED = "reported"
    NOTHING_TO_DO = "nothing_to_do"
    THROTTLED = "throttled"
    REFUSED = "refused"
    GIVEN_UP = "given_up"
    UNREADABLE = "unreadable"


_TO_BE_REPEATED = frozenset({SupersessionResult.THROTTLED, SupersessionResult.REFUSED, SupersessionResult.UNREADABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class SupersededCertificates:
    """Walks the certificates that came into use, once each, and looks after those whose place they took.

    Attributes:
        sweep: Its patience is the grace: how long a device may fall back to an old certificate.
        system: Whom the audit trail names for what is done here, and why.
        tell_unreadable: Told what could not be read and is passed by.
    """

    sweep: RecordSweep
    sweep_store: SweepStore
    devices: DeviceStore
    keys: KeyStore
    certificates: Certificates
    system: Operator
    policy: SupersededPolicy
    tell_unreadable: Callable[[str], None]

    def run(self, goes_on: Callable[[], bool] = lambda: True) -> Iterator[SupersessionResult]:
        """Look after what is due, and again after what AWS IoT refused before: what became of each, one by one.

        Args:
            goes_on: Asked before each; no ends the run.

        Raises:
            Fault: The tables could not be asked. What was looked after until then is done.
        """
        now = self.system.clock.now()
        aside = {one.use: one for one in self.sweep_store.set_aside()}
        for use, one in tuple(aside.items()):
            if not goes_on():
                return
            became = tuple(self._look_after(use, is_repeated=True))
            yield from became
            if not _TO_BE_REPEATED.intersection(became):
                self._let_go(use, aside)
            elif now - one.since > _GIVES_UP_AFTER:
                self._let_go(use, aside)
                yield SupersessionResult.GIVEN_UP
            elif SupersessionResult.THROTTLED in became:
                return
        yield from self._sweep(aside, now, goes_on)

    def _sweep(
        self, aside: dict[Use, SetAside], now: datetime, goes_on: Callable[[], bool]
    ) -> Iterator[SupersessionResult]:
        is_throttled = False
        with closing(self.sweep.run(_tells_of_use, now=now, goes_on=goes_on)) as records:
            for record in records:
                if isinstance(record, UnreadableRecord):
                    self.tell_unreadable(f"audit record {record.record_id or 'without an ID'}")
                    yield SupersessionResult.UNREADABLE
                    continue
                use = Use.told_by(record)
                if is_throttled or len(aside) >= MAX_SET_ASIDE:
                    return
                if use is None:
                    continue
                became = tuple(self._look_after(use, is_repeated=use in aside))
                yield from became
                if _TO_BE_REPEATED.intersection(became):
                    # Before the sweep goes on, for it does not come back.
                    aside.setdefault(use, SetAside(use, now))
                    self.sweep_store.put_aside(aside[use])
                is_throttled = SupersessionResult.THROTTLED in became

    def _let_go(self, use: Use, aside: dict[Use, SetAside]) -> None:
        del aside[use]
        self.sweep_store.let_go(use)

    def _look_after(self, use: Use, *, is_repeated: bool) -> Iterator[SupersessionResult]:
        try:
            yield from self._look_after_all(use, is_repeated=is_repeated)
        except Fault as fault:
            if fault.reason is not FaultReason.CORRUPT_ITEM:
                raise
            self.tell_unreadable(f"device#{use.serial_number}")
            yield SupersessionResult.UNREADABLE

    def _look_after_all(self, use: Use, *, is_repeated: bool) -> Iterator[SupersessionResult]:
        for superseded in superseded_by(use, self.sweep_store.certificates_of(use.serial_number)):
            try:
                yield self._retire(superseded, is_repeated=is_repeated)
            except CertificateOutOfReach as error:
                if error.obstacle is Obstacle.NOT_FOUND:
                    yield SupersessionResult.NOTHING_TO_DO
                    continue
                if not is_repeated:
                    self.devices.append(self._record(OperatorAction.CERTIFICATE_OUT_OF_REACH, superseded))
                yield (
                    SupersessionResult.THROTTLED if error.obstacle is Obstacle.THROTTLED else SupersessionResult.REFUSED
                )

    def _retire(self, superseded: Superseded, *, is_repeated: bool) -> SupersessionResult:
        entry = self.devices.device(superseded.serial_number)
        if entry is None or not is_out_of_use(entry, superseded):
            return SupersessionResult.NOTHING_TO_DO
        found = self.certificates.describe(superseded.certificate_id)
        is_active = found.status is CertificateStatus.ACTIVE
        if self.policy is SupersededPolicy.REPORT:
            return (
                self._report(superseded)
                if is_active and not superseded.is_reported
                else SupersessionResult.NOTHING_TO_DO
            )
        # One that a quarantine deactivated is out of use for good as well, or the release would activate it.
        if is_active or superseded.certificate_id in entry.deactivated_certificates:
            known = replace(superseded, key_fingerprint=superseded.key_fingerprint or found.key_fingerprint)
            return self._deactivate(known, is_repeated=is_repeated)
        return SupersessionResult.NOTHING_TO_DO

    def _deactivate(self, superseded: Superseded, *, is_repeated: bool) -> SupersessionResult:
        """Deactivate a certificate, if the device still may not use it: the entry is read again right before."""
        record = self._record(OperatorAction.DEACTIVATE_CERTIFICATE, superseded)

        def attempt() -> bool | None:
            """Whether it is on record now; None where there is nothing to do."""
            entry = self.devices.device(superseded.serial_number)
            if entry is None or not is_out_of_use(entry, superseded):
                return None
            change = _key_change(entry, superseded)
            is_noted = change is None or change.is_made(self.keys.key(change.fingerprint))
            if is_repeated and is_noted and superseded.certificate_id not in entry.deactivated_certificates:
                return False  # it is on record what was meant to be done
            changed = entry.without_deactivated(superseded.certificate_id)
            # One transaction: nobody changed the entry since, no stop counts on the certificate, the gate lets nobody
            # in with it again, and the record.
            noted = replace(record, entry_version=changed.version)
            if self.devices.change(changed, noted, key=change) is not None:
                raise Overtaken
            return True

        is_recorded = until_written(attempt)
        if is_recorded is None:
            return SupersessionResult.NOTHING_TO_DO
        self.certificates.deactivate(superseded.certificate_id)
        if not is_recorded:
            self.devices.append(record)
        return SupersessionResult.DEACTIVATED

    def _report(self, superseded: Superseded) -> SupersessionResult:
        record = self._record(OperatorAction.DEACTIVATE_CERTIFICATE, superseded)
        self.devices.append(
            replace(
                record,
                kind=RecordKind.OUTCOME,
                action=None,
                actor=None,
                reason=OutcomeReason.SUPERSEDED_ACTIVE.value,
                superseded_certificate_id=superseded.certificate_id,
            )
        )
        return SupersessionResult.REPORTED

    def _record(self, action: OperatorAction, superseded: Superseded) -> AuditRecord:
        return replace(
            self.system.record(action),
            serial_number=superseded.serial_number.value,
            manufacturer=superseded.manufacturer,
            certificate_id=superseded.certificate_id,
            decision_id=superseded.decision_id,
        )


def _key_change(entry: AllowListEntry, superseded: Superseded) -> KeyChange | None:
    if superseded.key_fingerprint is None:
        return None
    return supersession(
        entry,
        fingerprint=superseded.key_fingerprint,
        serial_number=superseded.serial_number.value,
        certificate_id=superseded.certificate_id,
    )


def _tells_of_use(record: AuditRecord) -> bool:
    return Use.told_by(record) is not None
