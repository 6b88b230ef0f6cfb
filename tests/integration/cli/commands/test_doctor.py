"""`fleetgate doctor`: it names each sabotage, and what else is wrong with a stack."""

import json
import re
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fleetgate.archive.digest import digest_key, hour_of
from fleetgate.domain.claim import ClaimCertificate, ClaimStatus
from fleetgate.outcomes.attachment import GateFinding
from fleetgate.outcomes.settings import ReconcilerSettings
from fleetgate_cli.checkup.deployed import DeployedStack
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.run import Run, now
from harness import faulty_dynamodb as faults
from harness.command import Fleetgate, run
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from harness.sabotage import SABOTAGES
from local.embedded.template import load_template
from local.environments import REPOSITORY
from tests.integration.cli.users import profiles_of

CHECKS = [
    *("template", "permission", "claim_policy", "claim_certificates", "registry_events"),
    *("switch", "blocked_claims", "sealing", "dead_letters", "alarms", "concurrency", "register_thing_quota"),
]


def found(document: dict[str, Any], state: str) -> set[tuple[str, str]]:
    """The lines of a state: code, and what each is about."""
    return {(line["code"], line["about"]) for line in document["checks"] if line["state"] == state}


def of(document: dict[str, Any], check: str) -> list[dict[str, Any]]:
    """The lines of a check."""
    return [line for line in document["checks"] if line["check"] == check]


# These stand in the way of others: the hook that is removed, and the policy that is detached.
APART = frozenset({GateFinding.HOOK_REMOVED, GateFinding.CLAIM_POLICY_NOT_ATTACHED})


@pytest.mark.parametrize(
    "kinds",
    [[kind for kind in SABOTAGES if (kind in APART) is apart] for apart in (True, False)],
    ids=["apart", "others"],
)
def test_every_sabotage_is_named(kinds: list[GateFinding], fleetgate: Fleetgate, embedded: Embedded) -> None:
    with ExitStack() as undo:
        done = {(kind.value, undo.enter_context(SABOTAGES[kind](embedded))) for kind in kinds}
        answer = fleetgate("doctor", "--json")
        assert answer.exit_code == ExitCode.REFUSED
        assert done <= found(answer.document, "wrong")
        shown = " ".join(fleetgate("doctor").stdout.split())
        for kind in kinds:
            assert " ".join(kind.meaning.split()[:3]) in shown
    assert not done & found(fleetgate("doctor", "--json").document, "wrong")


def test_every_part_is_checked_in_order_and_what_is_as_deployed_is_said(fleetgate: Fleetgate) -> None:
    document = fleetgate("doctor", "--json").document

    assert list(dict.fromkeys(line["check"] for line in document["checks"])) == CHECKS
    for check in ("template", "permission", "claim_policy", "registry_events"):
        (line,) = of(document, check)
        assert (line["state"], line["code"]) == ("ok", "as_deployed")
    states = [line["state"] for line in document["checks"]]
    assert (document["wrong"], document["could_not_check"]) == (states.count("wrong"), states.count("could_not_check"))


def test_it_expects_of_the_gate_what_the_reconciler_does(fleetgate: Fleetgate, embedded: Embedded) -> None:
    expected = ReconcilerSettings.from_environment(embedded.variables_of("ReconcilerFunction")).gate
    assert DeployedStack(Run(local=True)).gate == expected


@pytest.fixture
def documented() -> list[str]:
    """The actions that the page for operators says are needed."""
    page = (REPOSITORY / "docs" / "operators.md").read_text()
    (statement,) = re.findall(r"## Check the stack.*?```json\n(.*?)```", page, re.DOTALL)
    actions: list[str] = json.loads(statement)["Action"]
    return actions


def test_the_documented_actions_are_enough_and_only_read(
    documented: list[str], fleetgate: Fleetgate, embedded: Embedded, tmp_path: Path
) -> None:
    assert {re.sub(r"(?<=[a-z])[A-Z].*", "", action.partition(":")[2]) for action in documented} <= {
        *("Describe", "Get", "List", "Query")
    }
    # AWS wants lambda:GetFunctionConcurrency for what ministack 1.5.33 takes for a change.
    of_ministack = "lambda:PutFunctionConcurrency"
    with profiles_of(embedded, "doctor", *documented, of_ministack, folder=tmp_path):
        answer = run("--profile", "doctor", "--region", embedded.stack.region, "doctor", "--json")
    unchecked = [line for line in answer.document["checks"] if line["state"] == "could_not_check"]
    # The embedded AWS has no Service Quotas.
    assert [line for line in unchecked if line["check"] != "register_thing_quota"] == []


def test_who_may_not_ask_is_told_where_the_actions_are(
    documented: list[str], fleetgate: Fleetgate, embedded: Embedded, tmp_path: Path
) -> None:
    some = [action for action in documented if action != "lambda:GetPolicy"]
    with profiles_of(embedded, "doctor", *some, folder=tmp_path):
        answer = run("--profile", "doctor", "--region", embedded.stack.region, "doctor", "--json")
    (line,) = of(answer.document, "permission")
    assert (line["state"], "operators.md" in line["remedy"]) == ("could_not_check", True)


def test_alarms_that_nobody_hears_are_wrong(fleetgate: Fleetgate) -> None:
    """A stack without AlarmTopicArn, as the local one is."""
    resources = load_template()["Resources"].items()
    alarms = {name for name, resource in resources if resource["Type"] == "AWS::CloudWatch::Alarm"}
    answer = fleetgate("doctor", "--json")

    assert answer.exit_code == ExitCode.REFUSED
    (line,) = [line for line in of(answer.document, "alarms") if line["code"] == "alarms_without_target"]
    assert set(line["about"].split(",")) == alarms
    assert "AlarmTopicArn" in line["remedy"]


def test_an_alarm_with_a_target_is_heard_and_one_that_went_off_is_wrong(
    fleetgate: Fleetgate, embedded: Embedded
) -> None:
    cloudwatch, name = embedded.client("cloudwatch"), embedded.resource("DenialsAlarm")
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    kept = ("AlarmName", "Namespace", "MetricName", "Dimensions", "Statistic", "Period", "EvaluationPeriods")
    before = {key: alarm[key] for key in (*kept, "Threshold", "ComparisonOperator", "TreatMissingData")}
    cloudwatch.put_metric_alarm(**before, AlarmActions=[embedded.stack.outputs["WatchTopicArn"]])
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")
    try:
        lines = of(fleetgate("doctor", "--json").document, "alarms")
    finally:
        cloudwatch.put_metric_alarm(**before)
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="a test")
    by_code = {line["code"]: line for line in lines}
    assert "DenialsAlarm" not in by_code["alarms_without_target"]["about"].split(",")
    assert by_code["in_alarm"]["about"] == "DenialsAlarm"


def test_dead_letters_are_wrong(fleetgate: Fleetgate, embedded: Embedded) -> None:
    sqs, queue = embedded.client("sqs"), {"QueueUrl": embedded.resource("WatchDeadLetterQueue")}
    sqs.send_message(**queue, MessageBody="a test")
    try:
        assert ("dead_letters", "WatchDeadLetterQueue") in found(fleetgate("doctor", "--json").document, "wrong")
    finally:
        sqs.purge_queue(**queue)
    assert ("dead_letters", "WatchDeadLetterQueue") not in found(fleetgate("doctor", "--json").document, "wrong")


def test_a_blocked_claim_certificate_is_a_note(
    fleetgate: Fleetgate, embedded: Embedded, claim: ClaimCertificate
) -> None:
    blocked = ClaimCertificate(certificate_id=claim.certificate_id, manufacturer="acme", status=ClaimStatus.BLOCKED)
    embedded.put(blocked)
    assert ("claim_blocked", claim.certificate_id) in found(fleetgate("doctor", "--json").document, "note")


@pytest.mark.parametrize(("hours_ago", "state"), [(1, "ok"), (30, "wrong")])
def test_an_archive_that_is_not_sealed_in_time_is_wrong(
    hours_ago: int,
    state: str,
    fleetgate: Fleetgate,
    embedded: Embedded,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bucket = f"doctor-{hours_ago}-{tmp_path.name}".lower().replace("_", "-")[-60:]
    s3 = embedded.client("s3")
    s3.create_bucket(Bucket=bucket)
    sealed = hour_of(now() - timedelta(hours=hours_ago))
    s3.put_object(Bucket=bucket, Key=digest_key(sealed), Body=b"a digest")
    (tmp_path / ".local").mkdir()
    outputs = {**embedded.stack.outputs, "ArchiveName": bucket}
    embedded.stack.model_copy(update={"outputs": outputs}).save(tmp_path)
    monkeypatch.chdir(tmp_path)

    (line,) = of(fleetgate("doctor", "--json").document, "sealing")
    assert line["state"] == state
    assert f"{sealed:%Y-%m-%dT%H}" in line["sentence"]


def test_a_hook_that_may_not_run_is_wrong(fleetgate: Fleetgate, embedded: Embedded) -> None:
    functions, hook = embedded.client("lambda"), embedded.stack.outputs["HookFunctionName"]
    functions.put_function_concurrency(FunctionName=hook, ReservedConcurrentExecutions=0)
    try:
        assert ("hook_may_not_run", hook) in found(fleetgate("doctor", "--json").document, "wrong")
    finally:
        functions.delete_function_concurrency(FunctionName=hook)


def test_what_cannot_be_asked_could_not_be_checked_and_the_rest_was(
    fleetgate: Fleetgate, embedded: Embedded, faulty: FaultyDynamoDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listings = []

    def meet(doorman: Any) -> None:
        body = doorman.request_body
        listings.append(b"Action=ListStackResources" in body and b"NextToken" not in body)
        if doorman.path.startswith("/provisioning-templates/"):
            doorman.refuse("AccessDeniedException", {}, status=403)
        else:
            faults.behave(doorman)

    faulty.always(meet)
    (tmp_path / ".local").mkdir()
    embedded.stack.model_copy(update={"endpoint_url": faulty.endpoint_url}).save(tmp_path)
    monkeypatch.chdir(tmp_path)
    document = fleetgate("doctor", "--json").document

    (line,) = of(document, "template")
    assert line["state"] == "could_not_check"
    assert "AccessDenied" in line["sentence"]
    assert of(document, "permission")[0]["state"] == "ok"
    assert sum(listings) == 1


def test_a_quota_that_nobody_tells_could_not_be_checked(fleetgate: Fleetgate) -> None:
    """The embedded AWS has no Service Quotas."""
    (line,) = of(fleetgate("doctor", "--json").document, "register_thing_quota")
    assert line["state"] == "could_not_check"


def test_without_a_stack_nothing_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = run("--local", "doctor", "--json")
    assert (answer.exit_code, answer.error["code"]) == (ExitCode.COULD_NOT_CHECK, "stack_not_running")
