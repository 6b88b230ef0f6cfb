"""Finds the import that an operator means."""

from fleetgate.domain.refusals import Refusal, RefusalCode
from fleetgate.imports.record import ImportRecord
from fleetgate.imports.store.records import ImportRecords


def known_import(import_id: str, records: ImportRecords) -> ImportRecord:
    """The record of an import.

    Raises:
        Refusal: There is none.
        Fault: The tables could not be asked.
    """
    record = records.find(import_id)
    if record is None:
        raise Refusal(
            RefusalCode.UNKNOWN_IMPORT,
            f"there is no import {import_id}: see fleetgate import list for those there are.",
        )
    return record
