"""The archive holds every record once, however its stream comes, and every kind of tampering is found and named."""

import gzip
import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fleetgate.archive.digest import HOUR, DigestReference, digest_key, sha256_of
from fleetgate.archive.findings import FindingKind
from fleetgate.archive.packed_lines import packed
from fleetgate.archive.records import Change, StreamChange, archive_records
from fleetgate.archive.seal import seal_hours
from fleetgate.archive.store import SEALED_IN_METADATA, SealingKey
from fleetgate.domain.faults import Fault
from harness.archive_world import SETTLE, ArchiveWorld, changed, new_key
from harness.embedded import Embedded


@pytest.fixture
def world(embedded: Embedded) -> ArchiveWorld:
    """An archive in which nothing is."""
    return ArchiveWorld.of(embedded)


@pytest.fixture
def sound(world: ArchiveWorld) -> ArchiveWorld:
    """An archive of four hours: three with records, the third without."""
    for hour in (0, 1, 3):
        world.archived(world.record(4, hour), hour=hour + 0.5)
    world.sealed(hour=4.5)
    return world


def ids(changes: list[StreamChange]) -> list[str]:
    """The IDs of the records that were made."""
    return sorted(change.keys["record_id"]["S"] for change in changes)


# ---- Each record once -------------------------------------------------------------------------------------------


def test_a_record_is_archived_as_the_table_holds_it(world: ArchiveWorld) -> None:
    (change,) = world.record(1, 0)
    world.archived([change], hour=0.5)
    world.sealed(hour=1.5)
    (key,) = world.keys("records/")
    document = json.loads(gzip.decompress(world.content(key)))
    assert change.image is not None

    assert document == {
        name: int(value["N"]) if "N" in value else next(iter(value.values())) for name, value in change.image.items()
    }
    assert key.startswith(f"records/year={world.day:%Y}/month={world.day:%m}/day={world.day:%d}/hour=00/")
    assert world.verified(0, 1).is_sound


def test_the_same_batch_again_changes_nothing(world: ArchiveWorld) -> None:
    changes = world.record(5, 0)
    world.archived(changes, hour=0.5)
    before = world.archive.versions("")
    world.archived(changes, hour=0.6)
    world.archived([*reversed(changes)], hour=0.7)

    assert world.archive.versions("") == before


@pytest.mark.parametrize("seed", range(5))
def test_every_record_is_in_the_archive_once_however_the_batches_come(world: ArchiveWorld, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - no secret
    changes = [change for hour in (0, 1, 2) for change in world.record(20, hour)]
    world.archived(changes[:1], hour=0.5)
    # Some come in time, some when their hour is sealed already, and the sealer runs in between.
    for moment in sorted(dice.uniform(2, 6) for _ in range(12)):
        start = dice.randrange(len(changes))
        batch = changes[start : start + dice.randrange(1, 30)]
        dice.shuffle(batch)
        world.archived(batch, hour=moment)
        world.sealed(hour=moment)
    world.archived(changes, hour=6)
    world.sealed(hour=7.5)

    assert world.record_ids() == ids(changes)
    verification = world.verified(0, 7)
    assert verification.findings == []
    assert (verification.table_records, verification.hours) == (60, 7)


def test_what_could_not_be_archived_has_to_come_again_and_the_rest_has_not(world: ArchiveWorld) -> None:
    first, second = world.record(3, 0), world.record(3, 1)
    broken = replace(world.archive, client=Failing(world.s3, lambda key: "hour=01" in key))
    done = archive_records([*first, *second], archive=broken, now=world.at(1 + 4 / 60), settle=SETTLE)

    assert done.failed == tuple(change.sequence_number for change in second)
    assert done.records == 3
    assert [fault.reason.value for fault in done.faults] == ["archive_unavailable"]
    world.archived(second, hour=1.6)
    world.sealed(hour=2.5)
    assert world.record_ids() == ids([*first, *second])


class Failing:
    """S3 that fails for some keys, or after some writes."""

    def __init__(self, client: Any, fails: Callable[[str], bool]) -> None:
        self._client = client
        self._fails = fails

    def put_object(self, **parameters: Any) -> Any:
        if self._fails(parameters["Key"]):
            raise ClientError({"Error": {"Code": "SlowDown"}}, "PutObject")
        return self._client.put_object(**parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def test_a_record_that_comes_late_is_named_by_the_digest_of_the_hour_it_came_in(world: ArchiveWorld) -> None:
    changes = world.record(4, 0)
    world.archived(changes[:2], hour=0.5)
    world.sealed(hour=1.5)
    world.archived(changes, hour=2.5)
    world.sealed(hour=3.5)

    (late,) = world.digest(2).late
    assert late.key.startswith(f"records/year={world.day:%Y}/month={world.day:%m}/day={world.day:%d}/hour=00/")
    assert late.record_count == 2
    assert world.record_ids() == ids(changes)
    assert world.verified(0, 3).is_sound
    assert world.verified(0, 1).is_sound  # though the digest that names it is not of these hours


# ---- A chain of digests -----------------------------------------------------------------------------------------


def test_every_hour_has_a_digest_that_names_the_one_before(sound: ArchiveWorld) -> None:
    digests = [sound.digest(hour) for hour in range(4)]

    assert [digest.record_count for digest in digests] == [4, 4, 0, 4]
    assert digests[0].previous is None
    for before, after in pairwise(digests):
        assert after.previous == DigestReference(before.key, sha256_of(before.canonical_bytes()))
    assert sound.verified(0, 4).is_sound


def test_an_hour_is_not_sealed_before_it_is_closed(world: ArchiveWorld) -> None:
    world.archived(world.record(1, 0), hour=0.5)

    assert world.sealed(hour=1 + 9 / 60).digests == ()
    assert [digest.hour for digest in world.sealed(hour=1 + 10 / 60).digests] == [world.at(0)]


def test_a_run_does_so_much_and_the_next_goes_on(world: ArchiveWorld) -> None:
    world.archived(world.record(1, 0), hour=0.5)
    first, second = world.sealed(hour=5.5, max_hours=3), world.sealed(hour=5.5, max_hours=3)
    out_of_time = seal_hours(world.sealer, now=world.at(20), max_hours=9, has_time=lambda: False)

    assert ([digest.hour for digest in first.digests], first.is_done) == ([world.at(hour) for hour in range(3)], False)
    assert ([digest.hour for digest in second.digests], second.is_done) == ([world.at(3), world.at(4)], True)
    assert (out_of_time.digests, out_of_time.is_done) == ((), False)
    assert world.verified(0, 5).is_sound


def test_two_sealers_at_once_make_one_chain(world: ArchiveWorld) -> None:
    for hour in range(3):
        world.archived(world.record(3, hour), hour=hour + 0.5)
    with ThreadPoolExecutor(3) as pool:
        runs = list(pool.map(lambda _: world.sealed(hour=3.5), range(3)))

    assert len({run.digests for run in runs}) == 1
    assert all(len(versions) == 1 for versions in world.archive.versions("").values())
    assert world.verified(0, 3).is_sound


@pytest.mark.parametrize("writes", range(4))
def test_a_sealer_that_is_cut_off_is_repeated_by_the_next(world: ArchiveWorld, writes: int) -> None:
    changes = world.record(4, 0)
    world.archived(changes[:2], hour=0.5)
    world.sealed(hour=1.5)
    world.archived([*changes[2:], *world.record(2, 1)], hour=1.6)
    left = iter(range(writes))
    cut_off = replace(
        world.sealer, archive=replace(world.archive, client=Failing(world.s3, lambda _: next(left, -1) < 0))
    )
    if writes < 3:
        with pytest.raises(Fault):
            seal_hours(cut_off, now=world.at(2.5), max_hours=9, has_time=lambda: True)
    else:
        seal_hours(cut_off, now=world.at(2.5), max_hours=9, has_time=lambda: True)
    world.sealed(hour=2.5)

    assert world.digest(1).record_count == 4
    assert world.verified(0, 2).is_sound


# ---- What must not happen to the table --------------------------------------------------------------------------


def test_a_change_of_a_record_is_archived_and_found_and_one_that_expired_is_neither(world: ArchiveWorld) -> None:
    item = world.put_item(world.at(0))
    world.archived([world.inserted(item)], hour=0.5)
    altered = {**item, "reason": {"S": "first_reservation"}}
    gone = world.put_item(world.at(0.1))
    done = world.archived(
        [
            world.inserted(gone),
            changed(Change.MODIFIED, altered),
            changed(Change.REMOVED, item),
            changed(Change.REMOVED, gone, has_expired=True),
        ],
        hour=0.5,
    )
    world.sealed(hour=1.5)
    found = world.verified(0, 1).findings

    assert done.anomalies == 2
    assert [finding.kind for finding in found] == [FindingKind.TABLE_CHANGED] * 2
    assert {finding.record_ids for finding in found} == {(item["record_id"]["S"],)}
    assert {finding.detail.split()[0] for finding in found} == {"MODIFY", "REMOVE"}


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
    sound.day -= HOUR * 3
    verification = sound.verified(0, 7)

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
    assert world.record_ids() == ids(changes)


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
    assert list(found.record_ids) == ids(missed)[:5]


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
