"""Which stack a command works on: one in AWS, or the embedded one of the current folder."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError, NoCredentialsError

from fleetgate.domain.things import ThingNames, ThingRules
from fleetgate.imports.store.drop_box import DropBox, ImportQueue
from fleetgate.store.tables import DEFAULT_AUDIT_RETENTION, TableCredentials, TableSettings
from fleetgate.store.thing_groups import ThingGroups
from fleetgate_cli.errors import CouldNotCheck
from fleetgate_cli.local_session import root_session
from fleetgate_cli.local_stack import StackDescription

REGION_VARIABLE = "AWS_REGION"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One deployed stack and the credentials to reach it.

    Attributes:
        endpoint_url: None for AWS.
        outputs: The stack's outputs.
        audit_retention: How long the stack keeps audit records.
    """

    session: Any
    endpoint_url: str | None
    outputs: Mapping[str, str]
    audit_retention: timedelta

    @classmethod
    def embedded(cls, folder: Path) -> "Target":
        """The embedded stack that runs in a folder.

        Raises:
            StackNotRunning: The folder has no running stack.
        """
        description = StackDescription.load(folder)
        # PynamoDB's clients cannot be told to leave the proxies of the environment out.
        os.environ["no_proxy"] = ",".join(filter(None, [os.environ.get("no_proxy"), _host(description.endpoint_url)]))
        return cls(
            session=root_session(),
            endpoint_url=description.endpoint_url,
            outputs=description.outputs,
            audit_retention=DEFAULT_AUDIT_RETENTION,
        )

    @classmethod
    def in_aws(cls, stack_name: str, *, profile: str | None, region: str | None) -> "Target":
        """A stack in AWS.

        Args:
            profile: None for the one that the AWS CLI would take; region likewise.

        Raises:
            CouldNotCheck: The stack does not exist.
        """
        # Unlike the AWS CLI, boto3 reads AWS_DEFAULT_REGION only.
        region = region or os.environ.get(REGION_VARIABLE) or None
        session = boto3.Session(profile_name=profile, region_name=region)
        try:
            stack = session.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]
        except ClientError as error:
            # CloudFormation has no code of its own for a stack that does not exist.
            if error.response["Error"].get("Code") != "ValidationError":
                raise
            raise CouldNotCheck(
                "stack_not_found",
                f"there is no stack {stack_name} in {session.region_name}: give --stack-name, --profile and --region, "
                "or --local for the embedded stack of this folder.",
            ) from error
        parameters = {given["ParameterKey"]: given.get("ParameterValue") for given in stack.get("Parameters", ())}
        days = parameters.get("AuditRetentionDays")
        return cls(
            session=session,
            endpoint_url=None,
            outputs={given["OutputKey"]: given["OutputValue"] for given in stack.get("Outputs", ())},
            audit_retention=timedelta(days=int(days)) if days else DEFAULT_AUDIT_RETENTION,
        )

    def output(self, name: str) -> str:
        """An output of the stack.

        Raises:
            CouldNotCheck: The stack has no such output.
        """
        if name not in self.outputs:
            raise CouldNotCheck("not_a_fleetgate_stack", f"the stack has no output {name}: is it a Fleetgate stack?")
        return self.outputs[name]

    def thing_rules(self) -> ThingRules:
        """What the stack wants of the things that an approval may lead to."""
        return ThingRules(
            ThingNames(self.output("ThingNamePrefix"), self.output("ClaimClientIdPrefix")),
            frozenset(self.output("ThingGroupNames").split(",")),
        )

    def requires_registered_manufacturers(self) -> bool:
        """Whether the stack approves devices of registered manufacturers only."""
        return self.output("RequireRegisteredManufacturers") != "false"

    def has_thing_group(self, name: str) -> bool:
        """Whether AWS IoT has a thing group of this name."""
        return ThingGroups(self.client("iot")).exists(name)

    def client(self, service: str) -> Any:
        """A boto3 client of an AWS service."""
        return self.session.client(service, endpoint_url=self.endpoint_url)

    def drop_box(self) -> DropBox:
        """The stack's drop box."""
        return DropBox(self.output("DropBoxName"), self.client("s3"))

    def import_queue(self) -> ImportQueue:
        """The queue before the stack's importer."""
        return ImportQueue(self.output("ImportQueueUrl"), self.client("sqs"))

    def table_settings(self) -> TableSettings:
        """The stack's tables, reached with the same credentials as everything else.

        Raises:
            NoCredentialsError: There are none.
        """
        credentials = self.session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        frozen = credentials.get_frozen_credentials()
        return TableSettings(
            allow_list_table=self.output("AllowListTableName"),
            audit_table=self.output("AuditTableName"),
            region=self.session.region_name,
            endpoint_url=self.endpoint_url,
            audit_retention=self.audit_retention,
            credentials=TableCredentials(
                access_key_id=frozen.access_key, secret_access_key=frozen.secret_key, session_token=frozen.token
            ),
        )


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
