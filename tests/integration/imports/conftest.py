"""The tables, and rows that are applied to them."""

import secrets
from datetime import UTC, datetime

import pytest

from fleetgate.imports.apply import RowResult, apply_rows
from fleetgate.imports.reading.factory_list import ImportRow
from fleetgate.imports.store.rows import ImportStore
from fleetgate.store.tables import TableSettings
from harness.embedded import Embedded
from tests.integration.imports.rows import Deliver


@pytest.fixture
def tables(embedded: Embedded) -> TableSettings:
    """The tables, as root."""
    return embedded.tables()


@pytest.fixture
def batch() -> str:
    """What the serial numbers of one test start with."""
    return f"IMP-{secrets.token_hex(4)}"


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
