"""Import records and the rows a manufacturer delivered in a day, as items of the allow-list table."""

from datetime import date
from typing import Any

from pynamodb.attributes import (
    BooleanAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UTCDateTimeAttribute,
)

from fleetgate.imports.delivery import Delivery, DeliveryMode, DroppedFile
from fleetgate.imports.record import ImportFindings, ImportProblem, ImportRecord, ImportStatus
from fleetgate.store.allow_list_items import AllowListItem

LISTING = "imports"


class ImportItem(AllowListItem, discriminator="import"):
    """One import."""

    manufacturer = UnicodeAttribute()
    file_name = UnicodeAttribute()
    mode = UnicodeAttribute()
    bucket = UnicodeAttribute()
    key = UnicodeAttribute()
    version_id = UnicodeAttribute()
    stored_at = UTCDateTimeAttribute()
    size_bytes = NumberAttribute()
    presented_uploader = UnicodeAttribute(null=True)
    presented_options = UnicodeAttribute(null=True)
    requester = UnicodeAttribute(null=True)
    source_ip_address = UnicodeAttribute(null=True)
    status = UnicodeAttribute()
    started_at = UTCDateTimeAttribute()
    finished_at = UTCDateTimeAttribute(null=True)
    total = NumberAttribute(null=True)
    done = NumberAttribute()
    checksum = UnicodeAttribute(null=True)
    rows: MapAttribute[str, Any] = MapAttribute(null=True)
    errors: MapAttribute[str, Any] = MapAttribute(null=True)
    changes: MapAttribute[str, Any] = MapAttribute(null=True)
    notes: ListAttribute[str] = ListAttribute(null=True)
    lines: MapAttribute[str, Any] = MapAttribute(null=True)
    problem_code = UnicodeAttribute(null=True)
    problem_sentence = UnicodeAttribute(null=True)
    attempt = NumberAttribute()
    is_held = BooleanAttribute()
    approved_by = UnicodeAttribute(null=True)
    rolled_back_by = UnicodeAttribute(null=True)
    removed = NumberAttribute()
    is_announced = BooleanAttribute()
    version = NumberAttribute()


class DayRowsItem(AllowListItem, discriminator="day_rows"):
    """The rows that a manufacturer delivered on one UTC day."""

    rows = NumberAttribute()


class TurnsItem(AllowListItem, discriminator="import_turns"):
    """The imports of a manufacturer that have a turn, each with the epoch second at which it is over."""

    turns: MapAttribute[str, Any] = MapAttribute(null=True)
    version = NumberAttribute()


def import_key(import_id: str) -> str:
    """The key of an import record."""
    return f"import#{import_id}"


def day_rows_key(manufacturer: str, day: date) -> str:
    """The key of a manufacturer's rows of a day."""
    return f"day-rows#{day.isoformat()}#{manufacturer}"


def turns_key(manufacturer: str) -> str:
    """The key of a manufacturer's turns."""
    return f"import-turns#{manufacturer}"


def import_item_from(record: ImportRecord) -> ImportItem:
    """The item of an import record."""
    delivery, file, findings, problem = record.delivery, record.delivery.file, record.findings, record.problem
    return ImportItem(
        pk=import_key(record.import_id),
        listing=LISTING,
        manufacturer=delivery.manufacturer,
        file_name=delivery.file_name,
        mode=delivery.mode.value,
        bucket=file.bucket,
        key=file.key,
        version_id=file.version_id,
        stored_at=file.stored_at,
        size_bytes=file.size_bytes,
        presented_uploader=file.presented_uploader,
        presented_options=file.presented_options,
        requester=delivery.requester,
        source_ip_address=delivery.source_ip_address,
        status=record.status.value,
        started_at=record.started_at,
        finished_at=record.finished_at,
        total=record.total,
        done=record.done,
        checksum=record.checksum,
        rows=dict(findings.rows) or None,
        errors=dict(findings.errors) or None,
        changes=dict(findings.changes) or None,
        notes=list(findings.notes) or None,
        lines=dict(findings.lines) or None,
        problem_code=problem and problem.code,
        problem_sentence=problem and problem.sentence,
        attempt=record.attempt,
        is_held=record.is_held,
        approved_by=record.approved_by,
        rolled_back_by=record.rolled_back_by,
        removed=record.removed,
        is_announced=record.is_announced,
        version=record.version,
    )


def import_record_from(item: ImportItem) -> ImportRecord:
    """The import record of an item."""
    file = DroppedFile(
        bucket=item.bucket,
        key=item.key,
        version_id=item.version_id,
        stored_at=item.stored_at,
        size_bytes=int(item.size_bytes),
        presented_uploader=item.presented_uploader,
        presented_options=item.presented_options,
    )
    delivery = Delivery(
        import_id=item.pk.removeprefix("import#"),
        manufacturer=item.manufacturer,
        file_name=item.file_name,
        mode=DeliveryMode(item.mode),
        file=file,
        requester=item.requester,
        source_ip_address=item.source_ip_address,
    )
    findings = ImportFindings(
        rows=_counts(item.rows),
        errors=_counts(item.errors),
        changes=_counts(item.changes),
        notes=tuple(item.notes or ()),
        lines=_counts(item.lines),
    )
    return ImportRecord(
        delivery=delivery,
        status=ImportStatus(item.status),
        started_at=item.started_at,
        finished_at=item.finished_at,
        total=None if item.total is None else int(item.total),
        # Batches that were repeated may have counted twice.
        done=min(int(item.done), int(item.total or item.done)),
        checksum=item.checksum,
        findings=findings,
        problem=ImportProblem(code=item.problem_code, sentence=item.problem_sentence or "")
        if item.problem_code
        else None,
        attempt=int(item.attempt),
        is_held=item.is_held,
        approved_by=item.approved_by,
        rolled_back_by=item.rolled_back_by,
        removed=int(item.removed),
        is_announced=item.is_announced,
        version=int(item.version),
    )


def _counts(counted: Any) -> dict[str, int]:
    return {name: int(number) for name, number in counted.attribute_values.items()} if counted else {}
