"""Sets what ministack's CloudFormation takes and ignores in S3 buckets: Object Lock and its retention."""

from collections.abc import Mapping
from typing import Any

import boto3

from fleetgate_cli.local_session import CLIENT_OPTIONS
from local.embedded.made_resources import SettingNotKept, made_resources


def settle_object_lock(
    session: boto3.Session,
    endpoint_url: str,
    stack_name: str,
    template: Mapping[str, Any],
    parameters: Mapping[str, str],
) -> None:
    """Give every bucket of a stack the Object Lock that its template declares, by API, and read it back.

    Args:
        parameters: Of the template; its defaults hold for the others.

    Raises:
        SettingNotKept: It reads differently.
    """
    cloudformation = session.client("cloudformation", endpoint_url=endpoint_url, config=CLIENT_OPTIONS)
    s3 = session.client("s3", endpoint_url=endpoint_url, config=CLIENT_OPTIONS)
    defaults = {name: declared.get("Default") for name, declared in template["Parameters"].items()}
    for bucket, properties in made_resources(cloudformation, stack_name, template, "AWS::S3::Bucket"):
        if declared := properties.get("ObjectLockConfiguration"):
            retention = declared["Rule"]["DefaultRetention"]
            values = {name: {**defaults, **parameters}[part["Ref"]] for name, part in retention.items()}
            wanted: Any = {
                "ObjectLockEnabled": declared["ObjectLockEnabled"],
                "Rule": {"DefaultRetention": {"Mode": values["Mode"], "Days": int(values["Days"])}},
            }
            s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=wanted)
            found = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
            if found != wanted:
                raise SettingNotKept(f"Object Lock of {bucket} is {found}")
