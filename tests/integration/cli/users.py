"""Users of AWS with few permissions, and profiles by which the command takes them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fleetgate_cli.local_session import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY
from harness.embedded import Embedded
from local.embedded.deploy import STACK_NAME


@contextmanager
def profiles_of(embedded: Embedded, user: str, *actions: str, folder: Path) -> Iterator[None]:
    """AWS profiles of root and of a user who may do these actions, and nothing else that could be taken for them."""
    iam = embedded.client("iam")
    iam.create_user(UserName=user)
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=user, PolicyName="the-one", PolicyDocument=document)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    keys = {
        "root": (ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY),
        user: (key["AccessKeyId"], key["SecretAccessKey"]),
    }
    (folder / "credentials").write_text(
        "".join(
            f"[{name}]\naws_access_key_id={key_id}\naws_secret_access_key={secret}\n"
            for name, (key_id, secret) in keys.items()
        )
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
        patch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
        patch.setenv("AWS_ENDPOINT_URL", embedded.stack.endpoint_url)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("FLEETGATE_STACK_NAME", STACK_NAME)
        yield
    iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName=user, PolicyName="the-one")
    iam.delete_user(UserName=user)
