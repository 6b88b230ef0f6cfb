"""A device's own certificate that asks for another serial number: somebody has its key, or its firmware is wrong.

The gate denies such a request, since the certificate is no registered claim certificate. Whose certificate it is says
the audit trail. Nothing is remembered from one call to the next, so records may come twice, late and in any order.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ulid import ULID

from fleetgate.domain.audit import AuditRecord, NoticeAction, RecordKind, Verdict
from fleetgate.domain.faults import Fault
from fleetgate.store.announcements import Announcements
from fleetgate.watch.burst import WATCHER
from fleetgate.watch.store import ClaimWatchStore

_DETAIL_TYPE = "Device Certificate Misused"
# Of one certificate and one other device there is one notice in such a time, however often it asks.
_SLOT = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Misuse:
    """A certificate that asked for another device than its own, and the last denial of it.

    Attributes:
        owner: The serial number that the certificate was given to.
        other: The serial number that was asked for.
    """

    owner: str
    other: str
    certificate_id: str
    denial: AuditRecord
    manufacturer: str | None = None

    @property
    def sentence(self) -> str:
        """What happened, and what to do."""
        return f"the certificate of {self.owner} asked for {self.other}: quarantine {self.owner}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of looking at the denials of one claim certificate.

    Attributes:
        record_ids: Of the denials.
        misuses: One for each other device.
        problem: Why it could not be checked; the records have to come again.
    """

    claim_certificate_id: str
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
        if not self.store.is_noticed(misuse.owner, misuse.certificate_id, since_milliseconds=slot_milliseconds):
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
                    claim_certificate_id=misuse.certificate_id,
                    manufacturer=misuse.manufacturer,
                )
            )

    def _detail(self, misuse: Misuse) -> dict[str, Any]:
        return {
            "audit_table": self.audit_table,
            "certificate_id": misuse.certificate_id,
            "serial_number": misuse.owner,
            "asked_for": misuse.other,
            "manufacturer": misuse.manufacturer,
            "decision_id": misuse.denial.decision_id,
            "sentence": f"Device certificate {misuse.certificate_id} was used as a claim certificate: "
            f"{misuse.sentence}. The gate denied the request. Somebody has the key of {misuse.owner}, or its firmware "
            f"presents a wrong serial number. Look at both: fleetgate device story {misuse.owner}, "
            f"fleetgate device story {misuse.other}.",
        }


def watch_misuse(records: Iterable[AuditRecord], *, reporter: MisuseReporter) -> Iterator[Checked]:
    """Look at each claim certificate that was denied; one that fails does not hold up the others.

    Args:
        records: New ones, of any kind.
    """
    denials: dict[str, list[AuditRecord]] = {}
    for record in records:
        if record.kind is RecordKind.DECISION and record.verdict is Verdict.DENIED and record.serial_number:
            denials.setdefault(record.claim_certificate_id or "", []).append(record)
    denials.pop("", None)
    for certificate_id, found in denials.items():
        ids = tuple(record.record_id for record in found)
        try:
            misuses = tuple(_misuses(certificate_id, found, reporter.store))
            for misuse in misuses:
                reporter.report(misuse)
        except Fault as problem:
            yield Checked(claim_certificate_id=certificate_id, record_ids=ids, problem=problem)
        else:
            yield Checked(claim_certificate_id=certificate_id, record_ids=ids, misuses=misuses)


def _misuses(certificate_id: str, denials: Iterable[AuditRecord], store: ClaimWatchStore) -> Iterator[Misuse]:
    allow = store.allow_of(certificate_id)
    if allow is None or allow.serial_number is None:
        return  # a claim certificate, or nobody's
    last = {record.serial_number: record for record in denials}
    for serial_number, denial in last.items():
        if serial_number is not None and serial_number != allow.serial_number:
            yield Misuse(
                owner=allow.serial_number,
                other=serial_number,
                certificate_id=certificate_id,
                denial=denial,
                manufacturer=allow.manufacturer,
            )


def _notice_id(misuse: Misuse, serial_number: str, slot_milliseconds: int) -> str:
    """A record ID that is the same for whoever tells of the same misuse in the same time."""
    about = f"{NoticeAction.ASKED_FOR_ANOTHER_DEVICE} {misuse.certificate_id} {misuse.other} {serial_number}"
    chance = hashlib.blake2b(about.encode(), digest_size=10).digest()
    return str(ULID(slot_milliseconds.to_bytes(6, "big") + chance))
