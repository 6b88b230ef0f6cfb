"""Claim certificates as operators change them: each change and its audit record are one transaction."""

from collections.abc import Iterator

from pynamodb.expressions.condition import Condition

from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.claim import ClaimCertificate, ClaimStatus
from fleetgate.store.allow_list import AllowList
from fleetgate.store.allow_list_items import ClaimItem, claim_item_from, claim_key
from fleetgate.store.audit_items import AuditItem
from fleetgate.store.audit_reader import AuditReader, Index
from fleetgate.store.tables import Cancelled, StackTables, TableSettings


class ClaimStore:
    """The claim certificates of one stack. Every method raises Fault when the tables cannot answer."""

    def __init__(self, tables: TableSettings | StackTables) -> None:
        self._tables = StackTables.of(tables)
        self._allow_list = AllowList(self._tables)
        self._records = AuditReader(self._tables)

    def claim(self, certificate_id: str) -> ClaimCertificate | None:
        """The registration of a claim certificate, strongly consistent."""
        return self._allow_list.claim(certificate_id)

    def device_of(self, certificate_id: str) -> str | None:
        """The serial number that a certificate was given to as its device certificate; None where it is nobody's."""
        allow = self._records.allow_of(certificate_id)
        return None if allow is None else allow.serial_number

    def allows_through(self, certificate_id: str, *, after: str = "") -> Iterator[AuditRecord]:
        """The decisions on record that let a device in with this claim certificate, or with this one of its own.

        Args:
            after: A record ID; only what is newer.
        """
        found = self._records.records_in(
            Index.BY_CLAIM_CERTIFICATE,
            certificate_id,
            ids=AuditItem.record_id > after if after else None,
            condition=AuditItem.verdict == Verdict.ALLOWED.value,
        )
        return (record for record in found if record.kind is RecordKind.DECISION)

    def register(
        self, claim: ClaimCertificate, record: AuditRecord, *, replacing: ClaimCertificate | None = None
    ) -> bool:
        """Register a claim certificate that is not registered, or in place of an active registration that was read.

        Returns:
            Whether it was written; False when the registration is not the one that was read.
        """
        condition: Condition = ClaimItem.pk.does_not_exist()
        if replacing is not None:
            condition = ClaimItem.status == ClaimStatus.ACTIVE.value
            condition &= (
                ClaimItem.expires_at.does_not_exist()
                if replacing.expires_at is None
                else ClaimItem.expires_at == replacing.expires_at
            )
        try:
            with self._tables.transaction(record) as transaction:
                transaction.save(claim_item_from(claim, now=record.recorded_at), condition=condition)
        except Cancelled:
            return False
        return True

    def block(self, certificate_id: str, record: AuditRecord) -> bool:
        """Block a registered, active claim certificate.

        Returns:
            Whether it was written; False when the claim certificate is not there or not active.
        """
        return self._change(certificate_id, ClaimStatus.ACTIVE, ClaimStatus.BLOCKED, record)

    def release(self, certificate_id: str, record: AuditRecord) -> bool:
        """Make a blocked claim certificate active again.

        Returns:
            Whether it was written; False when the claim certificate is not there or not blocked.
        """
        return self._change(certificate_id, ClaimStatus.BLOCKED, ClaimStatus.ACTIVE, record)

    def _change(self, certificate_id: str, before: ClaimStatus, after: ClaimStatus, record: AuditRecord) -> bool:
        try:
            with self._tables.transaction(record) as transaction:
                transaction.update(
                    ClaimItem(claim_key(certificate_id)),
                    actions=[
                        ClaimItem.status.set(after.value),
                        ClaimItem.updated_at.set(record.recorded_at),
                    ],
                    condition=ClaimItem.status == before.value,
                )
        except Cancelled:
            return False
        return True
