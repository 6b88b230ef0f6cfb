"""The stack that is checked: its outputs, its resources by logical ID, and the names that follow from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fleetgate.outcomes.attachment import GateParts
from fleetgate_cli.errors import CouldNotCheck
from fleetgate_cli.run import Run


@dataclass(frozen=True)
class DeployedStack:
    """One stack. Its resources are listed once, when a check first asks for one."""

    run: Run

    def client(self, service: str) -> Any:
        """A boto3 client of an AWS service."""
        return self.run.target.client(service)

    def output(self, name: str) -> str:
        """An output of the stack; raises CouldNotCheck if there is none of that name."""
        return self.run.target.output(name)

    def resource(self, logical_id: str) -> str:
        """The physical ID of a resource.

        Raises:
            CouldNotCheck: The stack has no such resource.
        """
        for by_id in self._resources.values():
            if logical_id in by_id:
                return by_id[logical_id]
        raise CouldNotCheck(
            "not_a_fleetgate_stack", f"the stack has no resource {logical_id}: is it of this version of Fleetgate?"
        )

    def resources_of(self, resource_type: str) -> Mapping[str, str]:
        """The physical IDs of the resources of a type, by logical ID."""
        return self._resources.get(resource_type, {})

    @cached_property
    def gate(self) -> GateParts:
        """The gate as the stack deployed it; the reconciler is told the same by its environment."""
        _, partition, _, _, account_id, _ = self.run.caller().split(":", 5)
        here = f"{self.run.target.session.region_name}:{account_id}"
        return GateParts(
            template_arn=f"arn:{partition}:iot:{here}:provisioningtemplate/{self.output('ProvisioningTemplateName')}",
            hook_arn=f"arn:{partition}:lambda:{here}:function:{self.output('HookFunctionName')}",
            provisioning_role_arn=f"arn:{partition}:iam::{account_id}:role/{self.resource('ProvisioningRole')}",
            claim_policy_name=self.output("ClaimPolicyName"),
            claim_client_id_prefix=self.output("ClaimClientIdPrefix"),
            production_policy_name=self.resource("ProductionPolicy"),
        )

    @cached_property
    def _resources(self) -> Mapping[str, Mapping[str, str]]:
        # DescribeStackResources shows no more than 100; the stack has more.
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        found: dict[str, dict[str, str]] = {}
        for page in pages.paginate(StackName=self.output("StackName")):
            for one in page["StackResourceSummaries"]:
                if one["ResourceStatus"] != "DELETE_COMPLETE" and one.get("PhysicalResourceId"):
                    found.setdefault(one["ResourceType"], {})[one["LogicalResourceId"]] = one["PhysicalResourceId"]
        return found
