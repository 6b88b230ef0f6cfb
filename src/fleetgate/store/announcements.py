"""What the importer and the watcher tell the world on EventBridge."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason

SOURCE = "fleetgate"

_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 5})


@dataclass(frozen=True, slots=True)
class Announcements:
    """The account's default event bus.

    Args:
        client: A botocore client of EventBridge.
    """

    client: Any

    @classmethod
    def of_environment(cls) -> "Announcements":
        """The bus, reached as botocore finds its way by itself."""
        return cls(botocore.session.get_session().create_client("events", config=_CONFIG))

    def publish(self, detail_type: str, detail: Mapping[str, Any]) -> None:
        """Publish one event.

        Raises:
            Fault: EventBridge did not take it.
        """
        entry = {"Source": SOURCE, "DetailType": detail_type, "Detail": json.dumps(detail)}
        try:
            answer = self.client.put_events(Entries=[entry])
        except (ClientError, BotoCoreError) as error:
            raise Fault(FaultReason.SERVICE_UNAVAILABLE) from error
        if answer["FailedEntryCount"]:
            raise Fault(FaultReason.SERVICE_UNAVAILABLE)
