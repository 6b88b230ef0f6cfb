"""The batches of a long file: applies one, and concludes the import when all are done or the map has failed."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import Any

from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason
from fleetgate.imports.account import RowTally
from fleetgate.imports.apply import apply_rows
from fleetgate.imports.distribute import work_of
from fleetgate.imports.documents import row_from
from fleetgate.imports.journal import ImportJournal
from fleetgate.imports.plan import ConflictReason, RowClass
from fleetgate.imports.reading.factory_list import RejectedRow
from fleetgate.imports.record import ImportRecord
from fleetgate.imports.run import fail, finish
from fleetgate.imports.store.drop_box import DropBox
from fleetgate.imports.store.records import ImportRecords
from fleetgate.imports.store.rows import ImportStore

_CONFLICTS = {reason.value: reason for reason in ConflictReason}


def apply_batch(
    documents: Sequence[Mapping[str, Any]],
    *,
    manufacturer: str,
    import_id: str,
    store: ImportStore,
    records: ImportRecords,
    now: Callable[[], datetime],
) -> dict[str, Any]:
    """Apply the rows of one batch, and note that they are done. Safe to repeat.

    Args:
        documents: As `row_document` makes them.

    Returns:
        `rows`: how many rows ended in each class; `conflicts`: line, code and the row as delivered, of each conflict.

    Raises:
        Fault: The tables did not answer; repeat it later.
    """
    results = apply_rows(
        [row_from(document) for document in documents],
        manufacturer=manufacturer,
        import_id=import_id,
        store=store,
        now=now,
    )
    with suppress(Fault):  # the progress is for people who watch, and no reason to repeat the rows
        records.add_progress(import_id, len(results))
    return {
        "rows": Counter(one.row_class.value for one in results),
        "conflicts": [
            {"line": one.row.line_number, "code": one.conflict.value, "delivered": document["delivered"]}
            for one, document in zip(results, documents, strict=True)
            if one.conflict
        ],
    }


def merge_batches(import_id: str, map_result: Any, *, journal: ImportJournal) -> ImportRecord:
    """Conclude an import whose batches are done. Safe to repeat.

    Args:
        map_result: Of the Distributed Map: where its ResultWriter wrote, or the batches' own answers.

    Returns:
        The record: finished; refused if no row of the file was applied; failed if batches are missing.

    Raises:
        Fault: Something could not be read or written; repeat it later.
    """
    record = _record(import_id, journal)
    if record.has_ended:
        return journal.announce(record)
    work = work_of(import_id)
    before = json.load(journal.drop_box.open_report(f"{work}tally.json"))
    tally = RowTally(Counter(before["rows"]), Counter(before["errors"]), tuple(before["notes"]))
    with TemporaryDirectory() as folder:
        path = Path(folder, "rejects.csv")
        with path.open("wb") as rejects:
            copyfileobj(journal.drop_box.open_report(f"{work}rejects.csv"), rejects)
        with path.open("a", encoding="utf-8", errors="surrogateescape", newline="") as rejects:
            writer = csv.writer(rejects, delimiter=before["delimiter"])
            for answer in _answers(map_result, journal.drop_box):
                tally.rows.update(answer["rows"])
                for conflict in answer["conflicts"]:
                    tally.errors[conflict["code"]] += 1
                    writer.writerow(_rejected(conflict).reported())
        if missing := (record.total or 0) - tally.total:
            tally.rows[RowClass.NOT_APPLIED.value] = missing
        if tally.errors:
            journal.put_rejects(record.delivery, path)
    return finish(journal, record, tally)


def give_up_on_map(import_id: str, *, journal: ImportJournal) -> ImportRecord:
    """Conclude an import whose Distributed Map failed. A new delivery of the file applies the rows that are missing."""
    record = _record(import_id, journal)
    return record if record.has_ended else fail(journal, record, Fault(FaultReason.MAP_FAILED))


def _record(import_id: str, journal: ImportJournal) -> ImportRecord:
    record = journal.records.find(import_id)
    if record is None:
        raise Fault(FaultReason.CORRUPT_ITEM)
    return record


def _answers(map_result: Any, drop_box: DropBox) -> Iterator[Mapping[str, Any]]:
    """The answers of the batches, one at a time: a long file has thousands."""
    if isinstance(map_result, list):
        yield from map_result
        return
    manifest = json.load(drop_box.open_report(map_result["ResultWriterDetails"]["Key"]))
    for file in manifest["ResultFiles"]["SUCCEEDED"]:
        yield from map(json.loads, drop_box.open_report(file["Key"]))


def _rejected(conflict: Mapping[str, Any]) -> RejectedRow:
    return RejectedRow.conflicting(conflict["line"], tuple(conflict["delivered"]), _CONFLICTS[conflict["code"]])
