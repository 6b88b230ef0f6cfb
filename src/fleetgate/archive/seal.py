"""Seal the hours of the archive that are closed, one after the other, each with a digest that names the one before.

An hour's records are taken from the batches that arrived for it, each record once, and written in the order of their
IDs. What arrived is settled when the hour is closed, so whoever seals it makes the same objects and the same digest;
the first to write the digest wins, and a run that was cut off is repeated by the next one.
"""

import base64
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fleetgate.archive.digest import (
    DIGESTS,
    HOUR,
    ArchivedObject,
    DigestReference,
    Folder,
    HourDigest,
    closes_at,
    digest_key,
    hour_of,
    hour_of_digest,
    hour_of_object,
    record_id_of,
    recorded_hour,
    sha256_of,
)
from fleetgate.archive.packed_lines import packed, unpacked
from fleetgate.archive.records import LINES_TYPE
from fleetgate.archive.store import SEALED_IN_METADATA, SIGNATURE_METADATA, Archive, SealingKey, StoredObject
from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason

DIGEST_TYPE = "application/json"

# Of one object; some 10 MB compressed.
_MAX_RECORDS = 100_000
# How far back the last digest is looked for before all of them are listed.
_USUALLY_WITHIN = timedelta(days=3)

# A record by its ID and its line: what shares both is one record that arrived twice.
_Line = tuple[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealer:
    """What seals hours.

    Attributes:
        stack: ARN of the stack, without the ID at its end.
        settling_time: How long an hour is open after its end.
    """

    archive: Archive
    key: SealingKey
    stack: str
    settling_time: timedelta

    def seal(self, hour: datetime, previous: DigestReference | None, public_key_sha256: str) -> HourDigest:
        """Write the digest of a closed hour, or find it written by another."""
        arrived = self._arrived(hour)
        objects = self._put_records(hour, arrived.own, sealed_in=hour)
        late: list[ArchivedObject] = []
        for recorded, lines in sorted(arrived.late.items()):
            late += self._put_records(recorded, lines - self._sealed_already(recorded, but_in=hour), sealed_in=hour)
        digest = HourDigest(
            stack=self.stack,
            bucket=self.archive.bucket,
            hour=hour,
            objects=tuple(objects),
            late=tuple(late),
            anomalies=(*arrived.unreadable, *self._anomalies(hour)),
            sources=tuple(arrived.sources),
            record_count=sum(one.record_count for one in (*objects, *late)),
            previous=previous,
            public_key_sha256=public_key_sha256,
        )
        content = digest.canonical_bytes()
        signature = base64.b64encode(self.key.sign(content)).decode()
        if self.archive.put_new(digest.key, content, DIGEST_TYPE, {SIGNATURE_METADATA: signature}):
            return digest
        return self._stored(hour)

    def last(self, now: datetime) -> HourDigest | None:
        """The newest digest; None if there is none."""
        for after in (now - _USUALLY_WITHIN, None):
            hours = map(hour_of_digest, self.archive.keys(DIGESTS, after=digest_key(after) if after else ""))
            # A digest of an hour to come is not ours.
            known = [hour for hour in hours if hour is not None and hour < now]
            if known:
                return self._stored(max(known))
        return None

    def first_hour(self) -> datetime | None:
        """The first hour for which something arrived; None if nothing ever did."""
        first = next(self.archive.keys(f"{Folder.ARRIVED.value}/"), None)
        return hour_of_object(first) if first else None

    def _stored(self, hour: datetime) -> HourDigest:
        # In its oldest version: what somebody puts on top of it is not to be built upon.
        stored = self.archive.first(digest_key(hour))
        if stored is None:
            raise Fault(FaultReason.ARCHIVE_UNAVAILABLE)
        return HourDigest.parse(stored.content)

    def _arrived(self, hour: datetime) -> "_Arrived":
        arrived = _Arrived()
        for found in self.archive.firsts(Folder.ARRIVED.of(hour)):
            try:
                lines = [(record_id_of(document), line, document) for line, document in unpacked(found.content)]
            except ValueError:
                # Not of our making. It must not hold up the sealing, and cannot be removed: it is named for what it is.
                arrived.unreadable.append(_named(found, ()))
                continue
            arrived.sources.append(_named(found, [record_id for record_id, _, _ in lines]))
            for record_id, line, document in lines:
                recorded = recorded_hour(document) or hour
                (arrived.late[recorded] if recorded < hour else arrived.own).add((record_id, line))
        return arrived

    def _anomalies(self, hour: datetime) -> Iterator[ArchivedObject]:
        for found in self.archive.firsts(Folder.ANOMALIES.of(hour)):
            try:
                yield _named(found, [record_id_of(document) for _, document in unpacked(found.content)])
            except ValueError:
                yield _named(found, ())

    def _sealed_already(self, recorded: datetime, *, but_in: datetime) -> set[_Line]:
        """The records of an hour that were sealed, but in a certain one: a run that was cut off may have begun it."""
        sealed: set[_Line] = set()
        for found in self.archive.firsts(Folder.RECORDS.of(recorded)):
            if found.metadata.get(SEALED_IN_METADATA) != digest_key(but_in):
                with suppress(ValueError):  # not of our making, and for the verification to find
                    sealed |= {(record_id_of(document), line) for line, document in unpacked(found.content)}
        return sealed

    def _put_records(self, recorded: datetime, lines: Iterable[_Line], *, sealed_in: datetime) -> list[ArchivedObject]:
        ordered = sorted(lines)
        return [
            self._put_object(recorded, ordered[start : start + _MAX_RECORDS], sealed_in)
            for start in range(0, len(ordered), _MAX_RECORDS)
        ]

    def _put_object(self, recorded: datetime, lines: Sequence[_Line], sealed_in: datetime) -> ArchivedObject:
        content = packed(line for _, line in lines)
        key = Folder.RECORDS.key(recorded, lines[0][0], sha256_of(content))
        metadata = {SEALED_IN_METADATA: digest_key(sealed_in)}
        version_id = self.archive.put_new(key, content, LINES_TYPE, metadata)
        if version_id is None:
            there = self.archive.first(key)
            if there is None or there.content != content:
                raise Fault(FaultReason.ARCHIVE_UNAVAILABLE)
            version_id = there.version_id
        return ArchivedObject(
            key=key,
            version_id=version_id,
            size_bytes=len(content),
            sha256=sha256_of(content),
            record_count=len(lines),
            first_record_id=lines[0][0],
            last_record_id=lines[-1][0],
        )


@dataclass(frozen=True, slots=True)
class _Arrived:
    """What arrived for an hour: the batches, the records of that hour and of earlier ones, and what is no batch."""

    sources: list[ArchivedObject] = field(default_factory=list)
    own: set[_Line] = field(default_factory=set)
    late: dict[datetime, set[_Line]] = field(default_factory=lambda: defaultdict(set))
    unreadable: list[ArchivedObject] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SealedHours:
    """What a run did.

    Attributes:
        is_done: Whether no closed hour is left.
    """

    digests: tuple[HourDigest, ...]
    is_done: bool


def seal_hours(sealer: Sealer, *, now: datetime, max_hours: int, has_time: Callable[[], bool]) -> SealedHours:
    """Seal the closed hours that have no digest, oldest first, empty ones too.

    Args:
        has_time: Asked before each hour; what is left then is for the next run.
    """
    last = sealer.last(now)
    hour = last.hour + HOUR if last else sealer.first_hour() or hour_of(now - sealer.settling_time) - HOUR
    public_key_sha256 = sha256_of(sealer.key.public_key())
    digests: list[HourDigest] = []
    while now >= closes_at(hour, sealer.settling_time):
        if len(digests) == max_hours or not has_time():
            return SealedHours(tuple(digests), is_done=False)
        last = sealer.seal(hour, _reference(last) if last else None, public_key_sha256)
        digests.append(last)
        hour += HOUR
    return SealedHours(tuple(digests), is_done=True)


def _reference(digest: HourDigest) -> DigestReference:
    return DigestReference(digest.key, sha256_of(digest.canonical_bytes()))


def _named(found: StoredObject, record_ids: Sequence[str]) -> ArchivedObject:
    return ArchivedObject(
        key=found.key,
        version_id=found.version_id,
        size_bytes=len(found.content),
        sha256=sha256_of(found.content),
        record_count=len(record_ids),
        first_record_id=record_ids[0] if record_ids else "",
        last_record_id=record_ids[-1] if record_ids else "",
    )
