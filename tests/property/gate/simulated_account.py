"""The tables and AWS IoT as the decision machine keeps them: in memory, each write done whole or not at all."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from fleetgate.domain.allow_list import AllowListEntry, KeyAssignment
from fleetgate.domain.audit import AuditRecord, OperatorAction, RecordKind, Verdict, device_subject
from fleetgate.domain.gate_switch import OPEN, GateSwitch
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.operator_action import Operator
from fleetgate.operators.certificates import CertificateService
from fleetgate.operators.device_store import DeviceStore
from fleetgate.operators.key_store import KeyChange, KeyStore
from fleetgate.operators.stop_store import StopStore
from fleetgate.operators.switch_store import SwitchStore
from fleetgate.store.audit_reader import Index
from fleetgate.store.certificates import (
    Certificates,
    CertificateStatus,
    DescribedCertificate,
    SessionResult,
    Sessions,
)


@dataclass(kw_only=True)
class Account:
    """What is stored.

    Attributes:
        keys: Key assignments by fingerprint.
        records: The audit trail, oldest first.
        active: The certificates that AWS IoT accepts.
        key_of: The key of each certificate that was ever issued.
    """

    entries: dict[str, AllowListEntry]
    keys: dict[str, KeyAssignment] = field(default_factory=dict)
    switch: GateSwitch = OPEN
    records: list[AuditRecord] = field(default_factory=list)
    active: set[str] = field(default_factory=set)
    key_of: dict[str, str] = field(default_factory=dict)

    def service(self, operator: Operator) -> CertificateService:
        """What deactivates and activates certificates, over what is stored here."""
        return CertificateService(
            devices=SimulatedDevices(self),
            keys=SimulatedKeys(self),
            switch=SimulatedSwitch(self),
            records=SimulatedRecords(self),
            certificates=SimulatedCertificates(self),
            sessions=NoSessions(),
            operator=operator,
        )

    def change_key(self, change: KeyChange) -> None:
        """Change a key assignment, or make it."""
        key = self.keys.get(change.fingerprint) or KeyAssignment(
            fingerprint=change.fingerprint, serial_number=SerialNumber(change.serial_number)
        )
        self.keys[change.fingerprint] = replace(
            key,
            stops=(key.stops | _named(change.stop)) - _named(change.released_stop),
            deactivated_certificates=key.deactivated_certificates | _named(change.deactivated_certificate_id),
        )

    def allows(self, start: datetime, end: datetime) -> Iterator[AuditRecord]:
        """The decisions that let somebody in, between two moments."""
        for record in tuple(self.records):
            is_allow = record.kind is RecordKind.DECISION and record.verdict is Verdict.ALLOWED
            if is_allow and start <= record.recorded_at <= end:
                yield record


class SimulatedDevices(DeviceStore):
    """Devices as operators change them."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def device(self, serial_number: SerialNumber) -> AllowListEntry | None:
        """The entry of a device."""
        return self._account.entries.get(serial_number.value)

    def change(self, changed: AllowListEntry, record: AuditRecord, *, key: KeyChange | None = None) -> None:
        """Write an entry; nobody else does so at the same time."""
        before = self._account.entries[changed.serial_number.value]
        assert changed.version == before.version + 1
        self._account.entries[changed.serial_number.value] = changed
        if key is not None:
            self._account.change_key(key)
        self._account.records.append(record)

    def append(self, record: AuditRecord) -> None:
        """Write a record."""
        self._account.records.append(record)


class SimulatedKeys(KeyStore):
    """Key assignments as stops change them."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def key(self, fingerprint: str) -> KeyAssignment | None:
        """One key assignment."""
        return self._account.keys.get(fingerprint)

    def change(self, change: KeyChange, record: AuditRecord) -> None:
        """Change it."""
        self._account.change_key(change)
        self._account.records.append(record)


class SimulatedSwitch(SwitchStore):
    """The kill switch."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def switch(self) -> GateSwitch:
        """As it stands."""
        return self._account.switch

    def change(self, changed: GateSwitch, record: AuditRecord) -> bool:
        """Change it; nobody else does so at the same time."""
        self._account.switch = changed
        self._account.records.append(record)
        return True


class SimulatedCertificates(Certificates):
    """AWS IoT's certificates."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def describe(self, certificate_id: str) -> DescribedCertificate:
        """Whether it is active, and its key."""
        is_active = certificate_id in self._account.active
        status = CertificateStatus.ACTIVE if is_active else CertificateStatus.INACTIVE
        return DescribedCertificate(status, self._account.key_of[certificate_id])

    def deactivate(self, certificate_id: str) -> None:
        """Have it refused."""
        self._account.active.discard(certificate_id)

    def activate(self, certificate_id: str) -> None:
        """Have it accepted."""
        self._account.active.add(certificate_id)


class NoSessions(Sessions):
    """Nobody is connected."""

    def __init__(self) -> None:
        """There is nothing to ask."""

    def end(self, _serial_number: SerialNumber) -> SessionResult:
        """Nothing to end."""
        return SessionResult.NOT_CONNECTED


class SimulatedRecords(StopStore):
    """What stops ask of the audit trail."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def written_at(self, _subject: str, action: OperatorAction) -> datetime | None:
        """When something was last done."""
        done = (one.recorded_at for one in reversed(self._account.records) if one.action == action.value)
        return next(done, None)

    def last_action_on(self, subject: str, certificate_id: str) -> AuditRecord | None:
        """What was last done about a certificate."""
        about = (one for one in reversed(self._account.records) if one.certificate_id == certificate_id)
        return next((one for one in about if one.action and one.subject == subject), None)

    def certificates_of(self, subject: str) -> dict[str, str | None]:
        """Those that a device was let in with."""
        allows = (record for record in self._account.records if record.verdict is Verdict.ALLOWED)
        return {str(record.certificate_id): record.key_fingerprint for record in allows if record.subject == subject}

    def allows_beside(self, record: AuditRecord, *, key_fingerprint: str | None) -> Iterator[AuditRecord]:
        """By a certificate of its own, or of the same key."""
        for one in tuple(self._account.records):
            is_allow = one.verdict is Verdict.ALLOWED and one.subject == record.subject
            is_of_key = key_fingerprint is not None and one.key_fingerprint == key_fingerprint
            is_beside = is_of_key or one.claim_certificate_id == record.certificate_id
            if is_allow and is_beside and one.certificate_id != record.certificate_id:
                yield one

    def allows_of_device(self, subject: str, start: datetime, end: datetime) -> Iterator[AuditRecord]:
        """Of one device."""
        found = self._account.allows(start, end)
        return (record for record in found if device_subject(str(record.serial_number)) == subject)

    def _in(self, index: Index, key: str, start: datetime, end: datetime) -> Iterator[AuditRecord]:
        for record in self._account.allows(start, end):
            match index:
                case Index.BY_CLAIM_CERTIFICATE if record.claim_certificate_id == key:
                    yield record
                case Index.BY_DAY if record.recorded_at.date().isoformat() == key:
                    yield record


def _named(name: Any) -> frozenset[str]:
    return frozenset() if name is None else frozenset({name})
