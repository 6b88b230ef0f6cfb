"""Rows that name public keys, and devices that the switch stops: what an import does, and what it must never do."""

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from fleetgate.domain.allow_list import ApprovalTerms
from fleetgate.domain.gate_switch import OPEN, GateSwitch
from fleetgate.gate.store import GateStore
from fleetgate.imports.plan import KnownRows
from fleetgate.imports.reading.factory_list import ImportRow, Operation
from fleetgate.imports.store.rows import ImportStore
from fleetgate.store.allow_list_items import SWITCH_KEY, SwitchItem
from fleetgate.store.tables import TableSettings
from harness import faulty_dynamodb as faults
from harness.builders import reservation
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from tests.integration.conftest import Ask, Judge
from tests.integration.imports.rows import Deliver, classes, fresh_mac, owner, row


def fresh_key() -> str:
    """The fingerprint of a public key that nobody has."""
    return secrets.token_hex(32)


def assignment(embedded: Embedded, key_fingerprint: str) -> dict[str, Any] | None:
    """What is on record of a public key, but for when it was written."""
    item: dict[str, Any] | None = embedded.dynamodb.get_item(
        TableName=embedded.stack.outputs["AllowListTableName"],
        Key={"pk": {"S": f"key#{key_fingerprint}"}},
        ConsistentRead=True,
    ).get("Item")
    return item and {name: next(iter(value.values())) for name, value in item.items() if name != "updated_at"}


def with_key(one: ImportRow, key_fingerprint: str | None) -> ImportRow:
    """The row with the key that it names."""
    return one._replace(terms=replace(one.terms, key_fingerprint=key_fingerprint))


@pytest.mark.parametrize("is_revoked", [False, True])
def test_only_a_row_that_replaces_changes_the_key_of_a_device_and_hands_its_place_over(
    is_revoked: bool, embedded: Embedded, deliver: Deliver, batch: str
) -> None:
    mac, listed, other = fresh_mac(), fresh_key(), fresh_key()
    deliver([with_key(row(2, batch, mac), listed)])
    if is_revoked:
        deliver([row(2, batch, mac, operation=Operation.REVOKE)], import_id="import-2")
    before = embedded.entry(batch)

    assert classes(deliver([with_key(row(2, batch, mac), other)], import_id="import-3")) == ["other_public_key"]
    assert embedded.entry(batch) == before
    assert assignment(embedded, other) is None

    replacing = with_key(row(2, batch, mac, operation=Operation.REPLACE), other)
    assert classes(deliver([replacing], import_id="import-3")) == ["updated"]
    assert embedded.entry(batch).key_fingerprint == other
    assert assignment(embedded, listed) is None, "free for another device"
    given = assignment(embedded, other)
    assert given is not None
    assert (given["serial_number"], given["is_unused"]) == (batch, True)


def test_a_key_that_was_used_is_free_for_no_other_device_even_when_it_is_replaced(
    embedded: Embedded, deliver: Deliver, batch: str
) -> None:
    mac, used = fresh_mac(), fresh_key()
    deliver([with_key(row(2, batch, mac), used)])
    item = {"pk": f"key#{used}", "kind": "key", "serial_number": batch, "updated_at": "2026-01-01T00:00:00.000000+0000"}
    embedded.put_raw({name: {"S": text} for name, text in item.items()})
    before = assignment(embedded, used)

    replacing = with_key(row(2, batch, mac, operation=Operation.REPLACE), fresh_key())
    assert classes(deliver([replacing], import_id="import-2")) == ["updated"]
    assert before is not None
    assert assignment(embedded, used) == before


def test_a_row_that_names_no_key_leaves_the_listed_key_as_it_is(
    embedded: Embedded, deliver: Deliver, batch: str
) -> None:
    mac, listed = fresh_mac(), fresh_key()
    deliver([with_key(row(2, batch, mac), listed)])

    assert classes(deliver([row(2, batch, mac)], import_id="import-2")) == ["unchanged"]
    assert classes(deliver([row(2, batch, mac, model="other")], import_id="import-3")) == ["updated"]
    assert embedded.entry(batch).key_fingerprint == listed


def test_a_row_that_replaces_names_the_key_of_an_approved_device_that_had_none(
    embedded: Embedded, deliver: Deliver, batch: str
) -> None:
    mac, listed = fresh_mac(), fresh_key()
    deliver([row(2, batch, mac)])

    assert classes(deliver([with_key(row(2, batch, mac), listed)], import_id="import-2")) == ["other_public_key"]
    replacing = with_key(row(2, batch, mac, operation=Operation.REPLACE), listed)
    assert classes(deliver([replacing], import_id="import-2")) == ["updated"]
    assert embedded.entry(batch).key_fingerprint == listed


@pytest.mark.parametrize("state", ["reserved", "provisioned", "quarantined", "retired"])
@pytest.mark.parametrize("has_key", [False, True])
def test_an_import_does_not_name_another_key_for_a_device_that_is_in_or_stopped(
    state: str, has_key: bool, embedded: Embedded, deliver: Deliver, batch: str
) -> None:
    mac, other = fresh_mac(), fresh_key()
    deliver([with_key(row(2, batch, mac), fresh_key() if has_key else None)])
    held = embedded.entry(batch).reserve(reservation())
    entry = {
        "reserved": held,
        "provisioned": held.provisioned(),
        "quarantined": held.quarantined(),
        "retired": held.retired(),
    }[state]
    embedded.put(entry)

    expected = "in_use" if state in {"reserved", "provisioned"} else "stopped"
    for operation in (Operation.APPROVE, Operation.REPLACE):
        other_key = with_key(row(2, batch, mac, operation=operation), other)
        assert classes(deliver([other_key], import_id="import-2")) == [expected]
    assert embedded.entry(batch) == entry
    assert assignment(embedded, other) is None


# ---- Keys: a key that a row names is the device's -----------------------------------------------------------------


def test_a_row_that_names_a_key_assigns_it(embedded: Embedded, deliver: Deliver, batch: str) -> None:
    first, second, mac = fresh_key(), fresh_key(), fresh_mac()
    rows = [with_key(row(2, f"{batch}-A", fresh_mac()), first), row(3, f"{batch}-B", mac)]
    assert classes(deliver(rows)) == ["added", "added"]
    replacing = with_key(row(3, f"{batch}-B", mac, operation=Operation.REPLACE), second)
    assert classes(deliver([replacing], import_id="import-2")) == ["updated"]

    expected = {"kind": "key", "is_unused": True}
    assert assignment(embedded, first) == {
        **expected,
        "pk": f"key#{first}",
        "serial_number": f"{batch}-A",
        "import_id": "import-1",
    }
    assert assignment(embedded, second) == {
        **expected,
        "pk": f"key#{second}",
        "serial_number": f"{batch}-B",
        "import_id": "import-2",
    }


def test_a_key_is_never_moved(embedded: Embedded, deliver: Deliver, batch: str) -> None:
    key, mac = fresh_key(), fresh_mac()
    deliver([with_key(row(2, f"{batch}-A", fresh_mac()), key), row(3, f"{batch}-B", mac)])
    before = assignment(embedded, key), embedded.entry(f"{batch}-B")

    taken = "key_of_another_device"
    assert classes(deliver([with_key(row(2, f"{batch}-C", fresh_mac()), key)], import_id="import-2")) == [taken]
    for operation in (Operation.APPROVE, Operation.REPLACE):
        wanting = with_key(row(3, f"{batch}-B", mac, operation=operation), key)
        assert classes(deliver([wanting], import_id="import-2")) == [taken]
    assert embedded.device_item(f"{batch}-C") is None
    assert (assignment(embedded, key), embedded.entry(f"{batch}-B")) == before


def test_a_key_that_another_device_was_let_in_with_is_not_approved(
    embedded: Embedded, deliver: Deliver, batch: str, store: GateStore, ask: Ask, judge: Judge
) -> None:
    key, mac = fresh_key(), fresh_mac()
    deliver([row(2, f"{batch}-A", mac)])
    judge(ask(f"{batch}-A", mac_address=mac, key_fingerprint=key), store)
    before = assignment(embedded, key)

    conflict = deliver([with_key(row(2, f"{batch}-B", fresh_mac()), key)], import_id="import-2")
    assert classes(conflict) == ["key_of_another_device"]
    assert before is not None
    assert assignment(embedded, key) == before


@pytest.mark.parametrize("is_listed", [False, True])
def test_a_key_that_the_device_was_let_in_with_stays_as_it_is(
    is_listed: bool, embedded: Embedded, deliver: Deliver, batch: str
) -> None:
    key, mac = fresh_key(), fresh_mac()
    if is_listed:
        deliver([row(2, batch, mac)])
    used = {"pk": f"key#{key}", "kind": "key", "serial_number": batch, "updated_at": "2026-01-01T00:00:00.000000+0000"}
    embedded.put_raw({**{name: {"S": text} for name, text in used.items()}, "stops": {"SS": ["superseded"]}})
    before = assignment(embedded, key)

    operation = Operation.REPLACE if is_listed else Operation.APPROVE
    ended = deliver([with_key(row(2, batch, mac, operation=operation), key)], import_id="import-2")
    assert classes(ended) == ["updated" if is_listed else "added"]
    assert embedded.entry(batch).key_fingerprint == key
    assert assignment(embedded, key) == before


@pytest.mark.parametrize("is_listed", [False, True])
def test_a_key_that_is_assigned_between_the_read_and_the_write_is_not_taken(
    is_listed: bool,
    embedded: Embedded,
    tables: TableSettings,
    deliver: Deliver,
    batch: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key, mac, address = fresh_key(), fresh_mac(), fresh_mac()
    if is_listed:
        deliver([row(2, f"{batch}-A", mac)], import_id="import-0")
    slow = ImportStore(tables)
    find = slow.known
    others = [with_key(row(2, f"{batch}-B", address), key)]

    def known_then_assigned(*identities: Any) -> KnownRows:
        known = find(*identities)
        deliver(others, import_id="import-2")
        return known

    monkeypatch.setattr(slow, "known", known_then_assigned)
    operation = Operation.REPLACE if is_listed else Operation.APPROVE
    ended = deliver([with_key(row(2, f"{batch}-A", mac, operation=operation), key)], store=slow)

    assert classes(ended) == ["key_of_another_device"]
    found = assignment(embedded, key)
    assert found is not None
    assert found["serial_number"] == f"{batch}-B"
    item = embedded.device_item(f"{batch}-A")
    assert (item is not None) == is_listed
    assert item is None or "key_fingerprint" not in item
    assert owner(embedded, mac) == (f"{batch}-A" if is_listed else None)


def test_what_was_assigned_to_a_row_that_then_conflicts_is_free_again(
    embedded: Embedded, tables: TableSettings, deliver: Deliver, batch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, taken = fresh_key(), fresh_mac()
    rows = [with_key(row(2, f"{batch}-A", taken), key)]
    slow = ImportStore(tables)
    find = slow.known

    def known_then_assigned(*identities: Any) -> KnownRows:
        known = find(*identities)
        deliver([row(2, f"{batch}-B", taken)], import_id="import-2")
        return known

    monkeypatch.setattr(slow, "known", known_then_assigned)
    assert classes(deliver(rows, store=slow)) == ["mac_address_of_another_device"]
    assert assignment(embedded, key) is None


def test_only_a_row_that_names_a_key_writes_one_item_more_and_a_row_that_changes_nothing_writes_nothing(
    tables: TableSettings, faulty: FaultyDynamoDB, deliver: Deliver, batch: str
) -> None:
    written: list[str] = []

    def observe(doorman: Any) -> None:
        body = json.loads(doorman.request_body)
        written.extend(statement["Parameters"][0]["S"].partition("#")[0] for statement in body.get("Statements", []))
        written.extend(name for item in body.get("TransactItems", []) for name in item)
        faults.behave(doorman)

    faulty.always(observe)
    store = ImportStore(replace(tables, endpoint_url=faulty.endpoint_url))
    rows = [with_key(row(2, f"{batch}-A", fresh_mac()), fresh_key()), row(3, f"{batch}-B", fresh_mac())]

    deliver(rows, store=store)
    assert sorted(written) == ["device", "device", "key", "mac", "mac"]
    del faulty.operations[:]
    deliver(rows, store=store)
    deliver(rows, store=store, import_id="import-2")
    assert faulty.operations == ["BatchGetItem"] * 2

    written.clear()
    other_model = rows[0]._replace(terms=replace(rows[0].terms, attributes={"Model": "other"}))
    changed = [other_model, with_key(rows[1], fresh_key())._replace(operation=Operation.REPLACE)]
    assert classes(deliver(changed, store=store, import_id="import-3")) == ["updated", "updated"]
    assert written == ["Put"] * 4, "one for each device, and one for the key and for the record that it was replaced"


# ---- Stops of more than one device --------------------------------------------------------------------------------


@pytest.fixture
def stopped(embedded: Embedded) -> Iterator[Callable[[GateSwitch], None]]:
    """Updates the switch, which is gone in the end."""

    def update(switch: GateSwitch) -> None:
        item = SwitchItem(
            pk=SWITCH_KEY,
            is_stopped=switch.is_stopped,
            manufacturers=set(switch.manufacturers) or None,
            imports=set(switch.imports) or None,
            version=switch.version,
            updated_at=datetime.now(UTC),
        )
        embedded.put_raw(item.serialize())

    yield update
    embedded.dynamodb.delete_item(TableName=embedded.stack.outputs["AllowListTableName"], Key={"pk": {"S": SWITCH_KEY}})


@pytest.mark.parametrize("what", ["the import that added it", "the import that changed it last", "its manufacturer"])
def test_a_device_that_the_switch_stops_is_not_changed_so_that_the_stop_goes_on(
    what: str, stopped: Callable[[GateSwitch], None], embedded: Embedded, deliver: Deliver, batch: str
) -> None:
    added, changed, later = (f"{batch}-{number}" for number in (1, 2, 3))
    original = row(2, batch, fresh_mac())
    deliver([original], manufacturer=batch, import_id=added)
    other_model = original._replace(terms=ApprovalTerms(attributes={"Model": "gw-2"}))
    deliver([other_model], manufacturer=batch, import_id=changed)
    before = embedded.entry(batch)
    stopped(
        {
            "the import that added it": OPEN.stopping_import(added),
            "the import that changed it last": OPEN.stopping_import(changed),
            "its manufacturer": OPEN.stopping_manufacturer(batch),
        }[what]
    )

    for attempt in (original, original._replace(operation=Operation.REVOKE)):
        assert classes(deliver([attempt], manufacturer=batch, import_id=later)) == ["stopped"]
    assert classes(deliver([other_model], manufacturer=batch, import_id=later)) == ["unchanged"]
    assert embedded.entry(batch) == before

    stopped(OPEN.stopping_import(later))
    assert classes(deliver([original], manufacturer=batch, import_id=later)) == ["updated"], "the stop is another's"
