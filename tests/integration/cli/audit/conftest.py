"""Two days of audit records that no other test records on."""

from datetime import timedelta

import pytest
from ulid import ULID

from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from harness.archive_world import ArchiveWorld
from harness.embedded import Embedded
from tests.integration.cli.audit.recorded import ALICE, CERTIFICATES, CLAIMS, IMPORTS, MACS, SERIAL_NUMBERS


@pytest.fixture(scope="module")
def world(embedded: Embedded) -> ArchiveWorld:
    """Two days that no other test records on."""
    return ArchiveWorld.of(embedded)


@pytest.fixture(scope="module")
def records(world: ArchiveWorld) -> list[AuditRecord]:
    """Records of all kinds but questions, over two days, newest first."""
    made = []
    for number in range(24):
        moment = world.day + timedelta(hours=2 * number, minutes=5)
        kind = [RecordKind.DECISION, RecordKind.DECISION, RecordKind.OUTCOME, RecordKind.OPERATOR_ACTION][number % 4]
        record = AuditRecord(
            record_id=str(ULID.from_datetime(moment)),
            recorded_at=moment,
            kind=kind,
            verdict=[Verdict.DENIED, Verdict.ALLOWED, None, None][number % 4],
            reason=["mac_address_mismatch", "first_reservation", "connected", "stolen"][number % 4],
            action="quarantine" if kind is RecordKind.OPERATOR_ACTION else None,
            actor=ALICE if kind is RecordKind.OPERATOR_ACTION else None,
            serial_number=SERIAL_NUMBERS[number % 3 % 2],
            mac_address=MACS[number % 2],
            certificate_id=CERTIFICATES[number % 3 % 2],
            claim_certificate_id=CLAIMS[number % 5 % 2],
            client_id=f"claim-{number % 3}",
            manufacturer=["acme", "globex"][number % 2],
            import_id=IMPORTS[number % 3 % 2],
        )
        world.embedded.put_record(record)
        made.append(record)
    return sorted(made, key=lambda record: record.record_id, reverse=True)


@pytest.fixture
def span(world: ArchiveWorld) -> tuple[str, ...]:
    """The command line for the two days."""
    return ("--from", f"{world.day:%Y-%m-%d}", "--to", f"{world.day + timedelta(days=1):%Y-%m-%d}")
