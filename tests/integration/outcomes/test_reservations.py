"""Reservations that ran out, and what AWS IoT says of their certificates."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from ulid import ULID

from fleetgate.domain.allow_list import AllowListEntry, DeviceState
from fleetgate.domain.faults import Fault
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.reasons import AllowRule, FaultReason
from fleetgate.gate.decision import Allowed
from fleetgate.outcomes.reservations import ReservationResult
from fleetgate.outcomes.sweep_store import Sweep
from fleetgate.store.allow_list_items import item_from
from fleetgate.store.audit_items import audit_item_from
from harness.embedded import Embedded
from harness.outcome_world import OutcomeWorld
from tests.integration.conftest import Ask

LONG_AGO = timedelta(hours=2)
LetIn = Callable[..., Allowed]


@pytest.fixture
def world(reconciling: OutcomeWorld) -> OutcomeWorld:
    """A reconciler whose sweep begins with what the test does."""
    reconciling.begin(Sweep.RESERVATIONS, LONG_AGO)
    return reconciling


@pytest.fixture
def let_in(ask: Ask, world: OutcomeWorld) -> LetIn:
    """Has a device let in, long ago unless told otherwise."""

    def run(entry: AllowListEntry, certificate_id: str, ago: timedelta = LONG_AGO) -> Allowed:
        return world.let_in(ask(entry.serial_number.value, certificate_id=certificate_id), ago)

    return run


def test_a_reservation_whose_certificate_was_never_activated_is_released(
    approved: AllowListEntry,
    let_in: LetIn,
    certificate_ids: Iterator[str],
    world: OutcomeWorld,
    embedded: Embedded,
) -> None:
    let_in(approved, next(certificate_ids))
    settled = Counter(world.reservations().run())

    assert settled[ReservationResult.RELEASED] == 1
    after = embedded.entry(approved.serial_number)
    assert after.state is DeviceState.APPROVED
    assert after.reservation is None
    assert world.outcomes(approved) == ["never_completed"]
    assert Counter(world.reservations().run())[ReservationResult.RELEASED] == 0


def test_a_reservation_whose_certificate_is_active_is_completed(
    approved: AllowListEntry, let_in: LetIn, world: OutcomeWorld, embedded: Embedded
) -> None:
    certificate_id = world.certificate()
    let_in(approved, certificate_id)
    settled = Counter(world.reservations().run())

    assert settled[ReservationResult.COMPLETED] == 1
    after = embedded.entry(approved.serial_number)
    assert after.state is DeviceState.PROVISIONED
    assert after.device_certificate is not None
    assert after.device_certificate.certificate_id == certificate_id
    assert world.outcomes(approved) == ["certificate_active"]


def rotated(ask: Ask, world: OutcomeWorld, device: AllowListEntry, ago: timedelta) -> tuple[str, str]:
    """The certificate that a device uses, and the one that AWS IoT activated for it without its hearing of it."""
    first, second = world.certificate(), world.certificate()
    world.let_in(ask(device.serial_number.value, certificate_id=first), ago + timedelta(hours=1))
    world.connect(device.serial_number, first, ago + timedelta(minutes=30))
    request = ask(device.serial_number.value, certificate_id=second)
    world.let_in(replace(request, claim_certificate_id=first), ago)
    return first, second


def test_a_device_that_did_not_hear_of_its_new_certificate_keeps_the_old_one_and_may_rotate_again(
    approved: AllowListEntry, ask: Ask, world: OutcomeWorld, embedded: Embedded
) -> None:
    first, second = rotated(ask, world, approved, LONG_AGO)
    settled = Counter(world.reservations().run())

    assert (settled[ReservationResult.LEFT_OPEN], settled[ReservationResult.COMPLETED]) == (1, 0)
    assert embedded.entry(approved.serial_number).certificate_ids == (first, second)
    assert world.outcomes(approved) == ["connected"]
    again = replace(ask(approved.serial_number.value), claim_certificate_id=first)
    assert world.let_in(again, timedelta(0)).rule is AllowRule.ROTATION


def test_a_new_certificate_that_is_seen_long_after_its_reservation_ran_out_is_the_devices(
    approved: AllowListEntry, ask: Ask, world: OutcomeWorld, embedded: Embedded
) -> None:
    _, second = rotated(ask, world, approved, LONG_AGO)
    list(world.reservations().run())
    world.connect(approved.serial_number, second, timedelta(0))
    assert embedded.entry(approved.serial_number).certificate_ids == (second,)
    assert world.outcomes(approved) == ["connected", "connected"]


@pytest.mark.parametrize("status", ["INACTIVE", "REVOKED"])
def test_a_certificate_that_somebody_switched_off_neither_completes_nor_releases_a_reservation(
    status: str, approved: AllowListEntry, let_in: LetIn, world: OutcomeWorld, embedded: Embedded
) -> None:
    certificate_id = world.certificate()
    let_in(approved, certificate_id)
    embedded.client("iot").update_certificate(certificateId=certificate_id, newStatus=status)
    before = embedded.entry(approved.serial_number)

    assert Counter(world.reservations().run())[ReservationResult.LEFT_OPEN] == 1
    assert embedded.entry(approved.serial_number) == before
    assert world.outcomes(approved) == []


def test_a_reservation_that_is_not_due_is_left_alone(
    approved: AllowListEntry,
    let_in: LetIn,
    certificate_ids: Iterator[str],
    world: OutcomeWorld,
    embedded: Embedded,
) -> None:
    let_in(approved, next(certificate_ids), timedelta(minutes=30))
    list(world.reservations().run())
    assert embedded.entry(approved.serial_number).state is DeviceState.RESERVED


def test_a_run_is_bounded_and_the_next_goes_on(
    approved: AllowListEntry, let_in: LetIn, certificate_ids: Iterator[str], world: OutcomeWorld
) -> None:
    certificate_id = next(certificate_ids)
    for _ in range(3):  # a retry is a decision of its own
        let_in(approved, certificate_id)
    reconciler = world.reservations(max_records=2)
    assert len(list(reconciler.run())) == 2
    assert list(reconciler.run(lambda: False)) == []
    assert len(list(reconciler.run())) == 1
    assert list(reconciler.run()) == []
    assert world.outcomes(approved) == ["never_completed"]


def test_a_run_gets_past_records_that_do_not_matter_to_it_though_it_is_cut_off_among_them(
    approved: AllowListEntry, ask: Ask, let_in: LetIn, certificate_ids: Iterator[str], world: OutcomeWorld
) -> None:
    for number in range(4):
        world.be_denied(ask(f"{approved.serial_number}-{number}"), LONG_AGO)
    let_in(approved, next(certificate_ids))
    runs = [list(world.reservations().run(partial(next, iter([True, True, False])))) for _ in range(3)]
    assert runs == [[], [], [ReservationResult.RELEASED]]


def test_what_aws_iot_cannot_be_asked_about_is_asked_again_by_the_next_run(
    approved: AllowListEntry,
    let_in: LetIn,
    certificate_ids: Iterator[str],
    world: OutcomeWorld,
    embedded: Embedded,
) -> None:
    let_in(approved, next(certificate_ids))
    stranger = embedded.client("iot", embedded.role_of("HookFunction"))
    with pytest.raises(Fault) as fault:
        list(world.reservations(stranger).run())
    assert fault.value.reason is FaultReason.SERVICE_UNAVAILABLE
    assert embedded.entry(approved.serial_number).state is DeviceState.RESERVED

    assert Counter(world.reservations().run())[ReservationResult.RELEASED] == 1


def damaged(embedded: Embedded, device: AllowListEntry) -> None:
    """Somebody put the device in quarantine by hand, and forgot the state."""
    item = item_from(embedded.entry(device.serial_number), now=datetime.now(UTC)).serialize()
    embedded.put_raw({**item, "hold": {"S": "quarantined"}})


def test_an_entry_that_cannot_be_read_is_told_and_passed_by(
    approved: AllowListEntry,
    ask: Ask,
    let_in: LetIn,
    certificate_ids: Iterator[str],
    world: OutcomeWorld,
    embedded: Embedded,
) -> None:
    other = replace(approved, serial_number=SerialNumber(f"{approved.serial_number}-2"))
    embedded.put(other)
    let_in(approved, next(certificate_ids))
    let_in(other, next(certificate_ids))
    damaged(embedded, approved)
    try:
        assert list(world.reservations().run()) == [ReservationResult.UNREADABLE, ReservationResult.RELEASED]
    finally:
        embedded.put(approved)  # a list of all devices has to be able to read it
    assert world.unreadable == [f"device#{approved.serial_number}"]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param({"kind": {"S": "gossip"}}, id="of a kind that there is not"),
        pytest.param({"recorded_at": {"S": "yesterday"}}, id="of a time that there is not"),
        pytest.param({"subject": {"S": "queries"}}, id="filed where it does not belong"),
        pytest.param({"subject": {"S": "queries"}, "kind": {"S": "query"}}, id="a question that passes for a decision"),
        pytest.param({"subject": {"S": "queries"}, "record_id": {"S": "7ZZ"}}, id="with an ID that is none"),
    ],
)
def test_an_item_that_is_no_audit_record_is_told_and_passed_by(
    damage: dict[str, Any],
    approved: AllowListEntry,
    let_in: LetIn,
    certificate_ids: Iterator[str],
    world: OutcomeWorld,
    embedded: Embedded,
) -> None:
    let_in(approved, next(certificate_ids))
    (decision,) = embedded.records(f"device#{approved.serial_number}")
    moment = decision.recorded_at - timedelta(milliseconds=1)
    record_id_before = str(ULID.from_datetime(moment))
    if "record_id" in damage:
        damage = {**damage, "record_id": {"S": f"{record_id_before[:10]}!"}}
    item = audit_item_from(replace(decision, record_id=record_id_before), retention=timedelta(days=1)).serialize()
    item |= damage
    world.begin(Sweep.RESERVATIONS, LONG_AGO + timedelta(minutes=1))
    table = embedded.stack.outputs["AuditTableName"]
    embedded.dynamodb.put_item(TableName=table, Item=item)
    try:
        assert set(world.reservations().run()) >= {ReservationResult.UNREADABLE, ReservationResult.RELEASED}
        assert list(world.reservations().run()) == []
    finally:  # others count what there is
        key = {name: item[name] for name in ("subject", "record_id")}
        embedded.dynamodb.delete_item(TableName=table, Key=key)
    assert len(world.unreadable) == 1
