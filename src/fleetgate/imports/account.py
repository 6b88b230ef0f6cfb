"""Accounts for the rows of a checked file: counts each row in one class, and writes rejects.csv and changes.csv."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

from fleetgate.imports.apply import RowResult
from fleetgate.imports.changes import FieldChange
from fleetgate.imports.check import CheckedFile
from fleetgate.imports.plan import RowClass
from fleetgate.imports.reading.cells import as_text
from fleetgate.imports.reading.factory_list import REPORT_COLUMNS, RejectedRow
from fleetgate.imports.reading.validate import ValidatedBatch
from fleetgate.imports.record import ImportFindings

_WITHOUT_EFFECT = (RowClass.REJECTED, RowClass.CONFLICT, RowClass.REPEATED, RowClass.NOT_APPLIED)
CHANGE_COLUMNS = ("line", "serial_number", "field", "before", "after")


@dataclass(slots=True)
class RowTally:
    """How the rows of a file ended: each row that is not blank is in exactly one class.

    Attributes:
        lines: The physical lines of the file, as `LineCounts` has them.
        changes: How many known devices change, by the kind of field.
    """

    rows: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
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
        counted = Counter(one.row_class.value for one in results)
        self.rows.update(counted)
        self.errors.update(one.conflict.value for one in results if one.conflict)
        if rejected:
            self.rows[RowClass.REJECTED.value] += len(rejected)
            self.errors.update(one.error.value for one in rejected)
        if counted[RowClass.UPDATED] or counted[RowClass.REVOKED]:
            self.changes.update(kind for one in results for kind in {change.kind for change in one.changes})

    def findings(self) -> ImportFindings:
        """The counts, as the import record keeps them."""
        return ImportFindings(
            rows=dict(self.rows),
            errors=dict(self.errors),
            changes=dict(self.changes),
            notes=self.notes,
            lines=dict(self.lines),
        )


@dataclass(frozen=True, slots=True)
class Reports:
    """Where the reports of an import are written, in UTF-8."""

    folder: Path

    @property
    def rejects(self) -> Path:
        """rejects.csv."""
        return self.folder / "rejects.csv"

    @property
    def changes(self) -> Path:
        """changes.csv."""
        return self.folder / "changes.csv"


class FileAccount:
    """The account of one checked file, which is read once more from its start.

    Attributes:
        batches: The rows of the file.
        delimiter: The one that the factory's spreadsheet writes, and so the one that it opens.
        tally: The rows that were added so far; its notes and lines come last.

    Args:
        rejects: Text for rejects.csv: rows as delivered, with the error in front, ready to be corrected and sent again.
        changes: Text for changes.csv: what known devices said before, and what they say after.
    """

    def __init__(self, checked: CheckedFile, rejects: TextIO, changes: TextIO) -> None:
        self._file, self.batches = checked.batches()
        self._policy = checked.policy
        self._notes = checked.notes
        self.delimiter = self._file.delimiter or ","
        self.tally = RowTally()
        self._rejects = csv.writer(rejects, delimiter=self.delimiter)
        self._rejects.writerow((*REPORT_COLUMNS, *map(as_text, self._file.header)))
        self._changes = csv.writer(changes, delimiter=self.delimiter)
        self._changes.writerow(CHANGE_COLUMNS)

    def add(self, batch: ValidatedBatch, results: Sequence[RowResult] = ()) -> None:
        """Account for one batch.

        Args:
            results: One for each sound row, or nothing where the rows are applied elsewhere.
        """
        self.tally.add(results, batch.rejected, batch.repeated)
        conflicts = [
            RejectedRow.conflicting(one.row.line_number, batch.as_delivered(at), one.conflict, one.detail)
            for at, one in enumerate(results)
            if one.conflict
        ]
        for rejected in sorted([*batch.rejected, *conflicts], key=lambda row: row.line_number):
            self._rejects.writerow(rejected.reported())
        for one in results if self.tally.changes else ():
            if one.changes:
                self._changes.writerows(reported_changes(one.row.line_number, one.row.serial_number.value, one.changes))

    def close(self) -> None:
        """Add the notes and the lines, which are complete once the file was read."""
        self.tally.notes = (*self._notes, *self._file.notes(self._policy))
        self.tally.lines = asdict(self._file.lines)


def reported_changes(line_number: int, serial_number: str, changes: Iterable[FieldChange]) -> Iterator[tuple[str, ...]]:
    """The changes of a device in changes.csv, each a line with the fields of `CHANGE_COLUMNS`."""
    for change in changes:
        yield str(line_number), *map(as_text, (serial_number, *change))


@contextmanager
def accounting(checked: CheckedFile, reports: Reports) -> Iterator[FileAccount]:
    """Account for a file, and write its reports."""
    with _writing(reports.rejects) as rejects, _writing(reports.changes) as changes:
        account = FileAccount(checked, rejects, changes)
        yield account
        account.close()


def _writing(path: Path) -> TextIO:
    # With the byte order mark that Excel wants.
    return path.open("w", encoding="utf-8-sig", newline="")
