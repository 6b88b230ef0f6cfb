"""Import records: each change has the version that was read as its condition; some have an audit record."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from pynamodb.exceptions import UpdateError

from fleetgate.domain.audit import AuditRecord
from fleetgate.imports.record import ImportRecord, ImportStatus
from fleetgate.imports.store.items import (
    DayRowsItem,
    ImportItem,
    day_rows_key,
    import_item_from,
    import_key,
)
from fleetgate.imports.store.reader import ImportReader, known_import
from fleetgate.store.faults import condition_failed
from fleetgate.store.tables import Cancelled, StackTables, TableSettings

# Its position in the transaction of a change.
_DAY_ROWS = 1


class TooManyRowsToday(Exception):
    """The manufacturer has used up its rows of the day; nothing was written."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the limit is {limit}")
        self.limit = limit


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRows:
    """Rows to count for a manufacturer's day.

    Attributes:
        limit: Rows of the whole day.
    """

    manufacturer: str
    day: date
    rows: int
    limit: int


class ImportRecords:
    """The import records of one stack. Every method raises Fault when the tables do not answer."""

    def __init__(self, tables: TableSettings | StackTables) -> None:
        self._tables = StackTables.of(tables)
        self.reader = ImportReader(self._tables)

    def begin(self, record: ImportRecord) -> ImportRecord:
        """Write the record of an import that nobody began yet.

        Returns:
            The record as it stands: this one, or the one that is there already.
        """
        if self._tables.put_if(import_item_from(record), ImportItem.pk.does_not_exist()):
            return record
        return known_import(record.import_id, self.reader)

    def find(self, import_id: str) -> ImportRecord | None:
        """The record of an import, strongly consistent."""
        return self.reader.find(import_id)

    def change(self, after: ImportRecord, *, audit: AuditRecord | None = None, day_rows: DayRows | None = None) -> bool:
        """Write a changed record, with what belongs to the change, if the record is still the one before it.

        Returns:
            Whether it was written; False when somebody else changed it meanwhile.

        Raises:
            TooManyRowsToday: Of `day_rows`.
        """
        if day_rows and day_rows.rows > day_rows.limit:
            raise TooManyRowsToday(day_rows.limit)
        try:
            with self._tables.transaction(audit) as transaction:
                transaction.save(import_item_from(after), condition=ImportItem.version == after.version - 1)
                if day_rows:
                    counted = DayRowsItem.rows
                    room = counted.does_not_exist() | (counted <= day_rows.limit - day_rows.rows)
                    transaction.update(
                        DayRowsItem(day_rows_key(day_rows.manufacturer, day_rows.day)),
                        actions=[counted.add(day_rows.rows), DayRowsItem.kind.set(DayRowsItem)],
                        condition=room,
                    )
        except Cancelled as cancelled:
            reasons = [reason.code if reason else None for reason in cancelled.error.cancellation_reasons]
            if day_rows and reasons[0] is None and reasons[_DAY_ROWS] == "ConditionalCheckFailed":
                raise TooManyRowsToday(day_rows.limit) from cancelled
            return False
        return True

    def note_progress(self, import_id: str, done: int) -> None:
        """Note how many rows are done, for people who watch; says nothing about the end."""
        self._note(import_id, ImportItem.done.set(done), ImportItem.done < done)

    def add_progress(self, import_id: str, rows: int) -> None:
        """Add rows to those that are done, for people who watch: those of a batch, which may come twice."""
        self._note(import_id, ImportItem.done.add(rows), ImportItem.done < ImportItem.total)

    def _note(self, import_id: str, action: Any, condition: Any) -> None:
        with self._tables.asked():
            try:
                ImportItem(import_key(import_id)).update(
                    actions=[action], condition=(ImportItem.status == ImportStatus.IMPORTING.value) & condition
                )
            except UpdateError as error:
                if not condition_failed(error):
                    raise
