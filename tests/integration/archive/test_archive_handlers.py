"""The archiver and the sealer as Lambda invokes them: with the named events, and what they answer."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fleetgate.archive import archiver, sealer
from fleetgate.archive.digest import digest_key
from harness.archive_world import STACK, ArchiveWorld
from harness.embedded import Embedded

_EVENTS = Path(__file__).parents[3] / "events"
_CACHES = (archiver._settings, archiver._archive, sealer._settings, sealer._sealer)

# How many batches and anomalies each event leaves in the archive. 2025-03-01 was sealed long ago, so what they hold is
# late, and lies in one batch.
_LEAVES = {
    "new-records": (1, 0),
    "records-of-two-hours": (1, 0),
    "record-expired": (0, 0),
    "record-removed": (0, 1),
    "record-changed": (0, 1),
}


@pytest.fixture
def world(embedded: Embedded, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveWorld]:
    """An archive that the handlers are told of."""
    world = ArchiveWorld.of(embedded)
    environment = {**world.environment_of("SealerFunction"), "STACK_ARN": STACK, "MAX_HOURS_PER_RUN": "3"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for cached in _CACHES:
        cached.cache_clear()
    yield world
    for cached in _CACHES:
        cached.cache_clear()


def context(milliseconds: int = 900_000) -> Any:
    """What Lambda tells of an invocation."""
    return SimpleNamespace(
        function_name="archive",
        memory_limit_in_mb=512,
        invoked_function_arn="arn",
        aws_request_id="1",
        get_remaining_time_in_millis=lambda: milliseconds,
    )


def event(name: str) -> Any:
    """A named example event."""
    return json.loads((_EVENTS / f"{name}.json").read_text())


def test_every_example_event_is_known_here() -> None:
    assert {path.stem for path in (_EVENTS / "archiver").iterdir()} == set(_LEAVES)
    assert [path.stem for path in (_EVENTS / "sealer").iterdir()] == ["schedule"]


@pytest.mark.parametrize("name", _LEAVES)
def test_an_event_leaves_in_the_archive_what_it_is_named_after(name: str, world: ArchiveWorld) -> None:
    answer = archiver.handler(event(f"archiver/{name}"), context())

    assert answer == {"batchItemFailures": []}
    assert (len(world.keys("arrived/")), len(world.keys("anomalies/"))) == _LEAVES[name]


def test_what_could_not_be_archived_is_asked_for_again(world: ArchiveWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHIVE_NAME", "no-such-bucket-here")
    given = event("archiver/new-records")
    numbers = [record["dynamodb"]["SequenceNumber"] for record in given["Records"]]

    answer = archiver.handler(given, context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": number} for number in numbers]}


def test_the_sealer_seals_so_many_hours_and_says_that_there_are_more(world: ArchiveWorld) -> None:
    world.archived(world.record(1, 0), hour=0.5)
    answer = sealer.handler(event("sealer/schedule"), context())

    assert answer == {"sealed": [world.at(hour).isoformat() for hour in range(3)], "is_done": False}
    assert world.keys("digests/") == [digest_key(world.at(hour)) for hour in range(3)]


def test_the_sealer_begins_no_hour_that_it_may_not_finish(world: ArchiveWorld) -> None:
    world.archived(world.record(1, 0), hour=0.5)

    assert sealer.handler(event("sealer/schedule"), context(60_000)) == {"sealed": [], "is_done": False}
