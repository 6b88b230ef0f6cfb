"""Import records: each change has the version that was read as its condition; some have an audit record."""

from dataclasses import dataclass
from datetime import date
from itertools import islice

from pynamodb.exceptions import DoesNotExist, PutError, TransactWriteError, UpdateError
from pynamodb.transactions import TransactWrite

from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.refusals import Refusal, RefusalCode
from fleetgate.imports.record import ImportRecord, ImportStatus
from fleetgate.imports.store.items import (
    LISTING,
    DayRowsItem,
    ImportItem,
    day_rows_key,
    import_item_from,
    import_key,
    import_record_from,
)
from fleetgate.store.allow_list import Page, page_of
from fleetgate.store.audit_items import AuditItem, record_from
from fleetgate.store.faults import cancellation_codes, faults_translated, response_code
from fleetgate.store.tables import StackTables, TableSettings

# Its position in the transaction of a change.
_DAY_ROWS = 1
# DynamoDB reads a page before it filters it.
_PAGE_ITEMS = 100


class TooManyRowsToday(Exception):
    """The manufacturer has used up its rows of the day; nothing was written."""


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

    def prime(self) -> None:
        """Build the client."""
        self._tables.connection()

    def begin(self, record: ImportRecord) -> ImportRecord:
        """Write the record of an import that has not begun yet.

        Returns:
            The record as it stands: this one, or the one that exists already.
        """
        self._tables.connection()
        with faults_translated():
            try:
                import_item_from(record).save(condition=ImportItem.pk.does_not_exist())
            except PutError as error:
                if response_code(error) != "ConditionalCheckFailedException":
                    raise
                return import_record_from(ImportItem.get(import_key(record.import_id), consistent_read=True))
        return record

    def find(self, import_id: str) -> ImportRecord | None:
        """The record of an import."""
        self._tables.connection()
        with faults_translated():
            try:
                return import_record_from(ImportItem.get(import_key(import_id), consistent_read=True))
            except DoesNotExist:
                return None

    def change(self, after: ImportRecord, *, audit: AuditRecord | None = None, day_rows: DayRows | None = None) -> bool:
        """Write a changed record, with its audit record and its day's rows, if the version before is still stored.

        Returns:
            Whether it was written; False if another run changed the record meanwhile.

        Raises:
            TooManyRowsToday: Of `day_rows`.
        """
        if day_rows and day_rows.rows > day_rows.limit:
            raise TooManyRowsToday
        connection = self._tables.connection()
        with faults_translated():
            try:
                with TransactWrite(connection=connection) as transaction:
                    transaction.save(import_item_from(after), condition=ImportItem.version == after.version - 1)
                    if day_rows:
                        counted = DayRowsItem.rows
                        room = counted.does_not_exist() | (counted <= day_rows.limit - day_rows.rows)
                        transaction.update(
                            DayRowsItem(day_rows_key(day_rows.manufacturer, day_rows.day)),
                            actions=[counted.add(day_rows.rows), DayRowsItem.kind.set(DayRowsItem)],
                            condition=room,
                        )
                    if audit:
                        transaction.save(self._tables.audit_item(audit), condition=AuditItem.record_id.does_not_exist())
            except TransactWriteError as error:
                if not cancellation_codes(error) & {"ConditionalCheckFailed", "TransactionConflict"}:
                    raise
                reasons = [reason.code if reason else None for reason in error.cancellation_reasons]
                if day_rows and reasons[0] is None and reasons[_DAY_ROWS] == "ConditionalCheckFailed":
                    raise TooManyRowsToday from error
                return False
        return True

    def note_progress(self, import_id: str, done: int) -> None:
        """Note how many rows were applied so far, for people who watch."""
        self._tables.connection()
        with faults_translated():
            try:
                ImportItem(import_key(import_id)).update(
                    actions=[ImportItem.done.set(done)],
                    condition=(ImportItem.status == ImportStatus.IMPORTING.value) & (ImportItem.done < done),
                )
            except UpdateError as error:
                if response_code(error) != "ConditionalCheckFailedException":
                    raise

    def newest(self, *, manufacturer: str | None = None, limit: int) -> Page[ImportRecord]:
        """The imports, newest first, of one manufacturer or of all."""
        self._tables.connection()
        condition = None if manufacturer is None else ImportItem.manufacturer == manufacturer
        with faults_translated():
            found = ImportItem.by_listing.query(
                LISTING,
                filter_condition=condition,
                scan_index_forward=False,
                limit=limit + 1,
                page_size=_PAGE_ITEMS,
            )
            return page_of(found, import_record_from, limit)

    def audit_of(self, import_id: str, *, limit: int) -> tuple[AuditRecord, ...]:
        """The audit records of an import, newest first."""
        self._tables.connection()
        with faults_translated():
            found = AuditItem.query(import_key(import_id), consistent_read=True, scan_index_forward=False, limit=limit)
            return tuple(map(record_from, islice(found, limit)))


def known_import(import_id: str, records: ImportRecords) -> ImportRecord:
    """The record of the import that an operator names.

    Raises:
        Refusal: The import is unknown.
        Fault: The tables did not answer.
    """
    record = records.find(import_id)
    if record is None:
        raise Refusal(
            RefusalCode.UNKNOWN_IMPORT,
            f"there is no import {import_id}: see fleetgate import list for those there are.",
        )
    return record
