"""The API, and a day of audit records."""

import secrets
from datetime import timedelta

import pytest
from ulid import ULID

from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from harness.api_world import ApiWorld
from harness.archive_world import ArchiveWorld
from harness.embedded import Embedded


@pytest.fixture
def api(embedded: Embedded) -> ApiWorld:
    """The API, for a caller who sees all."""
    return ApiWorld(embedded)


@pytest.fixture(scope="module")
def world(embedded: Embedded) -> ArchiveWorld:
    """A day that no other test records on."""
    return ArchiveWorld.of(embedded)


@pytest.fixture(scope="module")
def records(world: ArchiveWorld) -> list[AuditRecord]:
    """A day's records, newest first."""
    claim = secrets.token_hex(32)
    made = []
    for number in range(12):
        moment = world.day + timedelta(minutes=90 * number)
        record = AuditRecord(
            record_id=str(ULID.from_datetime(moment)),
            recorded_at=moment,
            kind=RecordKind.DECISION,
            verdict=[Verdict.DENIED, Verdict.ALLOWED][number % 2],
            reason=["mac_address_mismatch", "first_reservation"][number % 2],
            serial_number=f"ASK-{number % 3}",
            mac_address="00:1b:44:11:3a:b7",
            presented_mac_address="00:1b:44:11:3a:b7",
            certificate_id=secrets.token_hex(32),
            claim_certificate_id=claim,
            client_id="=cmd|' /C calc'!A0",
            manufacturer="acme",
        )
        made.append(record)
        world.embedded.put_record(record)
    return made[::-1]
