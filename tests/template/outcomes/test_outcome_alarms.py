"""The alarms of outcomes: the gate was bypassed, a certificate could not be deactivated, or something was not noted."""

import json
import secrets
from datetime import UTC, datetime
from typing import Any

import pytest
from ulid import ULID

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.identifiers import SerialNumber
from harness.embedded import Embedded
from tests.template.alarms import Alarms, Metric, emitted_by, of_dead_letters, of_function, watched, watched_in
from tests.template.intrinsics import Deployment


@pytest.fixture(scope="module")
def emitted_by_recorder(deployment: Deployment, embedded: Embedded) -> set[Metric]:
    """The metrics that the outcome recorder emits of a thing that nobody decided about, and of a loser."""
    variables = deployment.resource("OutcomeFunction")["Environment"]["Variables"]
    event = {
        "eventType": "THING_EVENT",
        "eventId": secrets.token_hex(16),
        "timestamp": 1_700_000_000_000,
        "operation": "CREATED",
        "thingName": f"alarm-{secrets.token_hex(4)}",
        "thingTypeName": variables["THING_TYPE_NAME"],
        "attributes": {},
    }
    messages = [
        {"messageId": str(number), "body": json.dumps(body), "attributes": {"ApproximateReceiveCount": "1"}}
        for number, body in enumerate((event, connection_of_a_loser(embedded, variables["THING_NAME_PREFIX"])))
    ]
    return emitted_by(deployment, embedded, "OutcomeFunction", {"Records": messages})


def connection_of_a_loser(embedded: Embedded, prefix: str) -> dict[str, Any]:
    """Somebody connects with the certificate whose reservation another one took over."""
    loser, now = secrets.token_hex(32), datetime.now(UTC)
    entry = AllowListEntry(serial_number=SerialNumber(f"ALARMS-{secrets.token_hex(4)}"), manufacturer="acme")
    embedded.put(entry)
    record_id = str(ULID.from_datetime(now))
    embedded.put_record(
        AuditRecord(
            record_id=record_id,
            recorded_at=now,
            kind=RecordKind.DECISION,
            verdict=Verdict.ALLOWED,
            reason="reservation_takeover",
            serial_number=entry.serial_number.value,
            decision_id=record_id,
            certificate_id=secrets.token_hex(32),
            superseded_certificate_id=loser,
            taken_over=True,
        )
    )
    return {
        "eventType": "connected",
        "clientId": f"{prefix}{entry.serial_number}",
        "timestamp": int(now.timestamp() * 1000),
        "sessionIdentifier": secrets.token_hex(8),
        "principalIdentifier": loser,
    }


@pytest.fixture(scope="module")
def emitted_by_reconciler(deployment: Deployment, embedded: Embedded) -> set[Metric]:
    """The metrics that the reconciler emits."""
    deployed = embedded.variables_of("ReconcilerFunction")
    gate = ("PROVISIONING_TEMPLATE_ARN", "HOOK_FUNCTION_ARN", "PROVISIONING_ROLE_ARN", "CLAIM_POLICY_NAME")
    return emitted_by(deployment, embedded, "ReconcilerFunction", {}, **{name: deployed[name] for name in gate})


def test_there_is_an_alarm_for_a_gate_that_was_bypassed_and_for_outcomes_that_were_not_noted(
    alarms: Alarms,
) -> None:
    assert alarms["UnapprovedThingAlarm"]["MetricName"] == "UnapprovedThing"
    assert alarms["OutcomeDeadLetterAlarm"]["MetricName"] == "ApproximateNumberOfMessagesVisible"


def test_a_thing_past_the_gate_raises_one_alarm_whoever_finds_it(
    alarms: Alarms, emitted_by_recorder: set[Metric], emitted_by_reconciler: set[Metric]
) -> None:
    assert watched(alarms["UnapprovedThingAlarm"]) in emitted_by_recorder & emitted_by_reconciler


def test_there_is_an_alarm_for_the_use_of_a_superseded_certificate(
    alarms: Alarms, emitted_by_recorder: set[Metric]
) -> None:
    assert watched(alarms["SupersededCertificateUsedAlarm"]) in emitted_by_recorder


def test_there_is_an_alarm_for_a_superseded_certificate_that_could_not_be_deactivated(
    alarms: Alarms, emitted_by_reconciler: set[Metric]
) -> None:
    alarm = alarms["SupersededCertificateAlarm"]
    assert alarm["MetricName"] == "SupersededOutOfReach"
    assert watched(alarm) in emitted_by_reconciler


def test_there_is_an_alarm_for_a_gate_that_aws_iot_does_not_ask(
    alarms: Alarms, emitted_by_reconciler: set[Metric]
) -> None:
    alarm = alarms["GateDetachedAlarm"]
    assert alarm["MetricName"] == "GateDetached"
    assert watched(alarm) in emitted_by_reconciler


def test_every_alarm_watches_a_metric_that_is_emitted(
    alarms: Alarms, emitted_by_recorder: set[Metric], emitted_by_reconciler: set[Metric]
) -> None:
    known = (
        of_dead_letters("OutcomeDeadLetterQueue")
        | of_function("ReconcilerFunction", "Errors")
        | emitted_by_recorder
        | emitted_by_reconciler
    )

    assert watched_in("outcomes", alarms) - known == set()
