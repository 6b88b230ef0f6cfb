"""Whether AWS IoT still asks the gate: what was deployed, what AWS says, and each way in which they can differ."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from fleetgate.domain.reasons import Reason

# AWS IoT Core developer guide, "Pre-provisioning hooks": the version of the event that the hook reads.
PAYLOAD_VERSION = "2020-04-01"
_IOT = "iot.amazonaws.com"
_GIVES_NO_RIGHT = frozenset({"AttributePayload", "ThingTypeName"})


class GateFinding(Reason):
    """A way in which the gate is not attached as it was deployed.

    To deploy again is no remedy: CloudFormation does nothing where the template did not change.
    """

    TEMPLATE_MISSING = (
        "template_missing",
        "The provisioning template is gone: no device can be provisioned, and another template may have its place.",
        "Revert the drift of the stack, and find out in CloudTrail who deleted the template.",
    )
    TEMPLATE_DISABLED = (
        "template_disabled",
        "The provisioning template is disabled: AWS IoT provisions no device with it.",
        "Enable it. To close the gate use fleetgate gate stop, which is on record.",
    )
    HOOK_REMOVED = (
        "hook_removed",
        "The provisioning template has no pre-provisioning hook: AWS IoT lets everybody in who has a claim "
        "certificate.",
        "Disable the template at once, put the hook back, and check what was provisioned since.",
    )
    HOOK_REPLACED = (
        "hook_replaced",
        "The provisioning template asks another function than the hook of this stack.",
        "Disable the template at once, put the hook back, and check what was provisioned since.",
    )
    HOOK_PAYLOAD_CHANGED = (
        "hook_payload_changed",
        "The provisioning template sends the hook another version of the event than it reads.",
        f"Put the hook back, with payload version {PAYLOAD_VERSION}.",
    )
    TEMPLATE_BODY_CHANGED = (
        "template_body_changed",
        "The default version of the provisioning template makes another thing, certificate or policy than the one of "
        "this stack: what the gate lets in may get other rights.",
        "Set the version of the stack as default, find out who changed it, and check what was provisioned since.",
    )
    PROVISIONING_ROLE_CHANGED = (
        "provisioning_role_changed",
        "The provisioning template works under another role than the one of this stack.",
        "Disable the template at once, put the role back, and find out what the other role may do.",
    )
    HOOK_PERMISSION_REMOVED = (
        "hook_permission_removed",
        "AWS IoT may not invoke the hook for this template, or the function is gone: every device is denied.",
        "Give AWS IoT the permission again.",
    )
    CLAIM_POLICY_MISSING = (
        "claim_policy_missing",
        "The claim policy is gone.",
        "Revert the drift of the stack, and attach the policy to the claim certificates.",
    )
    CLAIM_POLICY_CHANGED = (
        "claim_policy_changed",
        "The default version of the claim policy is not the one of this stack: a claim certificate may do other things "
        "than ask this gate.",
        "Set the version of the stack as default again, and find out who changed it.",
    )
    CLAIM_POLICY_NOT_ATTACHED = (
        "claim_policy_not_attached",
        "A registered claim certificate does not have the claim policy: its devices cannot ask the gate.",
        "Attach the claim policy to it, or block the claim certificate if it is out of use.",
    )
    OTHER_POLICY_ATTACHED = (
        "other_policy_attached",
        "A claim certificate has another policy beside the claim policy: whoever has its key may do what that policy "
        "allows, such as using another provisioning template.",
        "Detach the other policy, and find out who attached it.",
    )
    REGISTRY_EVENTS_OFF = (
        "registry_events_off",
        "AWS IoT publishes no registry events of things: a thing that is made past the gate shows up hours later.",
        "Switch the events of kind THING on; deploying again does not.",
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        about: The name of the template, function or policy, or the ID of the claim certificate.
    """

    kind: GateFinding
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateParts:
    """What the stack deployed.

    Attributes:
        template_arn: Of the provisioning template.
        claim_client_id_prefix: How the client ID of a device with a claim certificate starts.
    """

    template_arn: str
    hook_arn: str
    provisioning_role_arn: str
    claim_policy_name: str
    claim_client_id_prefix: str
    production_policy_name: str

    @property
    def template_name(self) -> str:
        """The name of the provisioning template."""
        return self.template_arn.partition("/")[2]

    @property
    def account_id(self) -> str:
        """The account of the stack."""
        return self.template_arn.split(":")[4]

    def certificate_arn(self, certificate_id: str) -> str:
        """The ARN of a certificate of the stack's account and region."""
        return f"{self._iot}:cert/{certificate_id}"

    @property
    def claim_policy(self) -> dict[str, Any]:
        """The claim policy as the template declares it; a test compares the two."""
        paths = (
            "$aws/certificates/create/*",
            "$aws/certificates/create-from-csr/*",
            f"$aws/provisioning-templates/{self.template_name}/provision/*",
        )
        return {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "iot:Connect",
                    "Resource": f"{self._iot}:client/{self.claim_client_id_prefix}*",
                },
                {
                    "Effect": "Allow",
                    "Action": ["iot:Publish", "iot:Receive"],
                    "Resource": [f"{self._iot}:topic/{path}" for path in paths],
                },
                {
                    "Effect": "Allow",
                    "Action": "iot:Subscribe",
                    "Resource": [f"{self._iot}:topicfilter/{path}" for path in paths],
                },
            ],
        }

    @property
    def provisioned(self) -> dict[str, Any]:
        """By type, what the provisioning template makes of a device; a test compares the two.

        Without the attributes of the thing, which name it and give it no right, and its type.
        """
        return {
            "AWS::IoT::Thing": {"ThingName": {"Ref": "ThingName"}, "ThingGroups": [{"Ref": "ThingGroup"}]},
            "AWS::IoT::Certificate": {
                "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"},
                "Status": "ACTIVE",
                "ThingPrincipalType": "EXCLUSIVE_THING",
            },
            "AWS::IoT::Policy": {"PolicyName": self.production_policy_name},
        }

    @property
    def _iot(self) -> str:
        return self.template_arn.rpartition(":")[0]


def findings_of_template(described: Mapping[str, Any] | None, parts: GateParts) -> Iterator[Finding]:
    """What is wrong with the provisioning template.

    Args:
        described: As DescribeProvisioningTemplate says; None when there is none.
    """
    name = parts.template_name
    if described is None:
        yield Finding(GateFinding.TEMPLATE_MISSING, name)
        return
    if not described.get("enabled"):
        yield Finding(GateFinding.TEMPLATE_DISABLED, name)
    hook = described.get("preProvisioningHook")
    if not hook:
        yield Finding(GateFinding.HOOK_REMOVED, name)
    elif hook.get("targetArn") != parts.hook_arn:
        yield Finding(GateFinding.HOOK_REPLACED, name)
    elif hook.get("payloadVersion") != PAYLOAD_VERSION:
        yield Finding(GateFinding.HOOK_PAYLOAD_CHANGED, name)
    if not _makes_what_was_deployed(described.get("templateBody"), parts):
        yield Finding(GateFinding.TEMPLATE_BODY_CHANGED, name)
    if described.get("provisioningRoleArn") != parts.provisioning_role_arn:
        yield Finding(GateFinding.PROVISIONING_ROLE_CHANGED, name)


def findings_of_permission(policy: str | None, parts: GateParts) -> Iterator[Finding]:
    """What is wrong with the hook's resource policy.

    Args:
        policy: A JSON document, as Lambda says; None when there is none.
    """
    statements = _as_list(json.loads(policy).get("Statement", [])) if policy else []
    if not any(_lets_aws_iot_ask(statement, parts) for statement in statements):
        yield Finding(GateFinding.HOOK_PERMISSION_REMOVED, parts.hook_arn.rpartition(":")[2])


def findings_of_claim_policy(document: str | None, parts: GateParts) -> Iterator[Finding]:
    """What is wrong with the default version of the claim policy.

    Args:
        document: JSON, as AWS IoT says; None when there is no policy.
    """
    if document is None:
        yield Finding(GateFinding.CLAIM_POLICY_MISSING, parts.claim_policy_name)
    elif _canonical(json.loads(document)) != _canonical(parts.claim_policy):
        yield Finding(GateFinding.CLAIM_POLICY_CHANGED, parts.claim_policy_name)


def findings_of_claim(
    certificate_id: str, policies: Collection[str] | None, parts: GateParts, *, is_active: bool
) -> Iterator[Finding]:
    """What is wrong with the policies of a claim certificate.

    Args:
        policies: The names of those that are attached; None when AWS IoT has no such certificate.
        is_active: Whether the gate lets devices in that come with it.
    """
    if policies is None:
        return  # nobody can connect with it
    if is_active and parts.claim_policy_name not in policies:
        yield Finding(GateFinding.CLAIM_POLICY_NOT_ATTACHED, certificate_id)
    if set(policies) - {parts.claim_policy_name}:
        yield Finding(GateFinding.OTHER_POLICY_ATTACHED, certificate_id)


def findings_of_events(configurations: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with the account's event configurations, as DescribeEventConfigurations says."""
    if not configurations.get("THING", {}).get("Enabled"):
        yield Finding(GateFinding.REGISTRY_EVENTS_OFF, "THING")


def _makes_what_was_deployed(body: str | None, parts: GateParts) -> bool:
    resources = json.loads(body or "{}").get("Resources", {}).values()
    made = [(one.get("Type"), _without(one.get("Properties", {}), _GIVES_NO_RIGHT)) for one in resources]
    return len(made) == len(parts.provisioned) and dict(made) == parts.provisioned


def _without(properties: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name not in names}


def _lets_aws_iot_ask(statement: Mapping[str, Any], parts: GateParts) -> bool:
    principal = statement.get("Principal", {})
    services = _as_list(principal.get("Service", [])) if isinstance(principal, Mapping) else []
    actions = {str(action).lower() for action in _as_list(statement.get("Action", []))}
    asked = {"aws:sourceaccount": parts.account_id, "aws:sourcearn": parts.template_arn}
    return (
        statement.get("Effect") == "Allow"
        and _IOT in services
        and bool(actions & {"lambda:invokefunction", "lambda:*"})
        and all(_holds(key, values, asked) for key, values in _conditions(statement))
    )


def _conditions(statement: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    for by_key in statement.get("Condition", {}).values():
        for key, values in by_key.items():
            yield key.lower(), _as_list(values)


def _holds(key: str, values: list[Any], asked: Mapping[str, str]) -> bool:
    """Whether a condition is met; one that nobody knows is taken for one that is not."""
    return key in asked and any(fnmatchcase(asked[key], str(value)) for value in values)


def _canonical(document: Mapping[str, Any]) -> Any:
    """A policy such that two that grant the same, in whatever order, are equal."""
    statements = [
        json.dumps({key: _sorted(value) for key, value in statement.items() if key != "Sid"}, sort_keys=True)
        for statement in _as_list(document.get("Statement", []))
    ]
    return document.get("Version"), sorted(statements)


def _sorted(value: Any) -> Any:
    if isinstance(value, str):
        return [value]
    return sorted(value) if isinstance(value, list) else value


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
