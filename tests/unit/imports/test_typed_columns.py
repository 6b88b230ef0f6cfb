"""A column with a type of its own goes all the way: from the cell to the allow-list, and to those who read it."""

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest

from fleetgate.domain.allow_list import ApprovalTerms
from fleetgate.domain.documents import terms_document, terms_lines
from fleetgate.imports.changes import changes_of_last_import
from fleetgate.imports.documents import row_document, row_from
from fleetgate.imports.plan import KnownRows, RowClass, Write, plan_row
from fleetgate.imports.reading.factory_list import ImportRow, Operation
from fleetgate.imports.store.statements import new_device
from fleetgate.store.allow_list_items import entry_from, item_from
from harness.builders import NOW, entry
from tests.unit.imports.factory_files import judged

# Each term by its name: the heading and the cell of a column, and the value that the cell means.
COLUMNS: dict[str, tuple[str, str, Any]] = {
    "templates": ("Template", "fleetgate", frozenset({"fleetgate"})),
    "valid_from": ("Not Before", "2026-02-01", datetime(2026, 2, 1, tzinfo=UTC)),
    "valid_until": ("Expiry", "2030-02-01", datetime(2030, 2, 1, tzinfo=UTC)),
    "attributes": ("Model", "gw-2", {"Model": "gw-2"}),
    "key_fingerprint": ("Public Key", "AB" * 32, "ab" * 32),
}

each_term = pytest.mark.parametrize("name", COLUMNS)


def row(name: str) -> ImportRow:
    """A row that says one term."""
    heading, cell, _ = COLUMNS[name]
    (read,) = judged(f"sn,{heading}\nFG-1,{cell}\n").rows
    return read


def added(name: str) -> Write:
    """What the row adds to the allow-list."""
    plan = plan_row(row(name), KnownRows(), manufacturer="acme", import_id="import-1")
    assert isinstance(plan, Write)
    return plan


def test_every_term_of_an_approval_has_its_column_here() -> None:
    assert set(COLUMNS) == {term.name for term in fields(ApprovalTerms)}


@each_term
def test_a_cell_is_read_as_its_term_and_no_other(name: str) -> None:
    assert row(name).terms == ApprovalTerms(**{name: COLUMNS[name][2]})


@each_term
def test_a_row_comes_back_whole_from_the_state_machine(name: str) -> None:
    assert row_from(json.loads(json.dumps(row_document(row(name), ())))) == row(name)


@each_term
def test_a_new_device_is_approved_for_the_term(name: str) -> None:
    assert added(name).after.terms == row(name).terms


@each_term
def test_a_row_that_replaces_the_term_updates_the_device(name: str) -> None:
    listed = entry(serial_number="FG-1", mac_addresses=(), attributes={})
    known = KnownRows({listed.serial_number: listed})
    replacing = row(name)._replace(operation=Operation.REPLACE)
    plan = plan_row(replacing, known, manufacturer=listed.manufacturer, import_id="import-2")

    assert isinstance(plan, Write)
    assert (plan.row_class, plan.after.terms) == (RowClass.UPDATED, row(name).terms)
    (change,) = plan.changes
    assert change.after
    assert plan.after.changed_from == {change.field: ""}
    assert changes_of_last_import(plan.after) == plan.changes, "the next try tells the same"


@each_term
def test_the_table_keeps_the_term(name: str) -> None:
    item = item_from(added(name).after, now=NOW)

    assert entry_from(item).terms == row(name).terms
    assert new_device(added(name).after, now=NOW).own[name] == item.serialize()[name]


@each_term
def test_people_and_programs_are_shown_the_term(name: str) -> None:
    terms, none = row(name).terms, ApprovalTerms()

    assert terms_document(terms)[name] != terms_document(none)[name]
    assert terms_lines(terms) != terms_lines(none)
    assert terms.differing_terms(none) == none.differing_terms(terms) != []
