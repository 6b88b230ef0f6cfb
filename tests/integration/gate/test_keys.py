"""Keys at the gate: whom a public key belongs to, and what a second certificate of it may do."""

import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry, DeviceState
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.domain.reasons import AllowRule, DenialReason
from fleetgate.gate.decision import Allowed, Denied
from fleetgate.gate.request import PresentedIdentity
from fleetgate.gate.settings import HookSettings
from fleetgate.gate.store import Facts, GateStore
from fleetgate.imports.apply import apply_rows
from fleetgate.imports.reading.factory_list import ImportRow, Operation
from fleetgate.imports.store.rows import ImportStore
from fleetgate.store.allow_list_items import assignment_key
from harness import faulty_dynamodb as faults
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from harness.world import mac as fresh_mac
from tests.integration.conftest import Ask, Judge


@pytest.fixture
def other(embedded: Embedded, approved: AllowListEntry) -> AllowListEntry:
    """Another approved device of the same manufacturer."""
    other = replace(approved, serial_number=SerialNumber(f"{approved.serial_number}-other"))
    embedded.put(other)
    return other


def stored_key(embedded: Embedded, key_fingerprint: str) -> dict[str, Any] | None:
    """The item of a key assignment."""
    item: dict[str, Any] | None = embedded.dynamodb.get_item(
        TableName=embedded.stack.outputs["AllowListTableName"],
        Key={"pk": {"S": assignment_key(key_fingerprint)}},
        ConsistentRead=True,
    ).get("Item")
    return item


def stop(embedded: Embedded, key_fingerprint: str, attribute: str, value: str) -> None:
    """Write what a stop writes to a key assignment."""
    embedded.dynamodb.update_item(
        TableName=embedded.stack.outputs["AllowListTableName"],
        Key={"pk": {"S": assignment_key(key_fingerprint)}},
        UpdateExpression=f"ADD {attribute} :value",
        ExpressionAttributeValues={":value": {"SS": [value]}},
    )


def test_an_allow_assigns_the_key_and_every_record_names_it(
    embedded: Embedded, store: GateStore, approved: AllowListEntry, ask: Ask, judge: Judge
) -> None:
    request = ask(approved.serial_number.value)
    judge(request, store)

    assert request.key_fingerprint is not None
    item = stored_key(embedded, request.key_fingerprint)
    assert item is not None
    assert (item["serial_number"], item["kind"]) == ({"S": approved.serial_number.value}, {"S": "key"})
    assert not item.keys() & {"stops", "deactivated_certificates"}
    held = embedded.entry(approved.serial_number).reservation
    assert held is not None
    assert held.key_fingerprint == request.key_fingerprint
    (record,) = embedded.records(f"device#{approved.serial_number}")
    assert record.key_fingerprint == request.key_fingerprint


def test_a_denial_assigns_no_key(
    embedded: Embedded, store: GateStore, approved: AllowListEntry, ask: Ask, judge: Judge
) -> None:
    request = ask(approved.serial_number.value, mac_address="00:1b:44:66:66:66")
    assert judge(request, store).decision == Denied(DenialReason.MAC_ADDRESS_MISMATCH)

    assert request.key_fingerprint is not None
    assert stored_key(embedded, request.key_fingerprint) is None
    (record,) = embedded.records(f"device#{approved.serial_number}")
    assert record.key_fingerprint == request.key_fingerprint


def test_one_certificate_is_let_in_for_one_serial_number_only(
    embedded: Embedded, store: GateStore, approved: AllowListEntry, other: AllowListEntry, ask: Ask, judge: Judge
) -> None:
    first = ask(approved.serial_number.value)
    judge(first, store)
    second = replace(first, presented_parameters=ask(other.serial_number.value).presented_parameters)

    assert judge(second, store).decision == Denied(DenialReason.KEY_ASSIGNED_TO_ANOTHER_DEVICE)
    assert embedded.entry(other.serial_number) == other
    (record,) = embedded.records(f"device#{other.serial_number}")
    assert (record.reason, record.key_fingerprint) == ("key_assigned_to_another_device", first.key_fingerprint)


def test_one_key_is_let_in_for_one_serial_number_only_whatever_becomes_of_the_device(
    embedded: Embedded, store: GateStore, approved: AllowListEntry, other: AllowListEntry, ask: Ask, judge: Judge
) -> None:
    first = ask(approved.serial_number.value)
    judge(first, store)
    embedded.put(embedded.entry(approved.serial_number).provisioned().quarantined().retired())
    second = ask(other.serial_number.value, key_fingerprint=first.key_fingerprint)

    assert judge(second, store).decision == Denied(DenialReason.KEY_ASSIGNED_TO_ANOTHER_DEVICE)
    assert embedded.entry(other.serial_number) == other


def test_a_key_that_was_given_away_between_the_read_and_the_write_is_not_given_again(
    embedded: Embedded,
    settings: HookSettings,
    store: GateStore,
    approved: AllowListEntry,
    other: AllowListEntry,
    ask: Ask,
    judge: Judge,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = ask(approved.serial_number.value)
    second = ask(other.serial_number.value, key_fingerprint=first.key_fingerprint)
    slow = GateStore(settings.tables)
    find = slow.find

    def find_then_give_away(identity: PresentedIdentity) -> Facts:
        facts = find(identity)
        judge(first, store)
        return facts

    monkeypatch.setattr(slow, "find", find_then_give_away)

    assert judge(second, slow).decision == Denied(DenialReason.KEY_ASSIGNED_TO_ANOTHER_DEVICE)
    assert embedded.entry(other.serial_number) == other


@pytest.mark.parametrize("attribute", ["stops", "deactivated_certificates"])
@pytest.mark.parametrize("is_retry", [False, True])
def test_a_stop_that_lands_between_the_read_and_the_write_wins(
    attribute: str,
    is_retry: bool,
    embedded: Embedded,
    store: GateStore,
    approved: AllowListEntry,
    ask: Ask,
    judge: Judge,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = ask(approved.serial_number.value)
    judge(first, store)
    request = first if is_retry else ask(approved.serial_number.value, key_fingerprint=first.key_fingerprint)
    before = embedded.entry(approved.serial_number)
    find = store.find

    def find_then_stop(identity: PresentedIdentity) -> Facts:
        facts = find(identity)
        value = request.certificate_id if attribute == "deactivated_certificates" else f"claim#{'c1' * 32}"
        stop(embedded, identity.key_fingerprint, attribute, value)
        return facts

    monkeypatch.setattr(store, "find", find_then_stop)

    assert judge(request, store).decision == Denied(DenialReason.CERTIFICATE_DEACTIVATED)
    assert embedded.entry(approved.serial_number) == before


def test_another_certificate_of_the_same_key_takes_its_reservation_over_at_once_and_as_often_as_it_likes(
    embedded: Embedded, store: GateStore, approved: AllowListEntry, ask: Ask, judge: Judge, settings: HookSettings
) -> None:
    """A signing request that is replayed makes a new certificate each time."""
    first = ask(approved.serial_number.value)
    judge(first, store)
    for _ in range(settings.policy.max_attempts + 2):
        again = ask(approved.serial_number.value, key_fingerprint=first.key_fingerprint)
        decision = judge(again, store).decision
        assert isinstance(decision, Allowed)
        assert decision.rule is AllowRule.SAME_KEY

    held = embedded.entry(approved.serial_number).reservation
    assert held is not None
    assert (held.certificate_id, held.attempts, held.taken_over) == (again.certificate_id, 1, False)
    assert embedded.entry(approved.serial_number).state is DeviceState.RESERVED
    stranger = judge(ask(approved.serial_number.value), store)
    assert stranger.decision == Denied(DenialReason.RESERVED_BY_ANOTHER_CERTIFICATE)


def test_only_the_key_that_an_approval_names_gets_in(
    embedded: Embedded, store: GateStore, approved: AllowListEntry, ask: Ask, judge: Judge
) -> None:
    genuine = ask(approved.serial_number.value)
    embedded.put(replace(approved, key_fingerprint=genuine.key_fingerprint))

    assert judge(ask(approved.serial_number.value), store).decision == Denied(DenialReason.KEY_MISMATCH)
    assert isinstance(judge(genuine, store).decision, Allowed)
    assert embedded.entry(approved.serial_number).key_fingerprint == genuine.key_fingerprint


def test_a_listed_key_is_its_devices_before_the_device_comes(
    embedded: Embedded,
    store: GateStore,
    approved: AllowListEntry,
    other: AllowListEntry,
    settings: HookSettings,
    ask: Ask,
    judge: Judge,
) -> None:
    """Whoever has a claim certificate and a label without a key takes no listed key away with its public request."""
    listed = replace(
        approved,
        serial_number=SerialNumber(f"{approved.serial_number}-listed"),
        mac_addresses=frozenset(),
        key_fingerprint=secrets.token_hex(32),
    )
    assert listed.key_fingerprint is not None
    row = ImportRow(
        2, Operation.APPROVE, listed.serial_number, frozenset({MacAddress.parse(fresh_mac())}), listed.terms
    )
    imports = ImportStore(embedded.tables())
    apply_rows([row], manufacturer="acme", import_id="list-1", store=imports, now=lambda: datetime.now(UTC))
    (mac_address,) = row.mac_addresses

    thief = ask(other.serial_number.value, key_fingerprint=listed.key_fingerprint)
    assert judge(thief, store).decision == Denied(DenialReason.KEY_ASSIGNED_TO_ANOTHER_DEVICE)
    assert embedded.entry(other.serial_number) == other

    genuine = ask(listed.serial_number.value, mac_address=mac_address.value, key_fingerprint=listed.key_fingerprint)
    assert isinstance(judge(genuine, store).decision, Allowed)
    item = stored_key(embedded, listed.key_fingerprint)
    assert item is not None
    assert "is_unused" not in item, "from now on no roll-back takes it back"


def test_a_device_that_was_let_in_before_keys_were_assigned_gets_its_answer_again_and_its_key_with_it(
    embedded: Embedded, store: GateStore, approved: AllowListEntry, ask: Ask, judge: Judge
) -> None:
    request = ask(approved.serial_number.value)
    judge(request, store)
    assert request.key_fingerprint is not None
    embedded.dynamodb.delete_item(
        TableName=embedded.stack.outputs["AllowListTableName"],
        Key={"pk": {"S": assignment_key(request.key_fingerprint)}},
    )
    again = judge(request, store)

    assert isinstance(again.decision, Allowed)
    assert again.decision.rule is AllowRule.SAME_CERTIFICATE_RETRY
    assert stored_key(embedded, request.key_fingerprint) is not None


# ---- What it costs ------------------------------------------------------------------------------------------------


def test_a_decision_is_two_calls_and_an_allow_writes_the_device_the_key_and_the_record(
    faulty: FaultyDynamoDB, faulty_store: GateStore, approved: AllowListEntry, ask: Ask, judge: Judge
) -> None:
    """As many items as before keys were assigned, when the third was a fence."""
    written: list[list[tuple[str, str]]] = []

    def observe(doorman: Any) -> None:
        body = json.loads(doorman.request_body)
        if "TransactItems" in body:
            parts = [part for item in body["TransactItems"] for part in item.items()]
            written.append([(name, _key_of(part).partition("#")[0]) for name, part in parts])
        faults.behave(doorman)

    faulty.always(observe)
    first = ask(approved.serial_number.value)
    judge(first, faulty_store)  # an allow
    judge(first, faulty_store)  # a retry
    judge(ask(approved.serial_number.value, key_fingerprint=first.key_fingerprint), faulty_store)  # the same key
    judge(ask(approved.serial_number.value), faulty_store)  # a denial

    assert faulty.operations == [*["BatchGetItem", "TransactWriteItems"] * 3, "BatchGetItem", "PutItem"]
    assert [sorted(parts) for parts in written] == [
        [("Put", "device"), ("Update", "device"), ("Update", "key")],
        [("ConditionCheck", "device"), ("ConditionCheck", "key"), ("Put", "device")],
        [("ConditionCheck", "key"), ("Put", "device"), ("Update", "device")],
    ]


def _key_of(part: dict[str, Any]) -> str:
    attributes = part.get("Key") or part["Item"]
    return str((attributes.get("pk") or attributes["subject"])["S"])
