"""Domain values as JSON documents: full certificate IDs, ISO 8601 UTC, absent values as null.

Approval terms also as lines for people, so that a new term is shown without a change to the command.
"""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from fleetgate.domain.allow_list import AllowListEntry, ApprovalTerms
from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.gate_switch import GateSwitch
from fleetgate.domain.manufacturer import Manufacturer

# dataclasses.asdict copies every value deeply, which takes as long as reading the record from DynamoDB.
_RECORD_FIELDS = tuple(field.name for field in fields(AuditRecord))


def instant(moment: datetime | None) -> str | None:
    """A moment in ISO 8601 UTC, to the second, as people and programs read it."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def device_document(entry: AllowListEntry) -> dict[str, Any]:
    """An allow-list entry."""
    held, current = entry.reservation, entry.device_certificate
    return {
        "serial_number": entry.serial_number.value,
        "state": entry.state.value,
        "manufacturer": entry.manufacturer,
        "mac_addresses": [mac.value for mac in sorted(entry.mac_addresses)],
        **terms_document(entry),
        "reservation": held
        and {
            "certificate_id": held.certificate_id,
            "claim_certificate_id": held.claim_certificate_id,
            "decision_id": held.decision_id,
            "purpose": held.purpose.value,
            "reserved_at": instant(held.reserved_at),
            "deadline": instant(held.deadline),
            "attempts": held.attempts,
            "taken_over": held.taken_over,
            "key_fingerprint": held.key_fingerprint,
        },
        "device_certificate": current
        and {
            "certificate_id": current.certificate_id,
            "decision_id": current.decision_id,
            "seen_at": instant(current.seen_at),
            "fell_back_to": current.fell_back_to,
            "key_fingerprint": current.key_fingerprint,
        },
        "reprovisioning_count": entry.reprovisioning_count,
        "repair_window_until": instant(entry.repair_window_until),
        "deactivated_certificates": sorted(entry.deactivated_certificates),
        "import_id": entry.import_id,
        "version": entry.version,
    }


def terms_document(terms: ApprovalTerms) -> dict[str, Any]:
    """What a device was approved for."""
    return {
        "templates": sorted(terms.templates),
        "valid_from": instant(terms.valid_from),
        "valid_until": instant(terms.valid_until),
        "attributes": dict(sorted(terms.attributes.items())),
        "key_fingerprint": terms.key_fingerprint,
    }


def terms_lines(terms: ApprovalTerms) -> list[tuple[str, str]]:
    """What a device was approved for, as names and values for people."""
    start, end = instant(terms.valid_from), instant(terms.valid_until)
    validity = " ".join([*([f"from {start}"] if start else []), *([f"until {end}"] if end else [])])
    return [
        ("Templates", ", ".join(sorted(terms.templates)) or "all"),
        ("Valid", validity or "always"),
        ("Attributes", ", ".join(f"{name}={value}" for name, value in sorted(terms.attributes.items())) or "none"),
        ("Public key", terms.key_fingerprint or "any"),
    ]


def switch_document(switch: GateSwitch) -> dict[str, Any]:
    """What is stopped for more than one device."""
    return {
        "state": "stopped" if switch.is_stopped else "open",
        "manufacturers": sorted(switch.manufacturers),
        "imports": sorted(switch.imports),
        "version": switch.version,
    }


def claim_document(claim: ClaimCertificate) -> dict[str, Any]:
    """A registered claim certificate; manufacturer null is any."""
    return {
        "certificate_id": claim.certificate_id,
        "manufacturer": claim.manufacturer,
        "templates": sorted(claim.templates),
        "status": claim.status.value,
        "serial_number": claim.serial_number and claim.serial_number.value,
        "expires_at": instant(claim.expires_at),
    }


def manufacturer_document(manufacturer: Manufacturer) -> dict[str, Any]:
    """A registered manufacturer. An empty list limits nothing; rows_per_day null is what the stack permits."""
    return {
        "name": manufacturer.name,
        "serial_numbers": sorted(manufacturer.serial_numbers),
        "mac_prefixes": sorted(manufacturer.mac_prefixes),
        "templates": sorted(manufacturer.templates),
        "thing_groups": sorted(manufacturer.thing_groups),
        "rows_per_day": manufacturer.rows_per_day,
        "columns": dict(sorted(manufacturer.columns.items())),
        "version": manufacturer.version,
    }


def record_document(record: AuditRecord) -> dict[str, Any]:
    """An audit record with all its fields; `recorded_at` to the microsecond."""
    document = {name: getattr(record, name) for name in _RECORD_FIELDS}
    document["recorded_at"] = record.recorded_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return document
