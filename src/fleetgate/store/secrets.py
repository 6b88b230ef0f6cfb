"""Secrets of the stack."""

from typing import Any

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason


def secret_of(arn: str) -> str:
    """The text of a secret.

    Raises:
        Fault: Secrets Manager could not answer.
    """
    try:
        client: Any = botocore.session.get_session().create_client("secretsmanager")
        return str(client.get_secret_value(SecretId=arn)["SecretString"])
    except (BotoCoreError, ClientError) as error:
        raise Fault(FaultReason.SECRET_UNAVAILABLE) from error
