"""Verify the archive of the audit trail, without trust in whoever runs the stack.

Hour by hour: the digest is there, is signed with a trusted key and is the one that the next digest names; what it names
is there and unchanged; nothing else is. Then day by day: the audit table and the archive hold the same records. Trust
begins with the public keys, and with the newest digest for as long as nothing comes after it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from itertools import groupby, pairwise
from typing import Any

from fleetgate.archive.audit_lines import AuditLines
from fleetgate.archive.digest import (
    DIGESTS,
    HOUR,
    DigestReference,
    closes_at,
    digest_key,
    hour_of_digest,
    hours_between,
    record_id_of,
    recorded_hour,
)
from fleetgate.archive.findings import Finding, FindingKind
from fleetgate.archive.store import Archive
from fleetgate.archive.verify_hour import (
    ArchivedRecord,
    FoundDigest,
    VerifySignature,
    find_digest,
    fingerprint,
    read_hour,
)
from fleetgate.domain.canonical_json import canonical_json

# The sealer runs every hour, and may fail twice before a digest is missed.
SEALING_TAKES = timedelta(hours=3)
# Reading waits for S3, unpacking and hashing let other threads work.
_WORKERS = 4
# Records that a finding names.
_MAX_NAMED = 5
_NEVER = datetime.max.replace(tzinfo=UTC)
_ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """What verifies.

    Attributes:
        lines: The audit table.
        settling_time: How long an hour is open after its end.
    """

    archive: Archive
    lines: AuditLines
    verify_signature: VerifySignature
    settling_time: timedelta


@dataclass(slots=True, kw_only=True)
class Verification:
    """What was verified, and what was found.

    Attributes:
        end: The hour after the last.
        beginning: The hour that the archive begins with; None where it is not known.
        hours: That were verified. open_hours: too young for a digest. earlier_hours: before the archive began.
        verified_from: The first hour that was verified. verified_to: the hour after the last. None where none was.
        records: Read from the archive. table_records: compared with them.
        findings: In the order of time.
        last_digest: The newest sound one: write it down, and nobody can take digests off the end unseen.
    """

    start: datetime
    end: datetime
    beginning: datetime | None = None
    verified_from: datetime | None = None
    verified_to: datetime | None = None
    hours: int = 0
    open_hours: int = 0
    earlier_hours: int = 0
    objects: int = 0
    records: int = 0
    table_records: int = 0
    findings: list[Finding] = field(default_factory=list)
    last_digest: DigestReference | None = None

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def verify_archive(
    verifier: Verifier,
    *,
    start: datetime,
    end: datetime,
    now: datetime,
    progress: Callable[[Verification], None] = lambda _: None,
) -> Verification:
    """Verify the hours from `start` to before `end`, both starts of UTC hours.

    Args:
        now: Aware UTC; tells which hours have to be sealed.
        progress: Called after every day with what was done so far.

    Raises:
        Fault: S3, KMS or DynamoDB could not answer.
    """
    done = Verification(start=start, end=end)
    find = partial(find_digest, archive=verifier.archive, verify_signature=verifier.verify_signature)
    read = partial(read_hour, archive=verifier.archive, verify_signature=verifier.verify_signature)
    beginning = _beginning(verifier.archive, find)
    done.beginning = beginning if beginning not in (_ALWAYS, _NEVER) else None
    with ThreadPoolExecutor(_WORKERS) as pool:
        for day, of_day in groupby(hours_between(start, end), key=datetime.date):
            hours = list(of_day)
            digests = list(pool.map(find, [*hours, hours[-1] + HOUR]))
            findings: list[Finding] = []
            verified: list[FoundDigest] = []
            for found, following in pairwise(digests):
                match _state(found, following, beginning=beginning, now=now, settling_time=verifier.settling_time):
                    case _State.EARLIER:
                        done.earlier_hours += 1
                    case _State.OPEN:
                        done.open_hours += 1
                    case _State.DUE:
                        verified.append(found)
                        findings += findings_of_digest(found, following)
            archived = _Archived()
            for content in pool.map(read, verified):
                done.objects += content.objects
                done.records += content.record_count
                findings += content.findings
                archived.take(content.records)
            if verified:
                table = _counted(verifier.lines.of_day(day), done)
                archived.compare(table, {found.hour for found in verified})
                done.verified_from = done.verified_from or verified[0].hour
                done.verified_to = verified[-1].hour + HOUR
            done.hours += len(verified)
            done.findings += sorted([*findings, *archived.findings(now)], key=lambda finding: finding.place)
            done.last_digest = next((one.reference for one in reversed(verified) if one.reference), done.last_digest)
            progress(done)
    return done


class _State(Enum):
    EARLIER = "earlier"
    OPEN = "open"
    DUE = "due"


def _state(
    found: FoundDigest, following: FoundDigest, *, beginning: datetime, now: datetime, settling_time: timedelta
) -> _State:
    if found.is_there or following.is_there:
        # A digest that begins the chain has none before it.
        return _State.DUE if found.is_there or found.hour >= beginning else _State.EARLIER
    if found.hour < beginning:
        return _State.EARLIER
    return _State.OPEN if now < closes_at(found.hour, settling_time) + SEALING_TAKES else _State.DUE


def _beginning(archive: Archive, find: Callable[[datetime], FoundDigest]) -> datetime:
    """The hour of the first digest, if it is sound and says that it is the first: before it there was no archive."""
    hour = hour_of_digest(next(archive.keys(DIGESTS), ""))
    if hour is None:
        # Removed digests leave versions behind; without any there never was one.
        return _ALWAYS if archive.versions(DIGESTS) else _NEVER
    found = find(hour)
    is_first = found.reference is not None and found.digest is not None and found.digest.previous is None
    return hour if is_first else _ALWAYS


def findings_of_digest(found: FoundDigest, following: FoundDigest) -> Iterator[Finding]:
    """What is wrong with the digest of an hour, the next one having been found as well."""
    key = digest_key(found.hour)
    yield from found.findings
    if not found.is_there:
        yield Finding(
            kind=FindingKind.DIGEST_MISSING,
            hour=found.hour,
            key=key,
            original_version_id=found.original_version_id,
        )
    elif found.reference and following.reference and found.reference != following.previous:
        named = following.previous
        detail = f"the next names one with SHA-256 {named.sha256}" if named else "the next says it is the first"
        yield Finding(kind=FindingKind.CHAIN_BROKEN, hour=found.hour, key=key, detail=detail)


def _counted(table: Iterable[Mapping[str, Any]], done: Verification) -> Iterator[Mapping[str, Any]]:
    for document in table:
        done.table_records += 1
        yield document


class _Archived:
    """The records of a day that the archive has, and how the audit table differs."""

    def __init__(self) -> None:
        self._records: dict[str, ArchivedRecord] = {}
        self._found: dict[tuple[FindingKind, datetime], list[str]] = defaultdict(list)

    def take(self, records: Sequence[ArchivedRecord]) -> None:
        """Note the records of an hour."""
        for record in records:
            if record.record_id in self._records:
                self._found[FindingKind.RECORD_REPEATED, record.hour].append(record.record_id)
            self._records[record.record_id] = record

    def compare(self, table: Iterable[Mapping[str, Any]], hours: set[datetime]) -> None:
        """Strike out what the audit table has too; it is asked for these hours only."""
        for document in table:
            record_id = record_id_of(document)
            archived = self._records.pop(record_id, None)
            hour = archived.hour if archived else recorded_hour(document) or min(hours)
            if archived is None:
                if hour in hours:
                    self._found[FindingKind.RECORD_NOT_ARCHIVED, hour].append(record_id)
            elif archived.fingerprint != fingerprint(canonical_json(document)):
                self._found[FindingKind.RECORD_DIFFERS, hour].append(record_id)

    def findings(self, now: datetime) -> Iterator[Finding]:
        """What differs, each kind once an hour. What the table is to have forgotten by now is no difference."""
        for record in self._records.values():
            expires = record.expires_at_epoch_seconds
            if expires is None or expires > now.timestamp():
                self._found[FindingKind.RECORD_NOT_IN_TABLE, record.hour].append(record.record_id)
        for (kind, hour), record_ids in self._found.items():
            named = tuple(sorted(record_ids)[:_MAX_NAMED])
            yield Finding(kind=kind, hour=hour, record_ids=named, count=len(record_ids))
