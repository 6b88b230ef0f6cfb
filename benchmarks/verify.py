"""Verifying the archive of the audit trail, against unpacking, hashing and parsing the same objects."""

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from statistics import median
from typing import Any

from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from benchmarks.figures import Amount, CouldNotMeasure, Figure, Ratio
from benchmarks.interleave import Repetition, interleaved
from fleetgate.archive.audit_lines import AuditLines
from fleetgate.archive.digest import DEFAULT_SETTLING_TIME, HOUR, Folder
from fleetgate.archive.records import StreamChange, StreamChangeKind, archive_records
from fleetgate.archive.seal import Sealer, seal_hours
from fleetgate.archive.store import Archive, SealingKey
from fleetgate.archive.verify import Verifier, verify_archive
from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.store.audit_items import audit_item_from
from fleetgate.store.audit_reader import document_from
from fleetgate_cli.audit.signatures import TrustedKeys

RECORDS = 100_000
_HOURS = 4
_ROUNDS = 7
_DAY = datetime(2026, 3, 1, tzinfo=UTC)


def verify_figures() -> Iterator[Figure]:
    """Verify an archive and an audit table that are in memory, so that S3 and DynamoDB cost next to nothing."""
    archive, key = Archive("benchmark", _MemoryS3()), SealingKey("key", _MemoryKms())
    items = [_item(number) for number in range(RECORDS)]
    _fill(archive, key, items)
    contents = [stored.content for stored in archive.firsts(Folder.RECORDS.value)]
    verifier = Verifier(
        archive=archive,
        lines=_Table([document_from(item) for item in items]),
        verify_signature=TrustedKeys([key.public_key()]).verify,
        settling_time=DEFAULT_SETTLING_TIME,
    )

    def whole() -> None:
        done = verify_archive(verifier, start=_DAY, end=_DAY + _HOURS * HOUR, now=_DAY + timedelta(days=1))
        if not done.is_sound or (done.records, done.table_records) != (RECORDS, RECORDS):
            raise CouldNotMeasure(f"{done.records} records were verified, with {len(done.findings)} findings")

    def bare() -> None:
        read = 0
        for content in contents:
            hashlib.sha256(content).hexdigest()
            read += sum(1 for line in gzip.decompress(content).splitlines() if json.loads(line))
        if read != RECORDS:
            raise CouldNotMeasure(f"{read} of {RECORDS} records were read")

    def ours(wanted: int) -> list[Repetition]:
        return [whole] * wanted

    def floor(wanted: int) -> list[Repetition]:
        return [bare] * wanted

    measured, floors = interleaved(ours, floor, rounds=_ROUNDS, repetitions=1)
    name = f"verifying {RECORDS:,} records and their table, in memory"
    yield Ratio.of(name, "wall time", measured.wall, floors.wall)
    yield Ratio.of(name, "processor time", measured.cpu, floors.cpu)
    for name, seconds in (("verification, in memory", measured.cpu), ("its floor", floors.cpu)):
        yield Amount(
            name=name,
            what="records in a second of a processor",
            amount=round(RECORDS / median(seconds)),
            unit="records/s",
        )


def _item(number: int) -> dict[str, Any]:
    record_id = f"01JNX{number:021d}"
    record = AuditRecord(
        record_id=record_id,
        recorded_at=_DAY + number * (_HOURS * HOUR / RECORDS),
        kind=RecordKind.DECISION,
        verdict=Verdict.ALLOWED,
        reason="first_reservation",
        serial_number=f"FG-{number:08d}",
        mac_address=f"00:1b:44:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}",
        decision_id=record_id,
        certificate_id=hashlib.sha256(record_id.encode()).hexdigest(),
        claim_certificate_id="c1a1" * 16,
        manufacturer="acme",
        import_id="20260131T080000Z-0123456789ab",
        template_arn="arn:aws:iot:eu-central-1:123456789012:provisioningtemplate/fleetgate",
        thing_name=f"FG-{number:08d}",
        client_id=f"claim-FG-{number:08d}",
        presented_serial_number=f"FG-{number:08d}",
    )
    item: dict[str, Any] = audit_item_from(record, retention=timedelta(days=400)).serialize()
    return item


def _fill(archive: Archive, key: SealingKey, items: Iterable[dict[str, Any]]) -> None:
    changes = [
        StreamChange(sequence_number=str(number), change=StreamChangeKind.INSERTED, at=_DAY, keys={}, image=item)
        for number, item in enumerate(items)
    ]
    archive_records(changes, archive=archive, now=_DAY, settling_time=DEFAULT_SETTLING_TIME)
    sealer = Sealer(archive=archive, key=key, stack="benchmark", settling_time=DEFAULT_SETTLING_TIME)
    seal_hours(sealer, now=_DAY + (_HOURS + 1) * HOUR, max_hours=_HOURS, has_time=lambda: True)


class _Table(AuditLines):
    """An audit table in memory."""

    def __init__(self, documents: list[dict[str, Any]]) -> None:
        self._in_memory = documents

    def of_day(self, day: date) -> Iterator[dict[str, Any]]:
        return iter(self._in_memory if day == _DAY.date() else [])


class _MemoryKms:
    """As much of KMS as signing takes."""

    def __init__(self) -> None:
        self._key = generate_private_key(SECP256R1())

    def sign(self, *, Message: bytes, **_: Any) -> dict[str, bytes]:  # noqa: N803 - as botocore calls it
        return {"Signature": self._key.sign(Message, ECDSA(Prehashed(SHA256())))}

    def get_public_key(self, **_: Any) -> dict[str, bytes]:
        public_key = self._key.public_key()
        return {"PublicKey": public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)}


class _MemoryS3:
    """As much of S3 as an archive takes, one version of each object."""

    def __init__(self) -> None:
        self._objects: dict[str, tuple[bytes, dict[str, str]]] = {}

    def put_object(self, *, Key: str, Body: bytes, Metadata: dict[str, str], **_: Any) -> dict[str, str]:  # noqa: N803
        self._objects[Key] = (Body, Metadata)
        return {"VersionId": "1"}

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        if Key not in self._objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        content, metadata = self._objects[Key]
        return {"Body": BytesIO(content), "Metadata": metadata, "VersionId": "1"}

    def get_paginator(self, operation: str) -> "_Pages":
        return _Pages(self._objects, "Contents" if operation == "list_objects_v2" else "Versions")


class _Pages:
    def __init__(self, objects: Iterable[str], name: str) -> None:
        self._objects = objects
        self._name = name

    def paginate(self, *, Prefix: str, StartAfter: str = "", **_: Any) -> list[dict[str, Any]]:  # noqa: N803
        found = sorted(key for key in self._objects if key.startswith(Prefix) and key > StartAfter)
        return [{self._name: [{"Key": key, "VersionId": "1"} for key in found]}]
