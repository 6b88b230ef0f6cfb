"""Every alarm watches a metric that somebody emits, and tells whoever is to be told."""

import json
import secrets
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ulid import ULID

from fleetgate.archive.digest import DEFAULT_SETTLING_TIME
from fleetgate.domain.allow_list import AllowListEntry, Purpose, Reservation
from fleetgate.domain.audit import Verdict
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.imports.delivery import import_id_of
from fleetgate.imports.store.drop_box import DropBox
from harness.denials import denial, denial_image, insertion
from harness.embedded import Embedded
from tests.template.intrinsics import Deployment

STACK_NAME = "factory"

# A fault that needs no DynamoDB: an event that AWS IoT never sends.
RAISE_A_FAULT = """
from types import SimpleNamespace
from fleetgate.gate.hook import handler
handler("not a hook event", SimpleNamespace(
    function_name="hook", memory_limit_in_mb=1024, invoked_function_arn="arn", aws_request_id="1",
    get_remaining_time_in_millis=lambda: 5000,
))
"""

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

# How many of what are too much is for whoever operates the stack to say: the alarm, the metric and the parameter.
TUNED = {
    "DenialsAlarm": ("RegistrationDenied", "DenialsAlarmThreshold"),
    "MacAddressMismatchAlarm": ("MacAddressMismatch", "MacAddressMismatchAlarmThreshold"),
    "SecondClaimAlarm": ("SecondClaim", "SecondClaimAlarmThreshold"),
    "HookSlowAlarm": ("Duration", "HookSlowAlarmMilliseconds"),
}
# Alarms about how long something waits.
AGES = {"ArchiveDelayAlarm", "WatchDelayAlarm"}

# AWS Lambda developer guide, "Types of metrics for Lambda functions".
LAMBDA_METRICS = {"Errors", "Throttles", "Duration", "ConcurrentExecutions", "Invocations"}
# Amazon SQS developer guide, "Available CloudWatch metrics for Amazon SQS"; a message that is moved to a dead-letter
# queue is not counted as sent.
SQS_METRICS = {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}

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
    return metrics_of([RAISE_A_FAULT], deployment.resource("HookFunction")["Environment"]["Variables"])


@pytest.fixture(scope="module")
def emitted_by_imports(deployment: Deployment, embedded: Embedded) -> dict[str, set[Metric]]:
    """By function, the metrics that the import emits of a file that is refused.

    With the variables that the template gives, but for the names of tables and bucket, which are the running stack's,
    and under the importer's role. The running stack takes the file too; it may come first or last.
    """
    outputs, key = embedded.stack.outputs, "incoming/alarms/empty.csv"
    stored = embedded.client("s3").put_object(Bucket=outputs["DropBoxName"], Key=key, Body=b"")
    file = DropBox(outputs["DropBoxName"], embedded.client("s3")).look(key, stored["VersionId"])
    announcement = {"detail": {"object": {"key": key, "version-id": file.version_id}}}
    message = {"body": json.dumps(announcement), "attributes": {"ApproximateReceiveCount": "1"}}
    events = {
        "ImportFunction": {"Records": [message]},
        "ImportStepFunction": {"step": "give_up", "import_id": import_id_of(file)},
    }
    credentials = embedded.credentials_of(outputs["ImportFunctionRoleArn"])
    running = {
        **{name.upper(): value for name, value in credentials.items()},
        "AWS_ENDPOINT_URL": embedded.stack.endpoint_url,
        "AWS_DEFAULT_REGION": embedded.stack.region,
        "ALLOW_LIST_TABLE_NAME": outputs["AllowListTableName"],
        "AUDIT_TABLE_NAME": outputs["AuditTableName"],
        "DROP_BOX_NAME": outputs["DropBoxName"],
    }
    emitted = {}
    for function, event in events.items():
        properties = deployment.resource(function)
        module, _, _ = properties["Handler"].rpartition(".")
        variables = {**properties["Environment"]["Variables"], **running}
        emitted[function] = metrics_of([CALL, module, json.dumps(event)], variables)
    return emitted


@pytest.fixture(scope="module")
def emitted_by_outcomes(deployment: Deployment, embedded: Embedded) -> set[Metric]:
    """The metrics that the outcome recorder emits of a thing that nobody decided about, under its own role."""
    properties = deployment.resource("OutcomeFunction")
    event = {
        "eventType": "THING_EVENT",
        "eventId": secrets.token_hex(16),
        "timestamp": 1_700_000_000_000,
        "operation": "CREATED",
        "thingName": f"alarm-{secrets.token_hex(4)}",
        "thingTypeName": properties["Environment"]["Variables"]["THING_TYPE_NAME"],
        "attributes": {},
    }
    outputs = embedded.stack.outputs
    credentials = embedded.credentials_of(outputs["OutcomeFunctionRoleArn"])
    running = {
        **{name.upper(): value for name, value in credentials.items()},
        "AWS_ENDPOINT_URL": embedded.stack.endpoint_url,
        "AWS_DEFAULT_REGION": embedded.stack.region,
        "ALLOW_LIST_TABLE_NAME": outputs["AllowListTableName"],
        "AUDIT_TABLE_NAME": outputs["AuditTableName"],
    }
    module, _, _ = properties["Handler"].rpartition(".")
    message = {"messageId": "1", "body": json.dumps(event), "attributes": {"ApproximateReceiveCount": "1"}}
    return metrics_of(
        [CALL, module, json.dumps({"Records": [message]})], {**properties["Environment"]["Variables"], **running}
    )


@pytest.fixture(scope="module")
def emitted_by_reconciler(deployment: Deployment, embedded: Embedded) -> set[Metric]:
    """The metrics that the reconciler emits, under its own role."""
    outputs = embedded.stack.outputs
    credentials = embedded.credentials_of(outputs["ReconcilerFunctionRoleArn"])
    properties = deployment.resource("ReconcilerFunction")
    deployed = embedded.client("lambda").get_function_configuration(FunctionName=outputs["ReconcilerFunctionName"])
    gate = ("PROVISIONING_TEMPLATE_ARN", "HOOK_FUNCTION_ARN", "PROVISIONING_ROLE_ARN", "CLAIM_POLICY_NAME")
    running = {
        **{name: deployed["Environment"]["Variables"][name] for name in gate},
        **{name.upper(): value for name, value in credentials.items()},
        "AWS_ENDPOINT_URL": embedded.stack.endpoint_url,
        "AWS_DEFAULT_REGION": embedded.stack.region,
        "ALLOW_LIST_TABLE_NAME": outputs["AllowListTableName"],
        "AUDIT_TABLE_NAME": outputs["AuditTableName"],
    }
    module, _, _ = properties["Handler"].rpartition(".")
    return metrics_of([CALL, module, "{}"], {**properties["Environment"]["Variables"], **running})


@pytest.fixture(scope="module")
def emitted_by_archiver(deployment: Deployment, embedded: Embedded) -> set[Metric]:
    """The metrics that the archiver emits of a record that is removed, under its own role."""
    keys = {"subject": {"S": "device#ALARMS"}, "record_id": {"S": secrets.token_hex(13)}}
    details = {"Keys": keys, "SequenceNumber": "1", "ApproximateCreationDateTime": 1_700_000_000.0}
    event = {"Records": [{"eventName": "REMOVE", "dynamodb": details}]}
    credentials = embedded.credentials_of(embedded.stack.outputs["ArchiverFunctionRoleArn"])
    properties = deployment.resource("ArchiverFunction")
    running = {
        **{name.upper(): value for name, value in credentials.items()},
        "AWS_ENDPOINT_URL": embedded.stack.endpoint_url,
        "AWS_DEFAULT_REGION": embedded.stack.region,
        "ARCHIVE_NAME": embedded.stack.outputs["ArchiveName"],
    }
    module, _, _ = properties["Handler"].rpartition(".")
    return metrics_of([CALL, module, json.dumps(event)], {**properties["Environment"]["Variables"], **running})


@pytest.fixture(scope="module")
def emitted_by_api(deployment: Deployment) -> set[Metric]:
    """The metrics that the HTTP API emits of a question that cannot be answered, since there is no DynamoDB."""
    properties = deployment.resource("QueryFunction")
    context = {
        "http": {"method": "GET", "path": "/v1/gate"},
        "requestId": "1",
        "stage": "$default",
        "authorizer": {"iam": {"userArn": "arn:aws:iam::123456789012:user/alice"}},
    }
    event = {"version": "2.0", "rawPath": "/v1/gate", "rawQueryString": "", "headers": {}, "requestContext": context}
    nowhere = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nobody",
    }
    module, _, _ = properties["Handler"].rpartition(".")
    return metrics_of([CALL, module, json.dumps(event)], {**properties["Environment"]["Variables"], **nowhere})


@pytest.fixture(scope="module")
def emitted_of_denials(deployment: Deployment, embedded: Embedded) -> dict[str, set[Metric]]:
    """By what a device presents, the metrics that the hook emits of its denial, under its own role."""
    claim = ClaimCertificate(certificate_id=secrets.token_hex(32), manufacturer="acme")
    serial_number = f"ALARMS-{secrets.token_hex(4)}"
    mac_address, now = MacAddress.parse("001b44113ab7"), datetime.now(UTC)
    reservation = Reservation(
        certificate_id=secrets.token_hex(32),
        claim_certificate_id=claim.certificate_id,
        decision_id=str(ULID()),
        purpose=Purpose.ENROLMENT,
        reserved_at=now,
        deadline=now + timedelta(hours=1),
    )
    device = AllowListEntry(
        serial_number=SerialNumber(serial_number), manufacturer="acme", mac_addresses=frozenset({mac_address})
    )
    embedded.put(claim)
    embedded.put(device.reserve(reservation))
    outputs = embedded.stack.outputs
    variables = deployment.resource("HookFunction")["Environment"]["Variables"]
    running = {
        **{name.upper(): value for name, value in embedded.credentials_of(outputs["HookFunctionRoleArn"]).items()},
        "AWS_ENDPOINT_URL": embedded.stack.endpoint_url,
        "AWS_DEFAULT_REGION": embedded.stack.region,
        "ALLOW_LIST_TABLE_NAME": outputs["AllowListTableName"],
        "AUDIT_TABLE_NAME": outputs["AuditTableName"],
    }
    presented = {
        "nobody": {"SerialNumber": "ALARMS-nobody", "MacAddress": mac_address.value},
        "another MAC address": {"SerialNumber": serial_number, "MacAddress": "001b44113ab8"},
        "a taken identity": {"SerialNumber": serial_number, "MacAddress": mac_address.value},
    }
    emitted = {}
    for name, parameters in presented.items():
        event = {
            "claimCertificateId": claim.certificate_id,
            "certificateId": secrets.token_hex(32),
            "templateArn": variables["PROVISIONING_TEMPLATE_ARN"],
            "clientId": "claim-alarms",
            "parameters": parameters,
        }
        emitted[name] = metrics_of(
            [CALL, "fleetgate.gate.hook", json.dumps(event)],
            {**variables, **running, "ANSWER_MILLISECONDS": "60000"},  # a busy machine takes its time
        )
    return emitted


@pytest.fixture(scope="module")
def emitted_by_watcher(deployment: Deployment, embedded: Embedded) -> set[Metric]:
    """The metrics that the watcher emits of a burst and of a record that cannot be read, under its own role."""
    claim = ClaimCertificate(certificate_id=secrets.token_hex(32), manufacturer="acme")
    embedded.put(claim)
    moment = datetime.now(UTC) - timedelta(hours=1)
    images = [denial_image(claim.certificate_id, f"ALARMS-{number}", moment) for number in range(21)]
    images.append({**images[0], "kind": {"S": "unheard-of"}})
    owner = denial(None, "ALARMS-owner", moment, certificate_id=secrets.token_hex(32), verdict=Verdict.ALLOWED)
    embedded.put_record(owner)
    images.append(denial_image(str(owner.certificate_id), "ALARMS-other", moment))
    properties, outputs = deployment.resource("WatcherFunction"), embedded.stack.outputs
    running = {
        **{name.upper(): value for name, value in embedded.credentials_of(outputs["WatcherFunctionRoleArn"]).items()},
        "AWS_ENDPOINT_URL": embedded.stack.endpoint_url,
        "AWS_DEFAULT_REGION": embedded.stack.region,
        "ALLOW_LIST_TABLE_NAME": outputs["AllowListTableName"],
        "AUDIT_TABLE_NAME": outputs["AuditTableName"],
    }
    event = json.dumps({"Records": [insertion(image, number) for number, image in enumerate(images)]})
    module, _, _ = properties["Handler"].rpartition(".")
    return metrics_of([CALL, module, event], {**properties["Environment"]["Variables"], **running})


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


def watched(alarm: dict[str, Any]) -> Metric:
    """What an alarm watches."""
    dimensions = frozenset((dimension["Name"], dimension["Value"]) for dimension in alarm["Dimensions"])
    return alarm["Namespace"], alarm["MetricName"], dimensions


def test_there_is_an_alarm_for_each_way_the_hook_can_fail_devices(alarms: dict[str, dict[str, Any]]) -> None:
    hook = {alarm["MetricName"] for name, alarm in alarms.items() if name.startswith("Hook")}

    assert hook == {"Errors", "Throttles", "RegistrationFault", "Duration"}


def test_there_is_an_alarm_for_an_import_that_fails_and_for_one_that_never_comes_to_an_end(
    alarms: dict[str, dict[str, Any]],
) -> None:
    imports = {alarm["MetricName"] for name, alarm in alarms.items() if name.startswith("Import")}

    assert imports == {"ImportFailed", "ApproximateNumberOfMessagesVisible", "ExecutionsFailed"}


def test_there_is_an_alarm_for_a_gate_that_was_bypassed_and_for_outcomes_that_were_not_noted(
    alarms: dict[str, dict[str, Any]],
) -> None:
    assert alarms["UnapprovedThingAlarm"]["MetricName"] == "UnapprovedThing"
    assert alarms["OutcomeDeadLetterAlarm"]["MetricName"] == "ApproximateNumberOfMessagesVisible"


def test_there_is_an_alarm_for_a_burst_and_for_each_way_that_one_can_be_missed(
    alarms: dict[str, dict[str, Any]],
) -> None:
    wanted = {
        "DenialBurstAlarm": "DenialBurst",
        "DeviceCertificateMisusedAlarm": "DeviceCertificateMisused",
        "WatcherFaultAlarm": "WatchFault",
        "WatcherErrorAlarm": "Errors",
        "WatchDelayAlarm": "IteratorAge",
        "WatchDeadLetterAlarm": "ApproximateNumberOfMessagesVisible",
    }

    assert {name: alarms[name]["MetricName"] for name in wanted} == wanted


@pytest.mark.parametrize("name", TUNED)
def test_a_threshold_that_needs_tuning_is_a_parameter(
    name: str, template: dict[str, Any], alarms: dict[str, dict[str, Any]]
) -> None:
    metric, parameter = TUNED[name]
    tuned = Deployment(template, {parameter: "777"}).resource(name)

    assert (alarms[name]["MetricName"], tuned["Threshold"]) == (metric, "777")
    assert (alarms[name]["Period"], alarms[name]["EvaluationPeriods"]) == (300, 1)


def test_the_hook_is_slow_when_one_answer_in_a_hundred_comes_near_the_time_that_aws_iot_waits(
    alarms: dict[str, dict[str, Any]],
) -> None:
    alarm = alarms["HookSlowAlarm"]

    assert (alarm["ExtendedStatistic"], alarm.get("Statistic")) == ("p99", None)
    assert int(alarm["Threshold"]) < 5000


def test_a_denial_has_a_metric_and_what_points_at_a_copy_or_another_board_one_more(
    emitted_of_denials: dict[str, set[Metric]],
) -> None:
    names = {presented: {name for _, name, _ in found} for presented, found in emitted_of_denials.items()}

    assert names == {
        "nobody": {"RegistrationDenied"},
        "another MAC address": {"RegistrationDenied", "MacAddressMismatch"},
        "a taken identity": {"RegistrationDenied", "SecondClaim"},
    }


def test_there_is_an_alarm_for_each_way_the_archive_can_fail_and_for_a_record_that_was_touched(
    alarms: dict[str, dict[str, Any]],
) -> None:
    wanted = {
        "ArchiveDeadLetterAlarm": "ApproximateNumberOfMessagesVisible",
        "ArchiveDelayAlarm": "IteratorAge",
        "AuditTableChangedAlarm": "AuditTableChanged",
        "SealerErrorAlarm": "Errors",
    }

    assert {name: alarms[name]["MetricName"] for name in wanted} == wanted


def test_an_archiver_that_lags_is_noticed_before_hours_are_sealed_without_their_records(
    alarms: dict[str, dict[str, Any]],
) -> None:
    alarm = alarms["ArchiveDelayAlarm"]

    assert (alarm["Statistic"], alarm["EvaluationPeriods"]) == ("Maximum", 5)
    # From then on a record is too late for its own hour.
    assert timedelta(milliseconds=alarm["Threshold"]) == DEFAULT_SETTLING_TIME / 2


def test_every_alarm_watches_a_metric_that_is_emitted(
    alarms: dict[str, dict[str, Any]],
    emitted: set[Metric],
    emitted_by_imports: dict[str, set[Metric]],
    emitted_by_outcomes: set[Metric],
    emitted_by_reconciler: set[Metric],
    emitted_by_archiver: set[Metric],
    emitted_by_api: set[Metric],
    emitted_by_watcher: set[Metric],
    emitted_of_denials: dict[str, set[Metric]],
) -> None:
    of_lambda = {
        ("AWS/Lambda", name, frozenset({("FunctionName", function)}))
        for name in LAMBDA_METRICS
        for function in ("HookFunction", "ReconcilerFunction", "SealerFunction", "WatcherFunction")
    }
    # Lambda developer guide: "IteratorAge", of event source mappings that read from streams.
    for function in ("ArchiverFunction", "WatcherFunction"):
        of_lambda.add(("AWS/Lambda", "IteratorAge", frozenset({("FunctionName", function)})))
    dead_letters = ("ImportDeadLetterQueue", "OutcomeDeadLetterQueue", "ArchiveDeadLetterQueue", "WatchDeadLetterQueue")
    of_sqs = {
        ("AWS/SQS", name, frozenset({("QueueName", f"{queue}.QueueName")}))
        for name in SQS_METRICS
        for queue in dead_letters
    }
    # API Gateway developer guide, "Monitor CloudWatch metrics for HTTP APIs".
    of_api = {("AWS/ApiGateway", "5xx", frozenset({("ApiId", "Api")}))}
    of_states = {("AWS/States", "ExecutionsFailed", frozenset({("StateMachineArn", "ImportStateMachine")}))}
    known = (
        of_lambda
        | of_sqs
        | of_states
        | of_api
        | emitted_by_outcomes
        | emitted_by_reconciler
        | emitted_by_archiver
        | emitted_by_api
        | emitted_by_watcher
        | set().union(*emitted_of_denials.values())
        | emitted.union(*emitted_by_imports.values())
    )

    assert {name for name, alarm in alarms.items() if watched(alarm) not in known} == set()


def test_a_thing_past_the_gate_raises_one_alarm_whoever_finds_it(
    alarms: dict[str, dict[str, Any]], emitted_by_outcomes: set[Metric], emitted_by_reconciler: set[Metric]
) -> None:
    assert watched(alarms["UnapprovedThingAlarm"]) in emitted_by_outcomes & emitted_by_reconciler


def test_there_is_an_alarm_for_a_superseded_certificate_that_could_not_be_deactivated(
    alarms: dict[str, dict[str, Any]], emitted_by_reconciler: set[Metric]
) -> None:
    alarm = alarms["SupersededCertificateAlarm"]
    assert alarm["MetricName"] == "SupersededOutOfReach"
    assert watched(alarm) in emitted_by_reconciler


def test_there_is_an_alarm_for_a_gate_that_aws_iot_does_not_ask(
    alarms: dict[str, dict[str, Any]], emitted_by_reconciler: set[Metric]
) -> None:
    alarm = alarms["GateDetachedAlarm"]
    assert alarm["MetricName"] == "GateDetached"
    assert watched(alarm) in emitted_by_reconciler


def test_a_fault_is_a_metric_of_this_stack(emitted: set[Metric]) -> None:
    assert emitted == {("Fleetgate", "RegistrationFault", frozenset({("service", f"{STACK_NAME}-hook")}))}


@pytest.mark.parametrize("function", ["ImportFunction", "ImportStepFunction"])
def test_a_failed_import_is_the_same_metric_wherever_it_fails(
    function: str, emitted_by_imports: dict[str, set[Metric]]
) -> None:
    service = frozenset({("service", f"{STACK_NAME}-import")})
    names = {"ImportRun", "ImportFailed"} | ({"ImportAnnouncement"} if function == "ImportFunction" else set())

    assert emitted_by_imports[function] == {("Fleetgate", name, service) for name in names}


def test_one_failure_is_enough_and_silence_is_no_failure(alarms: dict[str, dict[str, Any]]) -> None:
    assert {alarm["TreatMissingData"] for alarm in alarms.values()} == {"notBreaching"}
    assert {alarm["ComparisonOperator"] for alarm in alarms.values()} == {"GreaterThanOrEqualToThreshold"}
    for name, alarm in alarms.items():
        if name in AGES or name in TUNED:  # not failures
            continue
        # Messages are counted over and over as long as they lie there; failures once, when they happen.
        statistic = "Maximum" if name.endswith("DeadLetterAlarm") else "Sum"
        assert (alarm["Statistic"], alarm["Threshold"], alarm["EvaluationPeriods"]) == (statistic, 1, 1)


def test_alarms_tell_the_topic_where_there_is_one(alarms: dict[str, dict[str, Any]], defaults: Deployment) -> None:
    assert {tuple(alarm["AlarmActions"]) for alarm in alarms.values()} == {("topic-arn",)}
    assert all("AlarmActions" not in defaults.resource(name) for name in alarms)


def test_alarms_say_what_they_mean_and_where_to_read_on(alarms: dict[str, dict[str, Any]]) -> None:
    assert all("docs/runbook.md" in alarm["AlarmDescription"] for alarm in alarms.values())
