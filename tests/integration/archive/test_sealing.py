"""Every closed hour has one digest that names the one before."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import pytest

from fleetgate.archive.digest import DigestReference, sha256_of
from fleetgate.archive.seal import seal_hours
from fleetgate.domain.faults import Fault
from harness.archive_world import ArchiveWorld
from tests.integration.archive.changes import Failing


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
