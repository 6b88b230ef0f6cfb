"""Prove single records: each lies in the archive as the table has it, under a signed digest that the next one names."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any

from fleetgate.domain.archive import HOUR, DigestReference, canonical_json, closes_at, record_id_of, recorded_hour
from fleetgate.domain.archive_findings import Finding, FindingKind
from fleetgate.workflows.verify_archive import SEALING_TAKES, Verifier, findings_of_digest
from fleetgate.workflows.verify_hour import find_digest, fingerprint, read_hour

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


def prove_records(documents: Iterable[Mapping[str, Any]], *, verifier: Verifier, now: datetime) -> Proofs:
    """Prove records, as the audit table has them now. That none was removed is for `verify_archive` to say.

    Args:
        documents: As the archive would keep them.
        now: Aware UTC; tells which hours have to be sealed.

    Raises:
        Fault: S3 or KMS could not answer.
    """
    by_hour: dict[datetime | None, list[Mapping[str, Any]]] = {}
    for document in documents:
        by_hour.setdefault(recorded_hour(document), []).append(document)
    proofs = Proofs()
    for document in by_hour.pop(None, ()):
        proofs.by_record[record_id_of(document)] = Proof.NOT_PROVEN
    for hour, of_hour in sorted((hour, of_hour) for hour, of_hour in by_hour.items() if hour):
        _prove_hour(hour, of_hour, proofs, verifier, now)
    return proofs


def _prove_hour(
    hour: datetime, documents: Sequence[Mapping[str, Any]], proofs: Proofs, verifier: Verifier, now: datetime
) -> None:
    ids = [record_id_of(document) for document in documents]
    find = partial(find_digest, archive=verifier.archive, verify_signature=verifier.verify_signature)
    found, following = find(hour), find(hour + HOUR)
    if not found.is_there and not following.is_there and now < closes_at(hour, verifier.settle) + SEALING_TAKES:
        proofs.by_record |= dict.fromkeys(ids, Proof.NOT_SEALED_YET)
        return
    content = read_hour(found, archive=verifier.archive, verify_signature=verifier.verify_signature)
    proofs.findings += [*findings_of_digest(found, following), *content.findings]
    is_sound = not any(finding.kind in _DOUBTFUL for finding in proofs.findings if finding.hour == hour)
    archived = {record.record_id: record.fingerprint for record in content.records}
    for document in documents:
        record_id = record_id_of(document)
        is_same = archived.get(record_id) == fingerprint(canonical_json(document))
        proofs.by_record[record_id] = Proof.SEALED if is_sound and is_same else Proof.NOT_PROVEN
        if not is_same:
            kind = FindingKind.RECORD_DIFFERS if record_id in archived else FindingKind.RECORD_NOT_ARCHIVED
            proofs.findings.append(Finding(kind=kind, hour=hour, record_ids=(record_id,)))
    if found.reference:
        proofs.digests.append(found.reference)
