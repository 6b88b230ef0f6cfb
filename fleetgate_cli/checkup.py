"""What `fleetgate doctor` looks at: one check for each part of a stack that can be wrong without anybody noticing."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from fleetgate.archive.digest import (
    DEFAULT_SETTLING_TIME,
    DIGESTS,
    HOUR,
    Folder,
    digest_key,
    hour_of,
    hour_of_digest,
    hour_of_object,
)
from fleetgate.archive.store import Archive
from fleetgate.archive.verify import SEALING_TAKES
from fleetgate.domain.claim import ClaimStatus
from fleetgate.domain.documents import instant
from fleetgate.domain.faults import Fault
from fleetgate.outcomes.attachment import Finding, GateParts
from fleetgate.outcomes.gate_check import GateCheck
from fleetgate.outcomes.iot_gate import GateInAws
from fleetgate_cli.errors import CouldNotCheck, ExitCode
from fleetgate_cli.run import Run, now

# Where the last sealed hour is looked for first.
_USUALLY_WITHIN = timedelta(days=2)
_MAX_CLAIMS = 100_000
# CloudWatch API reference, DescribeAlarms: AlarmNames.
_MAX_ALARM_NAMES = 100
# AWS Lambda: a new account may run ten functions at once, which is less than a stack with some imports needs.
_FEW_AT_ONCE = 100
_DEAD_LETTERS = {
    "ImportDeadLetterQueueUrl": "imports",
    "OutcomeDeadLetterQueueUrl": "outcomes",
    "WatchDeadLetterQueueUrl": "the watcher",
    "ArchiveDeadLetterQueueUrl": "the archive",
}
_MAX_NAMED = 5


class State(StrEnum):
    """How a check ended. A note is something to know, such as a block that an operator made."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"
    COULD_NOT_CHECK = "could_not_check"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that a check says.

    Attributes:
        code: For programs.
        about: The name or ID of what it is about; empty for the part as a whole.
    """

    check: str
    state: State
    code: str
    sentence: str
    remedy: str = ""
    about: str = ""


def check_up(run: Run) -> list[Line]:
    """Check every part. One that AWS cannot be asked about does not keep the others from being checked."""
    lines: list[Line] = []
    for name, check in {**_gate_checks(run), **_CHECKS}.items():
        said: list[Line] = []
        try:
            said.extend(check(run, name))
        except (Fault, CouldNotCheck, ClientError, BotoCoreError) as error:
            said.append(_could_not(name, error))
        lines += said
    return lines


def exit_code_of(lines: Iterable[Line]) -> ExitCode:
    """What the exit code tells: something is wrong, else something could not be checked, else neither."""
    states = {line.state for line in lines}
    if State.WRONG in states:
        return ExitCode.REFUSED
    return ExitCode.COULD_NOT_CHECK if State.COULD_NOT_CHECK in states else ExitCode.DONE


_Check = Callable[[Run, str], Iterator[Line]]


def _gate_checks(run: Run) -> dict[str, _Check]:
    """The reconciler's checks, in its words."""

    def expected() -> GateCheck:
        target = run.target
        parts = GateParts(
            template_arn=target.output("ProvisioningTemplateArn"),
            hook_arn=target.output("HookFunctionArn"),
            provisioning_role_arn=target.output("ProvisioningRoleArn"),
            claim_policy_name=target.output("ClaimPolicyName"),
            claim_client_id_prefix=target.output("ClaimClientIdPrefix"),
        )
        aws = GateInAws(target.client("iot"), target.client("lambda"), parts)
        return GateCheck(aws=aws, allow_list=run.allow_list, parts=parts, now=now)

    def check(_run: Run, name: str) -> Iterator[Line]:
        found = False
        for finding in expected().checks[name](lambda: True):
            found = True
            yield _of_finding(name, finding)
        if not found:
            yield Line(check=name, state=State.OK, code="as_deployed", sentence="As deployed.")

    return dict.fromkeys(("template", "permission", "claim_policy", "claim_certificates", "registry_events"), check)


def _of_finding(name: str, finding: Finding) -> Line:
    return Line(
        check=name,
        state=State.WRONG,
        code=finding.kind.value,
        about=finding.about,
        sentence=finding.kind.meaning,
        remedy=finding.kind.remedy,
    )


def _switch(run: Run, name: str) -> Iterator[Line]:
    switch = run.allow_list.switch()
    if switch.is_stopped:
        yield Line(
            check=name,
            state=State.NOTE,
            code="gate_stopped",
            sentence="An operator stopped the gate: every device is denied.",
            remedy="fleetgate gate status says who and why.",
        )
    for stopped in (*sorted(switch.manufacturers), *sorted(switch.imports)):
        yield Line(
            check=name,
            state=State.NOTE,
            code="quarantine",
            about=stopped,
            sentence=f"{stopped} is in quarantine.",
            remedy="fleetgate gate status says since when and why.",
        )
    if not switch.is_stopped and not switch.manufacturers and not switch.imports:
        yield Line(check=name, state=State.OK, code="nothing_stopped", sentence="Nothing is stopped.")


def _blocked_claims(run: Run, name: str) -> Iterator[Line]:
    claims = run.allow_list.claims(limit=_MAX_CLAIMS).items
    blocked = [claim for claim in claims if claim.status is ClaimStatus.BLOCKED]
    for claim in blocked:
        yield Line(
            check=name,
            state=State.NOTE,
            code="claim_blocked",
            about=claim.certificate_id,
            sentence=f"A claim certificate of {claim.manufacturer or 'any manufacturer'} is blocked.",
            remedy="fleetgate audit list --claim says by whom and why.",
        )
    if not blocked:
        yield Line(check=name, state=State.OK, code="no_claim_blocked", sentence=f"{len(claims)} registered.")


def _sealing(run: Run, name: str) -> Iterator[Line]:
    archive = Archive(run.target.output("ArchiveName"), run.target.client("s3"))
    moment = now()
    sealed = _last_sealed(archive, moment)
    due = hour_of(moment - DEFAULT_SETTLING_TIME - SEALING_TAKES) - HOUR
    begun = sealed or _first_arrived(archive)
    if begun is None or (sealed is None and begun > due):
        yield Line(check=name, state=State.NOTE, code="nothing_sealed_yet", sentence="Nothing is sealed yet.")
    elif sealed is None or sealed < due:
        last = f"The last sealed hour is {instant(sealed)}" if sealed else "No hour is sealed"
        yield Line(
            check=name,
            state=State.WRONG,
            code="sealing_is_late",
            sentence=f"{last}; {instant(due)} is due.",
            remedy="docs/runbook.md, SealerErrorAlarm.",
        )
    else:
        yield Line(check=name, state=State.OK, code="sealed", sentence=f"The last sealed hour is {instant(sealed)}.")


def _last_sealed(archive: Archive, moment: datetime) -> datetime | None:
    for after in (digest_key(moment - _USUALLY_WITHIN), ""):
        hours = [hour for key in archive.keys(DIGESTS, after=after) if (hour := hour_of_digest(key)) and hour < moment]
        if hours:
            return max(hours)
    return None


def _first_arrived(archive: Archive) -> datetime | None:
    first = next(archive.keys(f"{Folder.ARRIVED.value}/"), None)
    return hour_of_object(first) if first else None


def _dead_letters(run: Run, name: str) -> Iterator[Line]:
    sqs, found = run.target.client("sqs"), False
    for output, of_what in _DEAD_LETTERS.items():
        attribute = "ApproximateNumberOfMessages"
        answer = sqs.get_queue_attributes(QueueUrl=run.target.output(output), AttributeNames=[attribute])
        if count := int(answer["Attributes"][attribute]):
            found = True
            yield Line(
                check=name,
                state=State.WRONG,
                code="dead_letters",
                about=output.removesuffix("Url"),
                sentence=f"{count:,} dead letters of {of_what}.",
                remedy=f"docs/runbook.md, {output.replace('QueueUrl', 'Alarm')}.",
            )
    if not found:
        yield Line(check=name, state=State.OK, code="no_dead_letters", sentence="All dead-letter queues are empty.")


def _alarms(run: Run, name: str) -> Iterator[Line]:
    declared = _alarm_names(run)
    cloudwatch = run.target.client("cloudwatch")
    found: dict[str, Any] = {}
    names = list(declared.values())
    for start in range(0, len(names), _MAX_ALARM_NAMES):
        some = names[start : start + _MAX_ALARM_NAMES]
        answer = cloudwatch.describe_alarms(AlarmNames=some, MaxRecords=_MAX_ALARM_NAMES)
        found |= {alarm["AlarmName"]: alarm for alarm in answer["MetricAlarms"]}
    by_id = {logical_id: found.get(physical) for logical_id, physical in declared.items()}
    gone = [logical_id for logical_id, alarm in by_id.items() if alarm is None]
    silent = [one for one, alarm in by_id.items() if alarm and not _tells_somebody(alarm)]
    ringing = [one for one, alarm in by_id.items() if alarm and alarm.get("StateValue") == "ALARM"]
    if gone:
        yield _of_alarms(
            name, "alarms_gone", gone, number=len(by_id), what="are gone", remedy="Deploy the stack again."
        )
    if silent:
        what = "have no target that is told"
        remedy = "Set AlarmTopicArn, and deploy."
        yield _of_alarms(name, "alarms_without_target", silent, number=len(by_id), what=what, remedy=remedy)
    for one in ringing:
        remedy = f"docs/runbook.md, {one}."
        yield Line(
            check=name, state=State.WRONG, code="alarm", about=one, sentence=f"{one} has gone off.", remedy=remedy
        )
    if not (gone or silent or ringing):
        yield Line(check=name, state=State.OK, code="quiet", sentence=f"{len(by_id)} alarms, and none has gone off.")


def _tells_somebody(alarm: dict[str, Any]) -> bool:
    return bool(alarm.get("ActionsEnabled", True) and alarm.get("AlarmActions"))


def _of_alarms(name: str, code: str, which: list[str], *, number: int, what: str, remedy: str) -> Line:
    named = ", ".join(which[:_MAX_NAMED])
    more = f" and {len(which) - _MAX_NAMED} more" if len(which) > _MAX_NAMED else ""
    sentence = f"{len(which)} of {number} alarms {what}: {named}{more}."
    return Line(check=name, state=State.WRONG, code=code, about=",".join(which), sentence=sentence, remedy=remedy)


def _alarm_names(run: Run) -> dict[str, str]:
    """The names of the stack's alarms by their logical IDs."""
    pages = run.target.client("cloudformation").get_paginator("list_stack_resources")
    return {
        one["LogicalResourceId"]: one["PhysicalResourceId"]
        for page in pages.paginate(StackName=run.target.output("StackName"))
        for one in page["StackResourceSummaries"]
        if one["ResourceType"] == "AWS::CloudWatch::Alarm"
    }


def _concurrency(run: Run, name: str) -> Iterator[Line]:
    functions, hook = run.target.client("lambda"), run.target.output("HookFunctionName")
    limit = int(functions.get_account_settings()["AccountLimit"]["ConcurrentExecutions"])
    reserved = functions.get_function_concurrency(FunctionName=hook).get("ReservedConcurrentExecutions")
    if reserved == 0:
        yield Line(
            check=name,
            state=State.WRONG,
            code="hook_may_not_run",
            about=hook,
            sentence="The reserved concurrency of the hook is 0: every device is denied.",
            remedy="Deploy the stack again; fleetgate gate stop is the way to close the gate.",
        )
        return
    few = reserved is None and limit < _FEW_AT_ONCE
    theirs = "none reserved for the hook" if reserved is None else f"{reserved:,} of them for the hook"
    yield Line(
        check=name,
        state=State.NOTE if few else State.OK,
        code="few_executions" if few else "executions",
        sentence=f"{limit:,} executions at once in the account, {theirs}.",
        remedy="Ask AWS for more, then set HookReservedConcurrency." if few else "",
    )


def _register_thing_quota(run: Run, name: str) -> Iterator[Line]:
    pages = run.target.client("service-quotas").get_paginator("list_service_quotas")
    quotas = [
        quota
        for page in pages.paginate(ServiceCode="iotcore")
        for quota in page["Quotas"]
        if "registerthing" in quota["QuotaName"].replace(" ", "").lower()
    ]
    if not quotas:
        raise CouldNotCheck("no_such_quota", "Service Quotas names no quota of RegisterThing.")
    for quota in quotas:
        sentence = f"{quota['QuotaName']}: {quota['Value']:g}"
        yield Line(check=name, state=State.OK, code="quota", about=quota["QuotaCode"], sentence=f"{sentence}.")


def _could_not(name: str, error: Exception) -> Line:
    match error:
        case CouldNotCheck():
            code, sentence = error.code, error.message
        case Fault():
            cause = error.__cause__
            code, sentence = error.reason.value, str(cause) if cause else error.reason.meaning
        case ClientError():
            code, sentence = str(error.response.get("Error", {}).get("Code") or "aws_error"), str(error)
        case _:
            code, sentence = "aws_unreachable", str(error)
    return Line(check=name, state=State.COULD_NOT_CHECK, code=code, sentence=f"Could not check: {sentence}")


_CHECKS: dict[str, _Check] = {
    "switch": _switch,
    "blocked_claims": _blocked_claims,
    "sealing": _sealing,
    "dead_letters": _dead_letters,
    "alarms": _alarms,
    "concurrency": _concurrency,
    "register_thing_quota": _register_thing_quota,
}
