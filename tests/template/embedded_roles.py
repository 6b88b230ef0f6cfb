"""Roles and buckets of a test's own in the embedded AWS, to ask its IAM about policies of the template."""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from harness.embedded import Embedded

_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}


@contextmanager
def bucket_of(embedded: Embedded) -> Iterator[str]:
    """A bucket that nobody listens to, gone at the end with what is in it."""
    s3, name = embedded.client("s3"), f"test-{secrets.token_hex(8)}"
    s3.create_bucket(Bucket=name)
    try:
        yield name
    finally:
        s3.delete_bucket_policy(Bucket=name)
        for found in s3.list_objects_v2(Bucket=name).get("Contents", []):
            s3.delete_object(Bucket=name, Key=found["Key"])
        s3.delete_bucket(Bucket=name)


@contextmanager
def role_with(embedded: Embedded, policy: dict[str, Any]) -> Iterator[Any]:
    """A client of S3 under a role that has one policy, gone at the end."""
    iam, name = embedded.client("iam"), f"test-{secrets.token_hex(8)}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="the-one", PolicyDocument=json.dumps(policy))
    try:
        yield embedded.client("s3", embedded.credentials_of(role["Arn"]))
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="the-one")
        iam.delete_role(RoleName=name)


def is_denied(attempt: Callable[[], Any]) -> bool:
    """Whether AWS denies a call; a call that fails for another reason fails the test."""
    try:
        attempt()
    except ClientError as refused:
        if refused.response["Error"]["Code"] not in {"AccessDenied", "AccessDeniedException"}:
            raise
        return True
    return False
