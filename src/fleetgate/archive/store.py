"""The archive's bucket, which keeps every version under Object Lock, and the KMS key that signs its digests."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason

# A digest's object holds its own signature, so that both are written in one step. Base64 of the DER encoding.
SIGNATURE_METADATA = "signature"
# An object of records names the hour whose digest names it.
SEALED_IN_METADATA = "sealed-in"

_CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 5}, max_pool_connections=20
)
_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "403", "ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
)
_NOT_THERE = frozenset({"NoSuchKey", "NoSuchVersion", "404"})
# "ConditionalRequestConflict" is a write at the same time. Amazon S3 user guide, "Conditional writes".
_THERE_ALREADY = frozenset({"PreconditionFailed", "412"})
_ALGORITHM = "ECDSA_SHA_256"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object with its content."""

    key: str
    version_id: str
    content: bytes = field(repr=False)
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Archive:
    """One bucket. Every method raises Fault when S3 cannot answer.

    Args:
        client: A botocore client of S3.
    """

    bucket: str
    client: Any

    @classmethod
    def of_environment(cls, bucket: str) -> "Archive":
        """The bucket, reached as botocore finds its way by itself."""
        return cls(bucket, botocore.session.get_session().create_client("s3", config=_CONFIG))

    def put_new(
        self, key: str, content: bytes, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> str | None:
        """Write an object where there is none.

        Returns:
            The ID of its version; None if there is an object already.
        """
        with _faults_translated():
            try:
                answer = self.client.put_object(
                    Bucket=self.bucket,
                    Key=key,
                    Body=content,
                    ContentType=content_type,
                    Metadata=dict(metadata or {}),
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if _code(error) in _THERE_ALREADY:
                    return None
                raise
        return str(answer["VersionId"])

    def get(self, key: str, version_id: str | None = None) -> StoredObject | None:
        """An object, in its newest version unless one is named; None if it is not there."""
        version = {"VersionId": version_id} if version_id else {}
        with _faults_translated():
            try:
                answer = self.client.get_object(Bucket=self.bucket, Key=key, **version)
            except ClientError as error:
                if _code(error) in _NOT_THERE:
                    return None
                raise
            return StoredObject(key, str(answer["VersionId"]), answer["Body"].read(), answer["Metadata"])

    def keys(self, prefix: str, *, after: str = "") -> Iterator[str]:
        """The keys that start with a prefix and come after another, in order; what was removed is not among them."""
        with _faults_translated():
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix, StartAfter=after
            )
            for page in pages:
                for found in page.get("Contents", ()):
                    yield found["Key"]

    def versions(self, prefix: str) -> dict[str, list[str]]:
        """By key, in order, the IDs of all versions, oldest first; what was put on top or removed does not hide one."""
        found: dict[str, list[str]] = {}
        with _faults_translated():
            for page in self.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix):
                for version in page.get("Versions", ()):
                    # S3 lists the newest version of a key first.
                    found.setdefault(version["Key"], []).insert(0, str(version["VersionId"]))
        return dict(sorted(found.items()))

    def first(self, key: str) -> StoredObject | None:
        """An object in its oldest version, which nobody can put anything on top of; None if it never was."""
        versions = self.versions(key).get(key)
        return self.get(key, versions[0]) if versions else None

    def firsts(self, prefix: str) -> Iterator[StoredObject]:
        """The objects that start with a prefix, in order, each in its oldest version."""
        for key, versions in self.versions(prefix).items():
            if found := self.get(key, versions[0]):
                yield found


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A KMS key of kind ECC_NIST_P256. Every method raises Fault when KMS cannot answer.

    Args:
        client: A botocore client of KMS.
    """

    key_id: str
    client: Any

    @classmethod
    def of_environment(cls, key_id: str) -> "SealingKey":
        """The key, reached as botocore finds its way by itself."""
        return cls(key_id, botocore.session.get_session().create_client("kms", config=_CONFIG))

    def sign(self, content: bytes) -> bytes:
        """The signature of some content: ECDSA over its SHA-256, DER-encoded."""
        with _faults_translated():
            answer = self.client.sign(
                KeyId=self.key_id,
                Message=hashlib.sha256(content).digest(),
                MessageType="DIGEST",
                SigningAlgorithm=_ALGORITHM,
            )
        return bytes(answer["Signature"])

    def public_key(self) -> bytes:
        """The public key, DER-encoded."""
        with _faults_translated():
            return bytes(self.client.get_public_key(KeyId=self.key_id)["PublicKey"])


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))


@contextmanager
def _faults_translated() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        denied = _code(error) in _DENIED
        raise Fault(FaultReason.ARCHIVE_ACCESS_DENIED if denied else FaultReason.ARCHIVE_UNAVAILABLE) from error
    except BotoCoreError as error:
        raise Fault(FaultReason.ARCHIVE_UNAVAILABLE) from error
