"""What stops ask of the audit table: when they were written, and which allows are on record since."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from fleetgate.domain.audit import AuditRecord, OperatorAction, RecordKind, Verdict
from fleetgate.store.audit_items import AuditItem, first_record_id
from fleetgate.store.audit_reader import AuditReader, Index
from fleetgate.store.tables import StackTables, TableSettings

_ALLOWED = AuditItem.verdict == Verdict.ALLOWED.value


class StopStore:
    """The audit table of one stack. Every method raises Fault when it cannot answer."""

    def __init__(self, tables: TableSettings | StackTables) -> None:
        self._records = AuditReader(StackTables.of(tables))

    def written_at(self, subject: str, action: OperatorAction) -> datetime | None:
        """When an action was last done to a subject; None where that is no longer on record."""
        found = self._records.records_under(subject, condition=AuditItem.action == action.value, newest_first=True)
        newest = next((one for one in found if one.kind is RecordKind.OPERATOR_ACTION), None)
        return newest.recorded_at if newest else None

    def last_action_on(self, subject: str, certificate_id: str) -> AuditRecord | None:
        """What was last done about a device's certificate, strongly consistent; None where nothing is on record."""
        done = (AuditItem.certificate_id == certificate_id) & AuditItem.action.exists()
        found = self._records.records_under(subject, condition=done, newest_first=True)
        return next((one for one in found if one.kind is RecordKind.OPERATOR_ACTION), None)

    def keys_of(self, subject: str) -> frozenset[str]:
        """The fingerprints of the public keys that a device was let in with, as far as that is on record."""
        found = self._records.records_under(subject, condition=_ALLOWED & AuditItem.key_fingerprint.exists())
        return frozenset(record.key_fingerprint for record in found if record.key_fingerprint)

    def certificates_of(self, subject: str) -> dict[str, str | None]:
        """The certificates that a device was let in with and their key fingerprints, as far as that is on record.

        Strongly consistent, oldest first.
        """
        found: dict[str, str | None] = {}
        for record in self._records.records_under(subject, condition=_ALLOWED):
            if record.kind is RecordKind.DECISION and record.certificate_id:
                found[record.certificate_id] = record.key_fingerprint or found.get(record.certificate_id)
        return found

    def allows_beside(self, record: AuditRecord, *, key_fingerprint: str | None) -> Iterator[AuditRecord]:
        """The decisions that let a device in with a certificate of its own, or that let in another of the same key.

        Strongly consistent.

        Args:
            record: Of the decision that let the certificate in.
            key_fingerprint: Of its public key; None leaves the key out.
        """
        condition = AuditItem.claim_certificate_id == record.certificate_id
        if key_fingerprint is not None:
            condition |= AuditItem.key_fingerprint == key_fingerprint
        found = self._records.records_under(record.subject, condition=_ALLOWED & condition)
        return (one for one in found if one.kind is RecordKind.DECISION and one.certificate_id != record.certificate_id)

    def allows_of_device(self, subject: str, start: datetime, end: datetime) -> Iterator[AuditRecord]:
        """The decisions that let a device in, strongly consistent."""
        found = self._records.records_under(subject, ids=_between(start, end), condition=_ALLOWED)
        return (record for record in found if record.kind is RecordKind.DECISION)

    def allows_through(self, claim_certificate_id: str, start: datetime, end: datetime) -> Iterator[AuditRecord]:
        """The decisions that let a device in with a claim certificate."""
        return self._in(Index.BY_CLAIM_CERTIFICATE, claim_certificate_id, start, end)

    def allows(self, start: datetime, end: datetime) -> Iterator[AuditRecord]:
        """The decisions that let any device in."""
        day = start.date()
        while day <= end.date():
            yield from self._in(Index.BY_DAY, day.isoformat(), start, end)
            day += timedelta(days=1)

    def _in(self, index: Index, key: str, start: datetime, end: datetime) -> Iterator[AuditRecord]:
        found = self._records.records_in(index, key, ids=_between(start, end), condition=_ALLOWED)
        return (record for record in found if record.kind is RecordKind.DECISION)


def _between(start: datetime, end: datetime) -> Any:
    return AuditItem.record_id.between(first_record_id(start), first_record_id(end + timedelta(milliseconds=1)))
