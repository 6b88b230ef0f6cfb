"""Rows of a factory list against real tables: what they do, what they must never do, and repeating them."""

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from fleetgate.domain.allow_list import AllowListEntry, ApprovalTerms, DeviceState
from fleetgate.domain.faults import Fault
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.domain.reasons import FaultReason
from fleetgate.gate.decision import Allowed
from fleetgate.gate.settings import HookSettings
from fleetgate.gate.store import GateStore
from fleetgate.imports.apply import RowResult
from fleetgate.imports.changes import FieldChange
from fleetgate.imports.plan import ConflictReason, RowClass
from fleetgate.imports.reading.factory_list import Operation
from fleetgate.imports.store.rows import ImportStore
from fleetgate.store.tables import TableSettings
from harness import faulty_dynamodb as faults
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from tests.integration.conftest import Ask, Judge
from tests.integration.imports.rows import Deliver, classes, fresh_mac, owner, row


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


def test_an_unused_approval_can_be_replaced_and_its_mac_address_with_it(
    embedded: Embedded, deliver: Deliver, batch: str
) -> None:
    old, new = fresh_mac(), fresh_mac()
    deliver([row(2, batch, old)])
    unsaid = [row(2, batch, new, model="thermostat-3")]
    changed = [row(2, batch, new, model="thermostat-3", operation=Operation.REPLACE)]

    (conflict,) = deliver(unsaid, import_id="import-2")
    assert conflict.conflict is ConflictReason.OTHER_MAC_ADDRESSES
    assert f"the list says {new}, the device has {old}." in conflict.detail
    assert (embedded.entry(batch).import_id, owner(embedded, old), owner(embedded, new)) == ("import-1", batch, None)

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
    other_mac = row(2, batch, fresh_mac(), operation=Operation.REPLACE)
    withdrawal = original._replace(operation=Operation.REVOKE)
    for import_id in ("import-2", "import-3"):
        assert classes(deliver([original], import_id=import_id)) == ["unchanged"]
        for changing in (other_model, other_mac, withdrawal):
            assert classes(deliver([changing], import_id=import_id)) == ["in_use"]
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
    assert classes(deliver([original._replace(terms=ApprovalTerms())], import_id="import-2")) == ["unchanged"]
    for changing in (
        row(2, batch, model="thermostat-3"),
        row(2, batch, fresh_mac(), operation=Operation.REPLACE),
        original._replace(operation=Operation.REVOKE),
    ):
        assert classes(deliver([changing], import_id="import-2")) == ["stopped"]
    assert embedded.entry(batch) == stopped


def test_another_manufacturers_device_is_never_touched(embedded: Embedded, deliver: Deliver, batch: str) -> None:
    original = row(2, batch, fresh_mac())
    deliver([original])
    before = embedded.entry(batch)

    for attempt in (original, *(original._replace(operation=operation) for operation in Operation)):
        assert classes(deliver([attempt], manufacturer="globex", import_id="import-2")) == ["not_yours_to_list"]
    assert embedded.entry(batch) == before


def test_a_mac_address_is_never_moved(embedded: Embedded, deliver: Deliver, batch: str) -> None:
    mac = fresh_mac()
    deliver([row(2, f"{batch}-A", mac), row(3, f"{batch}-B", fresh_mac())])

    taken = "mac_address_of_another_device"
    assert classes(deliver([row(2, f"{batch}-C", mac)], import_id="import-2")) == [taken]
    for operation in (Operation.APPROVE, Operation.REPLACE):
        assert classes(deliver([row(3, f"{batch}-B", mac, operation=operation)], import_id="import-2")) == [taken]
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

    other_label = row(2, batch, fresh_mac())
    assert classes(deliver([other_label], import_id="import-4")) == ["other_mac_addresses"], "the label is another"
    assert classes(deliver([original], import_id="import-4")) == ["updated"]
    assert isinstance(judge(ask(batch, mac_address=mac), store).decision, Allowed)


@pytest.mark.parametrize("operation", [Operation.REVOKE, Operation.REPLACE])
def test_nothing_can_be_withdrawn_or_replaced_that_was_never_approved(
    operation: Operation, embedded: Embedded, deliver: Deliver, batch: str
) -> None:
    assert classes(deliver([row(2, batch, fresh_mac(), operation=operation)])) == [f"nothing_to_{operation.value}"]
    assert embedded.device_item(batch) is None


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
            row(3, f"{batch}-{cut}-known", kept, operation=Operation.REPLACE),
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
        assert again[1].changes == (FieldChange("mac_addresses", gone, kept),), "told again by every try"
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
