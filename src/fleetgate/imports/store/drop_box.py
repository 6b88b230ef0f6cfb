"""The drop box, an S3 bucket where factories put lists and find reports, and the queue that announces the lists."""

import json
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import Any, BinaryIO, cast

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason
from fleetgate.imports.announcement import Announcement
from fleetgate.imports.delivery import DroppedFile

# The command writes here who uploads the file.
UPLOADER_METADATA = "fleetgate-uploader"
# And here how to read it: `ReadingOptions`.
OPTIONS_METADATA = "fleetgate-reading"

_CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 5})
_DENIED = frozenset({"AccessDenied", "403", "ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"})


@dataclass(frozen=True, slots=True)
class DropBox:
    """One bucket. Every method raises Fault when S3 does not answer.

    Args:
        client: A botocore client of S3.
    """

    bucket: str
    client: Any

    @classmethod
    def of_environment(cls, bucket: str) -> "DropBox":
        """The bucket, with the credentials and the region that botocore finds."""
        return cls(bucket, botocore.session.get_session().create_client("s3", config=_CONFIG))

    def look(self, key: str, version_id: str | None) -> DroppedFile:
        """A file as S3 knows it.

        Args:
            version_id: None takes the newest version, since not every announcement names one.
        """
        version = {"VersionId": version_id} if version_id else {}
        with _faults_translated():
            head = self.client.head_object(Bucket=self.bucket, Key=key, **version)
        return DroppedFile(
            bucket=self.bucket,
            key=key,
            version_id=head.get("VersionId") or "null",
            stored_at=head["LastModified"].astimezone(UTC),
            size_bytes=head["ContentLength"],
            presented_uploader=head["Metadata"].get(UPLOADER_METADATA),
            presented_options=head["Metadata"].get(OPTIONS_METADATA),
        )

    def open(self, file: DroppedFile) -> BinaryIO:
        """The content of a file, readable once."""
        with _faults_translated():
            answer = self.client.get_object(Bucket=self.bucket, Key=file.key, VersionId=file.version_id)
        return cast(BinaryIO, _Stream(answer["Body"]))

    def open_report(self, key: str) -> BinaryIO:
        """The newest content of a report or a work file, readable once."""
        with _faults_translated():
            answer = self.client.get_object(Bucket=self.bucket, Key=key)
        return cast(BinaryIO, _Stream(answer["Body"]))

    def put(self, key: str, content: bytes | BinaryIO, content_type: str) -> None:
        """Write a report or a work file over the one that exists."""
        with _faults_translated():
            self.client.put_object(Bucket=self.bucket, Key=key, Body=content, ContentType=content_type)


@dataclass(frozen=True, slots=True)
class ImportQueue:
    """The queue before the importer.

    Args:
        client: A botocore client of SQS; its errors are raised as they are.
    """

    url: str
    client: Any

    @classmethod
    def of_environment(cls, url: str) -> "ImportQueue":
        """The queue, with the credentials and the region that botocore finds."""
        return cls(url, botocore.session.get_session().create_client("sqs", config=_CONFIG))

    def announce(self, announcement: Announcement) -> None:
        """Announce a file once more, as S3 did."""
        self.client.send_message(
            QueueUrl=self.url,
            MessageBody=json.dumps(announcement.document()),
            DelaySeconds=announcement.delay_seconds,
        )


class _Stream:
    """A body whose failures are faults."""

    def __init__(self, body: Any) -> None:
        self._body = body
        weakref.finalize(self, body.close)  # whoever refuses a file reads no further

    def read(self, size: int = -1) -> bytes:
        with _faults_translated():
            return bytes(self._body.read(None if size < 0 else size))

    def __iter__(self) -> Iterator[bytes]:
        with _faults_translated():
            yield from self._body.iter_lines()


@contextmanager
def _faults_translated() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        details: Mapping[str, Any] = error.response.get("Error", {})
        denied = details.get("Code") in _DENIED
        raise Fault(FaultReason.DROP_BOX_ACCESS_DENIED if denied else FaultReason.DROP_BOX_UNAVAILABLE) from error
    except BotoCoreError as error:
        raise Fault(FaultReason.DROP_BOX_UNAVAILABLE) from error
