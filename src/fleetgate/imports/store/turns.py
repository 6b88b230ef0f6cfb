"""The turns of each manufacturer: how many of its files are imported at once, so that the others' go on beside them."""

from collections.abc import Mapping
from datetime import datetime

from fleetgate.imports.store.items import TurnsItem, turns_key
from fleetgate.store.faults import Overtaken, until_written
from fleetgate.store.tables import StackTables, TableSettings

# Of one manufacturer at once; the queue has the importer called for five messages at once.
MAX_TURNS = 2


class ImportTurns:
    """The turns of one stack. Every method raises Fault when the tables do not answer.

    A turn that nobody ends, since its importer was killed, is over at the time that was said when it was taken.
    """

    def __init__(self, tables: TableSettings | StackTables) -> None:
        self._tables = StackTables.of(tables)

    def take(self, manufacturer: str, import_id: str, *, now: datetime, until: datetime) -> bool:
        """Take a turn for an import, or keep the one that it has.

        Args:
            until: When the turn is over at the latest.

        Returns:
            Whether it has a turn; False while as many others of the manufacturer have one.
        """

        def attempt() -> bool:
            item, turns = self._turns(manufacturer)
            open_turns = {name: end for name, end in turns.items() if end > now.timestamp()}
            if import_id not in open_turns and len(open_turns) >= MAX_TURNS:
                return False
            self._save(item, manufacturer, {**open_turns, import_id: until.timestamp()})
            return True

        return until_written(attempt)

    def end(self, manufacturer: str, import_id: str) -> None:
        """End the turn of an import, if it has one."""

        def attempt() -> None:
            item, turns = self._turns(manufacturer)
            if turns.pop(import_id, None) is not None:
                self._save(item, manufacturer, turns)

        until_written(attempt)

    def _turns(self, manufacturer: str) -> tuple[TurnsItem | None, dict[str, float]]:
        item = self._tables.get(TurnsItem, turns_key(manufacturer))
        turns = item.turns.attribute_values if item and item.turns else {}
        return item, {name: float(end) for name, end in turns.items()}

    def _save(self, item: TurnsItem | None, manufacturer: str, turns: Mapping[str, float]) -> None:
        version = int(item.version) if item else 0
        after = TurnsItem(turns_key(manufacturer), turns=dict(turns), version=version + 1)
        before = TurnsItem.version == version if item else TurnsItem.pk.does_not_exist()
        if not self._tables.put_if(after, before):
            raise Overtaken
