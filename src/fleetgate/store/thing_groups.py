"""Thing groups in AWS IoT: whether one exists."""

from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason

# AWS IoT throttles its control plane at some calls a second; nobody waits who would mind a retry.
_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 5})


@dataclass(frozen=True, slots=True)
class ThingGroups:
    """The thing groups of an account in one region.

    Args:
        client: A botocore client of AWS IoT.
    """

    client: Any

    @classmethod
    def of_environment(cls) -> "ThingGroups":
        """Those that the credentials and the region reach which botocore finds."""
        return cls(botocore.session.get_session().create_client("iot", config=_CONFIG))

    def exists(self, name: str) -> bool:
        """Whether AWS IoT has a thing group of this name.

        Raises:
            Fault: AWS IoT did not say.
        """
        try:
            self.client.describe_thing_group(thingGroupName=name)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
                return False
            raise Fault(FaultReason.SERVICE_UNAVAILABLE) from error
        except BotoCoreError as error:
            raise Fault(FaultReason.SERVICE_UNAVAILABLE) from error
        return True
