"""The alarms of outcomes: the gate was bypassed, a certificate could not be deactivated, or something was not noted."""

import json
import secrets

import pytest

from harness.embedded import Embedded
from tests.template.alarms import Alarms, Metric, emitted_by, of_dead_letters, of_function, watched, watched_in
from tests.template.intrinsics import Deployment


@pytest.fixture(scope="module")
def emitted_by_recorder(deployment: Deployment, embedded: Embedded) -> set[Metric]:
    """The metrics that the outcome recorder emits of a thing that nobody decided about."""
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
    message = {"messageId": "1", "body": json.dumps(event), "attributes": {"ApproximateReceiveCount": "1"}}
    return emitted_by(deployment, embedded, "OutcomeFunction", {"Records": [message]})


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
