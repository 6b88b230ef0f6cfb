"""Imports as JSON: an import as summary.json, the events and the command show it, and a row as the map gets it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fleetgate.domain.allow_list import ApprovalTerms
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.imports.delivery import DeliveryMode
from fleetgate.imports.plan import RowClass
from fleetgate.imports.reading.factory_list import ImportRow, Operation
from fleetgate.imports.record import ImportRecord


def summary_of(record: ImportRecord) -> dict[str, Any]:
    """An import; moments in ISO 8601 UTC, absent values as null. `rows` has every class.

    `lines` has the physical lines, where the file was read to its end: the others add up to `total`.
    """
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
        "lines": dict(findings.lines) or None,
        "errors": dict(sorted(findings.errors.items())),
        "notes": list(findings.notes),
        "problem": record.problem and {"code": record.problem.code, "sentence": record.problem.sentence},
        "rejects": f"{delivery.reports}rejects.csv" if record.has_rejects else None,
        "changes": {
            "file": f"{delivery.reports}changes.csv",
            "devices": changed_devices(record),
            "fields": dict(sorted(findings.changes.items())),
        }
        if record.has_changes
        else None,
        "attempt": record.attempt,
        "approved_by": record.approved_by,
        "rolled_back_by": record.rolled_back_by,
        "removed": record.removed,
        "started_at": _instant(record.started_at),
        "finished_at": _instant(ended),
        "duration_seconds": ended and round((ended - record.started_at).total_seconds(), 3),
    }


def sentence_of(record: ImportRecord) -> str:
    """How an import ended, in one line: its rows by class, and the code of its problem."""
    counted = [f"{number} {name}" for name, number in sorted(record.findings.rows.items()) if number]
    said = f"{record.status.value}: {', '.join(counted) or 'no rows'}"
    return f"{said} ({record.problem.code})" if record.problem else said


def changed_devices(record: ImportRecord) -> int:
    """How many known devices the import changes, or would change."""
    return sum(record.findings.rows.get(one.value, 0) for one in (RowClass.UPDATED, RowClass.REVOKED))


def message_of(record: ImportRecord) -> str:
    """A notice of an import: the file, its manufacturer, and how the import ended."""
    delivery = record.delivery
    said = [f"{delivery.file_name} of {delivery.manufacturer} is {sentence_of(record)}."]
    if record.problem:
        said.append(record.problem.sentence)
    if record.has_changes:
        fields = ", ".join(f"{name} of {number:,}" for name, number in sorted(record.findings.changes.items()))
        said.append(f"Changes of known devices, in changes.csv: {fields}.")
    if record.is_waiting:
        said.append("A second person has to approve it.")
    said.append(f"Look at it with: fleetgate import show {record.import_id}")
    return " ".join(said)


def row_document(row: ImportRow, as_delivered: Sequence[str]) -> dict[str, Any]:
    """A sound row, with the cells that a reject has to repeat."""
    terms = row.terms
    return {
        **({"clears": sorted(row.clears)} if row.clears else {}),
        "line": row.line_number,
        "operation": row.operation.value,
        "serial_number": row.serial_number.value,
        "mac_addresses": sorted(mac.value for mac in row.mac_addresses),
        "valid_from": terms.valid_from and terms.valid_from.isoformat(),
        "valid_until": terms.valid_until and terms.valid_until.isoformat(),
        "templates": sorted(terms.templates),
        "attributes": dict(terms.attributes),
        "key_fingerprint": terms.key_fingerprint,
        "delivered": list(as_delivered),
    }


def row_from(document: Mapping[str, Any]) -> ImportRow:
    """The sound row of a `row_document`."""
    return ImportRow(
        line_number=document["line"],
        operation=Operation(document["operation"]),
        serial_number=SerialNumber(document["serial_number"]),
        mac_addresses=frozenset(map(MacAddress, document["mac_addresses"])),
        terms=ApprovalTerms(
            valid_from=_moment(document["valid_from"]),
            valid_until=_moment(document["valid_until"]),
            templates=frozenset(document["templates"]),
            attributes=document["attributes"],
            key_fingerprint=document.get("key_fingerprint"),  # absent in what an earlier version handed over
        ),
        clears=frozenset(document.get("clears", ())),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
