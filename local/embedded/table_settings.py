"""Sets what ministack's CloudFormation takes and ignores in DynamoDB tables: time to live, point-in-time recovery."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3

from fleetgate_cli.local_session import CLIENT_OPTIONS
from local.embedded.made_resources import SettingNotKept, made_resources

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def settle_tables(session: boto3.Session, endpoint_url: str, stack_name: str, template: Mapping[str, Any]) -> None:
    """Give every table of a stack what its template declares, by API, and read it back.

    Raises:
        SettingNotKept: It reads differently.
    """
    cloudformation = session.client("cloudformation", endpoint_url=endpoint_url, config=CLIENT_OPTIONS)
    dynamodb = session.client("dynamodb", endpoint_url=endpoint_url, config=CLIENT_OPTIONS)
    for table_name, properties in made_resources(cloudformation, stack_name, template, "AWS::DynamoDB::Table"):
        if time_to_live := properties.get("TimeToLiveSpecification"):
            _set_time_to_live(dynamodb, table_name, time_to_live["AttributeName"])
        if properties.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"):
            _set_point_in_time_recovery(dynamodb, table_name)


def _set_time_to_live(dynamodb: "DynamoDBClient", table_name: str, attribute_name: str) -> None:
    dynamodb.update_time_to_live(
        TableName=table_name, TimeToLiveSpecification={"AttributeName": attribute_name, "Enabled": True}
    )
    found = dynamodb.describe_time_to_live(TableName=table_name)["TimeToLiveDescription"]
    if found.get("AttributeName") != attribute_name or found.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"):
        raise SettingNotKept(f"time to live of {table_name} is {found}")


def _set_point_in_time_recovery(dynamodb: "DynamoDBClient", table_name: str) -> None:
    dynamodb.update_continuous_backups(
        TableName=table_name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    found = dynamodb.describe_continuous_backups(TableName=table_name)["ContinuousBackupsDescription"]
    if found.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") != "ENABLED":
        raise SettingNotKept(f"continuous backups of {table_name} are {found}")
