"""Accounts for the rows of a checked file: counts each row in one class, and writes rejects.csv."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

from fleetgate.imports.apply import RowResult
from fleetgate.imports.check import CheckedFile
from fleetgate.imports.plan import RowClass
from fleetgate.imports.reading.factory_list import REPORT_COLUMNS, RejectedRow
from fleetgate.imports.reading.validate import ValidatedBatch
from fleetgate.imports.record import ImportFindings

_WITHOUT_EFFECT = (RowClass.REJECTED, RowClass.CONFLICT, RowClass.REPEATED, RowClass.NOT_APPLIED)


@dataclass(slots=True)
class RowTally:
    """How the rows of a file ended: each row that is not blank is in exactly one class.

    Attributes:
        lines: The physical lines of the file, as `LineCounts` has them.
    """

    rows: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    notes: tuple[str, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many rows were counted."""
        return self.rows.total()

    @property
    def is_success(self) -> bool:
        """Whether the allow-list now holds what at least one row says."""
        return self.total > sum(self.rows[one] for one in _WITHOUT_EFFECT)

    def add(self, results: Sequence[RowResult], rejected: Sequence[RejectedRow], repeated: int = 0) -> None:
        """Count sound rows by their results, rejected rows, and rows that repeat others."""
        if repeated:
            self.rows[RowClass.REPEATED.value] += repeated
        self.rows.update(one.row_class.value for one in results)
        self.errors.update(one.conflict.value for one in results if one.conflict)
        if rejected:
            self.rows[RowClass.REJECTED.value] += len(rejected)
            self.errors.update(one.error.value for one in rejected)

    def findings(self) -> ImportFindings:
        """The counts, as the import record keeps them."""
        return ImportFindings(rows=dict(self.rows), errors=dict(self.errors), notes=self.notes, lines=dict(self.lines))


class FileAccount:
    """The account of one checked file, which is read once more from its start.

    Attributes:
        batches: The rows of the file.
        delimiter: The one that the factory's spreadsheet writes, and so the one that it opens.
        tally: The rows that were added so far; its notes and lines come last.

    Args:
        rejects: Text for rejects.csv: rows as delivered, with the error in front, ready to be corrected and sent again.
    """

    def __init__(self, checked: CheckedFile, rejects: TextIO) -> None:
        self._file, self.batches = checked.batches()
        self._policy = checked.policy
        self._notes = checked.notes
        self.delimiter = self._file.delimiter or ","
        self.tally = RowTally()
        self._writer = csv.writer(rejects, delimiter=self.delimiter)
        self._writer.writerow((*REPORT_COLUMNS, *self._file.header))

    def add(self, batch: ValidatedBatch, results: Sequence[RowResult] = ()) -> None:
        """Account for one batch.

        Args:
            results: One for each sound row, or nothing where the rows are applied elsewhere.
        """
        self.tally.add(results, batch.rejected, batch.repeated)
        conflicts = [
            RejectedRow.conflicting(one.row.line_number, batch.as_delivered(at), one.conflict)
            for at, one in enumerate(results)
            if one.conflict
        ]
        for rejected in sorted([*batch.rejected, *conflicts], key=lambda row: row.line_number):
            self._writer.writerow(rejected.reported())

    def close(self) -> None:
        """Add the notes and the lines, which are complete once the file was read."""
        self.tally.notes = (*self._notes, *self._file.notes(self._policy))
        self.tally.lines = asdict(self._file.lines)


@contextmanager
def accounting(checked: CheckedFile, rejects: Path) -> Iterator[FileAccount]:
    """Account for a file.

    Args:
        rejects: Where rejects.csv is written, in UTF-8 with the byte order mark that Excel wants. Bytes that are no
            text are written as they were delivered.
    """
    with rejects.open("w", encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        account = FileAccount(checked, stream)
        yield account
        account.close()
