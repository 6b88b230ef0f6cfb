"""Verify one hour of the archive: its digest and signature, and that what lies there is what the digest names."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from fleetgate.archive.digest import (
    ArchivedObject,
    DigestReference,
    Folder,
    HourDigest,
    InvalidDigest,
    digest_key,
    hour_of_digest,
    record_id_of,
    sha256_of,
)
from fleetgate.archive.findings import Finding, FindingKind
from fleetgate.archive.packed_lines import unpacked
from fleetgate.archive.store import SEALED_IN_METADATA, SIGNATURE_METADATA, Archive, StoredObject

# Whether a signature of some content, in base64 as the metadata hold it, is one of the key whose SHA-256 is given; None
# if that key is not trusted.
VerifySignature = Callable[[bytes, str, str], bool | None]

_FINGERPRINT_BYTES = 16


@dataclass(frozen=True, slots=True)
class FoundDigest:
    """What lies where the digest of an hour belongs.

    Attributes:
        digest: What the hour is verified by: the digest; if that is not sound, its original version if there still is
            one, and else whatever can be read of it. None if there is nothing.
        reference: Of a sound digest; None of any other.
        findings: What is wrong with it; a digest that is not there has none, since it may be too early for one.
        is_there: Whether there is anything.
        original_version_id: Of S3, of a sound digest that is hidden by what was put on top of it.
    """

    hour: datetime
    digest: HourDigest | None = None
    reference: DigestReference | None = None
    findings: tuple[Finding, ...] = ()
    is_there: bool = False
    original_version_id: str | None = None

    @property
    def previous(self) -> DigestReference | None:
        """The digest before it, as it says."""
        return self.digest.previous if self.digest else None


@dataclass(frozen=True, slots=True)
class ArchivedRecord:
    """A record as the archive has it.

    Attributes:
        fingerprint: Of its line.
        expires_at_epoch_seconds: When the audit table forgets it; None if it never does.
    """

    hour: datetime
    record_id: str
    fingerprint: bytes
    expires_at_epoch_seconds: int | None


@dataclass(slots=True)
class HourContent:
    """What was read of an hour.

    Attributes:
        records: Of this hour, in its own objects and in those that came late.
        objects: How many were read. record_count: in them.
    """

    findings: list[Finding] = field(default_factory=list)
    records: list[ArchivedRecord] = field(default_factory=list)
    objects: int = 0
    record_count: int = 0


def fingerprint(line: bytes) -> bytes:
    """What two lines are compared by."""
    return hashlib.blake2b(line, digest_size=_FINGERPRINT_BYTES).digest()


def find_digest(hour: datetime, *, archive: Archive, verify_signature: VerifySignature) -> FoundDigest:
    """Look up the digest of an hour and verify it by itself."""
    stored = archive.get(digest_key(hour))
    judge = partial(_judge, hour, bucket=archive.bucket, verify_signature=verify_signature)
    digest, kind, detail = judge(stored) if stored else (None, None, "")
    if stored and digest and kind is None:
        return FoundDigest(hour, digest, DigestReference(stored.key, sha256_of(stored.content)), is_there=True)
    original = _original_digest(hour, archive, judge)
    version_id = original and original[1]
    findings = (
        [Finding(kind=kind, hour=hour, key=digest_key(hour), detail=detail, original_version_id=version_id)]
        if kind
        else []
    )
    return FoundDigest(
        hour,
        original[0] if original else digest,
        findings=tuple(findings),
        is_there=stored is not None,
        original_version_id=version_id,
    )


def read_hour(found: FoundDigest, *, archive: Archive, verify_signature: VerifySignature) -> HourContent:
    """Read all that a digest names, and what else lies in the hour.

    Without a digest the records that lie there are read as they are, to be compared with the audit table.
    """
    content, hour, digest = HourContent(), found.hour, found.digest
    for one in digest.objects if digest else ():
        _read(one, content, found, archive, into=content.records)
    for one in digest.late if digest else ():
        _read(one, content, found, archive, into=[])
    for one in digest.anomalies if digest else ():
        _read_anomaly(one, content, found, archive)
    named = {one.key for one in (*digest.named, *digest.sources)} if digest else set()
    for key in archive.keys(Folder.RECORDS.of(hour)):
        if key not in named:
            _read_unnamed(key, content, found, archive, verify_signature)
    if digest:
        for folder, kind in (
            (Folder.ANOMALIES, FindingKind.OBJECT_INSERTED),
            (Folder.ARRIVED, FindingKind.BATCH_NOT_SEALED),
        ):
            for key in archive.keys(folder.of(hour)):
                if key not in named:
                    content.findings.append(Finding(kind=kind, hour=hour, key=key))
    return content


_Judgement = tuple[HourDigest | None, FindingKind | None, str]


def _judge(hour: datetime, stored: StoredObject, *, bucket: str, verify_signature: VerifySignature) -> _Judgement:
    try:
        digest = HourDigest.parse(stored.content)
    except InvalidDigest as error:
        return None, FindingKind.DIGEST_CHANGED, str(error)
    is_signed = verify_signature(stored.content, stored.metadata.get(SIGNATURE_METADATA, ""), digest.public_key_sha256)
    if is_signed is None:
        return digest, FindingKind.DIGEST_OF_ANOTHER_KEY, f"the SHA-256 of that key is {digest.public_key_sha256}"
    if not is_signed:
        return digest, FindingKind.DIGEST_CHANGED, "its signature is of something else"
    if digest.hour != hour:
        return None, FindingKind.DIGEST_CHANGED, f"it is the digest of {digest.hour:%Y-%m-%dT%H}"
    if digest.bucket != bucket:
        return None, FindingKind.DIGEST_CHANGED, f"it is a digest of the archive {digest.bucket}"
    return digest, None, ""


def _original_digest(
    hour: datetime, archive: Archive, judge: Callable[[StoredObject], _Judgement]
) -> tuple[HourDigest, str] | None:
    for version_id in archive.versions(digest_key(hour)).get(digest_key(hour), ()):
        if stored := archive.get(digest_key(hour), version_id):
            digest, kind, _ = judge(stored)
            if digest and kind is None:
                return digest, version_id
    return None


def _read(
    one: ArchivedObject, content: HourContent, found: FoundDigest, archive: Archive, *, into: list[ArchivedRecord]
) -> bytes | None:
    """Read an object that a digest names.

    Returns:
        What lies there; None if nothing does.
    """
    stored = archive.get(one.key)
    content.objects += 1
    if stored is None or sha256_of(stored.content) != one.sha256:
        kind = FindingKind.OBJECT_CHANGED if stored else FindingKind.OBJECT_REMOVED
        content.findings.append(
            Finding(
                kind=kind,
                hour=found.hour,
                key=one.key,
                detail=f"the digest names {one.record_count} records in it",
                original_version_id=_original(one, archive),
            )
        )
    if stored is None:
        return None
    with suppress(ValueError):  # it was changed, and that is said already
        into.extend(_records(stored.content, found.hour, content))
    return stored.content


def _read_anomaly(one: ArchivedObject, content: HourContent, found: FoundDigest, archive: Archive) -> None:
    is_batch = not one.key.startswith(Folder.ANOMALIES.of(found.hour))
    lines = _read(one, content, found, archive, into=[])
    kind = FindingKind.BATCH_UNREADABLE if is_batch else FindingKind.TABLE_CHANGED
    changes: list[dict[str, Any]] = []
    if lines and not is_batch:
        with suppress(ValueError):  # it was changed, and that is said already
            changes = [document for _, document in unpacked(lines)]
    ids = tuple(record_id_of(change) for change in changes)
    detail = ", ".join(f"{change.get('change')} of {change.get('subject')}" for change in changes)
    content.findings.append(Finding(kind=kind, hour=found.hour, key=one.key, record_ids=ids, detail=detail))


def _read_unnamed(
    key: str, content: HourContent, found: FoundDigest, archive: Archive, verify_signature: VerifySignature
) -> None:
    """An object that the hour's own digest does not name: it came late, or does not belong there."""
    stored = archive.get(key)
    if stored is None:
        return
    sealed_in = hour_of_digest(stored.metadata.get(SEALED_IN_METADATA, ""))
    later = (
        find_digest(sealed_in, archive=archive, verify_signature=verify_signature)
        if sealed_in and sealed_in != found.hour
        else None
    )
    if later and later.digest:
        for one in later.digest.late:
            if one.key == key:
                _read(one, content, found, archive, into=content.records)
                if later.reference is None and later.original_version_id is None:
                    detail = f"{digest_key(later.hour)} names it, and is not what was signed"
                    content.findings.append(
                        Finding(kind=FindingKind.OBJECT_INSERTED, hour=found.hour, key=key, detail=detail)
                    )
                return
    if found.digest is not None:
        content.findings.append(Finding(kind=FindingKind.OBJECT_INSERTED, hour=found.hour, key=key))
        return
    try:
        content.records.extend(_records(stored.content, found.hour, content))
    except ValueError:
        content.findings.append(Finding(kind=FindingKind.OBJECT_INSERTED, hour=found.hour, key=key))


def _records(content: bytes, hour: datetime, counted: HourContent) -> Iterator[ArchivedRecord]:
    for line, document in unpacked(content):
        counted.record_count += 1
        expires = document.get("expires_at_epoch_seconds")
        yield ArchivedRecord(
            hour, record_id_of(document), fingerprint(line), expires if isinstance(expires, int) else None
        )


def _original(one: ArchivedObject, archive: Archive) -> str | None:
    stored = archive.get(one.key, one.version_id)
    return one.version_id if stored and sha256_of(stored.content) == one.sha256 else None
