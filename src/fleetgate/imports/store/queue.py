"""The queue before the importer."""

import json
from dataclasses import dataclass
from typing import Any

from fleetgate.imports.delivery import Delivery


@dataclass(frozen=True, slots=True)
class ImportQueue:
    """One queue.

    Args:
        client: A botocore client of SQS; its errors are raised as they are.
    """

    url: str
    client: Any

    def announce(self, delivery: Delivery) -> None:
        """Announce a delivered file once more, as S3 did."""
        detail = {
            "object": {"key": delivery.file.key, "version-id": delivery.file.version_id},
            "requester": delivery.requester,
            "source-ip-address": delivery.source_ip_address,
        }
        self.client.send_message(QueueUrl=self.url, MessageBody=json.dumps({"detail": detail}))
