"""Every alarm watches a metric that somebody emits, and tells whoever is to be told."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.template.intrinsics import Deployment

STACK_NAME = "factory"

# A fault that needs no DynamoDB: an event that AWS IoT never sends.
RAISE_A_FAULT = """
from types import SimpleNamespace
from fleetgate.handlers.hook import handler
handler("not a hook event", SimpleNamespace(
    function_name="hook", memory_limit_in_mb=1024, invoked_function_arn="arn", aws_request_id="1",
    get_remaining_time_in_millis=lambda: 5000,
))
"""

# AWS Lambda developer guide, "Types of metrics for Lambda functions".
LAMBDA_METRICS = {"Errors", "Throttles", "Duration", "ConcurrentExecutions", "Invocations"}

# A metric as CloudWatch knows it: namespace, name, dimensions.
Metric = tuple[str, str, frozenset[tuple[str, str]]]


@pytest.fixture(scope="module")
def deployment(template: dict[str, Any]) -> Deployment:
    """A stack whose alarms have somebody to tell."""
    return Deployment(template, {"AWS::StackName": STACK_NAME, "AlarmTopicArn": "topic-arn"})


@pytest.fixture(scope="module")
def alarms(template: dict[str, Any], deployment: Deployment) -> dict[str, dict[str, Any]]:
    """Every alarm by its logical ID."""
    return {
        name: deployment.resource(name)
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }


@pytest.fixture(scope="module")
def emitted(deployment: Deployment) -> set[Metric]:
    """The metrics that the hook, with the variables the template gives it, emits of a fault."""
    variables = deployment.resource("HookFunction")["Environment"]["Variables"]
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own code
        [sys.executable, "-c", RAISE_A_FAULT],
        env={**variables, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return {metric for line in done.stdout.splitlines() for metric in embedded_metrics(json.loads(line))}


def embedded_metrics(line: dict[str, Any]) -> set[Metric]:
    """The metrics in a log line. CloudWatch, "Specification: Embedded metric format"."""
    return {
        (group["Namespace"], metric["Name"], frozenset((name, line[name]) for name in names))
        for group in line.get("_aws", {}).get("CloudWatchMetrics", [])
        for metric in group["Metrics"]
        for names in group["Dimensions"]
    }


def watched(alarm: dict[str, Any]) -> Metric:
    """What an alarm watches."""
    dimensions = frozenset((dimension["Name"], dimension["Value"]) for dimension in alarm["Dimensions"])
    return alarm["Namespace"], alarm["MetricName"], dimensions


def test_there_is_an_alarm_for_each_way_the_hook_can_fail_devices(alarms: dict[str, dict[str, Any]]) -> None:
    assert {alarm["MetricName"] for alarm in alarms.values()} == {"Errors", "Throttles", "RegistrationFault"}


def test_every_alarm_watches_a_metric_that_is_emitted(alarms: dict[str, dict[str, Any]], emitted: set[Metric]) -> None:
    of_lambda = {("AWS/Lambda", name, frozenset({("FunctionName", "HookFunction")})) for name in LAMBDA_METRICS}

    assert {name for name, alarm in alarms.items() if watched(alarm) not in of_lambda | emitted} == set()


def test_a_fault_is_a_metric_of_this_stack(emitted: set[Metric]) -> None:
    assert emitted == {("Fleetgate", "RegistrationFault", frozenset({("service", f"{STACK_NAME}-hook")}))}


def test_one_failure_is_enough_and_silence_is_no_failure(alarms: dict[str, dict[str, Any]]) -> None:
    for alarm in alarms.values():
        assert (alarm["Statistic"], alarm["Threshold"], alarm["EvaluationPeriods"]) == ("Sum", 1, 1)
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        assert alarm["TreatMissingData"] == "notBreaching"


def test_alarms_tell_the_topic_where_there_is_one(alarms: dict[str, dict[str, Any]], defaults: Deployment) -> None:
    assert {tuple(alarm["AlarmActions"]) for alarm in alarms.values()} == {("topic-arn",)}
    assert all("AlarmActions" not in defaults.resource(name) for name in alarms)


def test_alarms_say_what_they_mean_and_where_to_read_on(alarms: dict[str, dict[str, Any]]) -> None:
    assert all("docs/runbook.md" in alarm["AlarmDescription"] for alarm in alarms.values())
