"""How the gate can differ from what was deployed: the rule, without AWS."""

import json
from typing import Any

import pytest

from fleetgate.outcomes.attachment import (
    PAYLOAD_VERSION,
    Finding,
    GateFinding,
    GateParts,
    findings_of_claim,
    findings_of_claim_policy,
    findings_of_events,
    findings_of_permission,
    findings_of_template,
)

ACCOUNT = "123456789012"
PARTS = GateParts(
    template_arn=f"arn:aws:iot:eu-central-1:{ACCOUNT}:provisioningtemplate/fleetgate",
    hook_arn=f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:hook",
    provisioning_role_arn=f"arn:aws:iam::{ACCOUNT}:role/provisioning",
    claim_policy_name="fleetgate-claim",
    claim_client_id_prefix="claim-",
    production_policy_name="fleetgate-production",
)
DESCRIBED: dict[str, Any] = {
    "enabled": True,
    "preProvisioningHook": {"targetArn": PARTS.hook_arn, "payloadVersion": PAYLOAD_VERSION},
    "provisioningRoleArn": PARTS.provisioning_role_arn,
    "templateBody": json.dumps(
        {"Resources": {kind: {"Type": kind, "Properties": made} for kind, made in PARTS.provisioned.items()}}
    ),
}
STATEMENT: dict[str, Any] = {
    "Sid": "one",
    "Effect": "Allow",
    "Principal": {"Service": "iot.amazonaws.com"},
    "Action": "lambda:InvokeFunction",
    "Resource": PARTS.hook_arn,
    "Condition": {
        "StringEquals": {"AWS:SourceAccount": ACCOUNT},
        "ArnLike": {"AWS:SourceArn": PARTS.template_arn},
    },
}


def test_a_template_as_deployed_has_no_finding() -> None:
    assert list(findings_of_template(DESCRIBED, PARTS)) == []


@pytest.mark.parametrize(
    ("changed", "kinds"),
    [
        ({"enabled": False}, [GateFinding.TEMPLATE_DISABLED]),
        ({"preProvisioningHook": None}, [GateFinding.HOOK_REMOVED]),
        (
            {"preProvisioningHook": {"targetArn": f"{PARTS.hook_arn}:1", "payloadVersion": PAYLOAD_VERSION}},
            [GateFinding.HOOK_REPLACED],
        ),
        (
            {"preProvisioningHook": {"targetArn": PARTS.hook_arn, "payloadVersion": "2030-01-01"}},
            [GateFinding.HOOK_PAYLOAD_CHANGED],
        ),
        ({"provisioningRoleArn": "another"}, [GateFinding.PROVISIONING_ROLE_CHANGED]),
        (
            {"enabled": False, "preProvisioningHook": {}, "provisioningRoleArn": None},
            [GateFinding.TEMPLATE_DISABLED, GateFinding.HOOK_REMOVED, GateFinding.PROVISIONING_ROLE_CHANGED],
        ),
    ],
)
def test_each_change_of_the_template_is_named(changed: dict[str, Any], kinds: list[GateFinding]) -> None:
    assert list(findings_of_template({**DESCRIBED, **changed}, PARTS)) == [Finding(kind, "fleetgate") for kind in kinds]


def _body(**changed: Any) -> str:
    kinds = {kind.rpartition(":")[2]: {"Type": kind, "Properties": made} for kind, made in PARTS.provisioned.items()}
    return json.dumps({"Resources": {name: one for name, one in (kinds | changed).items() if one}})


@pytest.mark.parametrize(
    "body",
    [
        None,
        "{}",
        _body(Policy=None),
        _body(Policy={"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "administrators"}}),
        _body(Policy={"Type": "AWS::IoT::Policy", "Properties": {"PolicyDocument": "{}"}}),
        _body(More={"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "administrators"}}),
        _body(More={"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": PARTS.production_policy_name}}),
        _body(Thing={"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": "SerialNumber"}}}),
        _body(Certificate={"Type": "AWS::IoT::Certificate", "Properties": {"CertificateId": "another"}}),
    ],
)
def test_a_template_that_makes_something_else_is_named(body: str | None) -> None:
    found = findings_of_template({**DESCRIBED, "templateBody": body}, PARTS)
    assert list(found) == [Finding(GateFinding.TEMPLATE_BODY_CHANGED, "fleetgate")]


def test_attributes_and_the_type_of_a_thing_give_no_right() -> None:
    thing = {
        "Type": "AWS::IoT::Thing",
        "Properties": {
            **PARTS.provisioned["AWS::IoT::Thing"],
            "ThingTypeName": "other",
            "AttributePayload": {"Site": {"Ref": "Site"}},
        },
    }
    assert list(findings_of_template({**DESCRIBED, "templateBody": _body(Thing=thing)}, PARTS)) == []


def test_a_template_that_is_gone_is_one_finding() -> None:
    assert list(findings_of_template(None, PARTS)) == [Finding(GateFinding.TEMPLATE_MISSING, "fleetgate")]


@pytest.mark.parametrize(
    "statement",
    [
        STATEMENT,
        {**STATEMENT, "Action": ["lambda:*"], "Principal": {"Service": ["events.amazonaws.com", "iot.amazonaws.com"]}},
        {**STATEMENT, "Condition": {"ArnLike": {"aws:SourceArn": [PARTS.template_arn.replace("fleetgate", "*")]}}},
        {name: value for name, value in STATEMENT.items() if name != "Condition"},
    ],
)
def test_a_statement_that_lets_aws_iot_ask_is_the_permission(statement: dict[str, Any]) -> None:
    assert list(findings_of_permission(json.dumps({"Statement": [statement]}), PARTS)) == []
    assert list(findings_of_permission(json.dumps({"Statement": statement}), PARTS)) == []


@pytest.mark.parametrize(
    "statement",
    [
        {**STATEMENT, "Effect": "Deny"},
        {**STATEMENT, "Principal": {"Service": "events.amazonaws.com"}},
        {**STATEMENT, "Principal": {"AWS": "iot.amazonaws.com"}},
        {**STATEMENT, "Action": "lambda:GetFunction"},
        {**STATEMENT, "Condition": {"ArnLike": {"AWS:SourceArn": f"{PARTS.template_arn}-2"}}},
        {**STATEMENT, "Condition": {"StringEquals": {"AWS:SourceAccount": "210987654321"}}},
        {**STATEMENT, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
    ],
)
def test_a_statement_about_somebody_else_is_not(statement: dict[str, Any]) -> None:
    gone = [Finding(GateFinding.HOOK_PERMISSION_REMOVED, "hook")]
    assert list(findings_of_permission(json.dumps({"Statement": [statement]}), PARTS)) == gone


@pytest.mark.parametrize("policy", [None, json.dumps({"Statement": []})])
def test_no_statement_is_no_permission(policy: str | None) -> None:
    assert [one.kind for one in findings_of_permission(policy, PARTS)] == [GateFinding.HOOK_PERMISSION_REMOVED]


def test_the_order_of_a_claim_policy_says_nothing() -> None:
    document = PARTS.claim_policy
    turned = {
        **document,
        "Statement": [
            {**one, "Sid": "x", "Action": [one["Action"]] if isinstance(one["Action"], str) else one["Action"][::-1]}
            for one in reversed(document["Statement"])
        ],
    }
    assert list(findings_of_claim_policy(json.dumps(turned), PARTS)) == []


def _changed(**values: Any) -> str:
    document = PARTS.claim_policy
    return json.dumps({**document, "Statement": [{**document["Statement"][0], **values}, *document["Statement"][1:]]})


@pytest.mark.parametrize(
    "document",
    [
        _changed(Resource="*"),
        _changed(Action=["iot:Connect", "iot:GetThingShadow"]),
        _changed(Effect="Deny"),
        _changed(Condition={"Bool": {"iot:Connection.Thing.IsAttached": "true"}}),
        json.dumps({**PARTS.claim_policy, "Statement": PARTS.claim_policy["Statement"][1:]}),
        json.dumps({**PARTS.claim_policy, "Version": "2008-10-17"}),
    ],
)
def test_a_claim_policy_that_grants_otherwise_is_a_finding(document: str) -> None:
    changed = [Finding(GateFinding.CLAIM_POLICY_CHANGED, "fleetgate-claim")]
    assert list(findings_of_claim_policy(document, PARTS)) == changed


def test_a_claim_policy_that_is_gone_is_a_finding() -> None:
    assert [one.kind for one in findings_of_claim_policy(None, PARTS)] == [GateFinding.CLAIM_POLICY_MISSING]


@pytest.mark.parametrize(
    ("policies", "is_active", "kinds"),
    [
        ({"fleetgate-claim"}, True, []),
        (set(), True, [GateFinding.CLAIM_POLICY_NOT_ATTACHED]),
        (set(), False, []),
        (None, True, []),
        ({"fleetgate-claim", "other"}, True, [GateFinding.OTHER_POLICY_ATTACHED]),
        ({"other"}, False, [GateFinding.OTHER_POLICY_ATTACHED]),
        ({"other"}, True, [GateFinding.CLAIM_POLICY_NOT_ATTACHED, GateFinding.OTHER_POLICY_ATTACHED]),
    ],
)
def test_the_policies_of_a_claim_certificate(
    policies: set[str] | None, is_active: bool, kinds: list[GateFinding]
) -> None:
    found = list(findings_of_claim("c1", policies, PARTS, is_active=is_active))
    assert found == [Finding(kind, "c1") for kind in kinds]


@pytest.mark.parametrize("configurations", [{}, {"THING": {}}, {"THING": {"Enabled": False}}])
def test_registry_events_that_are_off_are_a_finding(configurations: dict[str, Any]) -> None:
    assert [one.kind for one in findings_of_events(configurations)] == [GateFinding.REGISTRY_EVENTS_OFF]
    assert list(findings_of_events({"THING": {"Enabled": True}})) == []
