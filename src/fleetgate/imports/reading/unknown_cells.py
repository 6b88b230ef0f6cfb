"""Refuses a file with cells that restrict what is allowed under a heading that nobody knows, anywhere in the file."""

from collections.abc import Sequence

from fleetgate.imports.reading.columns import Column, Meaning, rename_to, shown
from fleetgate.imports.reading.errors import FileError, UnreadableFile
from fleetgate.imports.reading.factory_file import RowBatch
from fleetgate.imports.reading.headings import tells_past_events
from fleetgate.imports.reading.restricting import BARE, bare_in, may_restrict, restricting_in

# Different cells of a column.
_MAX_REMEMBERED = 10_000


class UnknownCells:
    """The unknown columns of some rows with the same columns."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = [
            _UnknownColumn(at, column) for at, column in enumerate(columns) if column.meaning is Meaning.UNKNOWN
        ]

    def look(self, batch: RowBatch) -> None:
        """Look at some rows.

        Raises:
            UnreadableFile: A cell restricts by itself.
        """
        for column in self._columns:
            column.look(batch)

    def conclude(self) -> None:
        """Judge the columns once all rows were looked at.

        Raises:
            UnreadableFile: A column is mostly bare MAC addresses or days.
        """
        for column in self._columns:
            column.conclude()


class _UnknownColumn:
    def __init__(self, at: int, column: Column) -> None:
        self._at, self._column = at, column
        self._with_dates = not tells_past_events(column.heading)
        # Cells that were looked at: a column often says the same of thousands of devices.
        self._seen: set[str] = set()
        self._filled = 0
        # By the column that bare cells belong under: how many there are, and what the first says.
        self._bare = {name: (0, "") for name in BARE if self._with_dates or name == "MAC Address"}

    def look(self, batch: RowBatch) -> None:
        cells = [row[self._at] for row in batch.rows]
        fresh = set(cells).difference(self._seen)
        if not fresh:
            return
        if len(self._seen) < _MAX_REMEMBERED:
            self._seen |= fresh
        self._filled += len(fresh)
        if not may_restrict(fresh, with_dates=self._with_dates):
            return
        if found := restricting_in(fresh, with_dates=self._with_dates):
            self._refuse(found.name, found.told(batch.line_numbers[cells.index(found.cell)]))
        for name, (number, told) in self._bare.items():
            if bare := bare_in(fresh, name):
                first = told or bare[0].told(batch.line_numbers[cells.index(bare[0].cell)])
                self._bare[name] = (number + len(bare), first)

    def conclude(self) -> None:
        for name, (number, told) in self._bare.items():
            # One of the cells may be blank.
            if number and number * 2 >= self._filled - 1:
                self._refuse(name, told)

    def _refuse(self, name: str, told: str) -> None:
        raise UnreadableFile(
            FileError.COLUMN_UNKNOWN,
            f"The column {shown(self._column.heading)} {told}. {rename_to(self._column.heading, name)}",
        )
