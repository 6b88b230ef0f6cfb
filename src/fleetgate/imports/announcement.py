"""The announcement of a delivered file, as a message of the queue holds it: from S3, or announced once more."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from fleetgate.imports.delivery import Delivery, DroppedFile

# A file that waits for its turn comes back after at most as long as it has waited already. SQS delays for 15 minutes.
_FIRST_DELAY_SECONDS, _MAX_DELAY_SECONDS = 30, 900


class NotAnAnnouncement(ValueError):
    """A message that announces no file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What a message tells of a file before S3 is asked.

    Attributes:
        version_id: None stands for the newest version, since not every announcement names one.
        size_bytes: None if the message does not tell.
        announced_at: Aware UTC; close to the moment when the file was stored.
        receives: How often a message was received about it, this time included; turns it waited for do not count.
        postponed: How often it was sent back to wait.
    """

    key: str
    version_id: str | None = None
    size_bytes: int | None = None
    announced_at: datetime
    requester: str | None = None
    source_ip_address: str | None = None
    receives: int = 1
    postponed: int = 0

    @classmethod
    def parse(cls, body: str, *, sent_at: datetime, receives: int = 1) -> Self:
        """Read a message: an S3 "Object Created" event of EventBridge, or what `document` gives.

        Args:
            sent_at: When the message was sent; stands in for a time that the message does not tell.
            receives: Of this message.

        Raises:
            NotAnAnnouncement: It names no file.
        """
        try:
            said = json.loads(body)
            detail, file = said["detail"], said["detail"]["object"]
            key = file["key"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise NotAnAnnouncement(type(error).__name__) from error
        if not isinstance(key, str) or not key:
            raise NotAnAnnouncement("no key")
        return cls(
            key=key,
            version_id=_text(file, "version-id"),
            size_bytes=_number(file, "size"),
            announced_at=_moment(said) or sent_at,
            requester=_text(detail, "requester"),
            source_ip_address=_text(detail, "source-ip-address"),
            receives=receives + (_number(said, "earlier-receives") or 0),
            postponed=_number(said, "postponed") or 0,
        )

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """The announcement of a file that was looked at before."""
        return cls(
            key=delivery.file.key,
            version_id=delivery.file.version_id,
            announced_at=delivery.file.stored_at,
            requester=delivery.requester,
            source_ip_address=delivery.source_ip_address,
        )

    @property
    def is_of_folder(self) -> bool:
        """Whether it is the marker of a folder, which the S3 console makes: an empty object with a name like it."""
        return self.key.endswith("/") and self.size_bytes == 0

    @property
    def delay_seconds(self) -> int:
        """How long it waits before it comes again."""
        return min(_MAX_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2 ** min(self.postponed - 1, 10)) if self.postponed else 0

    def waiting(self) -> Self:
        """The announcement to send in place of this one, to wait for a turn."""
        return replace(self, receives=self.receives - 1, postponed=self.postponed + 1)

    def going_on(self) -> Self:
        """The announcement to send in place of this one, for what is left to do; its tries begin anew."""
        return replace(self, receives=0, postponed=0)

    def document(self) -> dict[str, Any]:
        """The announcement as a message."""
        detail = {
            "object": {"key": self.key, "version-id": self.version_id},
            "requester": self.requester,
            "source-ip-address": self.source_ip_address,
        }
        waited = {"earlier-receives": self.receives, "postponed": self.postponed} if self.postponed else {}
        return {"time": self.announced_at.astimezone(UTC).isoformat(), "detail": detail, **waited}

    def delivery(self, file: DroppedFile) -> Delivery:
        """The delivery of the file that it announces."""
        return Delivery.of(file, requester=self.requester, source_ip_address=self.source_ip_address)

    def unseen(self, bucket: str) -> Delivery:
        """The delivery as far as the message tells of it, for a file that S3 does not give."""
        return self.delivery(
            DroppedFile(
                bucket=bucket,
                key=self.key,
                version_id=self.version_id or "null",
                stored_at=self.announced_at.replace(microsecond=0),
                size_bytes=self.size_bytes or 0,
            )
        )


def _text(said: Mapping[str, Any], name: str) -> str | None:
    value = said.get(name) if isinstance(said, Mapping) else None
    return value if isinstance(value, str) and value else None


def _number(said: Mapping[str, Any], name: str) -> int | None:
    value = said.get(name)
    return value if type(value) is int and 0 <= value < 2**63 else None


def _moment(said: Mapping[str, Any]) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(said.get("time")))
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
