"""A device's story as a JSON document, the same by command and by API."""

from datetime import datetime
from typing import Any

from fleetgate.domain.documents import claim_document, device_document, record_document
from fleetgate.imports.documents import summary_of
from fleetgate.trail.story import Admission, DeviceStory


def story_document(story: DeviceStory, *, now: datetime) -> dict[str, Any]:
    """The document; moments in ISO 8601 UTC, absent values as null, records oldest first.

    Args:
        now: Aware UTC; tells what stops the device.
    """
    entry = story.entry
    return {
        "serial_number": story.serial_number.value,
        "state": entry.state.value if entry else "unknown",
        "stopped_by": [stop.value for stop in story.stops(now)],
        "device": device_document(entry) if entry else None,
        "import_line": entry and entry.import_line,
        "imports": {import_id: record and summary_of(record) for import_id, record in story.imports.items()},
        "claim_certificates": {claim_id: claim and claim_document(claim) for claim_id, claim in story.claims.items()},
        "admissions": [_admission(admission) for admission in story.admissions],
        "denials": len(story.denials),
        "notices": [notice.reason for notice in story.notices],
        "operator_actions": len(story.actions),
        "records": [record_document(record) for record in story.records],
        "is_complete": story.is_complete,
    }


def _admission(admission: Admission) -> dict[str, Any]:
    decision = admission.decision
    return {
        "decision_id": decision.decision_id,
        "decided_at": record_document(decision)["recorded_at"],
        "rule": decision.reason,
        "path": decision.path,
        "certificate_id": decision.certificate_id,
        "key_fingerprint": decision.key_fingerprint,
        "claim_certificate_id": decision.claim_certificate_id,
        "import_id": decision.import_id,
        "taken_over": decision.taken_over,
        "repeats": admission.repeats,
        "ending": admission.ending.value,
        "outcomes": [outcome.reason for outcome in admission.outcomes],
    }
