"""What is asked of the audit table about one claim certificate: who tried with it, and what was done about that."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta

from fleetgate.domain.audit import AuditRecord, NoticeAction, RecordKind, Verdict, claim_subject, device_subject
from fleetgate.domain.reasons import DenialReason
from fleetgate.store.audit_items import AuditItem, first_record_id
from fleetgate.store.audit_reader import AuditReader, Index, sound_records
from fleetgate.store.tables import StackTables, TableSettings

# A page is 1 MB of records, some thousand of them, whatever of them is kept.
_MAX_PAGES = 25


class TooMuchToRead(Exception):
    """More was recorded in the time asked for than anybody can look through while it goes on."""


class ClaimWatchStore:
    """The audit table of one stack. Every method raises Fault when it cannot answer."""

    def __init__(self, tables: TableSettings | StackTables) -> None:
        self._tables = StackTables.of(tables)
        self._records = AuditReader(self._tables)

    def denials(
        self, claim_certificate_id: str, reasons: Collection[DenialReason], *, start: datetime, end: datetime
    ) -> Iterator[list[AuditRecord]]:
        """Denials of the requests with a claim certificate, from a start to an end included, the newest page first.

        They come from an index. It lacks the newest for a moment, and anything may be in it that lies elsewhere in the
        table: that is passed over.

        Raises:
            TooMuchToRead: There are more pages than are ever read. What came before is the newest of it.
        """
        pages = self._records.pages(
            claim_certificate_id,
            index=Index.BY_CLAIM_CERTIFICATE,
            ids=AuditItem.record_id.between(first_record_id(start), first_record_id(end + timedelta(milliseconds=1))),
            condition=(AuditItem.verdict == Verdict.DENIED.value) & AuditItem.reason.is_in(*sorted(reasons)),
            newest_first=True,
        )
        for number, page in enumerate(pages):
            if number == _MAX_PAGES:
                raise TooMuchToRead
            yield [record for record in sound_records(page) if record.kind is RecordKind.DECISION]

    def history(self, claim_certificate_id: str, *, start: datetime) -> list[AuditRecord]:
        """What operators did with a claim certificate since then, and which notices of it there are."""
        kinds = (RecordKind.NOTICE.value, RecordKind.OPERATOR_ACTION.value)
        return list(
            self._records.records_under(
                claim_subject(claim_certificate_id),
                ids=AuditItem.record_id >= first_record_id(start),
                condition=AuditItem.kind.is_in(*kinds),
                newest_first=True,
            )
        )

    def allow_of(self, certificate_id: str) -> AuditRecord | None:
        """The newest decision that gave a certificate to a device as its own; None where there is none."""
        return self._records.allow_of(certificate_id)

    def is_noticed(self, serial_number: str, used: str, *, since_milliseconds: int) -> bool:
        """Whether a misuse of a device's certificate (its ID) or key (its fingerprint) is on record since then."""
        start = datetime.fromtimestamp(since_milliseconds / 1000, UTC)
        found = self._records.records_under(
            device_subject(serial_number),
            ids=AuditItem.record_id >= first_record_id(start),
            condition=(AuditItem.action == NoticeAction.ASKED_FOR_ANOTHER_DEVICE.value)
            & ((AuditItem.claim_certificate_id == used) | (AuditItem.key_fingerprint == used)),
        )
        return any(record.kind is RecordKind.NOTICE for record in found)

    def key_of(self, serial_number: str, certificate_id: str) -> str | None:
        """The public key fingerprint of a certificate that a device was let in with; None where it is not on record."""
        condition = (AuditItem.certificate_id == certificate_id) & (AuditItem.verdict == Verdict.ALLOWED.value)
        known = self._records.records_under(device_subject(serial_number), condition=condition)
        return next((record.key_fingerprint for record in known if record.key_fingerprint), None)

    def note(self, record: AuditRecord) -> bool:
        """Append an audit record; False where this very record is there already."""
        return self._tables.append(record)
