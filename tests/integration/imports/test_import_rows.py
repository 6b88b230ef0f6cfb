"""Rows of a factory list against real tables: what they do, what they must never do, and repeating them."""

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry, ApprovalTerms, DeviceState
from fleetgate.domain.faults import Fault
from fleetgate.domain.gate_switch import OPEN, GateSwitch
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.domain.reasons import FaultReason
from fleetgate.gate.decision import Allowed
from fleetgate.gate.settings import HookSettings
from fleetgate.gate.store import GateStore
from fleetgate.imports.apply import RowResult, apply_rows
from fleetgate.imports.plan import KnownRows, RowClass
from fleetgate.imports.reading.factory_list import ImportRow, Operation
from fleetgate.imports.store.rows import ImportStore
from fleetgate.store.allow_list_items import SWITCH_KEY, SwitchItem
from fleetgate.store.tables import TableSettings
from harness import faulty_dynamodb as faults
from harness.builders import reservation
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from tests.integration.conftest import Ask, Judge


@pytest.fixture
def tables(embedded: Embedded) -> TableSettings:
    """The tables, as root."""
    return embedded.tables()


@pytest.fixture
def batch() -> str:
    """What the serial numbers of one test start with."""
    return f"IMP-{secrets.token_hex(4)}"


Deliver = Callable[..., list[RowResult]]


@pytest.fixture
def deliver(tables: TableSettings) -> Deliver:
    """Applies rows of acme's import-1 unless told otherwise."""

    def run(
        rows: list[ImportRow],
        *,
        manufacturer: str = "acme",
        import_id: str = "import-1",
        store: ImportStore | None = None,
    ) -> list[RowResult]:
        return apply_rows(
            rows,
            manufacturer=manufacturer,
            import_id=import_id,
            store=store or ImportStore(tables),
            now=lambda: datetime.now(UTC),
        )

    return run


def row(
    line_number: int,
    serial_number: str,
    *mac_addresses: str,
    operation: Operation = Operation.APPROVE,
    model: str = "thermostat-2",
) -> ImportRow:
    """A row that approves a device."""
    return ImportRow(
        line_number=line_number,
        operation=operation,
        serial_number=SerialNumber(serial_number),
        mac_addresses=frozenset(map(MacAddress.parse, mac_addresses)),
        terms=ApprovalTerms(attributes={"Model": model}),
    )


def fresh_mac() -> str:
    return MacAddress.parse(f"001b{secrets.token_hex(4)}").value


def classes(ended: list[RowResult]) -> list[str]:
    return [one.conflict.value if one.conflict else one.row_class.value for one in ended]


def owner(embedded: Embedded, mac_address: str) -> str | None:
    item = embedded.dynamodb.get_item(
        TableName=embedded.stack.outputs["AllowListTableName"],
        Key={"pk": {"S": f"mac#{mac_address}"}},
        ConsistentRead=True,
    ).get("Item")
    return None if item is None else str(item["serial_number"]["S"])


def test_new_rows_are_added_with_their_line_and_their_mac_addresses(
    embedded: Embedded, deliver: Deliver, batch: str
) -> None:
    macs = [fresh_mac() for _ in range(60)]
    rows = [row(number + 2, f"{batch}-{number}", mac) for number, mac in enumerate(macs)]
    assert classes(deliver(rows)) == ["added"] * 60

    entry = embedded.entry(f"{batch}-7")
    assert (entry.manufacturer, entry.import_id, entry.import_line, entry.first_import_id) == (
        "acme",
        "import-1",
        9,
        "import-1",
    )
    assert entry.state is DeviceState.APPROVED
    assert [owner(embedded, mac) for mac in macs] == [f"{batch}-{number}" for number in range(60)]


def test_the_same_delivery_again_ends_the_same_and_changes_nothing(
    embedded: Embedded, deliver: Deliver, batch: str
) -> None:
    rows = [row(2, f"{batch}-A", fresh_mac()), row(3, f"{batch}-B", fresh_mac())]
    first = deliver(rows)
    before = [embedded.entry(f"{batch}-A"), embedded.entry(f"{batch}-B")]

    assert deliver(rows) == first
    assert [embedded.entry(f"{batch}-A"), embedded.entry(f"{batch}-B")] == before
    assert classes(deliver(rows, import_id="import-2")) == ["unchanged", "unchanged"]


def test_an_unused_approval_can_be_changed_and_its_mac_address_with_it(
    embedded: Embedded, deliver: Deliver, batch: str
) -> None:
    old, new = fresh_mac(), fresh_mac()
    deliver([row(2, batch, old)])
    changed = [row(2, batch, new, model="thermostat-3")]

    assert classes(deliver(changed, import_id="import-2")) == ["updated"]
    assert classes(deliver(changed, import_id="import-2")) == ["updated"]
    entry = embedded.entry(batch)
    assert (dict(entry.attributes), entry.first_import_id, entry.import_id) == (
        {"Model": "thermostat-3"},
        "import-1",
        "import-2",
    )
    assert (owner(embedded, old), owner(embedded, new)) == (None, batch)


def _reserved(entry: AllowListEntry, store: GateStore, ask: Ask, judge: Judge) -> None:
    (mac_address,) = entry.mac_addresses
    decision = judge(ask(entry.serial_number.value, mac_address=mac_address.value), store).decision
    assert isinstance(decision, Allowed)


def test_a_device_that_was_let_in_is_never_changed(
    embedded: Embedded, deliver: Deliver, batch: str, store: GateStore, ask: Ask, judge: Judge
) -> None:
    mac = fresh_mac()
    original = row(2, batch, mac)
    deliver([original])
    _reserved(embedded.entry(batch), store, ask, judge)
    reserved = embedded.entry(batch)

    other_model = original._replace(terms=ApprovalTerms(attributes={"Model": "forged"}))
    withdrawal = original._replace(operation=Operation.REVOKE)
    for import_id in ("import-2", "import-3"):
        assert classes(deliver([original], import_id=import_id)) == ["unchanged"]
        assert classes(deliver([other_model], import_id=import_id)) == ["in_use"]
        assert classes(deliver([withdrawal], import_id=import_id)) == ["in_use"]
    assert classes(deliver([original])) == ["added"], "its own import still says what it did"
    assert embedded.entry(batch) == reserved


@pytest.mark.parametrize("stop", [AllowListEntry.quarantined, AllowListEntry.retired])
def test_a_stop_is_never_lifted(
    stop: Callable[[AllowListEntry], AllowListEntry], embedded: Embedded, deliver: Deliver, batch: str
) -> None:
    original = row(2, batch, fresh_mac())
    deliver([original])
    embedded.put(stop(embedded.entry(batch)))
    stopped = embedded.entry(batch)

    assert classes(deliver([original], import_id="import-2")) == ["unchanged"]
    assert classes(deliver([original._replace(terms=ApprovalTerms())], import_id="import-2")) == ["stopped"]
    assert classes(deliver([original._replace(operation=Operation.REVOKE)], import_id="import-2")) == ["stopped"]
    assert embedded.entry(batch) == stopped


def test_another_manufacturers_device_is_never_touched(embedded: Embedded, deliver: Deliver, batch: str) -> None:
    original = row(2, batch, fresh_mac())
    deliver([original])
    before = embedded.entry(batch)

    for attempt in (original, original._replace(terms=ApprovalTerms()), original._replace(operation=Operation.REVOKE)):
        assert classes(deliver([attempt], manufacturer="globex", import_id="import-2")) == ["other_manufacturer"]
    assert embedded.entry(batch) == before


def test_a_mac_address_is_never_moved(embedded: Embedded, deliver: Deliver, batch: str) -> None:
    mac = fresh_mac()
    deliver([row(2, f"{batch}-A", mac), row(3, f"{batch}-B", fresh_mac())])

    taken = "mac_address_of_another_device"
    assert classes(deliver([row(2, f"{batch}-C", mac)], import_id="import-2")) == [taken]
    assert classes(deliver([row(3, f"{batch}-B", mac)], import_id="import-2")) == [taken]
    assert owner(embedded, mac) == f"{batch}-A"


def test_an_unused_approval_is_withdrawn_and_can_be_given_again(
    embedded: Embedded, deliver: Deliver, batch: str, store: GateStore, ask: Ask, judge: Judge
) -> None:
    mac = fresh_mac()
    original = row(2, batch, mac)
    deliver([original])
    withdrawal = [original._replace(operation=Operation.REVOKE)]
    assert classes(deliver(withdrawal, import_id="import-2")) == ["revoked"]
    assert classes(deliver(withdrawal, import_id="import-2")) == ["revoked"]
    assert classes(deliver(withdrawal, import_id="import-3")) == ["unchanged"]
    assert judge(ask(batch, mac_address=mac), store).record.reason == "approval_revoked"

    assert classes(deliver([original], import_id="import-4")) == ["updated"]
    assert isinstance(judge(ask(batch, mac_address=mac), store).decision, Allowed)


def test_nothing_can_be_withdrawn_that_was_never_approved(deliver: Deliver, batch: str) -> None:
    assert classes(deliver([row(2, batch, operation=Operation.REVOKE)])) == ["nothing_to_revoke"]


def test_the_first_of_two_lines_for_one_device_counts(embedded: Embedded, deliver: Deliver, batch: str) -> None:
    mac = fresh_mac()
    rows = [row(2, f"{batch}-A", mac), row(3, f"{batch}-A", fresh_mac()), row(4, f"{batch}-B", mac)]
    expected = ["added", "duplicate_in_file", "mac_address_of_another_device"]

    assert classes(deliver(rows)) == expected
    assert classes(deliver(rows)) == expected
    assert embedded.entry(f"{batch}-A").mac_addresses == {MacAddress.parse(mac)}


def test_an_import_that_was_cut_off_anywhere_ends_as_if_it_had_run_once(
    embedded: Embedded, tables: TableSettings, deliver: Deliver, faulty: FaultyDynamoDB, batch: str
) -> None:
    faulty_tables = replace(tables, endpoint_url=faulty.endpoint_url, total_attempts=1)
    for cut in range(1, 12):
        kept, gone = fresh_mac(), fresh_mac()
        deliver([row(2, f"{batch}-{cut}-known", gone), row(3, f"{batch}-{cut}-old", fresh_mac())], import_id="import-0")
        rows = [
            row(2, f"{batch}-{cut}-new", fresh_mac()),
            row(3, f"{batch}-{cut}-known", kept),
            row(4, f"{batch}-{cut}-old", operation=Operation.REVOKE),
            row(5, f"{batch}-{cut}-new", fresh_mac()),
            *(row(10 + number, f"{batch}-{cut}-{number}", fresh_mac()) for number in range(30)),
        ]
        faulty.next(*[faults.behave] * (cut - 1), faults.lose_answer)
        try:
            deliver(rows, store=ImportStore(faulty_tables))
            was_cut_off = False
        except Fault:
            was_cut_off = True
        faulty.heal()
        again = deliver(rows, store=ImportStore(faulty_tables))

        assert classes(again) == ["added", "updated", "revoked", "duplicate_in_file"] + ["added"] * 30
        assert (owner(embedded, kept), owner(embedded, gone)) == (f"{batch}-{cut}-known", None)
        if not was_cut_off:
            assert cut > 4, "it was cut off nowhere"
            break
    else:
        pytest.fail("the import was still being cut off: look at more places")


def test_statements_that_are_throttled_are_repeated_after_a_pause_and_no_others(
    tables: TableSettings, faulty: FaultyDynamoDB, deliver: Deliver, embedded: Embedded, batch: str
) -> None:
    vendor = f"00:1b:44:{secrets.token_hex(1)}:{secrets.token_hex(1)}"
    rows = [row(number, f"{batch}-{number}", f"{vendor}:{number:02x}") for number in range(2, 42)]
    pauses: list[float] = []
    store = ImportStore(replace(tables, endpoint_url=faulty.endpoint_url), sleep=pauses.append)
    faulty.next(faults.behave, *[faults.throttle_every_other_statement] * 4)
    ended = deliver(rows, store=store)

    assert {one.row_class for one in ended} == {RowClass.ADDED}
    assert {embedded.entry(f"{batch}-{number}").version for number in range(2, 42)} == {1}
    assert pauses == sorted(pauses)
    assert len(pauses) == 4


def test_statements_that_stay_throttled_are_a_fault(
    tables: TableSettings, faulty: FaultyDynamoDB, deliver: Deliver, batch: str
) -> None:
    rows = [row(number, f"{batch}-{number}") for number in range(2, 12)]
    store = ImportStore(replace(tables, endpoint_url=faulty.endpoint_url), sleep=lambda _seconds: None)
    faulty.always(faults.throttle_last_statement)
    with pytest.raises(Fault) as fault:
        deliver(rows, store=store)
    assert fault.value.reason is FaultReason.STORE_THROTTLED


def test_lists_and_devices_at_once_leave_one_owner_for_everything(
    embedded: Embedded,
    tables: TableSettings,
    settings: HookSettings,
    deliver: Deliver,
    batch: str,
    ask: Ask,
    judge: Judge,
) -> None:
    macs = [fresh_mac() for _ in range(40)]
    lists = {
        (manufacturer, import_id): [row(line + 2, f"{batch}-{(line + shift) % 40}", macs[line]) for line in range(40)]
        for shift, (manufacturer, import_id) in enumerate([("acme", "a-1"), ("acme", "a-2"), ("globex", "g-1")])
    }
    together = threading.Barrier(4)
    gate, imports = GateStore(tables), ImportStore(tables)
    gate.prime()
    imports.known([], [])

    def import_one(key: tuple[str, str]) -> list[RowResult]:
        together.wait()
        return deliver(lists[key], manufacturer=key[0], import_id=key[1], store=imports)

    def let_devices_in() -> dict[str, str]:
        together.wait()
        let_in: dict[str, str] = {}
        for _ in range(5):
            for number in range(40):
                for mac in (macs[number], macs[number - 1]):
                    registration = judge(ask(f"{batch}-{number}", mac_address=mac), gate)
                    if isinstance(registration.decision, Allowed):
                        let_in[f"{batch}-{number}"] = str(registration.record.certificate_id)
        return let_in

    with ThreadPoolExecutor(4) as pool:
        outcomes = {key: pool.submit(import_one, key) for key in lists}
        let_in = pool.submit(let_devices_in).result()
    added = [
        (one.row.serial_number, key, one.row.mac_addresses)
        for key, outcome in outcomes.items()
        for one in outcome.result()
        if one.row_class is RowClass.ADDED
    ]

    assert len({serial_number for serial_number, _, _ in added}) == len(added), "added twice"
    owners: dict[MacAddress, SerialNumber] = {}
    for serial_number, (manufacturer, _), _ in added:
        entry = embedded.entry(serial_number)
        assert entry.manufacturer == manufacturer
        for mac_address in entry.mac_addresses:
            assert owners.setdefault(mac_address, serial_number) == serial_number, "one MAC address, two devices"
            assert owner(embedded, mac_address.value) == serial_number.value
    for serial_number_text, certificate_id in let_in.items():
        held = embedded.entry(serial_number_text).reservation
        assert held is not None
        assert held.certificate_id == certificate_id, "an import reset a device that was let in"


# ---- Keys: an import never changes which key a device has ---------------------------------------------------------


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
def test_an_import_does_not_change_the_key_of_a_device_whose_key_is_listed(
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


def test_a_row_that_names_no_key_leaves_the_listed_key_as_it_is(
    embedded: Embedded, deliver: Deliver, batch: str
) -> None:
    mac, listed = fresh_mac(), fresh_key()
    deliver([with_key(row(2, batch, mac), listed)])

    assert classes(deliver([row(2, batch, mac)], import_id="import-2")) == ["unchanged"]
    assert classes(deliver([row(2, batch, mac, model="other")], import_id="import-3")) == ["updated"]
    assert embedded.entry(batch).key_fingerprint == listed


def test_a_row_names_the_key_of_an_approved_device_that_had_none(
    embedded: Embedded, deliver: Deliver, batch: str
) -> None:
    mac, listed = fresh_mac(), fresh_key()
    deliver([row(2, batch, mac)])

    assert classes(deliver([with_key(row(2, batch, mac), listed)], import_id="import-2")) == ["updated"]
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
    assert classes(deliver([with_key(row(2, batch, mac), other)], import_id="import-2")) == [expected]
    assert embedded.entry(batch) == entry
    assert assignment(embedded, other) is None


# ---- Keys: a key that a row names is the device's -----------------------------------------------------------------


def test_a_row_that_names_a_key_assigns_it(embedded: Embedded, deliver: Deliver, batch: str) -> None:
    first, second, mac = fresh_key(), fresh_key(), fresh_mac()
    rows = [with_key(row(2, f"{batch}-A", fresh_mac()), first), row(3, f"{batch}-B", mac)]
    assert classes(deliver(rows)) == ["added", "added"]
    assert classes(deliver([with_key(row(3, f"{batch}-B", mac), second)], import_id="import-2")) == ["updated"]

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
    assert classes(deliver([with_key(row(3, f"{batch}-B", mac), key)], import_id="import-2")) == [taken]
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

    ended = deliver([with_key(row(2, batch, mac), key)], import_id="import-2")
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
    ended = deliver([with_key(row(2, f"{batch}-A", mac), key)], store=slow)

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
    changed = [rows[0]._replace(terms=replace(rows[0].terms, attributes={})), with_key(rows[1], fresh_key())]
    assert classes(deliver(changed, store=store, import_id="import-3")) == ["updated", "updated"]
    assert written == ["Put", "Put", "Put"], "one for each device, and one for the key"


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
