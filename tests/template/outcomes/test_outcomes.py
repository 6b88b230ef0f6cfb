"""How outcomes reach their recorder, what it may do, and what a deploy changes of the account."""

from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest

from fleetgate.environment import InvalidSettings
from fleetgate.outcomes.attachment import PAYLOAD_VERSION, GateFinding, findings_of_template
from fleetgate.outcomes.settings import ReconcilerSettings
from fleetgate.outcomes.supersession import SupersededPolicy
from tests.template.grants import Statement, statements
from tests.template.intrinsics import Deployment

LOG_GROUP = "AWSIotLogsV2"
RULES = {
    "ThingEventsRule": "SELECT * FROM '$aws/events/thing/+/+'",
    "PresenceRule": "SELECT * FROM '$aws/events/presence/connected/+' WHERE NOT regexp_matches(clientId, '^claim-')",
}


@pytest.fixture(scope="module")
def granted(template: dict[str, Any]) -> list[Statement]:
    """All that anybody may do."""
    return list(statements(template))


def of(role: str, granted: list[Statement]) -> dict[str, tuple[set[str], tuple[str, ...]]]:
    """What one role may do, by statement."""
    return {one.sid: (set(one.actions), one.resources) for one in granted if one.role == role}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_hands_what_it_is_about_to_the_recorder_and_keeps_what_fails(rule: str, defaults: Deployment) -> None:
    payload = defaults.resource(rule)["TopicRulePayload"]

    assert payload["Sql"] == RULES[rule]
    assert payload["RuleDisabled"] is False
    (action,) = payload["Actions"]
    assert action["Sqs"] == {"QueueUrl": "OutcomeQueue", "RoleArn": "OutcomeRulesRole.Arn", "UseBase64": False}
    assert payload["ErrorAction"]["Sqs"]["QueueUrl"] == "OutcomeDeadLetterQueue"


def test_claim_certificates_are_told_by_the_stacks_own_prefix(template: dict[str, Any]) -> None:
    other = Deployment(template, {"ClaimClientIdPrefix": "new-"})
    assert "regexp_matches(clientId, '^new-')" in other.resource("PresenceRule")["TopicRulePayload"]["Sql"]


def test_only_the_log_group_may_invoke_the_recorder(template: dict[str, Any]) -> None:
    deployment = Deployment(template, {"IotLogGroupName": LOG_GROUP})
    allowed = {
        (found["Principal"], found["SourceArn"])
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Lambda::Permission"
        and (found := deployment.resource(name))["FunctionName"] == "OutcomeFunction.Arn"
        and found["SourceAccount"] == "123456789012"
    }
    assert allowed == {
        ("logs.amazonaws.com", f"arn:aws:logs:eu-central-1:123456789012:log-group:{LOG_GROUP}:*"),
    }


def test_the_log_group_is_listened_to_where_there_is_one(template: dict[str, Any]) -> None:
    deployment = Deployment(template, {"IotLogGroupName": LOG_GROUP})
    subscription = deployment.resource("ProvisioningLogSubscription")

    assert subscription["LogGroupName"] == LOG_GROUP
    assert subscription["FilterPattern"] == '{ $.eventType = "ProvisionDevice" }'
    for name in ("ProvisioningLogSubscription", "ProvisioningLogPermission"):
        assert template["Resources"][name]["Condition"] == "HasIotLogGroup"
    assert template["Conditions"]["HasIotLogGroup"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "IotLogGroupName"}, ""]}]}


def test_the_recorder_may_note_outcomes_and_nothing_else(granted: list[Statement]) -> None:
    assert of("OutcomeFunctionRole", granted) == {
        "FindAndSettleADevice": ({"dynamodb:GetItem", "dynamodb:UpdateItem"}, ("AllowListTable.Arn",)),
        "FindTheDecision": (
            {"dynamodb:Query"},
            ("AuditTable.Arn", "AuditTable.Arn/index/by_device_certificate"),
        ),
        "AppendToTheAuditTrail": ({"dynamodb:PutItem"}, ("AuditTable.Arn",)),
        "TakeOutcomeEvents": (
            {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"},
            ("OutcomeQueue.Arn",),
        ),
        "KeepWhatFailed": ({"sqs:SendMessage"}, ("OutcomeDeadLetterQueue.Arn",)),
        "WriteLogs": ({"logs:CreateLogStream", "logs:PutLogEvents"}, ("OutcomeLogGroup.Arn",)),
    }
    (device,) = [one for one in granted if one.sid == "FindAndSettleADevice"]
    assert device.condition == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "device#*"}}


def test_what_the_recorder_cannot_note_is_kept(defaults: Deployment, granted: list[Statement]) -> None:
    recorder = defaults.resource("OutcomeFunction")

    assert recorder["DeadLetterQueue"] == {"Type": "SQS", "TargetArn": "OutcomeDeadLetterQueue.Arn"}
    assert defaults.resource("OutcomeDeadLetterQueue")["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert of("OutcomeRulesRole", granted) == {
        "ForwardOutcomeEvents": ({"sqs:SendMessage"}, ("OutcomeQueue.Arn", "OutcomeDeadLetterQueue.Arn"))
    }
    source, queue = defaults.resource("OutcomeEventSource"), defaults.resource("OutcomeQueue")
    assert (source["FunctionName"], source["EventSourceArn"]) == ("OutcomeFunction", "OutcomeQueue.Arn")
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == "OutcomeDeadLetterQueue.Arn"
    assert queue["VisibilityTimeout"] >= 6 * recorder["Timeout"]


def test_the_reconciler_runs_on_a_schedule_and_may_compare_and_settle_and_nothing_else(
    defaults: Deployment, granted: list[Statement]
) -> None:
    assert defaults.resource("ReconcilerSchedule")["ScheduleExpression"] == "rate(15 minutes)"
    assert defaults.resource("ReconcilerSchedule")["Targets"] == [{"Id": "reconciler", "Arn": "ReconcilerFunction.Arn"}]
    permission = defaults.resource("ReconcilerPermission")
    assert (permission["Principal"], permission["SourceArn"]) == ("events.amazonaws.com", "ReconcilerSchedule.Arn")
    assert defaults.resource("ReconcilerFunction")["EventInvokeConfig"] == {"MaximumRetryAttempts": 0}
    assert of("ReconcilerFunctionRole", granted) == {
        "SettleADevice": ({"dynamodb:GetItem", "dynamodb:UpdateItem"}, ("AllowListTable.Arn",)),
        "RememberThePlace": ({"dynamodb:GetItem", "dynamodb:PutItem"}, ("AllowListTable.Arn",)),
        "FindDecisions": ({"dynamodb:Query"}, ("AuditTable.Arn", "AuditTable.Arn/index/by_day")),
        "AppendToTheAuditTrail": ({"dynamodb:PutItem"}, ("AuditTable.Arn",)),
        "AskAboutAndDeactivateCertificates": (
            {"iot:DescribeCertificate", "iot:UpdateCertificate"},
            ("arn:aws:iot:eu-central-1:123456789012:cert/*",),
        ),
        "ListThings": ({"iot:ListThings"}, ("*",)),
        "FindClaimCertificates": ({"dynamodb:Query"}, ("AllowListTable.Arn/index/by_listing",)),
        "SeeWhetherTheGateIsAttached": (
            {"iot:DescribeProvisioningTemplate", "iot:GetPolicy", "iot:ListTargetsForPolicy"},
            (
                "arn:aws:iot:eu-central-1:123456789012:provisioningtemplate/fleetgate",
                "arn:aws:iot:eu-central-1:123456789012:policy/ClaimPolicy",
            ),
        ),
        "SeeWhoMayInvokeTheHook": ({"lambda:GetPolicy"}, ("HookFunction.Arn",)),
        "SeePoliciesAndRegistryEvents": ({"iot:DescribeEventConfigurations", "iot:ListAttachedPolicies"}, ("*",)),
        "WriteLogs": ({"logs:CreateLogStream", "logs:PutLogEvents"}, ("OutcomeLogGroup.Arn",)),
    }

    keys = {one.sid: one.condition for one in granted if one.role == "ReconcilerFunctionRole" and one.condition}
    assert keys == {
        "SettleADevice": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["device#*", "key#*"]}},
        "RememberThePlace": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "reconciler#*"}},
        "FindClaimCertificates": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": "claims"}},
    }


RECONCILER_PARAMETERS = {
    "ThingNamePrefix": ("thing-", "thing_name_prefix"),
    "ThingTypeName": ("other", "thing_type_name"),
    "ReservationSeconds": ("7200", "reservation_time"),
    "SupersededCertificates": ("report", "superseded_policy"),
    "SupersededGraceHours": ("7", "superseded_grace"),
    "AuditRetentionDays": ("7", "tables"),
    "ProvisioningTemplateName": ("other", "gate"),
    "ClaimClientIdPrefix": ("new-", "gate"),
}


@pytest.mark.parametrize("parameter", RECONCILER_PARAMETERS)
def test_a_parameter_ends_in_the_reconcilers_setting_it_is_named_after_and_in_no_other(
    parameter: str, template: dict[str, Any], defaults: Deployment
) -> None:
    value, name = RECONCILER_PARAMETERS[parameter]
    before, after = (
        ReconcilerSettings.from_environment(deployment.resource("ReconcilerFunction")["Environment"]["Variables"])
        for deployment in (defaults, Deployment(template, {parameter: value}))
    )
    names = {field.name for field in fields(ReconcilerSettings)}
    assert {one for one in names if getattr(before, one) != getattr(after, one)} == {name}


def test_the_claim_policy_that_the_reconciler_expects_is_the_deployed_one(template: dict[str, Any]) -> None:
    other = Deployment(template, {"ProvisioningTemplateName": "other", "ClaimClientIdPrefix": "new-"})
    settings = ReconcilerSettings.from_environment(other.resource("ReconcilerFunction")["Environment"]["Variables"])
    assert settings.gate.claim_policy == other.resource("ClaimPolicy")["PolicyDocument"]


def test_what_the_reconciler_expects_to_be_provisioned_is_what_the_deployed_template_makes(
    template: dict[str, Any],
) -> None:
    for parameters in ({}, {"ThingTypeName": "other", "ExtraAttributes": '"Site": {"Ref": "Site"}'}):
        deployment = Deployment(template, parameters)
        variables = deployment.resource("ReconcilerFunction")["Environment"]["Variables"]
        gate = ReconcilerSettings.from_environment(variables).gate
        described = {**deployment.resource("ProvisioningTemplate"), "enabled": True}
        described["templateBody"] = described["TemplateBody"]
        kinds = {finding.kind for finding in findings_of_template(described, gate)}
        assert GateFinding.TEMPLATE_BODY_CHANGED not in kinds


def test_the_event_that_the_template_sends_is_the_one_that_the_reconciler_expects(defaults: Deployment) -> None:
    hook = defaults.resource("ProvisioningTemplate")["PreProvisioningHook"]
    variables = defaults.resource("ReconcilerFunction")["Environment"]["Variables"]
    assert hook == {"PayloadVersion": PAYLOAD_VERSION, "TargetArn": variables["HOOK_FUNCTION_ARN"]}


def test_a_superseded_certificate_is_deactivated_after_a_day_unless_the_stack_says_otherwise(
    defaults: Deployment,
) -> None:
    variables = defaults.resource("ReconcilerFunction")["Environment"]["Variables"]
    settings = ReconcilerSettings.from_environment(variables)
    assert settings.superseded_policy is SupersededPolicy.DEACTIVATE
    assert settings.superseded_grace == timedelta(days=1)
    with pytest.raises(InvalidSettings, match="SUPERSEDED_CERTIFICATES is not one of deactivate, report"):
        ReconcilerSettings.from_environment({**variables, "SUPERSEDED_CERTIFICATES": "ignore"})


def test_no_certificate_is_superseded_for_good_while_its_ownership_token_may_bring_it_back(
    template: dict[str, Any],
) -> None:
    """AWS IoT keeps a token for an hour, and with it the certificate may be asked for again."""
    assert template["Parameters"]["SupersededGraceHours"]["MinValue"] >= 1


def test_registry_events_are_switched_on_by_a_function_that_can_do_nothing_else(
    defaults: Deployment, granted: list[Statement]
) -> None:
    assert defaults.resource("RegistryEvents")["ServiceToken"] == "RegistryEventsFunction.Arn"
    assert of("RegistryEventsFunctionRole", granted) == {
        "SwitchRegistryEventsOn": ({"iot:DescribeEventConfigurations", "iot:UpdateEventConfigurations"}, ("*",)),
        "WriteLogs": ({"logs:CreateLogStream", "logs:PutLogEvents"}, ("OutcomeLogGroup.Arn",)),
    }
