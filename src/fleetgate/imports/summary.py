"""An import as a document: what summary.json, the events and the command say of it."""

from datetime import UTC, datetime
from typing import Any

from fleetgate.imports.delivery import DeliveryMode
from fleetgate.imports.plan import RowClass
from fleetgate.imports.record import ImportRecord


def summary_of(record: ImportRecord) -> dict[str, Any]:
    """The document; moments in ISO 8601 UTC, absent values as null. `rows` has every class."""
    delivery, file, findings = record.delivery, record.delivery.file, record.findings
    ended = record.finished_at
    return {
        "import_id": record.import_id,
        "status": record.status.value,
        "is_dry_run": delivery.mode is DeliveryMode.DRY_RUN,
        "manufacturer": delivery.manufacturer,
        "file": {
            "name": delivery.file_name,
            "bucket": file.bucket,
            "key": file.key,
            "version_id": file.version_id,
            "size_bytes": file.size_bytes,
            "sha256": record.checksum,
            "stored_at": _instant(file.stored_at),
        },
        "uploader": {
            "presented": file.presented_uploader,
            "account": delivery.requester,
            "source_ip_address": delivery.source_ip_address,
        },
        "total": record.total,
        "done": record.done,
        "rows": {one.value: findings.rows.get(one.value, 0) for one in RowClass},
        "errors": dict(sorted(findings.errors.items())),
        "notes": list(findings.notes),
        "problem": record.problem and {"code": record.problem.code, "sentence": record.problem.sentence},
        "rejects": f"{delivery.reports}rejects.csv" if record.has_rejects else None,
        "attempt": record.attempt,
        "approved_by": record.approved_by,
        "rolled_back_by": record.rolled_back_by,
        "removed": record.removed,
        "started_at": _instant(record.started_at),
        "finished_at": _instant(ended),
        "duration_seconds": ended and round((ended - record.started_at).total_seconds(), 3),
    }


def sentence_of(record: ImportRecord) -> str:
    """How an import ended, in one line: its rows by class, or why it has none."""
    counted = [f"{number} {name}" for name, number in sorted(record.findings.rows.items()) if number]
    said = f"{record.status.value}: {', '.join(counted) or 'no rows'}"
    return f"{said} ({record.problem.code})" if record.problem else said


def message_of(record: ImportRecord) -> str:
    """What people are told who are not looking: which file of whom, and how it ended."""
    delivery = record.delivery
    said = [f"{delivery.file_name} of {delivery.manufacturer} is {sentence_of(record)}."]
    if record.problem:
        said.append(record.problem.sentence)
    if record.is_waiting:
        said.append("A second person has to approve it.")
    said.append(f"Look at it with: fleetgate import show {record.import_id}")
    return " ".join(said)


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
