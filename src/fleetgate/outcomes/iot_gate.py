"""What AWS IoT and Lambda say of the gate: the template, the hook's permission, policies, and registry events."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason
from fleetgate.outcomes.attachment import GateParts

_PAGE_ITEMS = 250


class GateInAws:
    """The gate as it stands. Every method raises Fault when AWS cannot be asked.

    Args:
        iot, functions: botocore or boto3 clients of AWS IoT and Lambda.
    """

    def __init__(self, iot: Any, functions: Any, parts: GateParts) -> None:
        self._iot = iot
        self._functions = functions
        self._parts = parts

    def template(self) -> Mapping[str, Any] | None:
        """The provisioning template; None when there is none."""
        with _faults_translated():
            try:
                found: Mapping[str, Any] = self._iot.describe_provisioning_template(
                    templateName=self._parts.template_name
                )
            except self._iot.exceptions.ResourceNotFoundException:
                return None
        return found

    def hook_policy(self) -> str | None:
        """The resource policy of the hook, JSON; None when it has none, or is gone."""
        with _faults_translated():
            try:
                return str(self._functions.get_policy(FunctionName=self._parts.hook_arn)["Policy"])
            except self._functions.exceptions.ResourceNotFoundException:
                return None

    def claim_policy(self) -> str | None:
        """The default version of the claim policy, JSON; None when there is no policy."""
        with _faults_translated():
            try:
                return str(self._iot.get_policy(policyName=self._parts.claim_policy_name)["policyDocument"])
            except self._iot.exceptions.ResourceNotFoundException:
                return None

    def certificates_with_claim_policy(self) -> Iterator[str]:
        """The IDs of the certificates that the claim policy is attached to; none when there is no policy."""
        marker: dict[str, str] = {}
        while True:
            with _faults_translated():
                try:
                    page = self._iot.list_targets_for_policy(
                        policyName=self._parts.claim_policy_name, pageSize=_PAGE_ITEMS, **marker
                    )
                except self._iot.exceptions.ResourceNotFoundException:
                    return
            arns = (str(target) for target in page["targets"])
            yield from (arn.rpartition("/")[2] for arn in arns if ":cert/" in arn)
            if not page.get("nextMarker"):
                return
            marker = {"marker": page["nextMarker"]}

    def policies_of(self, certificate_id: str) -> frozenset[str] | None:
        """The names of the policies that a certificate has; None when AWS IoT has no such certificate."""
        target, names = self._parts.certificate_arn(certificate_id), set[str]()
        marker: dict[str, str] = {}
        while True:
            with _faults_translated():
                try:
                    page = self._iot.list_attached_policies(target=target, pageSize=_PAGE_ITEMS, **marker)
                except self._iot.exceptions.ResourceNotFoundException:
                    return None
            names |= {str(policy["policyName"]) for policy in page["policies"]}
            if not page.get("nextMarker"):
                break
            marker = {"marker": page["nextMarker"]}
        # It is not documented what is said of a certificate that is not there.
        return frozenset(names) if names or self._is_there(certificate_id) else None

    def _is_there(self, certificate_id: str) -> bool:
        with _faults_translated():
            try:
                self._iot.describe_certificate(certificateId=certificate_id)
            except self._iot.exceptions.ResourceNotFoundException:
                return False
        return True

    def event_configurations(self) -> Mapping[str, Any]:
        """Which registry events the account publishes, by kind."""
        with _faults_translated():
            found: Mapping[str, Any] = self._iot.describe_event_configurations().get("eventConfigurations", {})
        return found


@contextmanager
def _faults_translated() -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise Fault(FaultReason.SERVICE_UNAVAILABLE) from error
