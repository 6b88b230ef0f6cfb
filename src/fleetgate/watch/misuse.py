"""A device's own certificate or key that asks for another serial number: it was stolen, or its firmware is wrong.

The gate denies such a request: the certificate is no registered claim certificate, or the key is another device's.
Whose certificate it is says the audit trail, whose key it is the key assignment. Nothing is remembered from one call to
the next, so records may come twice, late and in any order.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ulid import ULID

from fleetgate.domain.audit import AuditRecord, NoticeAction, RecordKind, Verdict
from fleetgate.domain.faults import Fault
from fleetgate.domain.identifiers import InvalidIdentifier, SerialNumber
from fleetgate.domain.reasons import DenialReason
from fleetgate.operators.key_store import KeyStore
from fleetgate.store.announcements import Announcements
from fleetgate.watch.burst import WATCHER
from fleetgate.watch.store import ClaimWatchStore

_DETAIL_TYPE = "Device Certificate Misused"
# Of one certificate and one other device there is one notice in such a time, however often it asks.
_SLOT = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Misuse:
    """A certificate or key that asked for another device than its own, and the last denial of it.

    Attributes:
        owner: The serial number that it was given to.
        other: The serial number that was asked for.
        certificate_id: It asked, or was asked for.
        key_fingerprint: Of the certificate that was asked for; None where a certificate asked.
    """

    owner: str
    other: str
    certificate_id: str
    denial: AuditRecord
    manufacturer: str | None = None
    key_fingerprint: str | None = None

    @property
    def sentence(self) -> str:
        """What happened, and what to do."""
        if self.key_fingerprint is None:
            return f"the certificate of {self.owner} asked for {self.other}: quarantine {self.owner}"
        # A replayed signing request proves no possession of the key.
        return f"the key of {self.owner} was presented for {self.other}: compare both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of looking at the denials of one claim certificate or key.

    Attributes:
        about: The ID of the claim certificate, or the fingerprint of the key.
        record_ids: Of the denials.
        misuses: One for each other device.
        problem: Why it could not be checked; the records have to come again.
    """

    about: str
    record_ids: tuple[str, ...]
    misuses: tuple[Misuse, ...] = ()
    problem: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MisuseReporter:
    """Puts notices on record under both devices, and announces them.

    Attributes:
        audit_table: Its name tells the events of this stack from those of another.
    """

    store: ClaimWatchStore
    keys: KeyStore
    announcements: Announcements
    audit_table: str

    def report(self, misuse: Misuse) -> None:
        """Report a misuse. Safe to repeat: it is on record once an hour, and announced once or twice.

        A certificate that asks for many devices is announced for the first of them; all are on record.

        Raises:
            Fault: The tables or EventBridge could not be asked; repeat it later.
        """
        slot = misuse.denial.recorded_at.timestamp() // _SLOT.total_seconds() * _SLOT.total_seconds()
        slot_milliseconds = int(slot * 1000)
        if not self.store.is_noticed(misuse.owner, _used(misuse), since_milliseconds=slot_milliseconds):
            self.announcements.publish(_DETAIL_TYPE, self._detail(misuse))
        for serial_number in (misuse.owner, misuse.other):
            self.store.note(
                AuditRecord(
                    record_id=_notice_id(misuse, serial_number, slot_milliseconds),
                    recorded_at=misuse.denial.recorded_at,
                    kind=RecordKind.NOTICE,
                    action=NoticeAction.ASKED_FOR_ANOTHER_DEVICE,
                    actor=WATCHER,
                    reason=misuse.sentence,
                    serial_number=serial_number,
                    claim_certificate_id=misuse.certificate_id if misuse.key_fingerprint is None else None,
                    certificate_id=misuse.certificate_id if misuse.key_fingerprint else None,
                    key_fingerprint=misuse.key_fingerprint,
                    manufacturer=misuse.manufacturer,
                )
            )

    def _detail(self, misuse: Misuse) -> dict[str, Any]:
        if misuse.key_fingerprint is None:
            what = "was used as a claim certificate"
            why = f"Somebody has the key of {misuse.owner}, or its firmware presents a wrong serial number."
        else:
            what = "was asked for"
            why = f"Firmware copies keys, or somebody has the key of {misuse.owner} or replays its signing request."
        return {
            "audit_table": self.audit_table,
            "certificate_id": misuse.certificate_id,
            "key_fingerprint": misuse.key_fingerprint,
            "serial_number": misuse.owner,
            "asked_for": misuse.other,
            "manufacturer": misuse.manufacturer,
            "decision_id": misuse.denial.decision_id,
            "sentence": f"Device certificate {misuse.certificate_id} {what}: {misuse.sentence}. The gate denied the "
            f"request. {why} Look at both: fleetgate device story {misuse.owner}, fleetgate device story "
            f"{misuse.other}.",
        }


def watch_misuse(records: Iterable[AuditRecord], *, reporter: MisuseReporter) -> Iterator[Checked]:
    """Look at each claim certificate that was denied, and at each key of another device; one that fails does not hold
    up the others.

    Args:
        records: New ones, of any kind.
    """
    by_claim: dict[str, list[AuditRecord]] = {}
    by_key: dict[str, list[AuditRecord]] = {}
    for record in records:
        if record.kind is not RecordKind.DECISION or record.verdict is not Verdict.DENIED or not _asked_for(record):
            continue
        if record.claim_certificate_id:
            by_claim.setdefault(record.claim_certificate_id, []).append(record)
        if record.key_fingerprint and record.reason == DenialReason.KEY_ASSIGNED_TO_ANOTHER_DEVICE:
            by_key.setdefault(record.key_fingerprint, []).append(record)
    for certificate_id, found in by_claim.items():
        yield _checked(certificate_id, found, _of_certificate(certificate_id, found, reporter.store), reporter)
    for fingerprint, found in by_key.items():
        yield _checked(fingerprint, found, _of_key(fingerprint, found, reporter.keys), reporter)


def _checked(
    about: str, denials: Iterable[AuditRecord], misuses: Iterator[Misuse], reporter: MisuseReporter
) -> Checked:
    ids, found = tuple(record.record_id for record in denials), []
    try:
        for misuse in misuses:
            reporter.report(misuse)
            found.append(misuse)
    except Fault as problem:
        return Checked(about=about, record_ids=ids, problem=problem)
    return Checked(about=about, record_ids=ids, misuses=tuple(found))


def _of_key(fingerprint: str, denials: Iterable[AuditRecord], keys: KeyStore) -> Iterator[Misuse]:
    key = keys.key(fingerprint)
    if key is None:
        return  # it was freed meanwhile
    owner = key.serial_number.value
    for other, denial in _of_others(owner, denials):
        yield Misuse(
            owner=owner,
            other=other,
            certificate_id=denial.certificate_id or "",
            denial=denial,
            key_fingerprint=fingerprint,
        )


def _of_certificate(certificate_id: str, denials: Iterable[AuditRecord], store: ClaimWatchStore) -> Iterator[Misuse]:
    allow = store.allow_of(certificate_id)
    if allow is None or allow.serial_number is None:
        return  # a claim certificate, or nobody's
    owner = allow.serial_number
    for other, denial in _of_others(owner, denials):
        yield Misuse(
            owner=owner, other=other, certificate_id=certificate_id, denial=denial, manufacturer=allow.manufacturer
        )


def _of_others(owner: str, denials: Iterable[AuditRecord]) -> Iterator[tuple[str, AuditRecord]]:
    """The serial numbers beside the owner's that were asked for, each with its last denial."""
    last = {_asked_for(record): record for record in denials}
    return ((other, denial) for other, denial in last.items() if other is not None and other != owner)


def _asked_for(denial: AuditRecord) -> str | None:
    """The serial number that was presented, also where the request was denied for something else in it."""
    try:
        return SerialNumber.parse(denial.serial_number or denial.presented_serial_number or "").value
    except InvalidIdentifier:
        return None


def _used(misuse: Misuse) -> str:
    return misuse.key_fingerprint or misuse.certificate_id


def _notice_id(misuse: Misuse, serial_number: str, slot_milliseconds: int) -> str:
    """A record ID that is the same for whoever tells of the same misuse in the same time."""
    about = f"{NoticeAction.ASKED_FOR_ANOTHER_DEVICE} {_used(misuse)} {misuse.other} {serial_number}"
    chance = hashlib.blake2b(about.encode(), digest_size=10).digest()
    return str(ULID(slot_milliseconds.to_bytes(6, "big") + chance))
