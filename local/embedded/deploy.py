"""Deploys template.yaml to the embedded AWS through CloudFormation, as `sam deploy` would to AWS."""

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

import boto3

from fleetgate_cli.local_session import CLIENT_OPTIONS
from local.embedded.bucket_settings import settle_buckets
from local.embedded.build import BuiltPackage
from local.embedded.object_lock import settle_object_lock
from local.embedded.table_settings import settle_tables
from local.embedded.template import function_ids, with_code, with_ministacks_permissions, without_omissions

STACK_NAME = "fleetgate-local"

_BUCKET = "fleetgate-local-artifacts"
_DEPLOY_SECONDS = 120.0


class DeployFailed(Exception):
    """CloudFormation did not make the stack; the message says which resources failed and why."""


def deploy(
    session: boto3.Session,
    endpoint_url: str,
    template: Mapping[str, Any],
    package: BuiltPackage,
    parameters: Mapping[str, str],
) -> dict[str, str]:
    """Create the stack and wait until it is there.

    Args:
        template: As `local.embedded.template.load_template` gives it.
        package: Of every function.
        parameters: Of the template; its defaults hold for the others.

    Returns:
        The outputs of the stack.

    Raises:
        DeployFailed: A resource could not be made, or a parameter is wrong.
    """
    # ministack ignores a parameter that the template has not; AWS does not.
    if unknown := sorted(set(parameters) - set(template["Parameters"])):
        raise DeployFailed(f"the template has no parameter {', '.join(unknown)}")
    locations = dict.fromkeys(function_ids(template), _upload(session, endpoint_url, package))
    wanted = with_ministacks_permissions(without_omissions(template))
    cloudformation = session.client("cloudformation", endpoint_url=endpoint_url, config=CLIENT_OPTIONS)
    try:
        cloudformation.create_stack(
            StackName=STACK_NAME,
            TemplateURL=_upload_template(session, endpoint_url, with_code(wanted, locations)),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
    except cloudformation.exceptions.ClientError as error:
        raise DeployFailed(str(error)) from error
    outputs = _outputs_when_created(cloudformation)
    settle_tables(session, endpoint_url, STACK_NAME, wanted)
    settle_buckets(session, endpoint_url, STACK_NAME, wanted)
    settle_object_lock(session, endpoint_url, STACK_NAME, wanted, parameters)
    return outputs


def _upload(session: boto3.Session, endpoint_url: str, package: BuiltPackage) -> str:
    s3 = session.client("s3", endpoint_url=endpoint_url, config=CLIENT_OPTIONS)
    s3.create_bucket(Bucket=_BUCKET)
    code = package.archive.read_bytes()
    key = f"{hashlib.sha256(code).hexdigest()}.zip"
    s3.put_object(Bucket=_BUCKET, Key=key, Body=code)
    return f"s3://{_BUCKET}/{key}"


def _upload_template(session: boto3.Session, endpoint_url: str, template: Mapping[str, Any]) -> str:
    """Put the template where CloudFormation finds it; it takes one of more than 51,200 bytes in no other way."""
    s3 = session.client("s3", endpoint_url=endpoint_url, config=CLIENT_OPTIONS)
    s3.put_object(Bucket=_BUCKET, Key="template.json", Body=json.dumps(template).encode())
    return f"{endpoint_url}/{_BUCKET}/template.json"


def _outputs_when_created(cloudformation: Any) -> dict[str, str]:
    deadline = time.monotonic() + _DEPLOY_SECONDS
    while time.monotonic() < deadline:
        stack = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
        status = stack["StackStatus"]
        if status == "CREATE_COMPLETE":
            return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        if status != "CREATE_IN_PROGRESS":
            raise DeployFailed("\n".join([f"the stack is {status}", *_failures(cloudformation)]))
        time.sleep(0.1)
    raise DeployFailed(f"the stack is not complete after {_DEPLOY_SECONDS:.0f} s")


def _failures(cloudformation: Any) -> list[str]:
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=STACK_NAME)
    events = [event for page in pages for event in page["StackEvents"]]
    return [
        f"{event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', 'no reason')}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("_FAILED")
    ]
