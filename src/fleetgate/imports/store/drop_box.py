"""The drop box: the S3 bucket that factories put their lists into and find the reports of them in."""

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
from fleetgate.imports.delivery import DroppedFile

# Where the command writes who uploads.
UPLOADER_METADATA = "fleetgate-uploader"

_CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 5})
_DENIED = frozenset({"AccessDenied", "403", "ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"})


@dataclass(frozen=True, slots=True)
class DropBox:
    """One bucket. Every method raises Fault when S3 cannot answer.

    Args:
        client: A botocore client of S3.
    """

    bucket: str
    client: Any

    @classmethod
    def of_environment(cls, bucket: str) -> "DropBox":
        """The bucket, reached as botocore finds its way by itself."""
        return cls(bucket, botocore.session.get_session().create_client("s3", config=_CONFIG))

    def look(self, key: str, version_id: str | None) -> DroppedFile:
        """What S3 knows of a file.

        Args:
            version_id: None takes the newest, for an announcement that names none.
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
        )

    def open(self, file: DroppedFile) -> BinaryIO:
        """The content of a file, from its start, to be read once."""
        with _faults_translated():
            answer = self.client.get_object(Bucket=self.bucket, Key=file.key, VersionId=file.version_id)
        return cast(BinaryIO, _Stream(answer["Body"]))

    def open_report(self, key: str) -> BinaryIO:
        """The newest content of a report or a piece of work, to be read once."""
        with _faults_translated():
            answer = self.client.get_object(Bucket=self.bucket, Key=key)
        return cast(BinaryIO, _Stream(answer["Body"]))

    def put(self, key: str, content: bytes | BinaryIO, content_type: str) -> None:
        """Write a report or a piece of work, in place of what is there."""
        with _faults_translated():
            self.client.put_object(Bucket=self.bucket, Key=key, Body=content, ContentType=content_type)


class _Stream:
    """A body whose failures are faults."""

    def __init__(self, body: Any) -> None:
        self._body = body

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
