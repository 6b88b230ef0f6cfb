"""Prove single records: each lies in the archive as the table has it, under a signed digest that the next one names."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any

from fleetgate.archive.digest import HOUR, DigestReference, closes_at, digest_key, hour_of, record_id_of, recorded_hour
from fleetgate.archive.findings import Finding, FindingKind
from fleetgate.archive.verify import SEALING_TAKES, Verifier, findings_of_digest
from fleetgate.archive.verify_hour import FoundDigest, find_digest, fingerprint, read_hour
from fleetgate.domain.canonical_json import canonical_json
from fleetgate.trail.story import DeviceStory

# What leaves it open whether the records of the hour are those that were sealed.
_DOUBTFUL = frozenset(
    {
        FindingKind.DIGEST_MISSING,
        FindingKind.DIGEST_CHANGED,
        FindingKind.DIGEST_OF_ANOTHER_KEY,
        FindingKind.CHAIN_BROKEN,
        FindingKind.OBJECT_REMOVED,
        FindingKind.OBJECT_CHANGED,
        FindingKind.OBJECT_INSERTED,
    }
)
# Reading waits for S3, unpacking and hashing let other threads work.
_WORKERS = 4

_Documents = Sequence[Mapping[str, Any]]


class Proof(StrEnum):
    """What can be proven of a record."""

    SEALED = "sealed"
    NOT_SEALED_YET = "not_sealed_yet"
    NOT_PROVEN = "not_proven"


@dataclass(slots=True, kw_only=True)
class Proofs:
    """What can be proven of some records.

    Attributes:
        by_record: By record ID.
        digests: That prove the sealed ones, oldest first.
        findings: What is wrong with the hours of the records, in the order of time.
    """

    by_record: dict[str, Proof] = field(default_factory=dict)
    digests: list[DigestReference] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def count(self, proof: Proof) -> int:
        """How many records this is the most for."""
        return sum(found is proof for found in self.by_record.values())


def prove_story(story: DeviceStory, *, verifier: Verifier, now: datetime) -> Proofs:
    """Prove the records of a device's story; the same as `prove_records`.

    What was told and is not in the table any more is not proven.
    """
    told = {record.record_id: record for record in story.records}
    documents = verifier.lines.of_device(story.serial_number)
    proofs = prove_records((one for one in documents if record_id_of(one) in told), verifier=verifier, now=now)
    for record_id in sorted(told.keys() - proofs.by_record.keys()):
        proofs.by_record[record_id] = Proof.NOT_PROVEN
        hour, detail = hour_of(told[record_id].recorded_at), "it vanished from the audit table while it was read"
        proofs.findings.append(
            Finding(kind=FindingKind.RECORD_DIFFERS, hour=hour, record_ids=(record_id,), detail=detail)
        )
    proofs.findings.sort(key=lambda finding: finding.place)
    return proofs


def prove_records(documents: Iterable[Mapping[str, Any]], *, verifier: Verifier, now: datetime) -> Proofs:
    """Prove records, as the audit table has them now. That none was removed is for `verify_archive` to say.

    Args:
        documents: As the archive would keep them.
        now: Aware UTC; tells which hours have to be sealed.

    Raises:
        Fault: DynamoDB, S3 or KMS could not answer.
    """
    by_hour: dict[datetime | None, list[Mapping[str, Any]]] = defaultdict(list)
    for document in documents:
        by_hour[recorded_hour(document)].append(document)
    proofs = Proofs()
    for document in by_hour.pop(None, ()):
        record_id, detail = record_id_of(document), "it does not tell when it was recorded as the gate writes it"
        proofs.by_record[record_id] = Proof.NOT_PROVEN
        proofs.findings.append(
            Finding(kind=FindingKind.RECORD_DIFFERS, hour=hour_of(now), record_ids=(record_id,), detail=detail)
        )
    hours = sorted(hour for hour in by_hour if hour)
    with ThreadPoolExecutor(_WORKERS) as pool:
        prove = partial(_prove_hour, verifier=verifier, now=now)
        for of_hour in pool.map(prove, hours, [by_hour[hour] for hour in hours]):
            proofs.by_record |= of_hour.by_record
            proofs.digests += of_hour.digests
            proofs.findings += of_hour.findings
    # An hour and the one before it may find the same of a digest.
    proofs.findings = sorted(dict.fromkeys(proofs.findings), key=lambda finding: finding.place)
    return proofs


def _prove_hour(hour: datetime, documents: _Documents, *, verifier: Verifier, now: datetime) -> Proofs:
    find = partial(find_digest, archive=verifier.archive, verify_signature=verifier.verify_signature)
    found, following = find(hour), find(hour + HOUR)
    if not found.is_there and not following.is_there and not _is_due(found, verifier, now):
        return Proofs(by_record=dict.fromkeys(map(record_id_of, documents), Proof.NOT_SEALED_YET))
    content = read_hour(found, archive=verifier.archive, verify_signature=verifier.verify_signature)
    proofs = Proofs(
        digests=[found.reference] if found.reference else [],
        findings=[
            *findings_of_digest(found, following),
            *_findings_of_next(following, is_due=_is_due(following, verifier, now)),
            *content.findings,
        ],
    )
    is_sound = not any(finding.kind in _DOUBTFUL for finding in proofs.findings)
    archived: dict[str, set[bytes]] = defaultdict(set)
    for record in content.records:
        archived[record.record_id].add(record.fingerprint)
    for document in documents:
        record_id = record_id_of(document)
        kind = _difference(archived.get(record_id, set()), fingerprint(canonical_json(document)))
        proofs.by_record[record_id] = Proof.NOT_PROVEN if kind or not is_sound else Proof.SEALED
        if kind:
            proofs.findings.append(Finding(kind=kind, hour=hour, record_ids=(record_id,)))
    return proofs


def _is_due(found: FoundDigest, verifier: Verifier, now: datetime) -> bool:
    return now >= closes_at(found.hour, verifier.settling_time) + SEALING_TAKES


def _findings_of_next(following: FoundDigest, *, is_due: bool) -> Iterator[Finding]:
    """Why the next digest does not speak for the one before it, where it has to."""
    if following.is_there:
        yield from following.findings
    elif is_due:
        yield Finding(
            kind=FindingKind.DIGEST_MISSING,
            hour=following.hour,
            key=digest_key(following.hour),
            original_version_id=following.original_version_id,
        )


def _difference(archived: set[bytes], in_table: bytes) -> FindingKind | None:
    if archived == {in_table}:
        return None
    if len(archived) > 1:
        return FindingKind.RECORD_REPEATED
    return FindingKind.RECORD_DIFFERS if archived else FindingKind.RECORD_NOT_ARCHIVED
