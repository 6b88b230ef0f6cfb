"""What nobody handled: dead letters, alarms that went off, and alarms that nobody hears."""

from collections.abc import Iterator, Mapping
from typing import Any

from fleetgate_cli.checkup.deployed import DeployedStack
from fleetgate_cli.checkup.line import Line, State

# CloudWatch API reference, DescribeAlarms: AlarmNames.
_MAX_ALARM_NAMES = 100
_MAX_NAMED = 5
_WAITING = "ApproximateNumberOfMessages"


def dead_letters(stack: DeployedStack, name: str) -> Iterator[Line]:
    """Dead-letter queues that are not empty."""
    sqs, found = stack.client("sqs"), False
    for logical_id, url in sorted(stack.resources_of("AWS::SQS::Queue").items()):
        if not logical_id.endswith("DeadLetterQueue"):
            continue
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[_WAITING])
        if count := int(answer["Attributes"][_WAITING]):
            found = True
            yield Line(
                check=name,
                state=State.WRONG,
                code="dead_letters",
                about=logical_id,
                sentence=f"{logical_id} has {count:,} {'message' if count == 1 else 'messages'}.",
                remedy=_entry(logical_id.replace("Queue", "Alarm")),
            )
    if not found:
        yield Line(check=name, state=State.OK, code="no_dead_letters", sentence="All dead-letter queues are empty.")


def alarms(stack: DeployedStack, name: str) -> Iterator[Line]:
    """Alarms that are gone, that notify nobody, or that are in alarm."""
    by_id = _described(stack)
    gone = [one for one, alarm in by_id.items() if alarm is None]
    silent = [one for one, alarm in by_id.items() if alarm and not _tells_somebody(alarm)]
    ringing = [one for one, alarm in by_id.items() if alarm and alarm.get("StateValue") == "ALARM"]
    if gone:
        remedy = "Revert the drift with CloudFormation; deploying again changes nothing."
        yield _of_alarms(name, "alarms_gone", gone, f"{len(gone)} of {len(by_id)} alarms are gone", remedy)
    if silent:
        sentence = f"{len(silent)} of {len(by_id)} alarms notify nobody"
        remedy = "Set AlarmTopicArn, and deploy."
        yield _of_alarms(name, "alarms_without_target", silent, sentence, remedy)
    for one in ringing:
        yield Line(
            check=name,
            state=State.WRONG,
            code="in_alarm",
            about=one,
            sentence=f"{one} is in alarm.",
            remedy=_entry(one),
        )
    if not (gone or silent or ringing):
        yield Line(check=name, state=State.OK, code="quiet", sentence=f"{len(by_id)} alarms; in alarm: 0.")


def _described(stack: DeployedStack) -> Mapping[str, dict[str, Any] | None]:
    """The stack's alarms as CloudWatch describes them, by logical ID; None where it has none of the name."""
    declared = dict(sorted(stack.resources_of("AWS::CloudWatch::Alarm").items()))
    names, found = list(declared.values()), dict[str, dict[str, Any]]()
    cloudwatch = stack.client("cloudwatch")
    for start in range(0, len(names), _MAX_ALARM_NAMES):
        some = names[start : start + _MAX_ALARM_NAMES]
        answer = cloudwatch.describe_alarms(AlarmNames=some, MaxRecords=_MAX_ALARM_NAMES)
        found |= {alarm["AlarmName"]: alarm for alarm in answer["MetricAlarms"]}
    return {logical_id: found.get(physical) for logical_id, physical in declared.items()}


def _tells_somebody(alarm: Mapping[str, Any]) -> bool:
    return bool(alarm.get("ActionsEnabled", True) and alarm.get("AlarmActions"))


def _of_alarms(name: str, code: str, which: list[str], sentence: str, remedy: str) -> Line:
    named = ", ".join(which[:_MAX_NAMED])
    more = f" and {len(which) - _MAX_NAMED} more" if len(which) > _MAX_NAMED else ""
    return Line(
        check=name,
        state=State.WRONG,
        code=code,
        about=",".join(which),
        sentence=f"{sentence}: {named}{more}.",
        remedy=remedy,
    )


def _entry(alarm: str) -> str:
    return f"docs/runbook.md, {alarm}."
