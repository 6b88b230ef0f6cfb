"""An archive of a test's own, with a sealing key, and a day of the stack's audit table that is nobody else's."""

import base64
import random
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from fleetgate.archive.audit_lines import AuditLines
from fleetgate.archive.digest import HOUR, HourDigest, digest_key
from fleetgate.archive.packed_lines import unpacked
from fleetgate.archive.records import ArchivedBatch, StreamChange, StreamChangeKind, archive_records
from fleetgate.archive.seal import SealedHours, Sealer, seal_hours
from fleetgate.archive.store import SIGNATURE_METADATA, Archive, SealingKey
from fleetgate.archive.verify import Verification, Verifier, verify_archive
from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.store.audit_items import audit_item_from
from fleetgate_cli.audit.signatures import TrustedKeys
from harness.embedded import Embedded
from harness.world import RoomWorld, record_id

SETTLE = timedelta(minutes=10)
STACK = "arn:aws:cloudformation:us-east-1:000000000000:stack/test"
# Each has the days around it to itself, and no test takes days of the past from anywhere else.
_DAYS = (datetime(2001, 1, 1, tzinfo=UTC) + timedelta(days=4 * number) for number in count())


@dataclass(frozen=True)
class ArchiveWorld(RoomWorld):
    """Where a test records, archives, seals, tampers and verifies, in this process and as root.

    Attributes:
        day: In the past; its first hour is 0.
    """

    bucket: str
    key_id: str
    day: datetime = field(default_factory=lambda: next(_DAYS))

    @classmethod
    def of(cls, embedded: Embedded) -> "ArchiveWorld":
        """A new one."""
        s3, bucket = embedded.client("s3"), f"test-{secrets.token_hex(8)}"
        s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
        retention = {"Mode": "GOVERNANCE", "Days": 1}
        s3.put_object_lock_configuration(
            Bucket=bucket,
            ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}},
        )
        return cls(embedded, bucket, new_key(embedded))

    def environment_of(self, function: str) -> dict[str, str]:
        """What a deployed function is told, with this archive and this key; as root, since its role knows neither."""
        return {
            **self.embedded.variables_of(function),
            **self.embedded.aws_environment(),
            "ARCHIVE_NAME": self.bucket,
            "ARCHIVE_SETTLE_MINUTES": str(SETTLE // timedelta(minutes=1)),
            "SEALING_KEY_ARN": self.key_id,
        }

    @property
    def s3(self) -> Any:
        """S3, as root."""
        return self.embedded.client("s3")

    @property
    def archive(self) -> Archive:
        """The archive."""
        return Archive(self.bucket, self.s3)

    @property
    def key(self) -> SealingKey:
        """The key."""
        return SealingKey(self.key_id, self.embedded.client("kms"))

    @property
    def sealer(self) -> Sealer:
        """The sealer."""
        return Sealer(archive=self.archive, key=self.key, stack=STACK, settling_time=SETTLE)

    def at(self, hour: float) -> datetime:
        """A moment of the day."""
        return self.day + hour * HOUR

    # ---- What happens on the day ------------------------------------------------------------------------------------

    def record(self, number: int, hour: float) -> list[StreamChange]:
        """Write records to the audit table that were made in an hour; what the stream says of them."""
        return [self.inserted(self.put_item(self.at(hour) + timedelta(seconds=second))) for second in range(number)]

    def put_item(self, moment: datetime, **changes: Any) -> dict[str, Any]:
        """Write one record to the audit table; its item."""
        new_id = record_id(moment)
        record = AuditRecord(
            **{
                "record_id": new_id,
                "recorded_at": moment,
                "kind": RecordKind.DECISION,
                "verdict": Verdict.DENIED,
                "reason": "not_on_allow_list",
                "serial_number": f"PROOF-{secrets.token_hex(4)}",
                "decision_id": new_id,
                **changes,
            }
        )
        item: dict[str, Any] = audit_item_from(record, retention=timedelta(days=365 * 80)).serialize()
        self.embedded.dynamodb.put_item(TableName=self.tables.audit_table, Item=item)
        return item

    def remove_item(self, change: StreamChange) -> None:
        """Remove a record from the audit table."""
        self.embedded.dynamodb.delete_item(TableName=self.tables.audit_table, Key=dict(change.keys))

    def inserted(self, item: dict[str, Any]) -> StreamChange:
        """What the stream says of a new record."""
        return changed(StreamChangeKind.INSERTED, item)

    def archived(self, changes: Sequence[StreamChange], *, hour: float) -> ArchivedBatch:
        """Hand a batch to the archiver at some time of the day."""
        return archive_records(changes, archive=self.archive, now=self.at(hour), settling_time=SETTLE)

    def sealed(self, *, hour: float, max_hours: int = 100) -> SealedHours:
        """Run the sealer at some time of the day."""
        return seal_hours(self.sealer, now=self.at(hour), max_hours=max_hours, has_time=lambda: True)

    def verified(self, start: int = 0, end: int = 4, *, hour: float = 24, keys: Iterable[bytes] = ()) -> Verification:
        """Verify some hours at some time of the day."""
        trusted = TrustedKeys([*keys] or [self.key.public_key()])
        verifier = Verifier(
            archive=self.archive,
            lines=AuditLines(self.tables),
            verify_signature=trusted.verify,
            settling_time=SETTLE,
        )
        return verify_archive(verifier, start=self.at(start), end=self.at(end), now=self.at(hour))

    # ---- What lies there --------------------------------------------------------------------------------------------

    def keys(self, prefix: str) -> list[str]:
        """The keys of the archive that start so."""
        return list(self.archive.keys(prefix))

    def content(self, key: str) -> bytes:
        """What lies at a place."""
        stored = self.archive.get(key)
        assert stored is not None
        return stored.content

    def record_ids(self) -> list[str]:
        """Of every line under records/, sorted; one that is there twice is listed twice."""
        return sorted(document["record_id"] for document in self.documents())

    def documents(self) -> list[dict[str, Any]]:
        """Every line under records/, read."""
        return [document for key in self.keys("records/") for _, document in unpacked(self.content(key))]

    def digest(self, hour: int) -> HourDigest:
        """The digest of an hour."""
        return HourDigest.parse(self.content(digest_key(self.at(hour))))

    # ---- Somebody with every permission -----------------------------------------------------------------------------

    def overwrite(self, key: str, content: bytes, metadata: dict[str, str] | None = None) -> None:
        """Put something on top of an object; its metadata stay, unless others are given."""
        if metadata is None:
            metadata = self.s3.head_object(Bucket=self.bucket, Key=key)["Metadata"]
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content, Metadata=metadata)

    def remove(self, key: str) -> None:
        """Remove an object as far as Object Lock lets one: its versions stay."""
        self.s3.delete_object(Bucket=self.bucket, Key=key)

    def forge(self, digest: HourDigest, key: SealingKey) -> None:
        """Put a digest on top of another, signed with some key."""
        content = digest.canonical_bytes()
        signature = base64.b64encode(key.sign(content)).decode()
        self.overwrite(digest.key, content, {SIGNATURE_METADATA: signature})


def new_key(embedded: Embedded) -> str:
    """The ID of a new key that could seal."""
    made = embedded.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    return str(made["KeyMetadata"]["KeyId"])


def changed(
    change: StreamChangeKind, item: dict[str, Any], *, has_expired: bool = False, number: int | None = None
) -> StreamChange:
    """A change of the audit table as the archiver gets it."""
    return StreamChange(
        sequence_number=str(random.getrandbits(60)),
        change=change,
        at=datetime.strptime(item["recorded_at"]["S"], "%Y-%m-%dT%H:%M:%S.%f%z").astimezone(UTC),
        keys={name: item[name] for name in ("subject", "record_id")},
        image=None if change is StreamChangeKind.REMOVED else item,
        has_expired=has_expired,
    )
