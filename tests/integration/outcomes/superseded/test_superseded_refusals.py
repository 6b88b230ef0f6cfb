"""What AWS IoT refuses is told once and tried again, and the sweep goes on."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.outcomes import superseded as superseded_certificates
from fleetgate.outcomes.superseded import SupersessionResult
from fleetgate.outcomes.supersession import Use
from fleetgate.outcomes.sweep_store import SetAside, SweepStore
from fleetgate.store.allow_list_items import item_from
from harness.embedded import Embedded
from harness.outcome_world import OutcomeWorld
from tests.integration.outcomes.superseded.devices import HOUR, Devices, actions


def test_what_aws_iot_refuses_is_told_once_and_tried_again_and_the_walk_goes_on(
    approved: AllowListEntry,
    other: AllowListEntry,
    devices: Devices,
    world: OutcomeWorld,
    embedded: Embedded,
    stranger: Any,
) -> None:
    first, _ = devices.rotate(approved)
    old, _ = devices.rotate(other)

    def update(**arguments: Any) -> Any:
        chosen = stranger if arguments["certificateId"] == first else world.iot
        return chosen.update_certificate(**arguments)

    refusing = SimpleNamespace(describe_certificate=world.iot.describe_certificate, update_certificate=update)
    assert list(world.superseded(iot=refusing).run()) == [SupersessionResult.REFUSED, SupersessionResult.DEACTIVATED]
    assert (world.status(first), world.status(old)) == ("ACTIVE", "INACTIVE")
    told = ["deactivate_certificate", "certificate_out_of_reach"]
    assert [one.action for one in actions(embedded, approved)] == told

    assert list(world.superseded(iot=refusing).run()) == [SupersessionResult.REFUSED]
    assert [one.action for one in actions(embedded, approved)] == told

    assert list(world.superseded().run()) == [SupersessionResult.DEACTIVATED]
    assert world.status(first) == "INACTIVE"
    assert [one.action for one in actions(embedded, approved)] == [*told, "deactivate_certificate"]
    assert list(world.superseded().run()) == []


def test_what_aws_iot_does_not_even_tell_is_told_and_tried_again(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld, embedded: Embedded, stranger: Any
) -> None:
    first, _ = devices.rotate(approved)
    assert list(world.superseded(iot=stranger).run()) == [SupersessionResult.REFUSED]
    assert [one.action for one in actions(embedded, approved)] == ["certificate_out_of_reach"]

    assert list(world.superseded().run()) == [SupersessionResult.DEACTIVATED]
    assert world.status(first) == "INACTIVE"
    assert [one.action for one in actions(embedded, approved)][1:] == ["deactivate_certificate"]
    assert embedded.key_item(sha256(first.encode()).hexdigest())["deactivated_certificates"]["SS"] == [first]


def throttled(**_arguments: Any) -> Any:
    """AWS IoT has had enough; the embedded one never has."""
    raise ClientError({"Error": {"Code": "ThrottlingException"}}, "UpdateCertificate")


def test_where_aws_iot_has_had_enough_the_rest_is_left_to_the_next_run(
    approved: AllowListEntry, other: AllowListEntry, devices: Devices, world: OutcomeWorld
) -> None:
    devices.rotate(approved)
    devices.rotate(other)
    busy = SimpleNamespace(describe_certificate=world.iot.describe_certificate, update_certificate=throttled)
    assert list(world.superseded(iot=busy).run()) == [SupersessionResult.THROTTLED]
    assert list(world.superseded(iot=busy).run()) == [SupersessionResult.THROTTLED]
    assert list(world.superseded().run()) == [SupersessionResult.DEACTIVATED, SupersessionResult.DEACTIVATED]


def test_a_device_whose_entry_cannot_be_read_is_told_and_looked_after_once_it_is_mended(
    approved: AllowListEntry, other: AllowListEntry, devices: Devices, world: OutcomeWorld, embedded: Embedded
) -> None:
    first, _ = devices.rotate(approved)
    devices.rotate(other)
    sound = embedded.entry(approved.serial_number)
    item = item_from(sound, now=datetime.now(UTC)).serialize()
    embedded.put_raw({**item, "hold": {"S": "quarantined"}})  # by hand, and the state was forgotten
    try:
        assert list(world.superseded().run()) == [SupersessionResult.UNREADABLE, SupersessionResult.DEACTIVATED]
    finally:
        embedded.put(sound)
    assert world.unreadable == [f"device#{approved.serial_number}"]
    assert list(world.superseded().run()) == [SupersessionResult.DEACTIVATED]
    assert world.status(first) == "INACTIVE"


def test_what_is_refused_for_a_month_is_given_up(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld, stranger: Any
) -> None:
    devices.rotate(approved)
    assert list(world.superseded(iot=stranger).run()) == [SupersessionResult.REFUSED]
    month = timedelta(days=31)
    assert Counter(world.superseded(iot=stranger, later=month).run())[SupersessionResult.GIVEN_UP] == 1
    aside = {one.use.serial_number for one in SweepStore(world.tables).set_aside()}
    assert approved.serial_number not in aside


def test_what_two_runs_at_once_set_aside_and_let_go_is_set_aside_and_let_go(
    approved: AllowListEntry, other: AllowListEntry, world: OutcomeWorld
) -> None:
    now = datetime.now(UTC)
    one, two, three = (
        SetAside(Use(serial_number=device.serial_number, certificate_id=world.certificate()), now)
        for device in (approved, other, approved)
    )

    class Overtaken(SweepStore):
        """A run that another one overtakes between its first read and its write."""

        then: Callable[[], None] | None = None

        def _set_aside(self) -> tuple[dict[Use, SetAside], int | None]:
            found = super()._set_aside()
            if (happens := self.then) is not None:
                self.then = None
                happens()
            return found

    run, another = Overtaken(world.tables), SweepStore(world.tables)
    run.then = lambda: another.put_aside(one)
    run.put_aside(two)
    assert set(another.set_aside()) == {one, two}
    run.then = lambda: another.put_aside(three)
    run.let_go(one.use)
    assert set(another.set_aside()) == {two, three}
    run.then = lambda: another.let_go(two.use)
    run.put_aside(replace(three, since=now + HOUR))
    assert another.set_aside() == (three,)


def test_the_walk_waits_where_more_is_refused_than_can_be_set_aside(
    approved: AllowListEntry,
    other: AllowListEntry,
    devices: Devices,
    world: OutcomeWorld,
    stranger: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(superseded_certificates, "MAX_SET_ASIDE", 1)
    devices.rotate(approved)
    devices.rotate(other)
    for _ in range(2):
        assert list(world.superseded(iot=stranger).run()) == [SupersessionResult.REFUSED]
    assert list(world.superseded().run()) == [SupersessionResult.DEACTIVATED, SupersessionResult.DEACTIVATED]


def test_a_run_is_bounded_and_the_next_goes_on(
    approved: AllowListEntry, other: AllowListEntry, devices: Devices, world: OutcomeWorld
) -> None:
    devices.rotate(approved)
    devices.rotate(other)
    assert list(world.superseded().run(lambda: False)) == []
    assert list(world.superseded(max_records=1).run()) == [SupersessionResult.DEACTIVATED]
    assert list(world.superseded(max_records=1).run()) == [SupersessionResult.DEACTIVATED]
