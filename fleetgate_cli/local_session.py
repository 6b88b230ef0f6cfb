"""Credentials and client options for the embedded AWS, independent of this machine's AWS settings."""

import os

import boto3
import botocore.session
from botocore.config import Config

# ministack takes this access key for the root user of its one account.
ROOT_ACCESS_KEY_ID = "test"
ROOT_SECRET_ACCESS_KEY = "test"  # noqa: S105 - no secret: nothing but this machine can reach what it opens
REGION = "us-east-1"

# With an empty mapping no proxy of the environment is used for 127.0.0.1.
CLIENT_OPTIONS = Config(proxies={}, retries={"mode": "standard"})


def root_session() -> boto3.Session:
    """A session as the root user of the embedded AWS; the user's profiles and AWS_* variables do not apply."""
    nothing = os.devnull
    core = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, nothing, None),
            "credentials_file": (None, None, nothing, None),
        }
    )
    return boto3.Session(
        aws_access_key_id=ROOT_ACCESS_KEY_ID,
        aws_secret_access_key=ROOT_SECRET_ACCESS_KEY,
        region_name=REGION,
        botocore_session=core,
    )
