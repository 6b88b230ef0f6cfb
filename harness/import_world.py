"""A drop box of a test's own, and importers that work on it against the embedded stack's tables."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal

import boto3
from botocore.config import Config

from fleetgate.domain.audit import AuditRecord
from fleetgate.imports.check import SafetyGates
from fleetgate.imports.delivery import Delivery
from fleetgate.imports.distribute import Distributor
from fleetgate.imports.fences import Fences
from fleetgate.imports.journal import ImportJournal
from fleetgate.imports.reading.factory_list import ImportPolicy
from fleetgate.imports.record import ImportRecord
from fleetgate.imports.run import Importer
from fleetgate.imports.store.drop_box import UPLOADER_METADATA, DropBox
from fleetgate.imports.store.map_runs import MapRuns
from fleetgate.imports.store.records import ImportRecords
from fleetgate.imports.store.rows import ImportStore
from fleetgate.imports.store.turns import ImportTurns
from fleetgate.store.announcements import Announcements
from fleetgate.store.audit_items import make_clock
from fleetgate.store.manufacturers import ManufacturerReader
from fleetgate.store.tables import TableSettings
from fleetgate.store.thing_groups import ThingGroups
from fleetgate_cli.local_session import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY
from harness.world import ALICE, RoomWorld, now


@dataclass(frozen=True)
class ImportWorld(RoomWorld):
    """Where a test delivers files and has them imported, in this process and as root.

    Attributes:
        bucket: Nobody but the test hears of what is put there.
        manufacturer: Of this test alone.
    """

    bucket: str
    manufacturer: str = field(default_factory=lambda: f"factory-{secrets.token_hex(4)}")
    published: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    @property
    def drop_box(self) -> DropBox:
        """The drop box."""
        return DropBox(self.bucket, self.embedded.client("s3"))

    @property
    def records(self) -> ImportRecords:
        """The import records."""
        return ImportRecords(self.tables)

    def deliver(
        self,
        content: str | bytes,
        *,
        name: str = "list.csv",
        mode: str = "incoming",
        manufacturer: str | None = None,
        uploader: str | None = ALICE,
    ) -> Delivery:
        """Put a file into the drop box."""
        key = f"{mode}/{manufacturer or self.manufacturer}/{name}"
        answer = self.drop_box.client.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=content.encode() if isinstance(content, str) else content,
            Metadata={UPLOADER_METADATA: uploader} if uploader else {},
        )
        return Delivery.of(self.drop_box.look(key, answer["VersionId"]), requester="123456789012")

    def redelivered(self, key: str) -> Delivery:
        """The delivery of what lies in the drop box already."""
        return Delivery.of(self.drop_box.look(key, None), requester="123456789012")

    def later(self, delivery: Delivery, seconds: int = 60) -> Delivery:
        """The same file, stored some time later."""
        file = replace(delivery.file, stored_at=delivery.file.stored_at + timedelta(seconds=seconds))
        return Delivery.of(file, requester=delivery.requester)

    def importer(
        self,
        *,
        endpoint_url: str | None = None,
        gates: SafetyGates | None = None,
        policy: ImportPolicy | None = None,
        requires_registration: bool = False,
        is_held: bool = False,
    ) -> Importer:
        """An importer that lets mostly wrong files in, and whoever delivers, unless told otherwise.

        Args:
            endpoint_url: Of a DynamoDB that misbehaves.
        """
        tables = replace(self.tables, endpoint_url=endpoint_url) if endpoint_url else self.tables
        return Importer(
            journal=self.journal(tables),
            rows=ImportStore(tables),
            policy=policy or ImportPolicy(),
            gates=gates or SafetyGates(max_rejected_share=1.0),
            fences=Fences(manufacturers=ManufacturerReader(tables), requires_registration=requires_registration),
            is_held=is_held,
            distributor=Distributor(map_runs=MapRuns("arn", self.embedded.client("stepfunctions")), above_rows=10**9),
            thing_groups=ThingGroups(self.embedded.client("iot")),
        )

    def journal(self, tables: TableSettings | None = None) -> ImportJournal:
        """The journal of such an importer; its announcements go to EventBridge, and to `published`."""
        return ImportJournal(
            drop_box=self.drop_box,
            records=ImportRecords(tables or self.tables),
            turns=ImportTurns(tables or self.tables),
            announcements=_Heard(self.embedded.client("events"), self.published),
            clock=make_clock(now),
        )

    def unreachable_announcements(self) -> Announcements:
        """An EventBridge that nobody can reach."""
        return Announcements(self._unreachable("events"))

    def unreachable_thing_groups(self) -> ThingGroups:
        """An AWS IoT that nobody can reach."""
        return ThingGroups(self._unreachable("iot"))

    def _unreachable(self, service: Literal["events", "iot"]) -> Any:
        return boto3.client(
            service,
            endpoint_url="http://127.0.0.1:9",
            region_name=self.embedded.stack.region,
            aws_access_key_id=ROOT_ACCESS_KEY_ID,
            aws_secret_access_key=ROOT_SECRET_ACCESS_KEY,
            config=Config(retries={"total_max_attempts": 1}),
        )

    def rejects(self, record: ImportRecord) -> str:
        """The text of an import's rejects.csv."""
        return self.drop_box.open_report(f"{record.delivery.reports}rejects.csv").read().decode("utf-8-sig")

    def changes(self, record: ImportRecord) -> str:
        """The text of an import's changes.csv."""
        return self.drop_box.open_report(f"{record.delivery.reports}changes.csv").read().decode("utf-8-sig")

    def audit(self, record: ImportRecord) -> list[AuditRecord]:
        """The audit records of an import, oldest first."""
        return self.embedded.records(f"import#{record.import_id}")


@dataclass(frozen=True)
class _Heard(Announcements):
    """EventBridge, with a note of what was published."""

    published: list[tuple[str, Mapping[str, Any]]]

    def publish(self, detail_type: str, detail: Mapping[str, Any]) -> None:
        Announcements.publish(self, detail_type, detail)
        self.published.append((detail_type, detail))
