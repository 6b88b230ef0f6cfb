"""Import one checked factory file: give every row its effect, and account for each."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fleetgate.imports.apply import RowResult
from fleetgate.imports.check import CheckedFile
from fleetgate.imports.plan import RowClass
from fleetgate.imports.reading.factory_list import ImportRow, RejectedRow
from fleetgate.imports.reading.validate import ValidatedBatch
from fleetgate.imports.record import ImportFindings


@dataclass(slots=True)
class RowTally:
    """How the records of a file ended: each that is not blank is in exactly one class."""

    rows: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """The records."""
        return self.rows.total()

    @property
    def is_success(self) -> bool:
        """Whether any of them stands now."""
        return self.total > sum(self.rows[one] for one in (RowClass.REJECTED, RowClass.CONFLICT, RowClass.NOT_APPLIED))

    def add(self, ended: Sequence[RowResult], rejected: Sequence[RejectedRow]) -> None:
        """Count rows that came to an end, and rows that were rejected."""
        self.rows.update(one.row_class.value for one in ended)
        self.errors.update(one.conflict.value for one in ended if one.conflict)
        if rejected:
            self.rows[RowClass.REJECTED.value] += len(rejected)
            self.errors.update(one.error.value for one in rejected)

    def findings(self) -> ImportFindings:
        """What the record of the import says of it."""
        return ImportFindings(rows=dict(self.rows), errors=dict(self.errors), notes=self.notes)


class Rejects(Protocol):
    """Where rows go that did not take effect."""

    def start(self, header: tuple[str, ...], delimiter: str) -> None:
        """Name the columns of the file, and what stands between them."""

    def add(self, rejected: RejectedRow) -> None:
        """Keep one row as it was delivered, with what is wrong with it."""


def import_file(
    checked: CheckedFile,
    *,
    effect: Callable[[Sequence[ImportRow]], Sequence[RowResult]],
    rejects: Rejects,
    progress: Callable[[int], None] = lambda _done: None,
) -> RowTally:
    """Give every sound row of a file its effect. Safe to repeat, where the effect is.

    Args:
        effect: Gives some rows their effect, in order, and says how each ended.
        progress: Told how many records are done.

    Raises:
        Fault: The tables could not be asked; repeat it later.
    """
    file, batches = checked.batches()
    rejects.start(file.header, file.delimiter or ",")
    tally = RowTally()
    for batch in batches:
        ended = effect(batch.rows)
        tally.add(ended, batch.rejected)
        conflicts = [_rejected(batch, at, one) for at, one in enumerate(ended) if one.conflict]
        for rejected in sorted([*batch.rejected, *conflicts], key=lambda row: row.line_number):
            rejects.add(rejected)
        progress(tally.total)
    tally.notes = file.notes(checked.policy)
    return tally


def _rejected(batch: ValidatedBatch, at: int, ended: RowResult) -> RejectedRow:
    if ended.conflict is None:
        raise ValueError("the row took effect")
    return RejectedRow(ended.row.line_number, batch.as_delivered(at), None, ended.conflict, ended.conflict.meaning)
