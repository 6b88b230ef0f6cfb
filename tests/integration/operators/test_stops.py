"""Stops for many devices at once against the real tables: no allow slips through, whoever is faster."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.faults import Fault
from fleetgate.domain.gate_switch import GateSwitch
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.operator_action import Operator
from fleetgate.domain.reasons import AllowRule, DenialReason, FaultReason
from fleetgate.gate.decision import Allowed, Denied
from fleetgate.gate.store import Facts, GateStore
from fleetgate.operators.switch import quarantine_manufacturer, release_manufacturer, start_gate, stop_gate
from fleetgate.operators.switch_store import SwitchStore
from fleetgate.store.audit_items import make_clock
from fleetgate.store.switch_items import FENCES, fence_key
from fleetgate.store.tables import TableSettings
from fleetgate_cli.local_session import ROOT_ACCESS_KEY_ID
from fleetgate_cli.target import Target
from harness import faulty_dynamodb as faults
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from tests.integration.conftest import Ask, Judge


@pytest.fixture
def table_settings(embedded: Embedded, stack_folder: Path) -> TableSettings:
    """The stack's tables as an operator reaches them."""
    assert embedded.stack.outputs
    settings = Target.embedded(stack_folder).table_settings()
    assert settings.credentials
    assert settings.credentials.access_key_id == ROOT_ACCESS_KEY_ID
    return settings


@pytest.fixture
def operator() -> Operator:
    """Somebody who acts."""
    return Operator(actor="arn:aws:iam::000000000000:root", reason="a test", clock=make_clock())


@pytest.fixture
def stops(table_settings: TableSettings, operator: Operator, manufacturer: str) -> Iterator[SwitchStore]:
    """An operator's store; in the end everything is let go again, for the tests that follow."""
    store = SwitchStore(table_settings)
    yield store
    start_gate(store=SwitchStore(table_settings), operator=operator)
    release_manufacturer(manufacturer, store=SwitchStore(table_settings), operator=operator)


@pytest.fixture
def manufacturer(serial_number: str) -> str:
    """A manufacturer of which there is one device."""
    return f"maker of {serial_number}"


@pytest.fixture
def stopped(stops: SwitchStore, operator: Operator) -> None:
    """The gate is stopped. To be named before the hook's store: a process works with one at a time."""
    stop_gate(store=stops, operator=operator)


Stop = Callable[[SwitchStore, Operator, str], None]


def _stop_gate(store: SwitchStore, operator: Operator, _manufacturer: str) -> None:
    stop_gate(store=store, operator=operator)


def _quarantine_manufacturer(store: SwitchStore, operator: Operator, manufacturer: str) -> None:
    quarantine_manufacturer(manufacturer, store=store, operator=operator)


STOPS = pytest.mark.parametrize(
    ("stop", "reason"),
    [(_stop_gate, DenialReason.GATE_STOPPED), (_quarantine_manufacturer, DenialReason.MANUFACTURER_STOPPED)],
)


@pytest.fixture
def device(embedded: Embedded, approved: AllowListEntry, manufacturer: str) -> AllowListEntry:
    """An approved device of that manufacturer; its claim certificate is of any."""
    device = replace(approved, manufacturer=manufacturer)
    embedded.put(device)
    return device


@pytest.fixture
def ask(ask: Ask, embedded: Embedded, claim: ClaimCertificate) -> Ask:
    """Asks through a claim certificate of any manufacturer."""
    embedded.put(replace(claim, manufacturer=None))
    return ask


@STOPS
@pytest.mark.parametrize("has_asked_before", [False, True], ids=["a new device", "a retry"])
def test_a_stop_that_lands_between_the_read_and_the_write_wins(
    stop: Stop,
    reason: DenialReason,
    has_asked_before: bool,
    embedded: Embedded,
    store: GateStore,
    stops: SwitchStore,
    operator: Operator,
    device: AllowListEntry,
    ask: Ask,
    judge: Judge,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = ask(device.serial_number.value)
    if has_asked_before:
        assert isinstance(judge(request, store).decision, Allowed)
    before = embedded.entry(device.serial_number)
    found: list[Facts] = []
    find = store.find

    def find_then_stop(serial_number: SerialNumber, claim_certificate_id: str) -> Facts:
        found.append(find(serial_number, claim_certificate_id))
        if len(found) == 1:
            stop(stops, operator, device.manufacturer)
        return found[-1]

    monkeypatch.setattr(store, "find", find_then_stop)
    registration = judge(request, store)

    assert registration.decision == Denied(reason)
    assert len(found) == 2
    assert embedded.entry(device.serial_number) == before
    recorded = [record.reason for record in embedded.records(f"device#{device.serial_number}")]
    assert recorded[has_asked_before:] == [reason]


@STOPS
def test_who_was_stopped_is_denied_with_a_record_and_let_in_afterwards(
    stop: Stop,
    reason: DenialReason,
    embedded: Embedded,
    store: GateStore,
    stops: SwitchStore,
    operator: Operator,
    device: AllowListEntry,
    ask: Ask,
    judge: Judge,
) -> None:
    stop(stops, operator, device.manufacturer)
    request = ask(device.serial_number.value)
    assert judge(request, store).decision == Denied(reason)

    start_gate(store=stops, operator=operator)
    release_manufacturer(device.manufacturer, store=stops, operator=operator)
    allowed = judge(request, store).decision
    assert isinstance(allowed, Allowed)
    assert allowed.rule is AllowRule.FIRST_RESERVATION
    recorded = [record.reason for record in embedded.records(f"device#{device.serial_number}")]
    assert recorded == [reason, AllowRule.FIRST_RESERVATION]


def test_a_request_that_cannot_be_read_keeps_its_own_reason_while_the_gate_is_stopped(
    store: GateStore, stops: SwitchStore, operator: Operator, ask: Ask, judge: Judge
) -> None:
    stop_gate(store=stops, operator=operator)
    assert judge(ask("white space"), store).decision == Denied(DenialReason.SERIAL_NUMBER_INVALID)


def test_a_decision_of_a_stopped_gate_takes_two_calls(
    stopped: None, faulty: FaultyDynamoDB, faulty_store: GateStore, approved: AllowListEntry, ask: Ask, judge: Judge
) -> None:
    assert judge(ask(approved.serial_number.value), faulty_store).decision == Denied(DenialReason.GATE_STOPPED)
    assert faulty.operations == ["BatchGetItem", "PutItem"]


def test_a_stop_that_was_cut_off_before_its_fences_is_finished_by_the_next(
    embedded: Embedded, table_settings: TableSettings, operator: Operator, stops: SwitchStore
) -> None:
    class CutOff(SwitchStore):
        def raise_fences(self, switch: GateSwitch) -> None:
            raise Fault(FaultReason.STORE_TIMEOUT)

    with pytest.raises(Fault):
        stop_gate(store=CutOff(table_settings), operator=operator)
    assert stops.switch().is_stopped
    assert _fences(embedded) != {stops.switch().version}

    again = stop_gate(store=stops, operator=operator)
    assert again.record is None
    assert _fences(embedded) == {stops.switch().version}


def test_a_fence_that_an_allow_is_just_passing_is_raised_after_it(
    faulty: FaultyDynamoDB, table_settings: TableSettings, operator: Operator, stops: SwitchStore, embedded: Embedded
) -> None:
    def busy(doorman: "faults._Doorman") -> None:
        doorman.refuse("com.amazonaws.dynamodb.v20120810#TransactionConflictException", {})

    pauses: list[float] = []
    patient = SwitchStore(replace(table_settings, endpoint_url=faulty.endpoint_url), sleep=pauses.append)
    faulty.next(faults.behave, faults.behave, busy, busy)  # the switch is read and written, then a fence is busy
    stop_gate(store=patient, operator=operator)

    assert len(pauses) == 2
    assert faulty.operations == ["GetItem", "TransactWriteItems", *["UpdateItem"] * (FENCES + 2)]
    assert _fences(embedded) == {stops.switch().version}


def test_operators_who_stop_at_once_all_have_their_way(
    embedded: Embedded, operator: Operator, stops: SwitchStore, manufacturer: str
) -> None:
    names = [f"{manufacturer} {number}" for number in range(3)]
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda name: quarantine_manufacturer(name, store=stops, operator=operator), names))
    assert set(names) <= stops.switch().manufacturers
    for name in names:
        release_manufacturer(name, store=stops, operator=operator)
        records = embedded.records(f"manufacturer#{name}")
        assert [record.action for record in records] == ["quarantine_manufacturer", "release_manufacturer"]


def _fences(embedded: Embedded) -> set[int | None]:
    keys = [{"pk": {"S": fence_key(number)}} for number in range(FENCES)]
    table = embedded.stack.outputs["AllowListTableName"]
    asked = {table: {"Keys": keys, "ConsistentRead": True}}
    items = embedded.dynamodb.batch_get_item(RequestItems=asked)["Responses"][table]
    return {int(item["version"]["N"]) for item in items} | ({None} if len(items) < FENCES else set())
