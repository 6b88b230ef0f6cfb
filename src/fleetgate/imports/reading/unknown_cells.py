"""Refuses a file with cells that restrict what is allowed under a heading that nobody knows, anywhere in the file."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fleetgate.imports.reading.columns import Column, Meaning, rename_to, shown
from fleetgate.imports.reading.errors import FileError, UnreadableFile
from fleetgate.imports.reading.factory_file import RowBatch
from fleetgate.imports.reading.headings import tells_past_events
from fleetgate.imports.reading.restricting import BARE, bare_restricting, first_restricting

# Cells after which a column that is not mostly bare digits of a kind is no longer looked at for them.
_ENOUGH = 500


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


@dataclass(slots=True)
class _UnknownColumn:
    at: int
    column: Column
    filled: int = 0
    # By the column that the cells belong under: how many look so, and the first of them.
    bare: dict[str, tuple[int, str]] = field(init=False)
    with_dates: bool = field(init=False)

    def __post_init__(self) -> None:
        self.with_dates = not tells_past_events(self.column.heading)
        self.bare = {name: (0, "") for name in BARE if self.with_dates or name == "MAC Address"}

    def look(self, batch: RowBatch) -> None:
        cells = [row[self.at] for row in batch.rows]
        if found := first_restricting(cells, with_dates=self.with_dates):
            self._refuse(found.name, found.told(batch.line_numbers[found.position]))
        if not self.bare:
            return
        self.filled += sum(1 for cell in cells if cell.strip())
        for name, (before, first) in list(self.bare.items()):
            number, found = bare_restricting(cells, name)
            told = first or (found.told(batch.line_numbers[found.position]) if found else "")
            self.bare[name] = (before + number, told)
            if self.filled >= _ENOUGH and (before + number) * 2 < self.filled:
                del self.bare[name]

    def conclude(self) -> None:
        for name, (number, told) in self.bare.items():
            if number and number * 2 >= self.filled:
                self._refuse(name, told)

    def _refuse(self, name: str, told: str) -> None:
        raise UnreadableFile(
            FileError.COLUMN_UNKNOWN,
            f"The column {shown(self.column.heading)} {told}. {rename_to(self.column.heading, name)}",
        )
