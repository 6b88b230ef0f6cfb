"""Import one factory file: judge the whole of it first, then give every row its effect, and account for each."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Protocol

from fleetgate.domain.factory_list import ImportPolicy, RejectedRow
from fleetgate.domain.import_plan import RowClass
from fleetgate.domain.row_errors import FileError, UnreadableFile
from fleetgate.store.imports import ImportStore
from fleetgate.workflows.apply_rows import EndedRow, apply_rows
from fleetgate.workflows.read_factory_file import FactoryFile, read_rows
from fleetgate.workflows.validate_rows import ValidatedBatch, validate_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Which file came from whom.

    Attributes:
        manufacturer: From the place of delivery, never from the file.
        import_id: The same for every delivery of the same object.
        file_name: What people know the file by.
    """

    manufacturer: str
    import_id: str
    file_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyGates:
    """What a file must keep to before anything of it is written.

    Attributes:
        most_rows: Of one file.
        most_rejected_share: Of its rows, 0 to 1. A file that is mostly wrong is the wrong file.
    """

    most_rows: int = 1_000_000
    most_rejected_share: float = 0.2


@dataclass(slots=True, kw_only=True)
class ImportSummary:
    """How an import ended: every record of the file that is not blank is in exactly one class."""

    delivery: Delivery
    rows: Counter[RowClass] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """The records of the file."""
        return self.rows.total()

    @property
    def is_success(self) -> bool:
        """Whether the file had any row that stands now."""
        return self.total > self.rows[RowClass.REJECTED] + self.rows[RowClass.CONFLICT]


class Rejects(Protocol):
    """Where rows go that did not take effect."""

    def start(self, header: tuple[str, ...]) -> None:
        """Name the columns of the file."""

    def add(self, rejected: RejectedRow) -> None:
        """Keep one row as it was delivered, with what is wrong with it."""


def import_file(
    open_file: Callable[[], BinaryIO],
    *,
    delivery: Delivery,
    policy: ImportPolicy,
    gates: SafetyGates,
    store: ImportStore,
    rejects: Rejects,
    now: Callable[[], datetime],
) -> ImportSummary:
    """Import a file. Safe to repeat: the same delivery ends the same.

    Args:
        open_file: Opens the same content each time; it is read twice, so that nothing is written of a file that the
            gates refuse.

    Raises:
        UnreadableFile: The file is refused as a whole, and nothing was written.
        Fault: The tables could not be asked; repeat it later.
    """
    _, batches = _judged(open_file, delivery, policy)
    _hold_gates(batches, gates)
    file, batches = _judged(open_file, delivery, policy)
    rejects.start(file.header)
    summary = ImportSummary(delivery=delivery)
    for batch in batches:
        ended = apply_rows(
            batch.rows,
            manufacturer=delivery.manufacturer,
            import_id=delivery.import_id,
            store=store,
            now=now,
        )
        summary.rows.update(one.row_class for one in ended)
        conflicts = [_rejected(batch, at, one) for at, one in enumerate(ended) if one.conflict]
        summary.rows.update([RowClass.REJECTED] * len(batch.rejected))
        for rejected in sorted([*batch.rejected, *conflicts], key=lambda row: row.line_number):
            summary.errors[rejected.error.value] += 1
            rejects.add(rejected)
    summary.notes = file.notes(policy)
    return summary


def _judged(
    open_file: Callable[[], BinaryIO], delivery: Delivery, policy: ImportPolicy
) -> tuple[FactoryFile, Iterator[ValidatedBatch]]:
    file = read_rows(open_file(), name=delivery.file_name)
    return file, validate_rows(file, policy)


def _hold_gates(batches: Iterator[ValidatedBatch], gates: SafetyGates) -> None:
    """Read a file to its end, and refuse it if it does not keep to the gates."""
    total = rejected = 0
    for batch in batches:
        total += len(batch.rows) + len(batch.rejected)
        rejected += len(batch.rejected)
        if total > gates.most_rows:
            raise UnreadableFile(FileError.TOO_MANY_ROWS, f"The limit is {gates.most_rows:,}.")
    if total == 0:
        raise UnreadableFile(FileError.NO_ROWS)
    if rejected > total * gates.most_rejected_share:
        raise UnreadableFile(
            FileError.TOO_MANY_REJECTED,
            f"{rejected:,} of {total:,} rows are wrong; the limit is {gates.most_rejected_share:.0%}.",
        )


def _rejected(batch: ValidatedBatch, at: int, ended: EndedRow) -> RejectedRow:
    if ended.conflict is None:
        raise ValueError("the row took effect")
    return RejectedRow(ended.row.line_number, batch.as_delivered(at), None, ended.conflict, ended.conflict.meaning)
