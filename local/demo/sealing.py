"""Seals hours of a local stack's archive before they are over, as its sealer would do later."""

from datetime import datetime
from typing import Any

from fleetgate.archive.seal import SealedHours, Sealer, seal_hours
from fleetgate.archive.settings import SealerSettings
from fleetgate.archive.store import Archive, SealingKey
from local.embedded.deploy import STACK_NAME


def seal(session: Any, endpoint_url: str, *, now: datetime) -> SealedHours:
    """Seal what is to be sealed at some time, with the deployed sealer's settings and under its role.

    Args:
        session: A boto3 session of root, who may take the role.
        now: Aware UTC.
    """

    def client(service: str, **credentials: str) -> Any:
        return session.client(service, endpoint_url=endpoint_url, **credentials)

    found = client("cloudformation").describe_stack_resource(StackName=STACK_NAME, LogicalResourceId="SealerFunction")
    name = found["StackResourceDetail"]["PhysicalResourceId"]
    function = client("lambda").get_function_configuration(FunctionName=name)
    told = SealerSettings.from_environment(function["Environment"]["Variables"])
    given = client("sts").assume_role(RoleArn=function["Role"], RoleSessionName="early")["Credentials"]
    credentials = {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }
    sealer = Sealer(
        archive=Archive(told.archiver.bucket, client("s3", **credentials)),
        key=SealingKey(told.key_arn, client("kms", **credentials)),
        stack=told.stack_arn,
        settling_time=told.archiver.settling_time,
    )
    return seal_hours(sealer, now=now, max_hours=told.max_hours, has_time=lambda: True)
