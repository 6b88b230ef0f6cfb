"""What the gate does when DynamoDB hangs, crawls, throttles, conflicts, loses answers or says no."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import Verdict
from fleetgate.domain.faults import DeadlineExceeded, Fault
from fleetgate.domain.reasons import AllowRule, DenialReason, FaultReason
from fleetgate.gate.deadline import answer_within
from fleetgate.gate.decision import Allowed, Denied
from fleetgate.gate.settings import HookSettings
from fleetgate.gate.store import GateStore
from fleetgate.store.allow_list_items import item_from
from harness import faulty_dynamodb as faults
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from tests.integration.conftest import Ask, Judge


def test_a_decision_takes_two_calls(
    faulty: FaultyDynamoDB, faulty_store: GateStore, approved: AllowListEntry, ask: Ask, judge: Judge
) -> None:
    judge(ask(approved.serial_number.value), faulty_store)
    assert faulty.operations == ["BatchGetItem", "TransactWriteItems"]
    faulty.operations.clear()
    judge(ask("unknown-serial-number"), faulty_store)
    assert faulty.operations == ["BatchGetItem", "PutItem"]


@pytest.mark.parametrize("fault", [faults.throttle, faults.fail, faults.lose_answer, faults.hang])
def test_one_bad_answer_to_each_call_is_overcome(
    fault: faults.Fault,
    embedded: Embedded,
    faulty: FaultyDynamoDB,
    faulty_store: GateStore,
    approved: AllowListEntry,
    ask: Ask,
    judge: Judge,
) -> None:
    faulty.next(fault, faults.behave, fault)
    registration = judge(ask(approved.serial_number.value), faulty_store)

    assert isinstance(registration.decision, Allowed)
    assert registration.decision.rule is AllowRule.FIRST_RESERVATION
    assert embedded.records(f"device#{approved.serial_number}") == [registration.record]
    assert faulty.operations == ["BatchGetItem"] * 2 + ["TransactWriteItems"] * 2


def test_a_denial_whose_answer_is_lost_is_recorded_once(
    embedded: Embedded, faulty: FaultyDynamoDB, faulty_store: GateStore, serial_number: str, ask: Ask, judge: Judge
) -> None:
    faulty.next(faults.behave, faults.lose_answer)
    registration = judge(ask(serial_number), faulty_store)

    assert registration.decision == Denied(DenialReason.NOT_ON_ALLOW_LIST)
    assert embedded.records(f"device#{serial_number}") == [registration.record]


def test_a_transaction_conflict_is_decided_again_from_fresh_facts(
    embedded: Embedded,
    faulty: FaultyDynamoDB,
    faulty_store: GateStore,
    approved: AllowListEntry,
    ask: Ask,
    judge: Judge,
) -> None:
    faulty.next(faults.behave, faults.transaction_conflict)
    registration = judge(ask(approved.serial_number.value), faulty_store)

    assert isinstance(registration.decision, Allowed)
    assert faulty.operations == ["BatchGetItem", "TransactWriteItems"] * 2
    assert embedded.records(f"device#{approved.serial_number}") == [registration.record]


def test_endless_transaction_conflicts_are_a_fault(
    embedded: Embedded,
    faulty: FaultyDynamoDB,
    faulty_store: GateStore,
    approved: AllowListEntry,
    ask: Ask,
    judge: Judge,
) -> None:
    faulty.next(*[faults.behave, faults.transaction_conflict] * 10)
    with pytest.raises(Fault) as caught:
        judge(ask(approved.serial_number.value), faulty_store)

    assert caught.value.reason is FaultReason.STORE_CONTENTION
    assert embedded.entry(approved.serial_number) == approved
    assert embedded.records(f"device#{approved.serial_number}") == []


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (faults.throttle, FaultReason.STORE_THROTTLED),
        (faults.fail, FaultReason.STORE_UNAVAILABLE),
        (faults.lose_answer, FaultReason.STORE_UNAVAILABLE),
        (faults.hang, FaultReason.STORE_TIMEOUT),
    ],
)
def test_a_table_that_never_answers_well_is_a_fault_and_never_an_allow(
    fault: faults.Fault,
    reason: FaultReason,
    faulty: FaultyDynamoDB,
    faulty_store: GateStore,
    approved: AllowListEntry,
    ask: Ask,
    judge: Judge,
) -> None:
    faulty.always(fault)
    with pytest.raises(Fault) as caught:
        judge(ask(approved.serial_number.value), faulty_store)
    assert caught.value.reason is reason


def test_an_allow_that_cannot_be_written_is_a_fault_and_leaves_nothing_behind(
    embedded: Embedded,
    faulty: FaultyDynamoDB,
    faulty_store: GateStore,
    approved: AllowListEntry,
    ask: Ask,
    judge: Judge,
) -> None:
    faulty.next(faults.behave, *[faults.throttle] * 3)
    with pytest.raises(Fault) as caught:
        judge(ask(approved.serial_number.value), faulty_store)

    assert caught.value.reason is FaultReason.STORE_THROTTLED
    assert embedded.entry(approved.serial_number) == approved
    assert embedded.records(f"device#{approved.serial_number}") == []


def test_a_server_that_answers_a_byte_at_a_time_meets_the_deadline(
    faulty: FaultyDynamoDB, faulty_store: GateStore, approved: AllowListEntry, ask: Ask, judge: Judge
) -> None:
    faulty.always(faults.trickle)
    with pytest.raises(DeadlineExceeded), answer_within(1.5):
        judge(ask(approved.serial_number.value), faulty_store)
    assert faulty.operations == ["BatchGetItem"], "the interrupted call must not be repeated"


def test_an_allow_that_was_written_but_never_answered_is_found_by_the_retry(
    embedded: Embedded,
    faulty: FaultyDynamoDB,
    faulty_store: GateStore,
    approved: AllowListEntry,
    ask: Ask,
    judge: Judge,
) -> None:
    request = ask(approved.serial_number.value)
    faulty.next(faults.behave, faults.lose_answer, faults.throttle, faults.throttle)
    with pytest.raises(Fault):
        judge(request, faulty_store)
    again = judge(request, faulty_store)

    assert isinstance(again.decision, Allowed)
    assert again.decision.rule is AllowRule.SAME_CERTIFICATE_RETRY
    allows = [r for r in embedded.records(f"device#{approved.serial_number}") if r.verdict is Verdict.ALLOWED]
    assert [record.reason for record in allows] == ["first_reservation", "same_certificate_retry"]


def test_a_role_without_permission_is_a_fault(
    embedded: Embedded, settings: HookSettings, approved: AllowListEntry, ask: Ask, judge: Judge
) -> None:
    tables = replace(settings.tables, allow_list_table="a-table-of-somebody-else")
    with pytest.raises(Fault) as caught:
        judge(ask(approved.serial_number.value), GateStore(tables))
    assert caught.value.reason is FaultReason.STORE_ACCESS_DENIED


def _without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda item: item.__delitem__(name)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda item: item.update(state={"S": "provisioned"}), id="a state that does not follow"),
        pytest.param(lambda item: item.update(hold={"S": "on-hold"}), id="an unknown hold"),
        pytest.param(lambda item: item.update(version={"S": "1"}), id="a version that is text"),
        pytest.param(lambda item: item.update(mac_addresses={"SS": ["nonsense"]}), id="a MAC address that is none"),
        pytest.param(lambda item: item.update(kind={"S": "unheard-of"}), id="an unknown kind"),
        pytest.param(_without("manufacturer"), id="no manufacturer"),
        pytest.param(_without("hold"), id="no hold"),
        pytest.param(_without("kind"), id="no kind"),
    ],
)
def test_an_item_that_was_edited_by_hand_is_a_fault(
    damage: Callable[[dict[str, Any]], None],
    embedded: Embedded,
    store: GateStore,
    approved: AllowListEntry,
    ask: Ask,
    judge: Judge,
) -> None:
    item = item_from(approved, now=datetime.now(UTC)).serialize()
    damage(item)
    embedded.put_raw(item)
    try:
        with pytest.raises(Fault) as caught:
            judge(ask(approved.serial_number.value), store)
    finally:
        embedded.put(approved)  # a list of all devices has to be able to read it
    assert caught.value.reason is FaultReason.CORRUPT_ITEM
