"""What becomes of an allow: signs from AWS IoT, in any order and more than once, against real tables."""

import itertools
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from ulid import ULID

from fleetgate.domain.allow_list import AllowListEntry, DeviceState
from fleetgate.domain.audit import RecordKind
from fleetgate.gate.decision import Allowed
from fleetgate.gate.store import GateStore
from fleetgate.outcomes.note import Noted, OutcomeRecorder
from fleetgate.outcomes.outcome import OutcomeEvent, OutcomeReason
from fleetgate.outcomes.store import OutcomeStore
from fleetgate.store.audit_items import audit_item_from, make_clock
from harness.embedded import Embedded
from tests.integration.conftest import Ask, Judge

SEEN_AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def let_in(approved: AllowListEntry, ask: Ask, judge: Judge, store: GateStore) -> Callable[[], Allowed]:
    """Has the approved device let in, with a certificate of its own each time."""

    def run() -> Allowed:
        decision = judge(ask(approved.serial_number.value), store).decision
        assert isinstance(decision, Allowed)
        return decision

    return run


@pytest.fixture
def recorder(embedded: Embedded) -> OutcomeRecorder:
    """The recorder, as root."""
    return OutcomeRecorder(
        store=OutcomeStore(embedded.tables()),
        thing_name_prefix="",
        clock=make_clock(),
    )


def signs(entry: AllowListEntry) -> dict[str, OutcomeEvent]:
    """Every sign that the reservation of an entry was used."""
    held = entry.reservation
    assert held is not None
    name = entry.serial_number.value
    return {
        "connected": OutcomeEvent(
            reason=OutcomeReason.CONNECTED,
            seen_at=SEEN_AT,
            event_id=secrets.token_hex(8),
            certificate_id=held.certificate_id,
            thing_name=name,
        ),
        "registered": OutcomeEvent(
            reason=OutcomeReason.THING_REGISTERED,
            seen_at=SEEN_AT,
            event_id=secrets.token_hex(8),
            thing_name=name,
            decision_id=held.decision_id,
            is_of_stack=True,
        ),
        "logged": OutcomeEvent(
            reason=OutcomeReason.PROVISIONING_SUCCEEDED,
            seen_at=SEEN_AT,
            event_id=secrets.token_hex(8),
            certificate_id=held.certificate_id,
        ),
    }


def outcomes_of(embedded: Embedded, entry: AllowListEntry) -> list[str]:
    records = embedded.records(f"device#{entry.serial_number}")
    return [record.reason for record in records if record.kind is RecordKind.OUTCOME]


@pytest.mark.parametrize("order", [*itertools.permutations(["connected", "registered", "logged"])], ids="-".join)
def test_signs_in_any_order_and_twice_make_one_outcome(
    order: tuple[str, ...],
    approved: AllowListEntry,
    let_in: Callable[[], Allowed],
    recorder: OutcomeRecorder,
    embedded: Embedded,
) -> None:
    let_in()
    reserved = embedded.entry(approved.serial_number)
    found = signs(reserved)
    noted = [recorder.note(found[name]) for name in (*order, *order)]

    assert sorted(noted[:3]) == [Noted.COMPLETED, Noted.REGISTERED, Noted.REGISTERED]
    assert noted[3:] == [Noted.KNOWN] * 3
    after = embedded.entry(approved.serial_number)
    assert after.state is DeviceState.PROVISIONED
    assert after.reservation is None
    assert reserved.reservation is not None
    assert after.device_certificate is not None
    assert after.device_certificate.certificate_id == reserved.reservation.certificate_id
    assert sorted(outcomes_of(embedded, approved)) == ["connected", "provisioning_succeeded", "thing_registered"]
    (record,) = [one for one in embedded.records(f"device#{approved.serial_number}") if one.reason == "connected"]
    assert record.decision_id == reserved.reservation.decision_id
    assert record.claim_certificate_id == reserved.reservation.claim_certificate_id
    assert record.import_id == approved.import_id


def test_a_device_that_lost_power_before_it_heard_may_come_back(
    approved: AllowListEntry, let_in: Callable[[], Allowed], recorder: OutcomeRecorder, embedded: Embedded
) -> None:
    let_in()
    before = embedded.entry(approved.serial_number)
    for name in ("registered", "logged"):
        assert recorder.note(signs(before)[name]) is Noted.REGISTERED
    assert embedded.entry(approved.serial_number) == before


def test_a_sign_of_another_certificate_says_nothing(
    approved: AllowListEntry, let_in: Callable[[], Allowed], recorder: OutcomeRecorder, embedded: Embedded
) -> None:
    let_in()
    before = embedded.entry(approved.serial_number)
    stranger = OutcomeEvent(
        reason=OutcomeReason.CONNECTED,
        seen_at=SEEN_AT,
        event_id="1",
        certificate_id=secrets.token_hex(32),
        thing_name=approved.serial_number.value,
    )
    assert recorder.note(stranger) is Noted.KNOWN
    assert embedded.entry(approved.serial_number) == before


def test_a_failure_is_recorded_once_and_the_device_may_try_again(
    approved: AllowListEntry, let_in: Callable[[], Allowed], recorder: OutcomeRecorder, embedded: Embedded
) -> None:
    let_in()
    before = embedded.entry(approved.serial_number)
    assert before.reservation is not None
    failure = OutcomeEvent(
        reason=OutcomeReason.PROVISIONING_FAILED,
        seen_at=datetime.now(UTC),
        event_id="1",
        certificate_id=before.reservation.certificate_id,
    )
    assert [recorder.note(failure), recorder.note(failure)] == [Noted.FAILED, Noted.KNOWN]
    assert embedded.entry(approved.serial_number) == before
    assert outcomes_of(embedded, approved) == ["provisioning_failed"]


def test_things_that_nobody_decided_about_are_unapproved(recorder: OutcomeRecorder, embedded: Embedded) -> None:
    name = f"SN-{secrets.token_hex(6)}"
    bypassed = OutcomeEvent(
        reason=OutcomeReason.THING_REGISTERED,
        seen_at=datetime.now(UTC) - timedelta(seconds=1),
        event_id=secrets.token_hex(8),
        thing_name=name,
        decision_id="01JNX0000000000000000000DA",
        is_of_stack=True,
    )
    assert [recorder.note(bypassed), recorder.note(bypassed)] == [Noted.UNAPPROVED, Noted.KNOWN]
    assert [record.reason for record in embedded.records(f"device#{name}")] == ["unapproved_thing"]


def test_an_approved_device_whose_thing_names_no_decision_of_its_own_is_unapproved(
    approved: AllowListEntry, let_in: Callable[[], Allowed], recorder: OutcomeRecorder, embedded: Embedded
) -> None:
    let_in()
    forged = OutcomeEvent(
        reason=OutcomeReason.THING_REGISTERED,
        seen_at=SEEN_AT,
        event_id="1",
        thing_name=approved.serial_number.value,
        decision_id="01JNX0000000000000000000DA",
        is_of_stack=True,
    )
    assert recorder.note(forged) is Noted.UNAPPROVED
    assert embedded.entry(approved.serial_number).state is DeviceState.RESERVED


def test_what_is_not_ours_is_left_alone(recorder: OutcomeRecorder) -> None:
    other = OutcomeEvent(
        reason=OutcomeReason.CONNECTED,
        seen_at=SEEN_AT,
        event_id="1",
        certificate_id=secrets.token_hex(32),
        thing_name=f"other {secrets.token_hex(4)}",
    )
    assert recorder.note(other) is Noted.NOT_OURS


def test_a_forged_allow_does_not_say_whom_a_certificate_was_promised(
    approved: AllowListEntry, let_in: Callable[[], Allowed], recorder: OutcomeRecorder, embedded: Embedded
) -> None:
    allowed = let_in()
    assert allowed.reserved is not None
    assert allowed.reserved.reservation is not None
    certificate_id = allowed.reserved.reservation.certificate_id
    (decision,) = embedded.records(f"device#{approved.serial_number}")
    later = replace(decision, record_id=str(ULID.from_datetime(SEEN_AT.replace(year=2126))), serial_number="ANOTHER")
    # What whoever may only append questions can write.
    item = {**audit_item_from(later, retention=timedelta(days=1)).serialize(), "subject": {"S": "queries"}}
    table = embedded.stack.outputs["AuditTableName"]
    embedded.dynamodb.put_item(TableName=table, Item=item)
    try:
        assert recorder.store.promised_to(certificate_id) == approved.serial_number
    finally:  # others count what there is
        key = {name: item[name] for name in ("subject", "record_id")}
        embedded.dynamodb.delete_item(TableName=table, Key=key)


def test_a_rotation_makes_the_new_certificate_the_devices_own_and_names_the_old(
    approved: AllowListEntry,
    let_in: Callable[[], Allowed],
    recorder: OutcomeRecorder,
    embedded: Embedded,
    ask: Ask,
    judge: Judge,
    store: GateStore,
) -> None:
    let_in()
    recorder.note(signs(embedded.entry(approved.serial_number))["connected"])
    first = embedded.entry(approved.serial_number).device_certificate
    assert first is not None
    rotating = ask(approved.serial_number.value)
    decision = judge(replace(rotating, claim_certificate_id=first.certificate_id), store).decision
    assert isinstance(decision, Allowed)
    recorder.note(signs(embedded.entry(approved.serial_number))["connected"])

    after = embedded.entry(approved.serial_number)
    assert after.device_certificate is not None
    assert after.device_certificate.certificate_id == rotating.certificate_id
    *_, record = [one for one in embedded.records(f"device#{approved.serial_number}") if one.kind is RecordKind.OUTCOME]
    assert record.superseded_certificate_id == first.certificate_id
