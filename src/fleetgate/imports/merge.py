"""Makes the report of a long file out of what its batches say."""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import Any

from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason
from fleetgate.imports.account import RowTally
from fleetgate.imports.distribute import work_of
from fleetgate.imports.journal import ImportJournal
from fleetgate.imports.plan import ConflictReason, RowClass
from fleetgate.imports.reading.factory_list import RejectedRow
from fleetgate.imports.record import ImportRecord
from fleetgate.imports.run import fail, finish
from fleetgate.imports.store.drop_box import DropBox

_CONFLICTS = {reason.value: reason for reason in ConflictReason}


def merge_batches(import_id: str, map_result: Any, *, journal: ImportJournal) -> ImportRecord:
    """Conclude an import whose batches are done. Safe to repeat.

    Args:
        map_result: Of the Distributed Map: where its ResultWriter wrote, or the batches' own answers.

    Returns:
        The record: finished, refused where nothing stands, failed where batches are missing.

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
            for batch in _batches(map_result, journal.drop_box):
                tally.rows.update(batch["rows"])
                for conflict in batch["conflicts"]:
                    tally.errors[conflict["code"]] += 1
                    rejected = _rejected(conflict)
                    writer.writerow((*rejected.report(), *rejected.raw))
        if missing := (record.total or 0) - tally.total:
            tally.rows[RowClass.NOT_APPLIED.value] = missing
        if tally.errors:
            journal.put_rejects(record.delivery, path)
    return finish(journal, record, tally)


def give_up_on_map(import_id: str, *, journal: ImportJournal) -> ImportRecord:
    """Conclude an import whose Distributed Map failed. Delivering the file again does the rest."""
    record = _record(import_id, journal)
    return record if record.has_ended else fail(journal, record, Fault(FaultReason.MAP_FAILED))


def _record(import_id: str, journal: ImportJournal) -> ImportRecord:
    record = journal.records.find(import_id)
    if record is None:
        raise Fault(FaultReason.CORRUPT_ITEM)
    return record


def _batches(map_result: Any, drop_box: DropBox) -> Iterator[Mapping[str, Any]]:
    """The answers of the batches, one at a time: a long file has thousands."""
    if isinstance(map_result, list):
        yield from map_result
        return
    manifest = json.load(drop_box.open_report(map_result["ResultWriterDetails"]["Key"]))
    for file in manifest["ResultFiles"]["SUCCEEDED"]:
        yield from map(json.loads, drop_box.open_report(file["Key"]))


def _rejected(conflict: Mapping[str, Any]) -> RejectedRow:
    reason = _CONFLICTS[conflict["code"]]
    return RejectedRow(conflict["line"], tuple(conflict["delivered"]), None, reason, reason.meaning)
