"""Certificates that a later one took the place of: deactivated after a while, never one that a device may use."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fleetgate.domain.allow_list import AllowListEntry, Purpose, Reservation
from fleetgate.domain.audit import AuditRecord, RecordKind
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.operators.device_store import DeviceStore
from fleetgate.outcomes import superseded as superseded_certificates
from fleetgate.outcomes.reservations import Settled
from fleetgate.outcomes.superseded import Retired
from fleetgate.outcomes.supersession import SupersededPolicy, Use
from fleetgate.outcomes.sweep_store import Reconciliation, SetAside, Walk
from fleetgate.store.allow_list_items import item_from
from harness.command import Fleetgate
from harness.embedded import Embedded
from harness.reconciler_world import GRACE, ReconcilerWorld
from tests.integration.conftest import Ask

# When the later certificate was seen in use; the decision is an hour older, and the one before it two.
USED = GRACE + timedelta(hours=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def world(reconciling: ReconcilerWorld) -> ReconcilerWorld:
    """A reconciler whose walk begins with what the test does."""
    reconciling.begin(Walk.SUPERSEDED, USED)
    reconciling.let_go_of_everything()
    return reconciling


@dataclass(frozen=True)
class Devices:
    """Devices that get certificates."""

    world: ReconcilerWorld
    ask: Ask

    def enrol(self, device: AllowListEntry) -> str:
        """The certificate that a device came with, and uses."""
        certificate_id = self.let_in(device, USED + 3 * HOUR)
        self.world.connect(device.serial_number, certificate_id, USED + 3 * HOUR)
        return certificate_id

    def let_in(self, device: AllowListEntry, ago: timedelta, *, own: str | None = None) -> str:
        """A new certificate that a device was let in with, through a claim certificate or its own."""
        certificate_id = self.world.certificate()
        request = self.ask(device.serial_number.value, certificate_id=certificate_id)
        self.world.let_in(replace(request, claim_certificate_id=own or request.claim_certificate_id), ago)
        return certificate_id

    def rotate(self, device: AllowListEntry, *, used: timedelta = USED) -> tuple[str, str]:
        """The certificate that a device had first, and the one that it has used for a while."""
        first = self.enrol(device)
        second = self.let_in(device, USED + HOUR, own=first)
        self.world.connect(device.serial_number, second, used)
        return first, second


@pytest.fixture
def devices(world: ReconcilerWorld, ask: Ask) -> Devices:
    """Devices that get certificates."""
    return Devices(world, ask)


@pytest.fixture
def other(embedded: Embedded, approved: AllowListEntry) -> AllowListEntry:
    """Another approved device."""
    entry = replace(approved, serial_number=SerialNumber(f"{approved.serial_number}-2"))
    embedded.put(entry)
    return entry


def actions(embedded: Embedded, device: AllowListEntry) -> list[AuditRecord]:
    """What was done about a device, oldest first."""
    records = embedded.records(f"device#{device.serial_number}")
    return [one for one in records if one.kind is RecordKind.OPERATOR_ACTION]


def test_the_old_certificate_is_deactivated_after_the_grace_and_that_is_on_record(
    approved: AllowListEntry, devices: Devices, world: ReconcilerWorld, embedded: Embedded
) -> None:
    first, second = devices.rotate(approved)
    assert list(world.superseded().run()) == [Retired.DEACTIVATED]

    assert (world.status(first), world.status(second)) == ("INACTIVE", "ACTIVE")
    (record,) = actions(embedded, approved)
    assert (record.action, record.certificate_id) == ("deactivate_certificate", first)
    assert (record.actor, record.reason, record.manufacturer) == ("the reconciler", "superseded", "acme")
    (rotation,) = [one for one in embedded.records(record.subject) if one.reason == "rotation"]
    assert record.decision_id == rotation.decision_id
    assert embedded.entry(approved.serial_number).version == record.entry_version
    assert list(world.superseded().run()) == []


def test_a_device_may_fall_back_to_its_old_certificate_for_a_while(
    approved: AllowListEntry, devices: Devices, world: ReconcilerWorld
) -> None:
    first, _ = devices.rotate(approved, used=GRACE - HOUR)
    assert list(world.superseded().run()) == []
    assert world.status(first) == "ACTIVE"

    assert list(world.superseded(later=2 * HOUR).run()) == [Retired.DEACTIVATED]
    assert world.status(first) == "INACTIVE"


def test_a_walk_whose_grace_was_made_longer_waits_until_its_place_is_due_again(
    approved: AllowListEntry, devices: Devices, world: ReconcilerWorld
) -> None:
    first, _ = devices.rotate(approved)
    longer = replace(world.superseded(), walk=replace(world.superseded().walk, patience=USED + HOUR))
    assert list(longer.run()) == []
    assert list(world.superseded().run()) == [Retired.DEACTIVATED]
    assert world.status(first) == "INACTIVE"


def test_a_certificate_that_is_only_to_be_reported_is_reported_once_and_left_alone(
    approved: AllowListEntry, devices: Devices, world: ReconcilerWorld, embedded: Embedded
) -> None:
    first, _ = devices.rotate(approved)
    before = embedded.entry(approved.serial_number)
    assert list(world.superseded(SupersededPolicy.REPORT).run()) == [Retired.REPORTED]

    assert world.status(first) == "ACTIVE"
    assert embedded.entry(approved.serial_number) == before
    (record,) = [one for one in embedded.records(f"device#{approved.serial_number}") if one.certificate_id == first][
        -1:
    ]
    assert (record.kind, record.reason) == (RecordKind.OUTCOME, "superseded_certificate_active")
    assert actions(embedded, approved) == []
    world.begin(Walk.SUPERSEDED, USED + HOUR)
    assert Retired.REPORTED not in set(world.superseded(SupersededPolicy.REPORT).run())


def test_where_the_new_certificate_was_never_used_the_old_one_stays_what_it_was(
    approved: AllowListEntry,
    devices: Devices,
    world: ReconcilerWorld,
    certificate_ids: Iterator[str],
    embedded: Embedded,
) -> None:
    first = devices.let_in(approved, USED + HOUR)
    world.connect(approved.serial_number, first, USED)
    request = devices.ask(approved.serial_number.value, certificate_id=next(certificate_ids))
    world.begin(Walk.RESERVATIONS, timedelta(hours=2))
    world.let_in(replace(request, claim_certificate_id=first), timedelta(hours=2))
    assert list(world.superseded().run()) == []
    assert Settled.RELEASED in set(world.reservations().run())

    world.begin(Walk.SUPERSEDED, USED)
    list(world.superseded(later=2 * GRACE).run())  # by then others have something to be done
    assert world.status(first) == "ACTIVE"
    current = embedded.entry(approved.serial_number).device_certificate
    assert current is not None
    assert current.certificate_id == first


def test_a_device_that_came_back_on_its_old_certificate_before_it_heard_of_the_new_one_keeps_it(
    approved: AllowListEntry, devices: Devices, world: ReconcilerWorld
) -> None:
    first = devices.enrol(approved)
    second = devices.let_in(approved, USED + HOUR, own=first)
    world.begin(Walk.RESERVATIONS, USED + 2 * HOUR)
    assert Settled.LEFT_OPEN in set(world.reservations().run())
    world.connect(approved.serial_number, first, USED)

    assert Retired.DEACTIVATED not in set(world.superseded(later=2 * GRACE).run())
    assert (world.status(first), world.status(second)) == ("ACTIVE", "ACTIVE")


def test_a_certificate_that_completed_unseen_takes_no_others_place_until_it_is_seen(
    approved: AllowListEntry, devices: Devices, world: ReconcilerWorld, embedded: Embedded
) -> None:
    first = devices.enrol(approved)
    embedded.put(embedded.entry(approved.serial_number).reopened(datetime.now(UTC)))
    second = devices.let_in(approved, USED + HOUR)
    world.begin(Walk.RESERVATIONS, USED + 2 * HOUR)
    assert Settled.COMPLETED in set(world.reservations().run())
    list(world.superseded(later=2 * GRACE).run())  # by then others have something to be done
    assert world.status(first) == "ACTIVE"

    world.connect(approved.serial_number, second, timedelta(0))
    world.begin(Walk.SUPERSEDED, HOUR)
    assert Retired.DEACTIVATED in set(world.superseded(later=GRACE + HOUR).run())
    assert (world.status(first), world.status(second)) == ("INACTIVE", "ACTIVE")


def test_a_certificate_that_a_device_fell_back_to_is_left_alone_and_has_a_grace_of_its_own_when_it_is_back(
    approved: AllowListEntry, devices: Devices, world: ReconcilerWorld
) -> None:
    first, second = devices.rotate(approved)
    world.connect(approved.serial_number, first, 3 * HOUR)
    assert list(world.superseded().run()) == [Retired.NOTHING_TO_DO]
    assert world.status(first) == "ACTIVE"
    assert world.outcomes(approved)[-1] == "fell_back"

    world.connect(approved.serial_number, second, 2 * HOUR)
    assert world.outcomes(approved)[-1] == "connected"
    world.begin(Walk.SUPERSEDED, 3 * HOUR)
    assert list(world.superseded(later=GRACE - 3 * HOUR).run()) == []
    assert list(world.superseded(later=GRACE - HOUR).run()) == [Retired.DEACTIVATED]
    assert (world.status(first), world.status(second)) == ("INACTIVE", "ACTIVE")


def test_a_quarantine_takes_the_certificate_that_a_device_fell_back_to(
    approved: AllowListEntry, devices: Devices, world: ReconcilerWorld, fleetgate: Fleetgate
) -> None:
    first, second = devices.rotate(approved)
    world.connect(approved.serial_number, first, HOUR)
    assert first in fleetgate("device", "show", approved.serial_number.value).stdout
    fleetgate("device", "quarantine", approved.serial_number.value, "--reason", "a test")
    assert (world.status(first), world.status(second)) == ("INACTIVE", "INACTIVE")


def test_a_certificate_that_the_device_was_never_promised_is_none_that_it_fell_back_to(
    approved: AllowListEntry, other: AllowListEntry, devices: Devices, world: ReconcilerWorld, embedded: Embedded
) -> None:
    devices.rotate(approved)
    before = embedded.entry(approved.serial_number)
    for strange in (world.certificate(), devices.enrol(other)):
        world.connect(approved.serial_number, strange, HOUR)
        assert embedded.entry(approved.serial_number) == before


def test_a_reservation_that_was_taken_over_leaves_no_certificate_behind(
    approved: AllowListEntry, devices: Devices, world: ReconcilerWorld
) -> None:
    lost = devices.let_in(approved, USED + 2 * HOUR)
    kept = devices.let_in(approved, USED + HOUR)
    world.connect(approved.serial_number, kept, USED)

    assert list(world.superseded().run()) == [Retired.DEACTIVATED]
    assert (world.status(lost), world.status(kept)) == ("INACTIVE", "ACTIVE")


def test_a_device_that_rotates_with_a_reserved_certificate_has_shown_that_it_uses_it(
    approved: AllowListEntry, devices: Devices, world: ReconcilerWorld
) -> None:
    first = devices.enrol(approved)
    second = devices.let_in(approved, USED + HOUR, own=first)
    third = devices.let_in(approved, USED, own=second)

    assert list(world.superseded().run()) == [Retired.DEACTIVATED]
    assert [world.status(one) for one in (first, second, third)] == ["INACTIVE", "ACTIVE", "ACTIVE"]


def test_the_release_of_a_quarantine_does_not_bring_a_superseded_certificate_back(
    approved: AllowListEntry, devices: Devices, world: ReconcilerWorld, embedded: Embedded, fleetgate: Fleetgate
) -> None:
    first = devices.enrol(approved)
    second = devices.let_in(approved, USED + HOUR, own=first)
    fleetgate("device", "quarantine", approved.serial_number.value, "--reason", "a test")
    assert embedded.entry(approved.serial_number).deactivated_certificates == {first, second}
    world.connect(approved.serial_number, second, USED)  # it had connected before, and the sign comes late

    assert list(world.superseded().run()) == [Retired.DEACTIVATED]
    assert embedded.entry(approved.serial_number).deactivated_certificates == {second}
    fleetgate("device", "release", approved.serial_number.value, "--reason", "a test")
    assert (world.status(first), world.status(second)) == ("INACTIVE", "ACTIVE")


@pytest.mark.parametrize("status", ["INACTIVE", "REVOKED"])
def test_a_superseded_certificate_that_cannot_connect_already_is_left_as_it_is(
    status: str, approved: AllowListEntry, devices: Devices, world: ReconcilerWorld, embedded: Embedded
) -> None:
    first, _ = devices.rotate(approved)
    embedded.client("iot").update_certificate(certificateId=first, newStatus=status)
    assert list(world.superseded().run()) == [Retired.NOTHING_TO_DO]
    assert (world.status(first), actions(embedded, approved)) == (status, [])


def test_a_superseded_certificate_that_aws_iot_does_not_have_is_no_trouble(
    approved: AllowListEntry, devices: Devices, world: ReconcilerWorld, embedded: Embedded
) -> None:
    first, _ = devices.rotate(approved)
    iot = embedded.client("iot")
    iot.update_certificate(certificateId=first, newStatus="INACTIVE")
    iot.delete_certificate(certificateId=first)
    assert list(world.superseded().run()) == [Retired.NOTHING_TO_DO]
    assert actions(embedded, approved) == []


def reserved_again(embedded: Embedded, device: AllowListEntry, certificate_id: str) -> None:
    """The device holds a reservation of its old certificate."""
    entry = embedded.entry(device.serial_number)
    moment = datetime.now(UTC)
    reservation = Reservation(
        certificate_id=certificate_id,
        claim_certificate_id=certificate_id[::-1],
        decision_id="01ZZZZZZZZZZZZZZZZZZZZZZZZ",
        purpose=Purpose.REPROVISIONING,
        reserved_at=moment,
        deadline=moment + HOUR,
    )
    embedded.put(entry.reserve(reservation))


def test_a_certificate_that_is_reserved_again_after_aws_iot_was_asked_is_left_alone(
    approved: AllowListEntry, devices: Devices, world: ReconcilerWorld, embedded: Embedded
) -> None:
    first, _ = devices.rotate(approved)

    def describe(**arguments: Any) -> Any:
        answer = world.iot.describe_certificate(**arguments)
        reserved_again(embedded, approved, first)
        return answer

    meddled = SimpleNamespace(describe_certificate=describe, update_certificate=world.iot.update_certificate)
    assert list(world.superseded(iot=meddled).run()) == [Retired.NOTHING_TO_DO]
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
    approved: AllowListEntry, devices: Devices, world: ReconcilerWorld, embedded: Embedded
) -> None:
    first, _ = devices.rotate(approved)
    store = Raced(world.tables).then(lambda: reserved_again(embedded, approved, first))
    assert list(replace(world.superseded(), devices=store).run()) == [Retired.NOTHING_TO_DO]
    assert world.status(first) == "ACTIVE"
    assert actions(embedded, approved) == []


@pytest.fixture
def stranger(embedded: Embedded) -> Any:
    """AWS IoT, as it is to somebody who may ask it nothing."""
    return embedded.client("iot", embedded.credentials_of(embedded.stack.outputs["HookFunctionRoleArn"]))


def test_what_aws_iot_refuses_is_told_once_and_tried_again_and_the_walk_goes_on(
    approved: AllowListEntry,
    other: AllowListEntry,
    devices: Devices,
    world: ReconcilerWorld,
    embedded: Embedded,
    stranger: Any,
) -> None:
    first, _ = devices.rotate(approved)
    old, _ = devices.rotate(other)

    def update(**arguments: Any) -> Any:
        chosen = stranger if arguments["certificateId"] == first else world.iot
        return chosen.update_certificate(**arguments)

    refusing = SimpleNamespace(describe_certificate=world.iot.describe_certificate, update_certificate=update)
    assert list(world.superseded(iot=refusing).run()) == [Retired.REFUSED, Retired.DEACTIVATED]
    assert (world.status(first), world.status(old)) == ("ACTIVE", "INACTIVE")
    told = ["deactivate_certificate", "certificate_out_of_reach"]
    assert [one.action for one in actions(embedded, approved)] == told

    assert list(world.superseded(iot=refusing).run()) == [Retired.REFUSED]
    assert [one.action for one in actions(embedded, approved)] == told

    assert list(world.superseded().run()) == [Retired.DEACTIVATED]
    assert world.status(first) == "INACTIVE"
    assert [one.action for one in actions(embedded, approved)] == [*told, "deactivate_certificate"]
    assert list(world.superseded().run()) == []


def test_what_aws_iot_does_not_even_tell_is_told_and_tried_again(
    approved: AllowListEntry, devices: Devices, world: ReconcilerWorld, embedded: Embedded, stranger: Any
) -> None:
    first, _ = devices.rotate(approved)
    assert list(world.superseded(iot=stranger).run()) == [Retired.REFUSED]
    assert [one.action for one in actions(embedded, approved)] == ["certificate_out_of_reach"]

    assert list(world.superseded().run()) == [Retired.DEACTIVATED]
    assert world.status(first) == "INACTIVE"
    assert [one.action for one in actions(embedded, approved)][1:] == ["deactivate_certificate"]


def test_a_certificate_that_is_used_again_before_the_next_try_is_left_alone(
    approved: AllowListEntry, devices: Devices, world: ReconcilerWorld, embedded: Embedded, stranger: Any
) -> None:
    first, _ = devices.rotate(approved)
    assert list(world.superseded(iot=stranger).run()) == [Retired.REFUSED]
    reserved_again(embedded, approved, first)
    assert list(world.superseded().run()) == [Retired.NOTHING_TO_DO]
    assert world.status(first) == "ACTIVE"


def throttled(**_arguments: Any) -> Any:
    """AWS IoT has had enough; the embedded one never has."""
    raise ClientError({"Error": {"Code": "ThrottlingException"}}, "UpdateCertificate")


def test_where_aws_iot_has_had_enough_the_rest_is_left_to_the_next_run(
    approved: AllowListEntry, other: AllowListEntry, devices: Devices, world: ReconcilerWorld
) -> None:
    devices.rotate(approved)
    devices.rotate(other)
    busy = SimpleNamespace(describe_certificate=world.iot.describe_certificate, update_certificate=throttled)
    assert list(world.superseded(iot=busy).run()) == [Retired.THROTTLED]
    assert list(world.superseded(iot=busy).run()) == [Retired.THROTTLED]
    assert list(world.superseded().run()) == [Retired.DEACTIVATED, Retired.DEACTIVATED]


def test_a_device_whose_entry_cannot_be_read_is_told_and_looked_after_once_it_is_mended(
    approved: AllowListEntry, other: AllowListEntry, devices: Devices, world: ReconcilerWorld, embedded: Embedded
) -> None:
    first, _ = devices.rotate(approved)
    devices.rotate(other)
    sound = embedded.entry(approved.serial_number)
    item = item_from(sound, now=datetime.now(UTC)).serialize()
    embedded.put_raw({**item, "hold": {"S": "quarantined"}})  # by hand, and the state was forgotten
    try:
        assert list(world.superseded().run()) == [Retired.UNREADABLE, Retired.DEACTIVATED]
    finally:
        embedded.put(sound)
    assert world.unreadable == [f"device#{approved.serial_number}"]
    assert list(world.superseded().run()) == [Retired.DEACTIVATED]
    assert world.status(first) == "INACTIVE"


def test_what_is_refused_for_a_month_is_given_up(
    approved: AllowListEntry, devices: Devices, world: ReconcilerWorld, stranger: Any
) -> None:
    devices.rotate(approved)
    assert list(world.superseded(iot=stranger).run()) == [Retired.REFUSED]
    month = timedelta(days=31)
    assert Counter(world.superseded(iot=stranger, later=month).run())[Retired.GIVEN_UP] == 1
    aside = {one.use.serial_number for one in Reconciliation(world.tables).set_aside()}
    assert approved.serial_number not in aside


def test_what_two_runs_at_once_set_aside_and_let_go_is_set_aside_and_let_go(
    approved: AllowListEntry, other: AllowListEntry, world: ReconcilerWorld
) -> None:
    now = datetime.now(UTC)
    one, two, three = (
        SetAside(Use(serial_number=device.serial_number, certificate_id=world.certificate()), now)
        for device in (approved, other, approved)
    )

    class Overtaken(Reconciliation):
        """A run that another one overtakes between its first read and its write."""

        then: Callable[[], None] | None = None

        def _set_aside(self) -> tuple[dict[Use, SetAside], int | None]:
            found = super()._set_aside()
            if (happens := self.then) is not None:
                self.then = None
                happens()
            return found

    run, another = Overtaken(world.tables), Reconciliation(world.tables)
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
    world: ReconcilerWorld,
    stranger: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(superseded_certificates, "MOST_SET_ASIDE", 1)
    devices.rotate(approved)
    devices.rotate(other)
    for _ in range(2):
        assert list(world.superseded(iot=stranger).run()) == [Retired.REFUSED]
    assert list(world.superseded().run()) == [Retired.DEACTIVATED, Retired.DEACTIVATED]


def test_a_run_is_bounded_and_the_next_goes_on(
    approved: AllowListEntry, other: AllowListEntry, devices: Devices, world: ReconcilerWorld
) -> None:
    devices.rotate(approved)
    devices.rotate(other)
    assert list(world.superseded().run(lambda: False)) == []
    assert list(world.superseded(max_records=1).run()) == [Retired.DEACTIVATED]
    assert list(world.superseded(max_records=1).run()) == [Retired.DEACTIVATED]
