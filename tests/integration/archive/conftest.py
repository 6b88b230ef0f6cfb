"""An archive in which nothing is, and one of four hours."""

import pytest

from harness.archive_world import ArchiveWorld
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
