"""A record is proven if it lies in the sealed archive as the table has it; whatever leaves that open is named."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from fleetgate.archive.audit_lines import AuditLines
from fleetgate.archive.digest import digest_key, sha256_of
from fleetgate.archive.findings import FindingKind
from fleetgate.archive.packed_lines import packed
from fleetgate.archive.prove import Proof, Proofs, prove_records, prove_story
from fleetgate.archive.store import SEALED_IN_METADATA, SealingKey
from fleetgate.archive.verify import Verifier
from fleetgate.domain.gate_switch import OPEN
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.store.audit_reader import document_from
from fleetgate.trail.story import DeviceStory
from fleetgate_cli.audit.signatures import TrustedKeys
from harness.archive_world import SETTLE, ArchiveWorld, new_key
from harness.embedded import Embedded

Item = dict[str, Any]


@pytest.fixture
def world(embedded: Embedded) -> ArchiveWorld:
    """An archive in which nothing is."""
    return ArchiveWorld.of(embedded)


@pytest.fixture
def items(world: ArchiveWorld) -> dict[int, Item]:
    """A record an hour, by hour: 0, 1 and 3, and beside each another one; all of it sealed, and the hour after."""
    made = {}
    for hour in (0, 1, 3):
        made[hour] = world.put_item(world.at(hour + 0.1))
        world.archived([world.inserted(made[hour]), *world.record(1, hour)], hour=hour + 0.5)
    world.sealed(hour=5.5)
    return made


def proven(world: ArchiveWorld, *items: Item, hour: float = 6, keys: tuple[bytes, ...] = ()) -> Proofs:
    """What can be proven of some items at some time of the day."""
    return prove_records(map(document_from, items), verifier=verifier(world, *keys), now=world.at(hour))


def verifier(world: ArchiveWorld, *keys: bytes) -> Verifier:
    """Verifies the archive with some public keys, or with its own."""
    trusted = TrustedKeys(keys or [world.key.public_key()])
    return Verifier(
        archive=world.archive, lines=AuditLines(world.tables), verify_signature=trusted.verify, settling_time=SETTLE
    )


def id_of(item: Item) -> str:
    """The record ID of an item."""
    return str(item["record_id"]["S"])


def kinds(proofs: Proofs) -> list[FindingKind]:
    """What was found."""
    return [finding.kind for finding in proofs.findings]


def test_records_that_lie_in_the_archive_as_the_table_has_them_are_sealed(
    world: ArchiveWorld, items: dict[int, Item]
) -> None:
    proofs = proven(world, *items.values())

    assert proofs.by_record == dict.fromkeys(map(id_of, items.values()), Proof.SEALED)
    assert (proofs.count(Proof.SEALED), proofs.findings) == (3, [])
    assert [(digest.key, digest.sha256) for digest in proofs.digests] == [
        (digest_key(world.at(hour)), sha256_of(world.digest(hour).canonical_bytes())) for hour in (0, 1, 3)
    ]


def test_nothing_is_proven_of_no_records(world: ArchiveWorld) -> None:
    assert proven(world) == Proofs()


def test_a_record_that_came_late_is_proven_by_the_digest_that_names_it(
    world: ArchiveWorld, items: dict[int, Item]
) -> None:
    late = world.put_item(world.at(1.2))
    world.archived([world.inserted(late)], hour=6.5)
    world.sealed(hour=7.5)

    proofs = proven(world, late, items[1], hour=8)
    assert (set(proofs.by_record.values()), proofs.findings) == ({Proof.SEALED}, [])


def test_a_record_of_an_hour_that_is_still_open_is_not_sealed_yet(world: ArchiveWorld, items: dict[int, Item]) -> None:
    young = world.put_item(world.at(6.1))
    world.archived([world.inserted(young)], hour=6.2)

    proofs = proven(world, items[0], young, hour=6.3)
    assert proofs.by_record == {id_of(items[0]): Proof.SEALED, id_of(young): Proof.NOT_SEALED_YET}
    assert proofs.findings == []


def test_an_hour_without_a_digest_is_missed_once_it_is_due(world: ArchiveWorld, items: dict[int, Item]) -> None:
    young = world.put_item(world.at(6.1))
    due = 7 + 3 + SETTLE.total_seconds() / 3600

    assert proven(world, young, hour=due - 0.01).by_record == {id_of(young): Proof.NOT_SEALED_YET}
    proofs = proven(world, young, hour=due)
    assert proofs.by_record == {id_of(young): Proof.NOT_PROVEN}
    assert kinds(proofs) == [FindingKind.DIGEST_MISSING, FindingKind.RECORD_NOT_ARCHIVED]


# ---- Tampering ------------------------------------------------------------------------------------------------------

Tamper = Callable[[ArchiveWorld], None]


def change_an_object(world: ArchiveWorld) -> None:
    (named,) = world.digest(1).objects
    lines = gzip.decompress(world.content(named.key)).replace(b"not_on_allow_list", b"mac_address_match").splitlines()
    world.overwrite(named.key, packed(lines))


def remove_an_object(world: ArchiveWorld) -> None:
    (named,) = world.digest(1).objects
    world.remove(named.key)


def insert_an_object(world: ArchiveWorld) -> None:
    (named,) = world.digest(1).objects
    key = f"{named.key.rpartition('/')[0]}/ZZZ.jsonl.gz"
    world.s3.put_object(Bucket=world.bucket, Key=key, Body=packed([b'{"record_id":"X"}']))


def change_a_digest(world: ArchiveWorld) -> None:
    digest = world.digest(1)
    world.overwrite(digest.key, replace(digest, record_count=3).canonical_bytes())


def remove_a_digest(world: ArchiveWorld) -> None:
    world.remove(digest_key(world.at(1)))


def sign_with_another_key(world: ArchiveWorld) -> None:
    other = SealingKey(new_key(world.embedded), world.embedded.client("kms"))
    world.forge(replace(world.digest(1), public_key_sha256=sha256_of(other.public_key())), other)


def sign_anew_with_our_own_key(world: ArchiveWorld) -> None:
    world.forge(replace(world.digest(1), sources=()), world.key)


def change_the_next_digest(world: ArchiveWorld) -> None:
    world.overwrite(digest_key(world.at(2)), b"{}")


TAMPERINGS: list[tuple[Tamper, FindingKind]] = [
    (change_an_object, FindingKind.OBJECT_CHANGED),
    (remove_an_object, FindingKind.OBJECT_REMOVED),
    (insert_an_object, FindingKind.OBJECT_INSERTED),
    (change_a_digest, FindingKind.DIGEST_CHANGED),
    (remove_a_digest, FindingKind.DIGEST_MISSING),
    (sign_with_another_key, FindingKind.DIGEST_OF_ANOTHER_KEY),
    (sign_anew_with_our_own_key, FindingKind.CHAIN_BROKEN),
    (change_the_next_digest, FindingKind.DIGEST_CHANGED),
]


@pytest.mark.parametrize(("tamper", "kind"), TAMPERINGS, ids=lambda given: getattr(given, "__name__", ""))
def test_what_was_tampered_with_proves_nothing_any_more(
    world: ArchiveWorld, items: dict[int, Item], tamper: Tamper, kind: FindingKind
) -> None:
    tamper(world)
    proofs = proven(world, *items.values())

    assert proofs.by_record[id_of(items[1])] is Proof.NOT_PROVEN
    assert kinds(proofs)[0] is kind
    assert proofs.by_record[id_of(items[3])] is Proof.SEALED


def test_a_digest_that_is_taken_off_the_end_is_missed_by_the_one_before_once_it_is_due(
    world: ArchiveWorld, items: dict[int, Item]
) -> None:
    world.remove(digest_key(world.at(4)))

    young = proven(world, items[3], hour=6)
    assert (young.by_record, young.findings) == ({id_of(items[3]): Proof.SEALED}, [])
    due = proven(world, items[3], hour=12)
    assert due.by_record == {id_of(items[3]): Proof.NOT_PROVEN}
    assert [(found.kind, found.hour) for found in due.findings] == [(FindingKind.DIGEST_MISSING, world.at(4))]


def test_what_two_hours_tell_of_one_digest_is_told_once(world: ArchiveWorld, items: dict[int, Item]) -> None:
    change_a_digest(world)
    proofs = proven(world, items[0], items[1])

    assert set(proofs.by_record.values()) == {Proof.NOT_PROVEN}
    assert kinds(proofs) == [FindingKind.DIGEST_CHANGED]


def test_a_key_that_is_not_trusted_proves_nothing(world: ArchiveWorld, items: dict[int, Item]) -> None:
    other = SealingKey(new_key(world.embedded), world.embedded.client("kms")).public_key()

    proofs = proven(world, items[1], keys=(other,))
    assert proofs.by_record == {id_of(items[1]): Proof.NOT_PROVEN}
    assert set(kinds(proofs)) == {FindingKind.DIGEST_OF_ANOTHER_KEY}
    assert proven(world, items[1], keys=(other, world.key.public_key())).count(Proof.SEALED) == 1


def test_a_record_that_was_changed_in_the_table_is_not_proven(world: ArchiveWorld, items: dict[int, Item]) -> None:
    altered = {**items[1], "reason": {"S": "first_reservation"}}
    proofs = proven(world, items[0], altered)

    assert proofs.by_record == {id_of(items[0]): Proof.SEALED, id_of(altered): Proof.NOT_PROVEN}
    (found,) = proofs.findings
    assert (found.kind, found.hour, found.record_ids) == (FindingKind.RECORD_DIFFERS, world.at(1), (id_of(altered),))


def test_a_record_that_was_put_into_the_table_afterwards_is_not_proven(
    world: ArchiveWorld, items: dict[int, Item]
) -> None:
    forged = world.put_item(world.at(1.3))
    proofs = proven(world, items[1], forged)

    assert proofs.by_record == {id_of(items[1]): Proof.SEALED, id_of(forged): Proof.NOT_PROVEN}
    assert kinds(proofs) == [FindingKind.RECORD_NOT_ARCHIVED]


def test_a_record_that_was_moved_to_another_time_is_not_proven(world: ArchiveWorld, items: dict[int, Item]) -> None:
    moved = {**items[1], "recorded_at": {"S": _written(world.at(3.1))}}
    zoned = {**items[3], "recorded_at": {"S": world.at(3.1).isoformat()}}
    proofs = proven(world, moved, zoned)

    assert set(proofs.by_record.values()) == {Proof.NOT_PROVEN}
    assert kinds(proofs) == [FindingKind.RECORD_NOT_ARCHIVED, FindingKind.RECORD_DIFFERS]


def test_a_record_of_which_two_were_sealed_is_not_proven(world: ArchiveWorld) -> None:
    item = world.put_item(world.at(0))
    other = {**item, "reason": {"S": "first_reservation"}}
    world.archived([world.inserted(item), world.inserted(other)], hour=0.5)
    world.sealed(hour=1.5)

    for one in (item, other):
        proofs = proven(world, one, hour=2)
        assert proofs.by_record == {id_of(one): Proof.NOT_PROVEN}
        assert kinds(proofs) == [FindingKind.RECORD_REPEATED]


def test_a_record_that_an_unsigned_digest_names_as_late_is_not_proven(
    world: ArchiveWorld, items: dict[int, Item]
) -> None:
    """Whoever may write to the archive, and not sign, writes what the forged record needs."""
    forged = world.put_item(world.at(1.3))
    (named,) = world.digest(1).objects
    (line,) = _lines(world, forged)
    key, content = f"{named.key.rpartition('/')[0]}/ZZZ.jsonl.gz", packed([line])
    # Hour 5 is not sealed yet, so that there is no digest to fall back on.
    metadata = {SEALED_IN_METADATA: digest_key(world.at(5))}
    version_id = world.s3.put_object(Bucket=world.bucket, Key=key, Body=content, Metadata=metadata)["VersionId"]
    late = replace(named, key=key, version_id=version_id, sha256=sha256_of(content), size_bytes=len(content))
    digest = replace(world.digest(4), hour=world.at(5), late=(late,))
    world.s3.put_object(Bucket=world.bucket, Key=digest.key, Body=digest.canonical_bytes())
    proofs = proven(world, forged)

    assert proofs.by_record == {id_of(forged): Proof.NOT_PROVEN}
    assert kinds(proofs) == [FindingKind.OBJECT_INSERTED]
    found = world.verified(1, 2).findings
    assert [(finding.kind, finding.key) for finding in found] == [(FindingKind.OBJECT_INSERTED, key)]


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}+0000"


def _lines(world: ArchiveWorld, item: Item) -> list[bytes]:
    """The item's line, as the archiver makes it."""
    before = set(world.keys("arrived/"))
    world.archived([world.inserted(item)], hour=20)
    (batch,) = set(world.keys("arrived/")) - before
    return gzip.decompress(world.content(batch)).splitlines()


def test_a_record_that_vanished_after_it_was_told_is_not_proven(world: ArchiveWorld, items: dict[int, Item]) -> None:
    serial_number = items[1]["serial_number"]["S"]
    told = DeviceStory(
        serial_number=SerialNumber(serial_number),
        entry=None,
        records=tuple(world.embedded.records(f"device#{serial_number}")),
        is_complete=True,
        imports={},
        claims={},
        switch=OPEN,
    )
    assert prove_story(told, verifier=verifier(world), now=world.at(6)).by_record == {id_of(items[1]): Proof.SEALED}

    world.remove_item(world.inserted(items[1]))
    proofs = prove_story(told, verifier=verifier(world), now=world.at(6))
    assert (proofs.by_record, proofs.count(Proof.NOT_PROVEN)) == ({id_of(items[1]): Proof.NOT_PROVEN}, 1)
    assert [(one.hour, one.record_ids) for one in proofs.findings] == [(world.at(1), (id_of(items[1]),))]
