"""Reservations that ran out, and what AWS IoT says of their certificates."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ulid import ULID

from fleetgate.config import HookSettings
from fleetgate.domain.allow_list import AllowListEntry, DeviceState
from fleetgate.domain.audit import RecordKind
from fleetgate.domain.decision import Allowed
from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason
from fleetgate.store.certificates import Certificates
from fleetgate.store.gate import GateStore
from fleetgate.store.outcomes import OutcomeStore
from fleetgate.store.reconciliation import Reconciliation
from fleetgate.store.tables import TableCredentials, TableSettings
from fleetgate.workflows.note_outcome import OutcomeRecorder
from fleetgate.workflows.reconcile import Reconciler, Settled
from fleetgate.workflows.register_thing import register_thing
from tests.embedded import Embedded
from tests.integration.conftest import Ask

LONG_AGO = timedelta(hours=2)
MakeReconciler = Callable[..., Reconciler]


@pytest.fixture
def make_reconciler(embedded: Embedded) -> MakeReconciler:
    """A reconciler, as root, whose walk begins a little before the test."""
    outputs = embedded.stack.outputs
    tables = TableSettings(
        allow_list_table=outputs["AllowListTableName"],
        audit_table=outputs["AuditTableName"],
        region=embedded.stack.region,
        endpoint_url=embedded.stack.endpoint_url,
        credentials=TableCredentials(access_key_id="test", secret_access_key="test"),
    )
    reconciliation = Reconciliation(tables)
    reconciliation.note_done(str(ULID.from_datetime(datetime.now(UTC) - LONG_AGO - timedelta(seconds=1))))

    def make(iot: Any = None, most_records: int = 100) -> Reconciler:
        return Reconciler(
            recorder=OutcomeRecorder(
                store=OutcomeStore(tables),
                thing_name_prefix="",
                now=lambda: datetime.now(UTC),
                new_record_id=lambda moment: str(ULID.from_datetime(moment)),
            ),
            reconciliation=reconciliation,
            certificates=Certificates(iot or embedded.client("iot")),
            patience=timedelta(minutes=70),
            most_records=most_records,
        )

    return make


LetIn = Callable[..., Allowed]


@pytest.fixture
def let_in(ask: Ask, settings: HookSettings, store: GateStore) -> LetIn:
    """Has a device let in, long ago unless told otherwise."""

    def run(entry: AllowListEntry, certificate_id: str, ago: timedelta = LONG_AGO) -> Allowed:
        moment = datetime.now(UTC) - ago
        registration = register_thing(
            ask(entry.serial_number.value, certificate_id=certificate_id),
            policy=settings.policy,
            store=store,
            now=lambda: moment,
            new_record_id=lambda when: str(ULID.from_datetime(when)),
        )
        assert isinstance(registration.decision, Allowed)
        return registration.decision

    return run


def outcomes(embedded: Embedded, entry: AllowListEntry) -> list[str]:
    records = embedded.records(f"device#{entry.serial_number}")
    return [one.reason for one in records if one.kind is RecordKind.OUTCOME]


def test_a_reservation_whose_certificate_was_never_activated_is_released(
    approved: AllowListEntry,
    let_in: LetIn,
    certificate_ids: Iterator[str],
    make_reconciler: MakeReconciler,
    embedded: Embedded,
) -> None:
    let_in(approved, next(certificate_ids))
    settled = make_reconciler().run()

    assert settled[Settled.RELEASED] == 1
    after = embedded.entry(approved.serial_number)
    assert after.state is DeviceState.APPROVED
    assert after.reservation is None
    assert outcomes(embedded, approved) == ["never_completed"]
    assert make_reconciler().run()[Settled.RELEASED] == 0


def test_a_reservation_whose_certificate_is_active_is_completed(
    approved: AllowListEntry, let_in: LetIn, make_reconciler: MakeReconciler, embedded: Embedded
) -> None:
    created = embedded.client("iot").create_keys_and_certificate(setAsActive=True)
    let_in(approved, created["certificateId"])
    settled = make_reconciler().run()

    assert settled[Settled.COMPLETED] == 1
    after = embedded.entry(approved.serial_number)
    assert after.state is DeviceState.PROVISIONED
    assert after.device_certificate is not None
    assert after.device_certificate.certificate_id == created["certificateId"]
    assert outcomes(embedded, approved) == ["certificate_active"]


def test_a_reservation_that_is_not_due_is_left_alone(
    approved: AllowListEntry,
    let_in: LetIn,
    certificate_ids: Iterator[str],
    make_reconciler: MakeReconciler,
    embedded: Embedded,
) -> None:
    let_in(approved, next(certificate_ids), timedelta(minutes=30))
    make_reconciler().run()
    assert embedded.entry(approved.serial_number).state is DeviceState.RESERVED


def test_a_run_is_bounded_and_the_next_goes_on(
    approved: AllowListEntry,
    let_in: LetIn,
    certificate_ids: Iterator[str],
    make_reconciler: MakeReconciler,
    embedded: Embedded,
) -> None:
    certificate_id = next(certificate_ids)
    for _ in range(3):  # a retry is a decision of its own
        let_in(approved, certificate_id)
    reconciler = make_reconciler(most_records=2)
    assert reconciler.run().total() == 2
    assert reconciler.run(goes_on=lambda: False).total() == 0
    assert reconciler.run().total() == 1
    assert reconciler.run().total() == 0
    assert outcomes(embedded, approved) == ["never_completed"]


def test_what_aws_iot_cannot_be_asked_about_is_asked_again_by_the_next_run(
    approved: AllowListEntry,
    let_in: LetIn,
    certificate_ids: Iterator[str],
    make_reconciler: MakeReconciler,
    embedded: Embedded,
) -> None:
    let_in(approved, next(certificate_ids))
    stranger = embedded.client("iot", embedded.credentials_of(embedded.stack.outputs["HookFunctionRoleArn"]))
    with pytest.raises(Fault) as fault:
        make_reconciler(stranger).run()
    assert fault.value.reason is FaultReason.SERVICE_UNAVAILABLE
    assert embedded.entry(approved.serial_number).state is DeviceState.RESERVED

    assert make_reconciler().run()[Settled.RELEASED] == 1
