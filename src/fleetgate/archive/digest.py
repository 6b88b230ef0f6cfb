"""The archive of the audit trail: where an object lies, and the digest that seals an hour of them.

    arrived/year=/month=/day=/hour=/    what the stream delivered, as it came: a record may be in several objects
    records/year=/month=/day=/hour=/    the records of an hour, each once, in the order of their IDs
    anomalies/year=/month=/day=/hour=/  changes of records that are in the audit table already; there should be none
    digests/YYYY/MM/DD/HH.json          names all of an hour, and the digest before it; signed

The model is AWS CloudTrail's "digest file structure" (user guide): hashes of the hour's objects and of the digest
before, with the signature of the digest in the metadata of its object.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self

from fleetgate.domain.canonical_json import canonical_json

DIGESTS = "digests/"
HOUR = timedelta(hours=1)
# How long an hour is open after its end, unless the stack says otherwise.
DEFAULT_SETTLING_TIME = timedelta(minutes=10)

_DIGEST_VERSION = 1
_FOLDER = re.compile(r"[a-z]+/year=(\d{4})/month=(\d\d)/day=(\d\d)/hour=(\d\d)/")
_DIGEST_KEY = re.compile(r"digests/(\d{4})/(\d\d)/(\d\d)/(\d\d)\.json")
# Enough of a hash to tell objects apart that begin with the same record.
_HASH_DIGITS = 16
_NOT_OF_AN_ID = re.compile(r"[^A-Za-z0-9]")
_LONGEST_ID = 64


class Folder(StrEnum):
    """The kinds of objects that lie by hour."""

    ARRIVED = "arrived"
    RECORDS = "records"
    ANOMALIES = "anomalies"

    def of(self, hour: datetime) -> str:
        """The folder of an hour, with the slash at its end; hive-style, so that Athena can find it by itself."""
        return f"{self.value}/year={hour:%Y}/month={hour:%m}/day={hour:%d}/hour={hour:%H}/"

    def key(self, hour: datetime, first_id: str, sha256: str) -> str:
        """Where an object lies: the same content always in the same place.

        Args:
            first_id: Of its first record. Ours are ULIDs; a forged one must not lead into another folder.
        """
        return f"{self.of(hour)}{_NOT_OF_AN_ID.sub('', first_id)[:_LONGEST_ID]}-{sha256[:_HASH_DIGITS]}.jsonl.gz"


class InvalidDigest(ValueError):
    """Not a digest, or not written in the one way that a digest is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedObject:
    """An object of the archive as a digest names it.

    Attributes:
        version_id: Of S3.
        size_bytes: Compressed, as is what `sha256` (lower-case hexadecimal) is of.
    """

    key: str
    version_id: str
    size_bytes: int
    sha256: str
    record_count: int
    first_record_id: str
    last_record_id: str


@dataclass(frozen=True, slots=True)
class DigestReference:
    """A digest as the next one names it."""

    key: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HourDigest:
    """All that was archived in one UTC hour. It holds no time of its own making: the same hour, the same bytes.

    Attributes:
        stack: ARN of the stack, without the ID at its end.
        bucket: The archive; a digest counts nowhere else.
        hour: Its start, aware UTC.
        objects: The records of this hour.
        late: Records of earlier hours that arrived after those were sealed.
        anomalies: Changes of records that arrived in this hour, and arrived objects that cannot be read.
        sources: What the objects were made of.
        record_count: In `objects` and `late`.
        previous: None for the first digest of an archive.
        public_key_sha256: Of the DER encoding of the public key that proves the signature.
    """

    stack: str
    bucket: str
    hour: datetime
    objects: tuple[ArchivedObject, ...]
    late: tuple[ArchivedObject, ...]
    anomalies: tuple[ArchivedObject, ...]
    sources: tuple[ArchivedObject, ...]
    record_count: int
    previous: DigestReference | None
    public_key_sha256: str

    @property
    def key(self) -> str:
        """Where it lies."""
        return digest_key(self.hour)

    @property
    def named(self) -> tuple[ArchivedObject, ...]:
        """The objects that have to be there, and as they were."""
        return self.objects + self.late + self.anomalies

    def canonical_bytes(self) -> bytes:
        """The one way to write it: JSON in ASCII, sorted keys, no spaces. This is what is signed."""
        return canonical_json(
            {
                **asdict(self),
                "version": _DIGEST_VERSION,
                "hour": f"{self.hour:%Y-%m-%dT%H:00:00Z}",
            }
        )

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read a digest.

        Raises:
            InvalidDigest: It is none, or not in the canonical form.
        """
        try:
            document = json.loads(content)
            lists: dict[str, Any] = {
                name: tuple(ArchivedObject(**one) for one in document.pop(name))
                for name in ("objects", "late", "anomalies", "sources")
            }
            previous, version = document.pop("previous"), document.pop("version")
            hour = datetime.strptime(document.pop("hour"), "%Y-%m-%dT%H:00:00Z").replace(tzinfo=UTC)
            digest = cls(**document, **lists, hour=hour, previous=previous and DigestReference(**previous))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InvalidDigest(f"it cannot be read: {error}") from error
        if version != _DIGEST_VERSION or digest.canonical_bytes() != content:
            raise InvalidDigest("it is not written as a digest is")
        return digest


def sha256_of(content: bytes) -> str:
    """Lower-case hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def hour_of(moment: datetime) -> datetime:
    """The start of the UTC hour of an aware moment."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def hours_between(start: datetime, end: datetime) -> Iterable[datetime]:
    """The hours from `start`, which is one, to before `end`."""
    while start < end:
        yield start
        start += HOUR


def closes_at(hour: datetime, settling_time: timedelta) -> datetime:
    """When an hour may be sealed: what arrives for it arrives before."""
    return hour + HOUR + settling_time


def arrival_hour(recorded: datetime, *, now: datetime, settling_time: timedelta) -> datetime:
    """The hour that a record is to be sealed with: its own, or the one it is now if that is too late.

    It is too late for its own at half the time for settling, so that a write which began in time ends in time.
    """
    return recorded if now < closes_at(recorded, settling_time / 2) else hour_of(now)


def digest_key(hour: datetime) -> str:
    """Where the digest of an hour lies."""
    return f"{DIGESTS}{hour:%Y/%m/%d/%H}.json"


def hour_of_digest(key: str) -> datetime | None:
    """The hour of a digest's key; None if it is no such key."""
    return _hour(_DIGEST_KEY.fullmatch(key))


def hour_of_object(key: str) -> datetime | None:
    """The hour that an object lies in; None if it lies in none."""
    return _hour(_FOLDER.match(key))


def record_id_of(record: Mapping[str, Any]) -> str:
    """The ID of an archived record; a record without one is kept all the same."""
    return str(record.get("record_id", ""))


def recorded_hour(record: Mapping[str, Any]) -> datetime | None:
    """The UTC hour of an archived record's `recorded_at`; None if it does not tell."""
    text = record.get("recorded_at")
    # As PynamoDB writes it, 2026-03-01T12:00:00.000000+0000; anything but UTC tells another hour.
    return _hour_of_text(text[:13]) if isinstance(text, str) and text.endswith("+0000") else None


@lru_cache(maxsize=64)
def _hour_of_text(text: str) -> datetime | None:
    return _hour(re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)T(\d\d)", text))


def _hour(found: re.Match[str] | None) -> datetime | None:
    if found is None:
        return None
    try:
        return datetime(*map(int, found.groups()), tzinfo=UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        return None
