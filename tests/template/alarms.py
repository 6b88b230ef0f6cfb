"""Alarms by room, what they watch, and the metrics that a function emits."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from harness.embedded import Embedded
from tests.template.intrinsics import Deployment

STACK_NAME = "factory"

# A metric as CloudWatch knows it: namespace, name, dimensions.
Metric = tuple[str, str, frozenset[tuple[str, str]]]
# Alarms by logical ID.
Alarms = Mapping[str, Mapping[str, Any]]

ALARMS: Mapping[str, frozenset[str]] = {
    "gate": frozenset(
        {
            "HookErrorAlarm",
            "HookThrottleAlarm",
            "HookFaultAlarm",
            "HookSlowAlarm",
            "DenialsAlarm",
            "MacAddressMismatchAlarm",
            "SecondClaimAlarm",
            "KeyReusedAlarm",
            "KeyMismatchAlarm",
        }
    ),
    "imports": frozenset({"ImportFailedAlarm", "ImportDeadLetterAlarm", "ImportMapAlarm"}),
    "outcomes": frozenset(
        {
            "GateDetachedAlarm",
            "OutcomeDeadLetterAlarm",
            "ReconcilerErrorAlarm",
            "SupersededCertificateAlarm",
            "SupersededCertificateUsedAlarm",
            "UnapprovedThingAlarm",
            "UnreadableItemAlarm",
        }
    ),
    "watch": frozenset(
        {
            "DenialBurstAlarm",
            "DeviceCertificateMisusedAlarm",
            "WatcherFaultAlarm",
            "WatcherErrorAlarm",
            "WatchDelayAlarm",
            "WatchDeadLetterAlarm",
        }
    ),
    "archive": frozenset({"ArchiveDeadLetterAlarm", "ArchiveDelayAlarm", "AuditTableChangedAlarm", "SealerErrorAlarm"}),
    "api": frozenset({"ApiErrorAlarm", "ApiFaultAlarm"}),
}

# How many of what are too much is for whoever operates the stack to say: the alarm, the metric and the parameter.
TUNED = {
    "DenialsAlarm": ("RegistrationDenied", "DenialsAlarmThreshold"),
    "MacAddressMismatchAlarm": ("MacAddressMismatch", "MacAddressMismatchAlarmThreshold"),
    "SecondClaimAlarm": ("SecondClaim", "SecondClaimAlarmThreshold"),
    "HookSlowAlarm": ("Duration", "HookSlowAlarmMilliseconds"),
}
# Alarms about how long something waits.
AGES = {"ArchiveDelayAlarm", "WatchDelayAlarm"}

# One call of a handler: its module, and the event as JSON.
CALL = """
import json, sys
from importlib import import_module
from types import SimpleNamespace
module, event = sys.argv[1:]
import_module(module).handler(json.loads(event), SimpleNamespace(
    function_name="import", memory_limit_in_mb=1024, invoked_function_arn="arn", aws_request_id="1",
    get_remaining_time_in_millis=lambda: 300_000,
))
"""


def watched_in(room: str, alarms: Alarms) -> set[Metric]:
    """What the alarms of a room watch."""
    return {watched(alarms[name]) for name in ALARMS[room]}


def watched(alarm: Mapping[str, Any]) -> Metric:
    """What an alarm watches."""
    dimensions = frozenset((dimension["Name"], dimension["Value"]) for dimension in alarm["Dimensions"])
    return alarm["Namespace"], alarm["MetricName"], dimensions


def of_function(function: str, *names: str) -> set[Metric]:
    """Metrics that Lambda has of a function. AWS Lambda developer guide, "Types of metrics for Lambda functions"."""
    return {("AWS/Lambda", name, frozenset({("FunctionName", function)})) for name in names}


def of_dead_letters(queue: str) -> set[Metric]:
    """The metric of a dead-letter queue; a message that is moved there is not counted as sent.

    Source: Amazon SQS developer guide, "Available CloudWatch metrics for Amazon SQS".
    """
    return {("AWS/SQS", "ApproximateNumberOfMessagesVisible", frozenset({("QueueName", f"{queue}.QueueName")}))}


def emitted_by(deployment: Deployment, embedded: Embedded, function: str, event: Any, **changed: str) -> set[Metric]:
    """The metrics that a function emits of an event, under its own role.

    With the variables that the template gives, but for the names of tables and buckets, which are the running stack's.
    """
    properties, outputs = deployment.resource(function), embedded.stack.outputs
    module, _, _ = properties["Handler"].rpartition(".")
    running = {
        "ALLOW_LIST_TABLE_NAME": outputs["AllowListTableName"],
        "AUDIT_TABLE_NAME": outputs["AuditTableName"],
        "DROP_BOX_NAME": outputs["DropBoxName"],
        "ARCHIVE_NAME": outputs["ArchiveName"],
    }
    variables = properties["Environment"]["Variables"]
    known = {name: value for name, value in running.items() if name in variables}
    # The importer and its steps have one role between them.
    role = "ImportFunction" if function == "ImportStepFunction" else function
    environment = {**variables, **known, **embedded.aws_environment(role), **changed}
    return metrics_of([CALL, module, json.dumps(event)], environment)


def metrics_of(code: list[str], variables: dict[str, str]) -> set[Metric]:
    """The metrics that a piece of Python, with its arguments, emits in an environment of its own."""
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own code
        [sys.executable, "-c", *code],
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
