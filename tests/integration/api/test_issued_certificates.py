"""Which device certificates go back to a claim certificate: each once, from wherever the walk goes on."""

import secrets
from datetime import timedelta

import pytest
from ulid import ULID

from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.operators.claim_store import ClaimStore
from fleetgate.operators.issued_certificates import IssuedCursor, issued_from, issued_through
from harness.archive_world import ArchiveWorld
from harness.embedded import Embedded


@pytest.fixture(scope="module")
def world(embedded: Embedded) -> ArchiveWorld:
    """A day that no other test records on."""
    return ArchiveWorld.of(embedded)


@pytest.fixture(scope="module")
def store(world: ArchiveWorld) -> ClaimStore:
    """The tables, as root."""
    return ClaimStore(world.tables)


def let_in(
    world: ArchiveWorld, claim: str, second: int, *, certificate_id: str | None = None, of: str | None = None
) -> str:
    """Put an allow on record; the device certificate that it led to."""
    moment = world.day + timedelta(seconds=second)
    record_id = str(ULID.from_datetime(moment))
    certificate_id = certificate_id or secrets.token_hex(32)
    world.embedded.put_record(
        AuditRecord(
            record_id=record_id,
            recorded_at=moment,
            kind=RecordKind.DECISION,
            verdict=Verdict.ALLOWED,
            reason="first_reservation",
            serial_number=f"ISSUED-{second}",
            decision_id=of or record_id,
            certificate_id=certificate_id,
            claim_certificate_id=claim,
        )
    )
    return certificate_id


@pytest.fixture(scope="module")
def claim(world: ArchiveWorld) -> str:
    """A claim certificate with a retry, a chain of rotations, and a rotation that leads back to where it came from."""
    claim = secrets.token_hex(32)
    first, second, third = (let_in(world, claim, number) for number in (1, 2, 3))
    let_in(world, claim, 4, certificate_id=first, of="01KD0000000000000000000000")
    rotated = let_in(world, second, 5)
    again = let_in(world, rotated, 6)
    let_in(world, again, 7, certificate_id=second)
    let_in(world, third, 8)
    return claim


def test_every_certificate_is_found_once_depth_first(store: ClaimStore, claim: str) -> None:
    found = [record.serial_number for record in issued_through(claim, store)]
    assert found == [f"ISSUED-{number}" for number in (1, 2, 5, 6, 3, 8)]


def test_the_walk_goes_on_from_any_place_as_if_it_had_not_stopped(store: ClaimStore, claim: str) -> None:
    whole = list(issued_from([[claim, ""]], store))
    place: IssuedCursor = [[claim, ""]]
    for number, (_, behind) in enumerate(whole, start=1):
        place = behind
        rest = [record for record, _ in issued_from(place, store) if record]
        assert rest == [record for record, _ in whole[number:] if record]
    assert place == []


def test_a_place_is_as_short_as_a_device_s_certificates_are_many(store: ClaimStore, claim: str) -> None:
    assert max(len(place) for _, place in issued_from([[claim, ""]], store)) == 4


def test_what_is_issued_meanwhile_is_found_when_the_walk_goes_on(store: ClaimStore, world: ArchiveWorld) -> None:
    claim = secrets.token_hex(32)
    let_in(world, claim, 20)
    (_, place), *_ = issued_from([[claim, ""]], store)
    late = let_in(world, claim, 21)

    assert [record.certificate_id for record, _ in issued_from(place, store) if record] == [late]
