"""The import as the figures put it to work: a factory's list on disk, its two passes, and a sink that takes all."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.imports.account import Reports, RowTally, accounting
from fleetgate.imports.apply import apply_rows
from fleetgate.imports.check import CheckedFile, check_file
from fleetgate.imports.plan import KnownRows
from fleetgate.imports.reading.factory_list import ImportPolicy
from fleetgate.imports.store.rows import ImportStore

MANUFACTURER = "acme"


class NullSink(ImportStore):
    """Tables in which nothing is, and into which everything goes."""

    def __init__(self) -> None:
        """Needs no settings."""

    def known(self, *_identities: Iterable[SerialNumber | MacAddress | str]) -> KnownRows:
        """Know none of them."""
        return KnownRows()

    def replace(self, *_writes: object, now: datetime) -> set[SerialNumber]:  # noqa: ARG002 - as in ImportStore
        """Take them all."""
        return set()

    def insert(self, *_writes: object, now: datetime) -> set[SerialNumber]:  # noqa: ARG002 - as in ImportStore
        """Take them all."""
        return set()


class KnownSink(NullSink):
    """Tables in which each device is, of another model, and into which every change of it goes."""

    def known(self, *identities: Iterable[SerialNumber | MacAddress | str]) -> KnownRows:
        """Know them all, with the labels that `factory_lines` gives them."""
        serial_numbers = (one for one in identities[0] if isinstance(one, SerialNumber))
        return KnownRows({serial_number: _listed(serial_number) for serial_number in serial_numbers})


def _listed(serial_number: SerialNumber) -> AllowListEntry:
    number = int(serial_number.value.rpartition("-")[2])
    return AllowListEntry(
        serial_number=serial_number,
        manufacturer=MANUFACTURER,
        mac_addresses=frozenset({MacAddress((b"\x00\x1b\x44" + number.to_bytes(3, "big")).hex(":"))}),
        attributes={"Model": "another"},
        import_id="import-0",
    )


@contextmanager
def list_on_disk(lines: Iterable[str]) -> Iterator[Path]:
    """A factory's list, in a folder that goes away with it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "benchmark.csv"
        with path.open("w", newline="") as file:
            file.writelines(lines)
        yield path


def check_pass(path: Path) -> CheckedFile:
    """Read a list to its end, as an import does before anything takes effect."""
    return check_file(lambda: path.open("rb"), file_name=path.name, policy=ImportPolicy(), max_rows=10_000_000)


def apply_pass(path: Path, checked: CheckedFile, store: ImportStore, *, import_id: str = "import-1") -> RowTally:
    """Read a list again, apply its rows, and write rejects.csv beside it."""
    with accounting(checked, Reports(path.parent)) as account:
        for batch in account.batches:
            results = apply_rows(
                batch.rows,
                manufacturer=MANUFACTURER,
                import_id=import_id,
                store=store,
                now=lambda: datetime.now(UTC),
            )
            account.add(batch, results)
    return account.tally
