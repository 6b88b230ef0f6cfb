"""The audit table: one item a record, by subject and time-ordered record ID, with indexes for the usual questions."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model
from ulid import ULID

from fleetgate.domain.audit import AuditRecord, Clock, EnrolmentPath, RecordKind, Verdict


class DayIndex(GlobalSecondaryIndex[Any]):
    """All records of one UTC day."""

    class Meta:
        index_name = "by_day"
        projection = AllProjection()

    day = UnicodeAttribute(hash_key=True)
    record_id = UnicodeAttribute(range_key=True)


class ClaimCertificateIndex(GlobalSecondaryIndex[Any]):
    """All records that a claim certificate led to."""

    class Meta:
        index_name = "by_claim_certificate"
        projection = AllProjection()

    claim_certificate_id = UnicodeAttribute(hash_key=True)
    record_id = UnicodeAttribute(range_key=True)


class DeviceCertificateIndex(GlobalSecondaryIndex[Any]):
    """All records about a device certificate."""

    class Meta:
        index_name = "by_device_certificate"
        projection = AllProjection()

    certificate_id = UnicodeAttribute(hash_key=True)
    record_id = UnicodeAttribute(range_key=True)


class AuditItem(Model):
    """One audit record. Nobody is granted an update or a delete."""

    class Meta:
        table_name = ""
        region = ""

    subject = UnicodeAttribute(hash_key=True)
    record_id = UnicodeAttribute(range_key=True)
    day = UnicodeAttribute()
    expires_at_epoch_seconds = NumberAttribute()
    recorded_at = UTCDateTimeAttribute()
    kind = UnicodeAttribute()
    reason = UnicodeAttribute()
    verdict = UnicodeAttribute(null=True)
    action = UnicodeAttribute(null=True)
    actor = UnicodeAttribute(null=True)
    serial_number = UnicodeAttribute(null=True)
    mac_address = UnicodeAttribute(null=True)
    decision_id = UnicodeAttribute(null=True)
    certificate_id = UnicodeAttribute(null=True)
    key_fingerprint = UnicodeAttribute(null=True)
    claim_certificate_id = UnicodeAttribute(null=True)
    superseded_certificate_id = UnicodeAttribute(null=True)
    taken_over = BooleanAttribute()
    path = UnicodeAttribute(null=True)
    manufacturer = UnicodeAttribute(null=True)
    import_id = UnicodeAttribute(null=True)
    template_arn = UnicodeAttribute(null=True)
    thing_name = UnicodeAttribute(null=True)
    client_id = UnicodeAttribute(null=True)
    presented_serial_number = UnicodeAttribute(null=True)
    presented_mac_address = UnicodeAttribute(null=True)
    entry_version = NumberAttribute(null=True)
    request_id = UnicodeAttribute(null=True)

    by_day = DayIndex()
    by_claim_certificate = ClaimCertificateIndex()
    by_device_certificate = DeviceCertificateIndex()


_RECORD_FIELDS = tuple(field.name for field in fields(AuditRecord))


def audit_item_from(record: AuditRecord, *, retention: timedelta) -> AuditItem:
    """The item of a record; `retention` is how long the hot copy stays."""
    return AuditItem(
        subject=record.subject,
        day=record.recorded_at.date().isoformat(),
        expires_at_epoch_seconds=int((record.recorded_at + retention).timestamp()),
        **{name: value for name in _RECORD_FIELDS if (value := getattr(record, name)) is not None},
    )


def record_from(item: AuditItem) -> AuditRecord:
    """The record of an item."""
    values: dict[str, Any] = {name: getattr(item, name) for name in _RECORD_FIELDS}
    values["kind"] = RecordKind(item.kind)
    values["verdict"] = Verdict(item.verdict) if item.verdict else None
    values["path"] = EnrolmentPath(item.path) if item.path else None
    values["entry_version"] = None if item.entry_version is None else int(item.entry_version)
    return AuditRecord(**values)


def make_clock(now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Clock:
    """A clock that numbers records with ULIDs; this machine's time unless another is given."""
    return Clock(now, new_record_id)


def new_record_id(moment: datetime) -> str:
    """A unique ID of a record, which sorts by the time it is given."""
    return str(ULID.from_datetime(moment))


def first_record_id(moment: datetime) -> str:
    """The lowest record ID that a record of a moment can have, to the millisecond."""
    return str(ULID(int(moment.timestamp() * 1000).to_bytes(6, "big") + bytes(10)))


def record_from_document(document: Mapping[str, Any]) -> AuditRecord:
    """The record of an item that is a plain document already, as it was read or as the archive keeps it.

    Raises:
        KeyError: Something is not there that every record has.
        ValueError: It is of a kind, or of a time, that there is not.
    """
    values = {name: document[name] for name in _RECORD_FIELDS if name in document}
    values["kind"] = RecordKind(document["kind"])
    if verdict := document.get("verdict"):
        values["verdict"] = Verdict(verdict)
    if path := document.get("path"):
        values["path"] = EnrolmentPath(path)
    values["recorded_at"] = datetime.fromisoformat(document["recorded_at"])
    return AuditRecord(**values)
