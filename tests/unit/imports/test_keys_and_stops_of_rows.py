"""What a row that names a key may do, by whose the key is; and what it may do to a device that the switch stops."""

from dataclasses import replace

import pytest

from fleetgate.domain.allow_list import AllowListEntry, ApprovalTerms, KeyAssignment
from fleetgate.domain.gate_switch import OPEN, GateSwitch
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.imports.plan import Conflict, ConflictReason, KnownRows, NothingToWrite, Plan, RowClass, Write, plan_row
from fleetgate.imports.reading.factory_list import ImportRow, Operation
from harness.builders import MANUFACTURER, entry

KEY = "ab" * 32
LISTED = entry(serial_number="FG-1", mac_addresses=(), import_id="import-2", first_import_id="import-1")


def planned(known: KnownRows, operation: Operation = Operation.APPROVE, key: str | None = KEY) -> Plan:
    """The plan of a row of a later import."""
    row = ImportRow(2, operation, LISTED.serial_number, frozenset(), ApprovalTerms(key_fingerprint=key))
    return plan_row(row, known, manufacturer=MANUFACTURER, import_id="import-3")


def owned_by(serial_number: str) -> dict[str, KeyAssignment]:
    """The key, given to a device."""
    return {KEY: KeyAssignment(fingerprint=KEY, serial_number=SerialNumber(serial_number))}


@pytest.mark.parametrize("entries", [{}, {LISTED.serial_number: LISTED}], ids=["new", "listed"])
def test_a_row_names_a_key_that_is_nobodys_or_its_own_and_no_other(entries: dict[SerialNumber, AllowListEntry]) -> None:
    def known(keys: dict[str, KeyAssignment]) -> KnownRows:
        return KnownRows(entries, keys=keys)

    for keys in ({}, owned_by("FG-1")):
        plan = planned(known(keys), Operation.REPLACE if entries else Operation.APPROVE)
        assert isinstance(plan, Write)
        assert plan.key_to_assign == KEY
    others = known(owned_by("FG-2"))
    assert planned(replace(others, makers={KEY: MANUFACTURER})) == Conflict(ConflictReason.KEY_OF_ANOTHER_DEVICE)
    strangers: list[dict[MacAddress | str, str]] = [{}, {KEY: "globex"}]
    for makers in strangers:
        assert planned(replace(others, makers=makers)) == Conflict(ConflictReason.NOT_YOURS_TO_LIST)


def test_a_row_in_the_way_of_ones_own_device_and_of_anothers_tells_nothing_of_either() -> None:
    macs = [MacAddress.parse(f"00:1b:44:11:3a:0{number}") for number in range(2)]
    row = ImportRow(2, Operation.APPROVE, LISTED.serial_number, frozenset(macs), ApprovalTerms())
    known = KnownRows(
        mac_owners=dict.fromkeys(macs, SerialNumber("FG-2")), makers={macs[0]: MANUFACTURER, macs[1]: "globex"}
    )
    plan = plan_row(row, known, manufacturer=MANUFACTURER, import_id="import-3")
    assert plan == Conflict(ConflictReason.NOT_YOURS_TO_LIST)


@pytest.mark.parametrize(
    "switch",
    [OPEN.stopping_manufacturer(MANUFACTURER), OPEN.stopping_import("import-1"), OPEN.stopping_import("import-2")],
)
def test_a_row_changes_no_device_that_the_switch_stops(switch: GateSwitch) -> None:
    known = KnownRows({LISTED.serial_number: LISTED}, switch=switch)
    for operation in Operation:
        assert planned(known, operation) == Conflict(ConflictReason.STOPPED)
    unchanged = plan_row(
        ImportRow(2, Operation.APPROVE, LISTED.serial_number, frozenset(), LISTED.terms),
        known,
        manufacturer=MANUFACTURER,
        import_id="import-3",
    )
    assert unchanged == NothingToWrite(RowClass.UNCHANGED)


def test_the_stop_of_another_import_keeps_no_row_back() -> None:
    known = KnownRows({LISTED.serial_number: LISTED}, switch=OPEN.stopping_import("import-3"))
    plan = planned(known, Operation.REPLACE)
    assert isinstance(plan, Write)
