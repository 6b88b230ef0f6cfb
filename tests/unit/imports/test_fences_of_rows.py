"""Rows outside the profile of their manufacturer are rejected, on the plain path and cell by cell."""

import io
from typing import Any

import pytest

from fleetgate.domain.manufacturer import Manufacturer
from fleetgate.imports.reading.factory_file import read_rows
from fleetgate.imports.reading.factory_list import ImportPolicy, ImportRow, RejectedRow
from fleetgate.imports.reading.validate import validate_rows

POLICY = ImportPolicy(
    template_names=frozenset({"fleetgate", "bench"}), thing_groups=frozenset({"devices", "line-4", "line-5"})
)
MAC = "00:1b:44:11:3a:b7"


def judged(heading: str, row: str, **profile: Any) -> ImportRow | RejectedRow:
    """One row of a list of acme with some profile."""
    held: dict[str, Any] = {name: frozenset(values) for name, values in profile.items()}
    policy = POLICY.narrowed_to(Manufacturer(name="acme", **held))
    file = read_rows(io.BytesIO(f"{heading}\n{row}\n".encode()), name="list.csv")
    (batch,) = validate_rows(file, policy)
    both: list[ImportRow | RejectedRow] = [*batch.rows, *batch.rejected]
    (only,) = both
    return only


def error(row: ImportRow | RejectedRow) -> str:
    """The code of a rejected row, with its column."""
    assert isinstance(row, RejectedRow)
    return f"{row.error.value} in {row.column}"


# The second spelling of each is none that the plain path takes.
@pytest.mark.parametrize("spelling", ["{}", '"=""{}"""'])
@pytest.mark.parametrize(
    ("serial_number", "is_own"),
    [("ACME-1", True), ("AX-42", True), ("GLOBEX-1", False), ("ACM", False), ("acme-1", False), ("AX-4", False)],
)
def test_a_serial_number_of_others_is_rejected(serial_number: str, is_own: bool, spelling: str) -> None:
    row = judged("sn,mac", f"{spelling.format(serial_number)},{MAC}", serial_numbers={"ACME-*", "AX-##"})
    if is_own:
        assert isinstance(row, ImportRow)
        assert row.serial_number.value == serial_number
    else:
        assert error(row) == "serial_number_of_another_range in sn"


def test_a_serial_number_of_ones_own_must_still_make_a_thing_name() -> None:
    assert error(judged("sn,mac", f"A{'1' * 128},{MAC}", serial_numbers={"A*"})) == "serial_number_invalid in sn"


@pytest.mark.parametrize("prefixes", [{"00:1b:44"}, {"00:1b:44:1"}, {"70:b3:d5:7e:d", "00:1b:44:11:3a:b7"}])
@pytest.mark.parametrize("spelling", ["001B.4411.3AB7", "00-1b-44-11-3a-b7", "00:1b:44:11:3a:b7 001B44113AB7"])
def test_a_mac_address_of_ones_own_is_taken_in_every_spelling(prefixes: set[str], spelling: str) -> None:
    assert isinstance(judged("sn,mac", f"SN-1,{spelling}", mac_prefixes=prefixes), ImportRow)


@pytest.mark.parametrize("cell", ["00:25:96:12:34:57", "001B.4521.3AB7", f"{MAC} 002596123457"])
def test_a_mac_address_of_another_vendor_is_rejected(cell: str) -> None:
    row = judged("sn,mac", f"SN-1,{cell}", mac_prefixes={"00:1b:44"})
    assert error(row) == "mac_address_of_another_vendor in mac"


def test_a_template_or_group_of_others_is_rejected() -> None:
    heading, row = "sn,mac,Template,Group", f"SN-1,{MAC}"
    own = {"templates": {"fleetgate"}, "thing_groups": {"line-4"}}
    assert isinstance(judged(heading, f"{row},fleetgate,line-4", **own), ImportRow)
    assert error(judged(heading, f"{row},bench,", **own)) == "template_of_others in Template"
    assert error(judged(heading, f"{row},ghost,", **own)) == "template_invalid in Template"
    assert error(judged(heading, f"{row},,line-5", **own)) == "thing_group_of_others in Group"


@pytest.mark.parametrize(("heading", "cells"), [("sn,mac,Template", f"SN-1,{MAC},"), ("sn,mac", f"SN-1,{MAC}")])
def test_a_row_that_names_no_template_never_gets_more_than_its_manufacturer_may_name(heading: str, cells: str) -> None:
    row = judged(heading, cells, templates={"fleetgate"})
    assert isinstance(row, ImportRow)
    assert row.terms.templates == {"fleetgate"}


def test_an_empty_profile_rejects_nothing() -> None:
    assert isinstance(judged("sn,mac,Template,Group", f"ANY-1,{MAC},bench,line-5"), ImportRow)
