"""The archive holds every record once, however its stream comes."""

import gzip
import json
import random
from dataclasses import replace

import pytest

from fleetgate.archive.findings import FindingKind
from fleetgate.archive.records import StreamChangeKind, archive_records
from harness.archive_world import SETTLE, ArchiveWorld, changed
from tests.integration.archive.changes import Failing, ids_of


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

    assert world.record_ids() == ids_of(changes)
    verification = world.verified(0, 7)
    assert verification.findings == []
    assert (verification.table_records, verification.hours) == (60, 7)


def test_what_could_not_be_archived_has_to_come_again_and_the_rest_has_not(world: ArchiveWorld) -> None:
    first, second = world.record(3, 0), world.record(3, 1)
    broken = replace(world.archive, client=Failing(world.s3, lambda key: "hour=01" in key))
    done = archive_records([*first, *second], archive=broken, now=world.at(1 + 4 / 60), settling_time=SETTLE)

    assert done.failed == tuple(change.sequence_number for change in second)
    assert done.records == 3
    assert [fault.reason.value for fault in done.faults] == ["archive_unavailable"]
    world.archived(second, hour=1.6)
    world.sealed(hour=2.5)
    assert world.record_ids() == ids_of([*first, *second])


def test_a_record_that_comes_late_is_named_by_the_digest_of_the_hour_it_came_in(world: ArchiveWorld) -> None:
    changes = world.record(4, 0)
    world.archived(changes[:2], hour=0.5)
    world.sealed(hour=1.5)
    world.archived(changes, hour=2.5)
    world.sealed(hour=3.5)

    (late,) = world.digest(2).late
    assert late.key.startswith(f"records/year={world.day:%Y}/month={world.day:%m}/day={world.day:%d}/hour=00/")
    assert late.record_count == 2
    assert world.record_ids() == ids_of(changes)
    assert world.verified(0, 3).is_sound
    assert world.verified(0, 1).is_sound  # though the digest that names it is not of these hours


def test_a_change_of_a_record_is_archived_and_found_and_one_that_expired_is_neither(world: ArchiveWorld) -> None:
    item = world.put_item(world.at(0))
    world.archived([world.inserted(item)], hour=0.5)
    altered = {**item, "reason": {"S": "first_reservation"}}
    gone = world.put_item(world.at(0.1))
    done = world.archived(
        [
            world.inserted(gone),
            changed(StreamChangeKind.MODIFIED, altered),
            changed(StreamChangeKind.REMOVED, item),
            changed(StreamChangeKind.REMOVED, gone, has_expired=True),
        ],
        hour=0.5,
    )
    world.sealed(hour=1.5)
    found = world.verified(0, 1).findings

    assert done.anomalies == 2
    assert [finding.kind for finding in found] == [FindingKind.TABLE_CHANGED] * 2
    assert {finding.record_ids for finding in found} == {(item["record_id"]["S"],)}
    assert {finding.detail.split()[0] for finding in found} == {"MODIFY", "REMOVE"}
