"""Denials as the audit table's stream tells of them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ulid import ULID

from fleetgate.domain.audit import QUERY_SUBJECT, AuditRecord, RecordKind, Verdict
from fleetgate.store.audit_items import audit_item_from


def denial(claim_certificate_id: str | None, serial_number: str, moment: datetime, **changes: Any) -> AuditRecord:
    """The record of a device that nobody approved."""
    record_id = str(ULID.from_datetime(moment))
    return AuditRecord(
        **{
            "record_id": record_id,
            "recorded_at": moment,
            "kind": RecordKind.DECISION,
            "verdict": Verdict.DENIED,
            "reason": "not_on_allow_list",
            "serial_number": serial_number,
            "decision_id": record_id,
            "claim_certificate_id": claim_certificate_id,
            "presented_serial_number": serial_number,
            "presented_mac_address": "00:1b:44:11:3a:b7",
            **changes,
        }
    )


def image_of(record: AuditRecord) -> dict[str, Any]:
    """The item of a record, in DynamoDB's own notation."""
    return dict(audit_item_from(record, retention=timedelta(days=1)).serialize())


def among_questions(image: Mapping[str, Any]) -> dict[str, Any]:
    """An item as somebody can write it who may write questions only, and gives one whatever attributes he likes."""
    return {**image, "subject": {"S": QUERY_SUBJECT}}


def denial_image(claim_certificate_id: str, serial_number: str, moment: datetime) -> dict[str, Any]:
    """The item of a denial."""
    return image_of(denial(claim_certificate_id, serial_number, moment))


def insertion(image: Mapping[str, Any], number: int) -> dict[str, Any]:
    """What the stream says of a new item."""
    return {
        "eventName": "INSERT",
        "dynamodb": {
            "Keys": {name: image[name] for name in ("subject", "record_id")},
            "NewImage": dict(image),
            "SequenceNumber": str(number),
            "ApproximateCreationDateTime": 1_740_830_400,
        },
    }
