"""Ways to open the gate, or to take it out of the way, past the stack; each is undone at the end."""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from fleetgate.outcomes.attachment import GateFinding
from harness.embedded import Embedded

# Does something to a stack; what a finding of it is about, at the least its end.
Sabotage = Callable[[Embedded], AbstractContextManager[str]]


def _template(embedded: Embedded) -> tuple[Any, str]:
    return embedded.client("iot"), embedded.stack.outputs["ProvisioningTemplateName"]


@contextmanager
def template_disabled(embedded: Embedded) -> Iterator[str]:
    iot, name = _template(embedded)
    iot.update_provisioning_template(templateName=name, enabled=False)
    try:
        yield name
    finally:
        iot.update_provisioning_template(templateName=name, enabled=True)


@contextmanager
def hook_removed(embedded: Embedded) -> Iterator[str]:
    iot, name = _template(embedded)
    before = iot.describe_provisioning_template(templateName=name)["preProvisioningHook"]
    iot.update_provisioning_template(templateName=name, removePreProvisioningHook=True)
    try:
        yield name
    finally:
        iot.update_provisioning_template(templateName=name, preProvisioningHook=before)


@contextmanager
def hook_replaced(embedded: Embedded) -> Iterator[str]:
    iot, name = _template(embedded)
    functions, other = embedded.client("lambda"), embedded.resource("OutcomeFunction")
    arn = functions.get_function_configuration(FunctionName=other)["FunctionArn"]
    before = iot.describe_provisioning_template(templateName=name)
    functions.add_permission(
        FunctionName=other,
        StatementId="sabotage",
        Action="lambda:InvokeFunction",
        Principal="iot.amazonaws.com",
        SourceArn=before["templateArn"],
    )
    hook = before["preProvisioningHook"]
    iot.update_provisioning_template(templateName=name, preProvisioningHook={**hook, "targetArn": arn})
    try:
        yield name
    finally:
        iot.update_provisioning_template(templateName=name, preProvisioningHook=hook)
        functions.remove_permission(FunctionName=other, StatementId="sabotage")


@contextmanager
def role_changed(embedded: Embedded) -> Iterator[str]:
    iot, name = _template(embedded)
    before = iot.describe_provisioning_template(templateName=name)["provisioningRoleArn"]
    other = embedded.role_arn_of("HookFunction")
    iot.update_provisioning_template(templateName=name, provisioningRoleArn=other)
    try:
        yield name
    finally:
        iot.update_provisioning_template(templateName=name, provisioningRoleArn=before)


@contextmanager
def body_changed(embedded: Embedded) -> Iterator[str]:
    """Whoever is let in gets another policy."""
    iot, name = _template(embedded)
    before = iot.describe_provisioning_template(templateName=name)
    body = json.loads(before["templateBody"])
    body["Resources"]["more"] = {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "administrators"}}
    made = iot.create_provisioning_template_version(templateName=name, templateBody=json.dumps(body), setAsDefault=True)
    try:
        yield name
    finally:
        iot.update_provisioning_template(templateName=name, defaultVersionId=before["defaultVersionId"])
        iot.delete_provisioning_template_version(templateName=name, versionId=made["versionId"])


@contextmanager
def permission_removed(embedded: Embedded) -> Iterator[str]:
    functions, hook = embedded.client("lambda"), embedded.stack.outputs["HookFunctionName"]
    (statement,) = json.loads(functions.get_policy(FunctionName=hook)["Policy"])["Statement"]
    functions.remove_permission(FunctionName=hook, StatementId=statement["Sid"])
    try:
        yield hook
    finally:
        condition = statement["Condition"]
        functions.add_permission(
            FunctionName=hook,
            StatementId=statement["Sid"],
            Action=statement["Action"],
            Principal=statement["Principal"]["Service"],
            SourceAccount=condition["StringEquals"]["AWS:SourceAccount"],
            SourceArn=condition["ArnLike"]["AWS:SourceArn"],
        )


@contextmanager
def claim_policy_edited(embedded: Embedded) -> Iterator[str]:
    """The claim policy lets its certificates use other provisioning templates."""
    iot, name = embedded.client("iot"), embedded.stack.outputs["ClaimPolicyName"]
    before = iot.get_policy(policyName=name)
    document = json.loads(before["policyDocument"])
    template = embedded.stack.outputs["ProvisioningTemplateName"]
    widened = json.loads(
        json.dumps(document).replace(f"provisioning-templates/{template}/", "provisioning-templates/*/")
    )
    assert widened != document
    made = iot.create_policy_version(policyName=name, policyDocument=json.dumps(widened), setAsDefault=True)
    try:
        yield name
    finally:
        iot.set_default_policy_version(policyName=name, policyVersionId=before["defaultVersionId"])
        iot.delete_policy_version(policyName=name, policyVersionId=made["policyVersionId"])


@contextmanager
def other_policy_attached(embedded: Embedded) -> Iterator[str]:
    """A claim certificate has a policy that lets it use another provisioning template."""
    iot, name = embedded.client("iot"), f"sabotage-{secrets.token_hex(4)}"
    certificate_id = embedded.stack.claim_certificate_id
    arn = iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]["certificateArn"]
    allowed = {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}
    iot.create_policy(policyName=name, policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
    iot.attach_policy(policyName=name, target=arn)
    try:
        yield certificate_id
    finally:
        iot.detach_policy(policyName=name, target=arn)
        iot.delete_policy(policyName=name)


@contextmanager
def claim_policy_detached(embedded: Embedded) -> Iterator[str]:
    iot, name = embedded.client("iot"), embedded.stack.outputs["ClaimPolicyName"]
    certificate_id = embedded.stack.claim_certificate_id
    arn = iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]["certificateArn"]
    iot.detach_policy(policyName=name, target=arn)
    try:
        yield certificate_id
    finally:
        iot.attach_policy(policyName=name, target=arn)


@contextmanager
def registry_events_off(embedded: Embedded) -> Iterator[str]:
    iot = embedded.client("iot")
    iot.update_event_configurations(eventConfigurations={"THING": {"Enabled": False}})
    try:
        yield "THING"
    finally:
        iot.update_event_configurations(eventConfigurations={"THING": {"Enabled": True}})


SABOTAGES: dict[GateFinding, Sabotage] = {
    GateFinding.TEMPLATE_DISABLED: template_disabled,
    GateFinding.HOOK_REMOVED: hook_removed,
    GateFinding.HOOK_REPLACED: hook_replaced,
    GateFinding.TEMPLATE_BODY_CHANGED: body_changed,
    GateFinding.PROVISIONING_ROLE_CHANGED: role_changed,
    GateFinding.HOOK_PERMISSION_REMOVED: permission_removed,
    GateFinding.CLAIM_POLICY_CHANGED: claim_policy_edited,
    GateFinding.OTHER_POLICY_ATTACHED: other_policy_attached,
    GateFinding.CLAIM_POLICY_NOT_ATTACHED: claim_policy_detached,
    GateFinding.REGISTRY_EVENTS_OFF: registry_events_off,
}
