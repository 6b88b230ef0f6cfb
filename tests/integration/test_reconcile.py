"""Reservations that ran out, and what AWS IoT says of their certificates."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

import pytest

from fleetgate.domain.allow_list import AllowListEntry, DeviceState
from fleetgate.domain.decision import Allowed
from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason
from fleetgate.store.reconciliation import Walk
from fleetgate.workflows.reconcile import Settled
from tests.embedded import Embedded
from tests.integration.conftest import Ask
from tests.integration.reconciler_world import ReconcilerWorld

LONG_AGO = timedelta(hours=2)
LetIn = Callable[..., Allowed]


@pytest.fixture
def world(reconciling: ReconcilerWorld) -> ReconcilerWorld:
    """A reconciler whose walk begins with what the test does."""
    reconciling.begin(Walk.RESERVATIONS, LONG_AGO)
    return reconciling


@pytest.fixture
def let_in(ask: Ask, world: ReconcilerWorld) -> LetIn:
    """Has a device let in, long ago unless told otherwise."""

    def run(entry: AllowListEntry, certificate_id: str, ago: timedelta = LONG_AGO) -> Allowed:
        return world.let_in(ask(entry.serial_number.value, certificate_id=certificate_id), ago)

    return run


def test_a_reservation_whose_certificate_was_never_activated_is_released(
    approved: AllowListEntry,
    let_in: LetIn,
    certificate_ids: Iterator[str],
    world: ReconcilerWorld,
    embedded: Embedded,
) -> None:
    let_in(approved, next(certificate_ids))
    settled = Counter(world.reservations().run())

    assert settled[Settled.RELEASED] == 1
    after = embedded.entry(approved.serial_number)
    assert after.state is DeviceState.APPROVED
    assert after.reservation is None
    assert world.outcomes(approved) == ["never_completed"]
    assert Counter(world.reservations().run())[Settled.RELEASED] == 0


def test_a_reservation_whose_certificate_is_active_is_completed(
    approved: AllowListEntry, let_in: LetIn, world: ReconcilerWorld, embedded: Embedded
) -> None:
    certificate_id = world.certificate()
    let_in(approved, certificate_id)
    settled = Counter(world.reservations().run())

    assert settled[Settled.COMPLETED] == 1
    after = embedded.entry(approved.serial_number)
    assert after.state is DeviceState.PROVISIONED
    assert after.device_certificate is not None
    assert after.device_certificate.certificate_id == certificate_id
    assert world.outcomes(approved) == ["certificate_active"]


def test_a_reservation_that_is_not_due_is_left_alone(
    approved: AllowListEntry,
    let_in: LetIn,
    certificate_ids: Iterator[str],
    world: ReconcilerWorld,
    embedded: Embedded,
) -> None:
    let_in(approved, next(certificate_ids), timedelta(minutes=30))
    list(world.reservations().run())
    assert embedded.entry(approved.serial_number).state is DeviceState.RESERVED


def test_a_run_is_bounded_and_the_next_goes_on(
    approved: AllowListEntry, let_in: LetIn, certificate_ids: Iterator[str], world: ReconcilerWorld
) -> None:
    certificate_id = next(certificate_ids)
    for _ in range(3):  # a retry is a decision of its own
        let_in(approved, certificate_id)
    reconciler = world.reservations(most_records=2)
    assert len(list(reconciler.run())) == 2
    assert list(reconciler.run(lambda: False)) == []
    assert len(list(reconciler.run())) == 1
    assert list(reconciler.run()) == []
    assert world.outcomes(approved) == ["never_completed"]


def test_a_run_gets_past_records_that_do_not_matter_to_it_though_it_is_cut_off_among_them(
    approved: AllowListEntry, ask: Ask, let_in: LetIn, certificate_ids: Iterator[str], world: ReconcilerWorld
) -> None:
    for number in range(4):
        world.be_denied(ask(f"{approved.serial_number}-{number}"), LONG_AGO)
    let_in(approved, next(certificate_ids))
    runs = [list(world.reservations().run(partial(next, iter([True, True, False])))) for _ in range(3)]
    assert runs == [[], [], [Settled.RELEASED]]


def test_what_aws_iot_cannot_be_asked_about_is_asked_again_by_the_next_run(
    approved: AllowListEntry,
    let_in: LetIn,
    certificate_ids: Iterator[str],
    world: ReconcilerWorld,
    embedded: Embedded,
) -> None:
    let_in(approved, next(certificate_ids))
    stranger = embedded.client("iot", embedded.credentials_of(embedded.stack.outputs["HookFunctionRoleArn"]))
    with pytest.raises(Fault) as fault:
        list(world.reservations(stranger).run())
    assert fault.value.reason is FaultReason.SERVICE_UNAVAILABLE
    assert embedded.entry(approved.serial_number).state is DeviceState.RESERVED

    assert Counter(world.reservations().run())[Settled.RELEASED] == 1
