"""A new device is approved for exactly what its row says."""

from dataclasses import fields
from datetime import UTC, datetime

from fleetgate.domain.allow_list import ApprovalTerms
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.imports.plan import KnownRows, RowClass, Write, plan_row
from fleetgate.imports.reading.factory_list import ImportRow, Operation

_TERMS = ApprovalTerms(
    templates=frozenset({"meters"}),
    valid_from=datetime(2026, 1, 1, tzinfo=UTC),
    valid_until=datetime(2099, 1, 1, tzinfo=UTC),
    attributes={"Model": "gw-2"},
    key_fingerprint="a1" * 32,
)


def test_a_new_device_has_every_term_of_its_row() -> None:
    assert all(getattr(_TERMS, term.name) for term in fields(ApprovalTerms)), "each term says something"
    row = ImportRow(2, Operation.APPROVE, SerialNumber("SN-1"), frozenset(), _TERMS)

    plan = plan_row(row, KnownRows(), manufacturer="acme", import_id="import-1")
    assert isinstance(plan, Write)
    assert (plan.row_class, plan.after.terms) == (RowClass.ADDED, _TERMS)
