"""A certificate that comes back into use at any moment before it is deactivated is left alone."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.operators.device_store import DeviceStore
from fleetgate.outcomes.superseded import SupersessionResult
from harness.embedded import Embedded
from harness.outcome_world import OutcomeWorld
from tests.integration.outcomes.superseded.devices import Devices, actions, reserved_again


def test_a_certificate_that_is_reserved_again_after_aws_iot_was_asked_is_left_alone(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld, embedded: Embedded
) -> None:
    first, _ = devices.rotate(approved)

    def describe(**arguments: Any) -> Any:
        answer = world.iot.describe_certificate(**arguments)
        reserved_again(embedded, approved, first)
        return answer

    meddled = SimpleNamespace(describe_certificate=describe, update_certificate=world.iot.update_certificate)
    assert list(world.superseded(iot=meddled).run()) == [SupersessionResult.NOTHING_TO_DO]
    assert world.status(first) == "ACTIVE"
    assert actions(embedded, approved) == []


class Raced(DeviceStore):
    """A store behind whose back something happens after the second read of a device."""

    def then(self, happens: Callable[[], None]) -> "Raced":
        """What happens."""
        self._reads, self._happens = 0, happens
        return self

    def device(self, serial_number: SerialNumber) -> AllowListEntry | None:
        """The entry, as it was before."""
        found = super().device(serial_number)
        self._reads += 1
        if self._reads == 2:
            self._happens()
        return found


def test_a_certificate_that_is_reserved_again_after_the_last_read_is_left_alone(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld, embedded: Embedded
) -> None:
    first, _ = devices.rotate(approved)
    store = Raced(world.tables).then(lambda: reserved_again(embedded, approved, first))
    assert list(replace(world.superseded(), devices=store).run()) == [SupersessionResult.NOTHING_TO_DO]
    assert world.status(first) == "ACTIVE"
    assert actions(embedded, approved) == []


def test_a_certificate_that_is_used_again_before_the_next_try_is_left_alone(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld, embedded: Embedded, stranger: Any
) -> None:
    first, _ = devices.rotate(approved)
    assert list(world.superseded(iot=stranger).run()) == [SupersessionResult.REFUSED]
    reserved_again(embedded, approved, first)
    assert list(world.superseded().run()) == [SupersessionResult.NOTHING_TO_DO]
    assert world.status(first) == "ACTIVE"
