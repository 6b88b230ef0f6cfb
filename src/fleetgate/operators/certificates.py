"""Switch the certificates of devices off in AWS IoT, and on again; say of each how it ended."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from fleetgate.domain.allow_list import AllowListEntry, Hold
from fleetgate.domain.audit import AuditRecord, OperatorAction
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.operator_action import Operator
from fleetgate.operators.device_store import DeviceStore
from fleetgate.operators.switch_store import SwitchStore
from fleetgate.store.certificates import CertificateOutOfReach, Certificates, CertificateStatus, Obstacle
from fleetgate.store.faults import Overtaken, until_written


class CertificateResult(StrEnum):
    """How an action on a certificate ended."""

    DEACTIVATED = "deactivated"
    ACTIVATED = "activated"
    UNCHANGED = "unchanged"
    STILL_STOPPED = "still_stopped"
    NOT_FOUND = "not_found"
    NOT_PERMITTED = "not_permitted"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"


# AWS IoT deletes a certificate that nobody used in its first hour, so one that it does not know is no failure: nobody
# can connect with it either.
FAILURES = frozenset({CertificateResult.NOT_PERMITTED, CertificateResult.THROTTLED, CertificateResult.UNAVAILABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """What became of one certificate."""

    certificate_id: str
    serial_number: SerialNumber | None
    ending: CertificateResult


@dataclass(slots=True)
class Tally:
    """What became of many certificates.

    Attributes:
        devices: How many were looked at.
        endings: Certificates by how they ended.
        noteworthy: Those that could not be reached or found, each.
    """

    devices: int = 0
    endings: Counter[CertificateResult] = field(default_factory=Counter)
    noteworthy: list[Handled] = field(default_factory=list)

    def add(self, handled: Iterable[Handled]) -> None:
        """Count what became of the certificates of one more device."""
        self.devices += 1
        for one in handled:
            self.endings[one.ending] += 1
            if one.ending in FAILURES | {CertificateResult.NOT_FOUND}:
                self.noteworthy.append(one)

    def merge(self, other: "Tally") -> None:
        """Count what became of the certificates of more devices."""
        self.devices += other.devices
        self.endings += other.endings
        self.noteworthy += other.noteworthy

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to be done."""
        return not any(self.endings[ending] for ending in FAILURES)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateService:
    """Deactivates and activates device certificates for an operator."""

    devices: DeviceStore
    switch: SwitchStore
    certificates: Certificates
    operator: Operator

    def deactivate(self, entry: AllowListEntry) -> tuple[Handled, ...]:
        """Deactivate the certificates of a device that was stopped, and note which. Safe to repeat.

        Raises:
            Fault: The tables could not be asked.
        """
        return tuple(self._deactivate(entry, certificate_id) for certificate_id in entry.certificate_ids)

    def deactivate_for_good(self, entry: AllowListEntry | None, record: AuditRecord) -> Handled:
        """Deactivate a certificate that was issued by a decision, so that no release activates it. Safe to repeat.

        Args:
            entry: Of the device it was issued to; None if it is not on the allow-list any more.
            record: Of the decision.

        Raises:
            Fault: The tables could not be asked.
        """
        certificate_id = record.certificate_id or ""
        serial_number = entry.serial_number if entry else None
        about = {
            "serial_number": record.serial_number,
            "claim_certificate_id": record.claim_certificate_id,
            "manufacturer": record.manufacturer,
        }
        if entry is not None and certificate_id in entry.deactivated_certificates:
            self._change(entry, certificate_id, is_noted=False, action=OperatorAction.DEACTIVATE_CERTIFICATE)
        try:
            if self.certificates.status(certificate_id) in _CANNOT_CONNECT:
                return Handled(
                    certificate_id=certificate_id, serial_number=serial_number, ending=CertificateResult.UNCHANGED
                )
            self.devices.append(self._record(OperatorAction.DEACTIVATE_CERTIFICATE, certificate_id, about))
            self.certificates.deactivate(certificate_id)
        except CertificateOutOfReach as error:
            return self._out_of_reach(error.obstacle, certificate_id, serial_number, about)
        return Handled(certificate_id=certificate_id, serial_number=serial_number, ending=CertificateResult.DEACTIVATED)

    def activate(self, entry: AllowListEntry) -> tuple[Handled, ...]:
        """Activate the certificates of a device again that a quarantine deactivated, if nothing stops it any more.

        Safe to repeat. What was inactive before the quarantine stays so.

        Raises:
            Fault: The tables could not be asked.
        """
        return tuple(self._activate(entry, certificate_id) for certificate_id in sorted(entry.deactivated_certificates))

    def is_stopped(self, entry: AllowListEntry) -> bool:
        """Whether the device, its manufacturer or its import is in quarantine, or it is retired."""
        return entry.hold is not Hold.NONE or self.switch.switch().stop_of(entry) is not None

    def _deactivate(self, entry: AllowListEntry, certificate_id: str) -> Handled:
        about = _about(entry)
        try:
            status = self.certificates.status(certificate_id)
            if status in _CANNOT_CONNECT:
                ending = CertificateResult.UNCHANGED
            else:
                # Noted before it happens: whatever is cut off in between, a release knows what to activate.
                if status is CertificateStatus.ACTIVE:
                    self._change(entry, certificate_id, is_noted=True, action=OperatorAction.DEACTIVATE_CERTIFICATE)
                else:
                    self.devices.append(self._record(OperatorAction.DEACTIVATE_CERTIFICATE, certificate_id, about))
                self.certificates.deactivate(certificate_id)
                ending = CertificateResult.DEACTIVATED
        except CertificateOutOfReach as error:
            return self._out_of_reach(error.obstacle, certificate_id, entry.serial_number, about)
        return Handled(certificate_id=certificate_id, serial_number=entry.serial_number, ending=ending)

    def _activate(self, entry: AllowListEntry, certificate_id: str) -> Handled:
        if self.is_stopped(entry):
            return Handled(
                certificate_id=certificate_id, serial_number=entry.serial_number, ending=CertificateResult.STILL_STOPPED
            )
        try:
            was_inactive = self.certificates.status(certificate_id) is CertificateStatus.INACTIVE
            if was_inactive:
                self.certificates.activate(certificate_id)
            now = self._change(entry, certificate_id, is_noted=False, action=OperatorAction.ACTIVATE_CERTIFICATE)
            if was_inactive and now is not None and self.is_stopped(now):
                # Somebody stopped it meanwhile, and found the certificate inactive still.
                return replace(self._deactivate(now, certificate_id), ending=CertificateResult.STILL_STOPPED)
        except CertificateOutOfReach as error:
            if error.obstacle is Obstacle.NOT_FOUND:
                self._change(entry, certificate_id, is_noted=False, action=OperatorAction.CERTIFICATE_OUT_OF_REACH)
            return self._out_of_reach(error.obstacle, certificate_id, entry.serial_number, _about(entry))
        return Handled(
            certificate_id=certificate_id,
            serial_number=entry.serial_number,
            ending=CertificateResult.ACTIVATED if was_inactive else CertificateResult.UNCHANGED,
        )

    def _change(
        self, entry: AllowListEntry, certificate_id: str, *, is_noted: bool, action: OperatorAction
    ) -> AllowListEntry | None:
        """Note that a quarantine deactivates a certificate, or that this is over; the entry as it stands then."""
        now: AllowListEntry | None = self.devices.device(entry.serial_number)

        def attempt() -> AllowListEntry | None:
            nonlocal now
            record = self._record(action, certificate_id, _about(entry))
            if now is None:  # somebody took it off the allow-list
                self.devices.append(record)
                return None
            changed = now.with_deactivated(certificate_id) if is_noted else now.without_deactivated(certificate_id)
            lost = self.devices.change(changed, replace(record, entry_version=changed.version))
            if lost is None:
                return changed
            now = lost.entry or self.devices.device(entry.serial_number)
            raise Overtaken

        return until_written(attempt)

    def _out_of_reach(
        self,
        obstacle: Obstacle,
        certificate_id: str,
        serial_number: SerialNumber | None,
        about: Mapping[str, str | None],
    ) -> Handled:
        if obstacle is not Obstacle.NOT_FOUND:
            self.devices.append(self._record(OperatorAction.CERTIFICATE_OUT_OF_REACH, certificate_id, about))
        return Handled(
            certificate_id=certificate_id, serial_number=serial_number, ending=CertificateResult(obstacle.value)
        )

    def _record(self, action: OperatorAction, certificate_id: str, about: Mapping[str, str | None]) -> AuditRecord:
        changes: dict[str, str | None] = {**about, "certificate_id": certificate_id}
        return replace(self.operator.record(action), **changes)  # type: ignore[arg-type]


_CANNOT_CONNECT = frozenset({CertificateStatus.INACTIVE, CertificateStatus.REVOKED})


def _about(entry: AllowListEntry) -> Mapping[str, str | None]:
    return {"serial_number": entry.serial_number.value, "manufacturer": entry.manufacturer}
