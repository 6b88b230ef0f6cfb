"""A custom resource that has AWS IoT publish registry events of things.

It is the account's setting, not the stack's: it is switched on and never off, since others may rely on it, and none of
the account's other kinds of events is touched.
"""

import json
from collections.abc import Mapping
from typing import Any

import botocore.session
import urllib3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


@logger.inject_lambda_context(clear_state=True, log_event=False)
def handler(event: Mapping[str, Any], _context: LambdaContext) -> None:
    """Answer CloudFormation.

    Args:
        event: `RequestType`, `ResponseURL`, `StackId`, `RequestId`, `LogicalResourceId`.

    Source: AWS CloudFormation user guide, "Custom resource request objects".
    """
    status, reason = "SUCCESS", ""
    try:
        if event["RequestType"] != "Delete":
            switch_on()
    except Exception as error:
        logger.exception("registry events could not be switched on")
        status, reason = "FAILED", f"registry events could not be switched on: {type(error).__name__}"
    answer = {
        "Status": status,
        "Reason": reason,
        "PhysicalResourceId": "registry-events",
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    body = json.dumps(answer).encode()
    # The URL is signed for a request without a content type.
    urllib3.PoolManager().request("PUT", event["ResponseURL"], body=body, headers={"content-type": ""}, retries=5)


def switch_on() -> None:
    """Have registry events of things published; the rest stays as it is."""
    client: Any = botocore.session.get_session().create_client("iot")
    configured = client.describe_event_configurations().get("eventConfigurations", {})
    if not configured.get("THING", {}).get("Enabled"):
        client.update_event_configurations(eventConfigurations={**configured, "THING": {"Enabled": True}})
