"""Starts the Step Functions execution that applies a large file batch by batch."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason

_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 5})


@dataclass(frozen=True, slots=True)
class MapRuns:
    """One state machine.

    Args:
        client: A botocore client of Step Functions.
    """

    state_machine_arn: str
    client: Any

    @classmethod
    def of_environment(cls, state_machine_arn: str) -> "MapRuns":
        """The state machine, with the credentials and the region that botocore finds."""
        return cls(state_machine_arn, botocore.session.get_session().create_client("stepfunctions", config=_CONFIG))

    def start(self, name: str, given: Mapping[str, Any]) -> None:
        """Start an execution, once for each name.

        Raises:
            Fault: Step Functions did not start it.
        """
        try:
            self.client.start_execution(stateMachineArn=self.state_machine_arn, name=name, input=json.dumps(given))
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ExecutionAlreadyExists":
                raise Fault(FaultReason.SERVICE_UNAVAILABLE) from error
        except BotoCoreError as error:
            raise Fault(FaultReason.SERVICE_UNAVAILABLE) from error
