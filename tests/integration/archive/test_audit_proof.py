"""Every kind of tampering with the archive or the table is found and named."""

import gzip
from collections.abc import Callable
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from fleetgate.archive.digest import HOUR, digest_key, sha256_of
from fleetgate.archive.findings import FindingKind
from fleetgate.archive.packed_lines import packed
from fleetgate.archive.store import SEALED_IN_METADATA, SealingKey
from harness.archive_world import ArchiveWorld, new_key
from tests.integration.archive.changes import ids_of

# ---- Tampering --------------------------------------------------------------------------------------------------

Tamper = Callable[[ArchiveWorld], str]


def change_a_record(world: ArchiveWorld) -> str:
    (named,) = world.digest(1).objects
    lines = gzip.decompress(world.content(named.key)).replace(b"not_on_allow_list", b"mac_address_match").splitlines()
    world.overwrite(named.key, packed(lines))
    return named.key


def cut_an_object(world: ArchiveWorld) -> str:
    (named,) = world.digest(1).objects
    world.overwrite(named.key, world.content(named.key)[:-9])
    return named.key


def remove_an_object(world: ArchiveWorld) -> str:
    (named,) = world.digest(1).objects
    world.remove(named.key)
    return named.key


def insert_an_object(world: ArchiveWorld) -> str:
    (named,) = world.digest(1).objects
    key = f"{named.key.rpartition('/')[0]}/ZZZ.jsonl.gz"
    metadata = {SEALED_IN_METADATA: digest_key(world.at(3))}
    world.s3.put_object(Bucket=world.bucket, Key=key, Body=packed([b'{"record_id":"X"}']), Metadata=metadata)
    return key


def change_a_digest(world: ArchiveWorld) -> str:
    digest = world.digest(1)
    world.overwrite(digest.key, replace(digest, record_count=3).canonical_bytes())
    return digest.key


def scribble_on_a_digest(world: ArchiveWorld) -> str:
    world.overwrite(digest_key(world.at(1)), b"{}")
    return digest_key(world.at(1))


def remove_a_digest(world: ArchiveWorld) -> str:
    world.remove(digest_key(world.at(1)))
    return digest_key(world.at(1))


def swap_two_digests(world: ArchiveWorld) -> str:
    keys = [digest_key(world.at(hour)) for hour in (1, 2)]
    stored = [world.archive.get(key) for key in keys]
    for key, other in zip(keys, reversed(stored), strict=True):
        assert other is not None
        world.overwrite(key, other.content, dict(other.metadata))
    return keys[0]


def sign_with_another_key(world: ArchiveWorld) -> str:
    other = SealingKey(new_key(world.embedded), world.embedded.client("kms"))
    digest = replace(world.digest(1), objects=(), record_count=0, public_key_sha256=sha256_of(other.public_key()))
    world.forge(digest, other)
    return digest.key


def claim_that_another_key_is_ours(world: ArchiveWorld) -> str:
    other = SealingKey(new_key(world.embedded), world.embedded.client("kms"))
    digest = replace(world.digest(1), objects=(), record_count=0)
    world.forge(digest, other)
    return digest.key


def sign_anew_with_our_own_key(world: ArchiveWorld) -> str:
    digest = replace(world.digest(1), sources=())
    world.forge(digest, world.key)
    return digest.key


def insert_a_batch(world: ArchiveWorld) -> str:
    (source,) = world.digest(1).sources
    key = f"{source.key.rpartition('/')[0]}/ZZZ.jsonl.gz"
    world.s3.put_object(Bucket=world.bucket, Key=key, Body=packed([b'{"record_id":"X"}']))
    return key


TAMPERINGS: list[tuple[Tamper, FindingKind]] = [
    (change_a_record, FindingKind.OBJECT_CHANGED),
    (cut_an_object, FindingKind.OBJECT_CHANGED),
    (remove_an_object, FindingKind.OBJECT_REMOVED),
    (insert_an_object, FindingKind.OBJECT_INSERTED),
    (change_a_digest, FindingKind.DIGEST_CHANGED),
    (scribble_on_a_digest, FindingKind.DIGEST_CHANGED),
    (remove_a_digest, FindingKind.DIGEST_MISSING),
    (swap_two_digests, FindingKind.DIGEST_CHANGED),
    (sign_with_another_key, FindingKind.DIGEST_OF_ANOTHER_KEY),
    (claim_that_another_key_is_ours, FindingKind.DIGEST_CHANGED),
    (sign_anew_with_our_own_key, FindingKind.CHAIN_BROKEN),
    (insert_a_batch, FindingKind.BATCH_NOT_SEALED),
]


@pytest.mark.parametrize(("tamper", "kind"), TAMPERINGS, ids=lambda given: getattr(given, "__name__", ""))
def test_tampering_is_found_and_the_first_is_named(sound: ArchiveWorld, tamper: Tamper, kind: FindingKind) -> None:
    key = tamper(sound)
    verification = sound.verified(0, 4)

    first = verification.findings[0]
    assert (first.kind, first.hour, first.key) == (kind, sound.at(1), key)
    assert {finding.hour for finding in verification.findings} <= {sound.at(1), sound.at(2)}


@pytest.mark.parametrize(
    "tamper", [change_a_record, remove_an_object, change_a_digest, remove_a_digest, sign_with_another_key]
)
def test_what_was_there_before_is_still_there_under_object_lock_and_named(sound: ArchiveWorld, tamper: Tamper) -> None:
    (before,) = sound.archive.versions("").get(tamper(sound), ["", ""])[:1]

    assert sound.verified(0, 4).findings[0].original_version_id == before


def test_object_lock_keeps_versions_from_being_removed(sound: ArchiveWorld) -> None:
    key = digest_key(sound.at(1))
    (version_id,) = sound.archive.versions(key)[key]

    with pytest.raises(ClientError, match="AccessDenied"):
        sound.s3.delete_object(Bucket=sound.bucket, Key=key, VersionId=version_id)


def test_several_tamperings_are_told_in_the_order_of_time(sound: ArchiveWorld) -> None:
    sound.remove(digest_key(sound.at(2)))
    (named,) = sound.digest(3).objects
    sound.remove(named.key)
    first = change_a_record(sound)

    found = [finding for finding in sound.verified(0, 4).findings if finding.key]
    assert [(finding.hour, finding.key) for finding in found] == [
        (sound.at(1), first),
        (sound.at(2), digest_key(sound.at(2))),
        (sound.at(3), named.key),
    ]


def test_digests_that_are_taken_off_the_beginning_are_missed(sound: ArchiveWorld) -> None:
    for hour in (0, 1):
        sound.remove(digest_key(sound.at(hour)))

    assert [finding.kind for finding in sound.verified(0, 4).findings] == [FindingKind.DIGEST_MISSING] * 2


def test_digests_that_are_taken_off_the_end_are_missed_once_they_are_due(sound: ArchiveWorld) -> None:
    sound.remove(digest_key(sound.at(3)))

    assert [finding.kind for finding in sound.verified(0, 4, hour=12).findings] == [FindingKind.DIGEST_MISSING]
    young = sound.verified(0, 4, hour=5)
    assert (young.is_sound, young.open_hours) == (True, 1)


def test_an_archive_whose_digests_are_all_gone_is_not_one_that_never_was(sound: ArchiveWorld) -> None:
    for hour in range(4):
        sound.remove(digest_key(sound.at(hour)))

    assert {finding.kind for finding in sound.verified(0, 4).findings} == {FindingKind.DIGEST_MISSING}


def test_hours_before_the_archive_began_are_not_missed(sound: ArchiveWorld) -> None:
    verification = replace(sound, day=sound.day - 3 * HOUR).verified(0, 7)

    assert (verification.is_sound, verification.earlier_hours, verification.hours) == (True, 3, 4)


def test_whoever_tampers_with_the_last_digest_does_not_change_what_is_built_on_it(sound: ArchiveWorld) -> None:
    sound.remove(digest_key(sound.at(3)))
    sound.overwrite(digest_key(sound.at(2)), replace(sound.digest(2), record_count=3).canonical_bytes())
    sound.sealed(hour=5.5)

    assert [finding.key for finding in sound.verified(0, 5).findings] == [digest_key(sound.at(2))]


def test_what_is_no_batch_does_not_stop_the_sealing_and_is_named(world: ArchiveWorld) -> None:
    changes = world.record(2, 0)
    world.archived(changes, hour=0.5)
    (batch,) = world.keys("arrived/")
    rubbish = f"{batch.rpartition('/')[0]}/AAA.jsonl.gz"
    world.s3.put_object(Bucket=world.bucket, Key=rubbish, Body=b"rubbish")
    world.sealed(hour=1.5)

    (found,) = world.verified(0, 1).findings
    assert (found.kind, found.key) == (FindingKind.BATCH_UNREADABLE, rubbish)
    assert world.record_ids() == ids_of(changes)


# ---- The table and the archive ----------------------------------------------------------------------------------


def test_a_record_that_is_removed_from_the_table_is_found(sound: ArchiveWorld) -> None:
    change = sound.inserted(sound.put_item(sound.at(1.2)))
    sound.archived([change], hour=5.5)
    sound.sealed(hour=6.5)
    assert sound.verified(0, 6).is_sound
    sound.remove_item(change)

    (found,) = sound.verified(0, 6).findings
    assert (found.kind, found.hour) == (FindingKind.RECORD_NOT_IN_TABLE, sound.at(1))
    assert found.record_ids == (change.keys["record_id"]["S"],)


def test_a_record_that_the_archive_never_got_is_found(sound: ArchiveWorld) -> None:
    missed = sound.record(8, 1.5)

    (found,) = sound.verified(0, 4).findings
    assert (found.kind, found.hour, found.count) == (FindingKind.RECORD_NOT_ARCHIVED, sound.at(1), 8)
    assert list(found.record_ids) == ids_of(missed)[:5]


def test_a_record_that_is_changed_in_the_table_is_found(sound: ArchiveWorld) -> None:
    item = sound.put_item(sound.at(1.5))
    sound.archived([sound.inserted(item)], hour=5.5)
    sound.sealed(hour=6.5)
    altered = {**item, "reason": {"S": "first_reservation"}}
    sound.embedded.dynamodb.put_item(TableName=sound.tables.audit_table, Item=altered)

    (found,) = sound.verified(0, 6).findings
    assert (found.kind, found.record_ids) == (FindingKind.RECORD_DIFFERS, (item["record_id"]["S"],))


def test_a_record_that_the_table_has_forgotten_in_time_is_not_missed(world: ArchiveWorld) -> None:
    item = {**world.put_item(world.at(0)), "expires_at_epoch_seconds": {"N": str(int(world.at(3).timestamp()))}}
    change = world.inserted(item)
    world.archived([change], hour=0.5)
    world.remove_item(change)
    world.sealed(hour=1.5)

    assert [finding.kind for finding in world.verified(0, 1, hour=2).findings] == [FindingKind.RECORD_NOT_IN_TABLE]
    assert world.verified(0, 1, hour=4).is_sound


def test_a_record_that_arrived_as_two_is_found(world: ArchiveWorld) -> None:
    item = world.put_item(world.at(0))
    other = {**item, "reason": {"S": "first_reservation"}}
    world.archived([world.inserted(item), world.inserted(other)], hour=0.5)
    world.sealed(hour=1.5)

    assert FindingKind.RECORD_REPEATED in {finding.kind for finding in world.verified(0, 1).findings}
