"""Changes as the stream tells them, and an archive that fails in between."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from fleetgate.archive.records import StreamChange


def ids_of(changes: list[StreamChange]) -> list[str]:
    """The IDs of the records that were made."""
    return sorted(change.keys["record_id"]["S"] for change in changes)


class Failing:
    """S3 that fails for some keys, or after some writes."""

    def __init__(self, client: Any, fails: Callable[[str], bool]) -> None:
        self._client = client
        self._fails = fails

    def put_object(self, **parameters: Any) -> Any:
        if self._fails(parameters["Key"]):
            raise ClientError({"Error": {"Code": "SlowDown"}}, "PutObject")
        return self._client.put_object(**parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
