"""Devices that get certificates, and a reconciler that looks after the earlier ones."""

from dataclasses import replace
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.outcomes.sweep_store import Sweep
from harness.embedded import Embedded
from harness.outcome_world import OutcomeWorld
from tests.integration.conftest import Ask
from tests.integration.outcomes.superseded.devices import USED, Devices


@pytest.fixture
def world(reconciling: OutcomeWorld) -> OutcomeWorld:
    """A reconciler whose sweep begins with what the test does."""
    reconciling.begin(Sweep.SUPERSEDED, USED)
    reconciling.let_go_of_everything()
    return reconciling


@pytest.fixture
def devices(world: OutcomeWorld, ask: Ask) -> Devices:
    """Devices that get certificates."""
    return Devices(world, ask)


@pytest.fixture
def other(embedded: Embedded, approved: AllowListEntry) -> AllowListEntry:
    """Another approved device."""
    entry = replace(approved, serial_number=SerialNumber(f"{approved.serial_number}-2"))
    embedded.put(entry)
    return entry


@pytest.fixture
def stranger(embedded: Embedded) -> Any:
    """AWS IoT, as it is to somebody who may ask it nothing."""
    return embedded.client("iot", embedded.role_of("HookFunction"))
