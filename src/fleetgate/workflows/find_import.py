"""Finds the import that an operator means."""

from fleetgate.domain.import_record import ImportRecord
from fleetgate.store.import_records import ImportRecords
from fleetgate.workflows.refusals import Refusal, RefusalCode


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
