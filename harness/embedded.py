"""A running embedded stack as the tests see it: root access to the tables beside the role under test."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import boto3

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.manufacturer import Manufacturer
from fleetgate.store.allow_list_items import (
    AllowListItem,
    DeviceItem,
    assignment_key,
    claim_item_from,
    claim_key,
    device_key,
    entry_from,
    item_from,
)
from fleetgate.store.audit_items import AuditItem, audit_item_from, record_from
from fleetgate.store.manufacturers import look_item_of, manufacturer_item_from
from fleetgate.store.tables import TableCredentials, TableSettings
from fleetgate_cli.local_session import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY
from fleetgate_cli.local_stack import StackDescription

# Some tests record on days long ago, and the embedded DynamoDB removes what has expired.
_RETENTION = timedelta(days=365 * 80)

ROOT = {"aws_access_key_id": ROOT_ACCESS_KEY_ID, "aws_secret_access_key": ROOT_SECRET_ACCESS_KEY}


@dataclass(frozen=True)
class Embedded:
    """Root's view of an embedded stack. Uses boto3 throughout: the models are bound to the role under test."""

    stack: StackDescription
    _configurations: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False, compare=False)

    def client(self, service: str, credentials: dict[str, str] | None = None) -> Any:
        """A boto3 client, of root unless credentials are given."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.stack.endpoint_url,
            region_name=self.stack.region,
            **(credentials or ROOT),
        )

    @cached_property
    def dynamodb(self) -> Any:
        return self.client("dynamodb")

    @property
    def hook_environment(self) -> dict[str, str]:
        """The environment variables of the deployed hook."""
        return self.variables_of("HookFunction")

    @cached_property
    def _physical_ids(self) -> dict[str, str]:
        cloudformation = self.client("cloudformation")
        (stack,) = cloudformation.describe_stacks()["Stacks"]
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack["StackName"])
        return {
            found["LogicalResourceId"]: found["PhysicalResourceId"]
            for page in pages
            for found in page["StackResourceSummaries"]
        }

    def resource(self, logical_id: str) -> str:
        """What AWS calls a resource of the template: a function's name, a queue's URL, a state machine's ARN."""
        return self._physical_ids[logical_id]

    def variables_of(self, function: str) -> dict[str, str]:
        """The environment variables of a deployed function, by its logical ID."""
        return dict(self._configuration_of(function)["Environment"]["Variables"])

    def _configuration_of(self, function: str) -> dict[str, Any]:
        if function not in self._configurations:
            found = self.client("lambda").get_function_configuration(FunctionName=self.resource(function))
            self._configurations[function] = dict(found)
        return self._configurations[function]

    def thing_name(self, serial_number: SerialNumber | str) -> str:
        """The thing name of a device, which is its client ID too."""
        return self.stack.outputs["ThingNamePrefix"] + str(serial_number)

    def credentials_of(self, role_arn: str) -> dict[str, str]:
        """Temporary credentials of a role, as boto3 keyword arguments."""
        given = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="test")["Credentials"]
        return {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }

    def role_of(self, function: str) -> dict[str, str]:
        """Temporary credentials of a function's role, by its logical ID, as boto3 keyword arguments."""
        return self.credentials_of(self.role_arn_of(function))

    def role_arn_of(self, function: str) -> str:
        """The ARN of a function's role, by its logical ID."""
        return str(self._configuration_of(function)["Role"])

    def aws_environment(self, function: str | None = None, *, endpoint_url: str | None = None) -> dict[str, str]:
        """What botocore is to read from the environment under a function's role, or as root.

        Args:
            endpoint_url: Of what answers in place of the embedded AWS.
        """
        credentials = self.role_of(function) if function else ROOT
        return {
            **{name.upper(): value for name, value in credentials.items()},
            "AWS_DEFAULT_REGION": self.stack.region,
            "AWS_ENDPOINT_URL": endpoint_url or self.stack.endpoint_url,
        }

    def environment_of(self, function: str, *, endpoint_url: str | None = None) -> dict[str, str]:
        """The whole environment of a deployed function: its variables, and its role's credentials."""
        return {**self.variables_of(function), **self.aws_environment(function, endpoint_url=endpoint_url)}

    def tables(self, function: str | None = None) -> TableSettings:
        """The tables under a function's role, or as root."""
        credentials = self.role_of(function) if function else ROOT
        return TableSettings(
            allow_list_table=self.stack.outputs["AllowListTableName"],
            audit_table=self.stack.outputs["AuditTableName"],
            region=self.stack.region,
            endpoint_url=self.stack.endpoint_url,
            credentials=TableCredentials(
                access_key_id=credentials["aws_access_key_id"],
                secret_access_key=credentials["aws_secret_access_key"],
                session_token=credentials.get("aws_session_token"),
            ),
        )

    def put(self, value: AllowListEntry | ClaimCertificate) -> None:
        """Store a device entry or claim certificate as it is."""
        now = datetime.now(UTC)
        item: AllowListItem = (
            item_from(value, now=now) if isinstance(value, AllowListEntry) else claim_item_from(value, now=now)
        )
        self.put_raw(item.serialize())

    def register_manufacturer(self, name: str, **profile: Any) -> str:
        """Register a manufacturer, or replace its profile, as the operator's action writes it; its name."""
        manufacturer = Manufacturer(name=name, **profile)
        self.put_raw(manufacturer_item_from(manufacturer, now=datetime.now(UTC)).serialize())
        self.put_raw(look_item_of(manufacturer).serialize())
        return name

    def put_raw(self, item: dict[str, Any]) -> None:
        """Store an item of the allow-list table, whatever it holds."""
        self.dynamodb.put_item(TableName=self.stack.outputs["AllowListTableName"], Item=item)

    def entry(self, serial_number: SerialNumber | str) -> AllowListEntry:
        """The stored device entry."""
        key = device_key(SerialNumber(str(serial_number)))
        item = self._get(key)
        device = DeviceItem.from_raw_data(item)
        assert isinstance(device, DeviceItem)
        return entry_from(device)

    def device_item(self, serial_number: str) -> dict[str, Any] | None:
        """The stored item of a device; None where there is none."""
        table_name = self.stack.outputs["AllowListTableName"]
        found = self.dynamodb.get_item(
            TableName=table_name, Key={"pk": {"S": device_key(SerialNumber(serial_number))}}, ConsistentRead=True
        )
        item: dict[str, Any] | None = found.get("Item")
        return item

    def claim_item(self, certificate_id: str) -> dict[str, Any]:
        """The stored item of a claim certificate."""
        return self._get(claim_key(certificate_id))

    def key_item(self, fingerprint: str) -> dict[str, Any]:
        """The stored item of a key assignment."""
        return self._get(assignment_key(fingerprint))

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """The importer does not hear of what is put into the drop box meanwhile; announcements take a moment."""
        events, rule = self.client("events"), self.resource("DeliveryRule")
        events.disable_rule(Name=rule)
        try:
            yield
        finally:
            events.enable_rule(Name=rule)

    @contextmanager
    def without_registry_events(self) -> Iterator[None]:
        """The outcome recorder does not hear of things that are made meanwhile."""
        iot, rule = self.client("iot"), self.resource("ThingEventsRule")
        iot.disable_topic_rule(ruleName=rule)
        try:
            yield
        finally:
            iot.enable_topic_rule(ruleName=rule)

    def put_record(self, record: AuditRecord) -> None:
        """Store an audit record."""
        item = audit_item_from(record, retention=_RETENTION).serialize()
        self.dynamodb.put_item(TableName=self.stack.outputs["AuditTableName"], Item=item)

    def records(self, subject: str) -> list[AuditRecord]:
        """The audit records of a subject, oldest first."""
        items: list[AuditRecord] = []
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.stack.outputs["AuditTableName"],
            KeyConditionExpression="subject = :subject",
            ExpressionAttributeValues={":subject": {"S": subject}},
            ConsistentRead=True,
        )
        for page in pages:
            items.extend(record_from(AuditItem.from_raw_data(item)) for item in page["Items"])
        return items

    def _get(self, key: str) -> dict[str, Any]:
        return dict(
            self.dynamodb.get_item(
                TableName=self.stack.outputs["AllowListTableName"], Key={"pk": {"S": key}}, ConsistentRead=True
            )["Item"]
        )
