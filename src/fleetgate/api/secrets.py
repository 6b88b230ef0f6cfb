"""Secrets of the stack."""

from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason

# API Gateway waits for 30 s at most.
_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})


def secret_of(arn: str) -> str:
    """The text of a secret.

    Raises:
        Fault: Secrets Manager could not answer.
    """
    try:
        client: Any = botocore.session.get_session().create_client("secretsmanager", config=_CONFIG)
        return str(client.get_secret_value(SecretId=arn)["SecretString"])
    except (BotoCoreError, ClientError) as error:
        raise Fault(FaultReason.SECRET_UNAVAILABLE) from error
