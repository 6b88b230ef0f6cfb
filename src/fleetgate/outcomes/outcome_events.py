"""The signs of outcomes in what AWS IoT sends: registry events, presence events and log entries.

Source: AWS IoT Core developer guide, "Registry events", "Lifecycle events" and "CloudWatch Logs AWS IoT log entries".
"""

import base64
import gzip
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from fleetgate.outcomes.outcome import OutcomeEvent, OutcomeReason


def outcomes_in(event: Mapping[str, Any], *, thing_type_name: str) -> Iterator[OutcomeEvent]:
    """The signs of one event; of an event that is none of the three there is no sign.

    Args:
        event: As a topic rule or a log subscription delivers it.
        thing_type_name: Of the stack's things.
    """
    if "awslogs" in event:
        yield from _in_log(json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"]))))
    elif event.get("eventType") == "connected":
        yield OutcomeEvent(
            reason=OutcomeReason.CONNECTED,
            seen_at=_moment(event["timestamp"]),
            event_id=f"{event['sessionIdentifier']}",
            certificate_id=event["principalIdentifier"],
            thing_name=event["clientId"],
        )
    elif event.get("eventType") == "THING_EVENT" and event.get("operation") in {"CREATED", "UPDATED"}:
        yield OutcomeEvent(
            reason=OutcomeReason.THING_REGISTERED,
            seen_at=_moment(event["timestamp"]),
            event_id=event["eventId"],
            thing_name=event["thingName"],
            decision_id=(event.get("attributes") or {}).get("DecisionId"),
            is_of_stack=event.get("thingTypeName") == thing_type_name,
        )


def _in_log(log: Mapping[str, Any]) -> Iterator[OutcomeEvent]:
    for line in log.get("logEvents", ()):
        entry = json.loads(line["message"])
        if entry.get("eventType") == "ProvisionDevice" and entry.get("deviceCertificateId"):
            succeeded = entry.get("status") == "Success"
            yield OutcomeEvent(
                reason=OutcomeReason.PROVISIONING_SUCCEEDED if succeeded else OutcomeReason.PROVISIONING_FAILED,
                seen_at=_moment(line["timestamp"]),
                event_id=line["id"],
                certificate_id=entry["deviceCertificateId"],
            )


def _moment(epoch_milliseconds: int) -> datetime:
    return datetime.fromtimestamp(epoch_milliseconds / 1000, UTC)
