"""Import records as they are read: one by its ID, or the newest."""

from itertools import islice

from fleetgate.domain.audit import AuditRecord, import_subject
from fleetgate.domain.refusals import Refusal, RefusalCode
from fleetgate.imports.record import ImportRecord
from fleetgate.imports.store.items import LISTING, ImportItem, import_key, import_record_from
from fleetgate.store.allow_list import Page, page_of
from fleetgate.store.audit_reader import AuditReader
from fleetgate.store.faults import faults_translated
from fleetgate.store.tables import StackTables, TableSettings

# DynamoDB reads a page before it filters it.
_PAGE_ITEMS = 100


class ImportReader:
    """The import records of one stack, read. Every method raises Fault when the tables do not answer."""

    def __init__(self, tables: TableSettings | StackTables) -> None:
        self._tables = StackTables.of(tables)
        self._records = AuditReader(self._tables)

    def find(self, import_id: str) -> ImportRecord | None:
        """The record of an import, strongly consistent."""
        item = self._tables.get(ImportItem, import_key(import_id))
        if item is None:
            return None
        with faults_translated():
            return import_record_from(item)

    def newest(self, *, manufacturer: str | None = None, limit: int) -> Page[ImportRecord]:
        """The imports, newest first, of one manufacturer or of all."""
        condition = None if manufacturer is None else ImportItem.manufacturer == manufacturer
        with self._tables.asked():
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
        records = self._records.records_under(import_subject(import_id), newest_first=True, page_items=limit)
        return tuple(islice(records, limit))


def known_import(import_id: str, imports: ImportReader) -> ImportRecord:
    """The record of the import that an operator names.

    Raises:
        Refusal: The import is unknown.
        Fault: The tables did not answer.
    """
    record = imports.find(import_id)
    if record is None:
        raise Refusal(
            RefusalCode.UNKNOWN_IMPORT,
            f"there is no import {import_id}: see fleetgate import list for those there are.",
        )
    return record
