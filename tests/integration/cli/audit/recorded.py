"""What the records of these tests hold, and how to ask for them."""

import secrets
from datetime import datetime, timedelta

from ulid import ULID

from fleetgate.domain.audit import AuditRecord, RecordKind
from fleetgate.store.audit_items import audit_item_from
from fleetgate_cli.errors import ExitCode
from harness.command import Answer
from harness.embedded import Embedded

ROOT_ARN = "arn:aws:iam::000000000000:root"
ALICE = "arn:aws:sts::123456789012:assumed-role/Operators/alice"
SERIAL_NUMBERS = tuple(f"ASKED-{letter}-{secrets.token_hex(3)}" for letter in "AB")
MACS = ("00:1b:44:11:3a:01", "00:1b:44:11:3a:02")
CLAIMS, CERTIFICATES = [tuple(secrets.token_hex(32) for _ in range(2)) for _ in range(2)]
IMPORTS = ("20010131T080000Z-0123456789ab", "20010131T080000Z-0123456789ac")


def questions(embedded: Embedded) -> list[AuditRecord]:
    """The questions on record, oldest first."""
    return embedded.records("queries")


def ids(answer: Answer) -> list[str]:
    """The records of a list."""
    assert answer.exit_code == ExitCode.DONE, answer.stderr
    return [record["record_id"] for record in answer.document["records"]]


def put_many(embedded: Embedded, serial_number: str, moments: list[datetime]) -> None:
    table = embedded.stack.outputs["AuditTableName"]
    for start in range(0, len(moments), 25):
        items = [
            audit_item_from(
                AuditRecord(
                    record_id=str(ULID.from_datetime(moment)),
                    recorded_at=moment,
                    kind=RecordKind.DECISION,
                    reason="not_on_allow_list",
                    serial_number=serial_number,
                ),
                retention=timedelta(days=365 * 80),
            ).serialize()
            for moment in moments[start : start + 25]
        ]
        embedded.dynamodb.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": item}} for item in items]})
