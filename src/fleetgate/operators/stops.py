"""Stops, one way for every kind: write, wait, deactivate what was let in meanwhile, end sessions, report.

The hook judges by what it read, and only then commits. So a stop is written first. Then it waits until no invocation
that read the old state can commit any more: Lambda ends the hook function at its Timeout. What was let in until then
is on record, and is deactivated.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import (
    GATE_SUBJECT,
    AuditRecord,
    OperatorAction,
    claim_subject,
    device_subject,
    import_subject,
    manufacturer_subject,
)
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.operator_action import Change
from fleetgate.operators.certificates import CertificateService
from fleetgate.operators.issued_certificates import IssuedDeactivation
from fleetgate.operators.key_store import GATE_STOP, claim_stop_name
from fleetgate.operators.stop_store import StopStore
from fleetgate.operators.tally import Tally

# The Timeout of HookFunction in template.yaml, which Lambda enforces.
HOOK_TIMEOUT = timedelta(seconds=5)
# For an index that lags, and clocks that differ.
_MARGIN = timedelta(seconds=1)
SETTLING_TIME = HOOK_TIMEOUT + _MARGIN
# How far the clock of whoever stops may be from that of the hook. What was on record before the stop does not count,
# so it may be generous.
_CLOCK_DIFFERENCE = timedelta(minutes=15)

_Subject = TypeVar("_Subject")
_Find = Callable[[StopStore, datetime, datetime], Iterator[AuditRecord]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One stop: whose devices it keeps out, and where it is on record.

    Attributes:
        subject: What its audit record is filed under.
        action: What its audit record says was done.
        allows: The decisions on record that let somebody in whom it may keep out, between two moments.
        covers: Whether it keeps out who was let in by such a decision; the entry is as it stands now. None: everybody.
        key_stop: What holds the keys of those who were let in meanwhile; None where the entry or the switch holds them.
    """

    subject: str
    action: OperatorAction
    allows: _Find
    covers: Callable[[AllowListEntry | None], bool] | None = None
    key_stop: str | None = None


def device_stop(serial_number: SerialNumber, action: OperatorAction = OperatorAction.QUARANTINE) -> Stop:
    """One device is quarantined or retired."""
    subject = device_subject(serial_number.value)
    return Stop(
        subject=subject, action=action, allows=lambda store, start, end: store.allows_of_device(subject, start, end)
    )


def claim_stop(certificate_id: str) -> Stop:
    """Whoever asks with a claim certificate."""
    return Stop(
        subject=claim_subject(certificate_id),
        action=OperatorAction.BLOCK_CLAIM,
        allows=lambda store, start, end: store.allows_through(certificate_id, start, end),
        key_stop=claim_stop_name(certificate_id),
    )


def gate_stop() -> Stop:
    """Everybody."""
    return Stop(subject=GATE_SUBJECT, action=OperatorAction.STOP_GATE, allows=StopStore.allows, key_stop=GATE_STOP)


def manufacturer_stop(name: str) -> Stop:
    """The devices of a manufacturer."""
    return Stop(
        subject=manufacturer_subject(name),
        action=OperatorAction.QUARANTINE_MANUFACTURER,
        allows=StopStore.allows,
        covers=lambda entry: entry is not None and entry.manufacturer == name,
    )


def import_stop(import_id: str) -> Stop:
    """The devices that an import added, or whose approval it wrote last."""
    return Stop(
        subject=import_subject(import_id),
        action=OperatorAction.QUARANTINE_IMPORT,
        allows=StopStore.allows,
        covers=lambda entry: entry is not None and import_id in (entry.import_id, entry.first_import_id),
    )


@dataclass(frozen=True, slots=True)
class Stopped(Generic[_Subject]):
    """How a stop ended.

    Attributes:
        meanwhile: What became of the certificates that were let in between the stop and its end.
    """

    change: Change[_Subject]
    meanwhile: Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopper:
    """Writes stops and sees them through.

    Attributes:
        sleep: Waits some seconds.
    """

    store: StopStore
    service: CertificateService
    sleep: Callable[[float], None] = field(default=time.sleep)

    def stop(self, stop: Stop, write: Callable[[], Change[_Subject]]) -> Stopped[_Subject]:
        """Write a stop, wait, and deactivate what was let in meanwhile.

        Safe to repeat, also where an earlier one was cut off in between. A repeat does not know what was on record
        before the stop was written, so it also deactivates what was let in up to `SETTLING_TIME` before. That start is
        as good as the clocks: what a hook recorded whose clock is further behind is not found.

        Args:
            write: Writes the hold, the switch or the claim certificate, with its audit record.

        Raises:
            Refusal: As `write` does.
            Fault: The tables could not be asked; repeat it until it returns.
        """
        start = self._now() - _CLOCK_DIFFERENCE
        before = {record.record_id for record in stop.allows(self.store, start, start + 2 * _CLOCK_DIFFERENCE)}
        change = write()
        if change.record is not None:
            self._wait_until(change.record.recorded_at + SETTLING_TIME)
            end = self._now() + _CLOCK_DIFFERENCE
            return Stopped(change, self._deactivate(stop, start, end, before))
        written_at = self.store.written_at(stop.subject, stop.action)
        if written_at is None:
            return Stopped(change, Tally())
        self._wait_until(written_at + SETTLING_TIME)
        # Nobody is let in while the stop stands, so the end may be generous.
        start, end = written_at - SETTLING_TIME, written_at + SETTLING_TIME + _CLOCK_DIFFERENCE
        return Stopped(change, self._deactivate(stop, start, end, set()))

    def release_meanwhile(self, stop: Stop) -> Tally:
        """Activate again what was let in while a stop was written. Call it after the release. Safe to repeat.

        Only for a stop that holds keys.

        Raises:
            Fault: The tables could not be asked; repeat it.
        """
        tally = Tally()
        written_at = self.store.written_at(stop.subject, stop.action)
        if written_at is not None and stop.key_stop is not None:
            start, end = written_at - _CLOCK_DIFFERENCE, written_at + _CLOCK_DIFFERENCE
            for record in self._found(stop, start, end, set()):
                if handled := self.service.activate_issued(record, stop=stop.key_stop):
                    tally.add(handled)
        return tally

    def _deactivate(self, stop: Stop, start: datetime, end: datetime, before: set[str]) -> Tally:
        tally = Tally()
        if stop.key_stop is None:
            for record in self._found(stop, start, end, before):
                tally.add(self.service.deactivate_issued(record))
            return tally
        deactivation = IssuedDeactivation(service=self.service, stop=stop.key_stop, since=start)
        for record in self._found(stop, start, end, before):
            tally.add(deactivation.handle(record))
        tally.merge(deactivation.rest())
        return tally

    def _found(self, stop: Stop, start: datetime, end: datetime, before: set[str]) -> Iterator[AuditRecord]:
        """The decisions whose certificates it may keep out, one for each certificate.

        A device may repeat its request thousands of times, each of them on record.
        """
        seen: set[tuple[str, str]] = set()
        for record in stop.allows(self.store, start, end):
            if record.record_id in before or not record.certificate_id or not record.serial_number:
                continue
            about = record.serial_number, record.certificate_id
            if about in seen:
                continue
            seen.add(about)
            serial_number = SerialNumber(record.serial_number)
            if stop.covers is None or stop.covers(self.service.devices.device(serial_number)):
                yield record

    def _wait_until(self, moment: datetime) -> None:
        seconds = (moment - self._now()).total_seconds()
        if seconds > 0:
            self.sleep(min(seconds, SETTLING_TIME.total_seconds()))

    def _now(self) -> datetime:
        return self.service.operator.clock.now()
