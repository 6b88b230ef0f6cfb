"""The batches of a long file: applies one, and concludes the import when all are done or the map has failed."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import Any

from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason
from fleetgate.imports.account import Reports, RowTally, reported_changes
from fleetgate.imports.apply import RowResult, apply_rows
from fleetgate.imports.changes import FieldChange
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
    drop_box: DropBox,
    records: ImportRecords,
    now: Callable[[], datetime],
) -> dict[str, Any]:
    """Apply the rows of one batch, and note that they are done. Safe to repeat.

    Args:
        documents: As `row_document` makes them.

    Returns:
        `rows`: how many rows ended in each class; `details`: the key of a work file with the conflicts and changes, if
        the batch has any. They could be too long for an answer: Step Functions takes 256 KB.

    Raises:
        Fault: The tables or the drop box did not answer; repeat it later.
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
    answer: dict[str, Any] = {"rows": Counter(one.row_class.value for one in results)}
    details = _details(results, documents)
    if any(details.values()):
        answer["details"] = f"{work_of(import_id)}details/{documents[0]['line']}.json"
        drop_box.put(answer["details"], json.dumps(details).encode(), "application/json")
    return answer


def _details(results: Sequence[RowResult], documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The conflicts and the changes of a batch."""
    return {
        "conflicts": [
            {
                "line": one.row.line_number,
                "code": one.conflict.value,
                "detail": one.detail,
                "delivered": document["delivered"],
            }
            for one, document in zip(results, documents, strict=True)
            if one.conflict
        ],
        "changes": [
            {"line": one.row.line_number, "serial_number": one.row.serial_number.value, "changes": one.changes}
            for one in results
            if one.changes
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
    tally = RowTally(
        Counter(before["rows"]),
        Counter(before["errors"]),
        notes=tuple(before["notes"]),
        lines=before.get("lines", {}),
    )
    with TemporaryDirectory() as folder:
        reports = Reports(Path(folder))
        for report in (reports.rejects, reports.changes):
            with report.open("wb") as content:
                copyfileobj(journal.drop_box.open_report(f"{work}{report.name}"), content)
        _merge(_answers(map_result, journal.drop_box), tally, reports, before["delimiter"])
        if missing := (record.total or 0) - tally.total:
            tally.rows[RowClass.NOT_APPLIED.value] = missing
        if tally.errors:
            journal.put_report(record.delivery, reports.rejects)
        if tally.changes:
            journal.put_report(record.delivery, reports.changes)
    return finish(journal, record, tally)


def _merge(answers: Iterable[Mapping[str, Any]], tally: RowTally, reports: Reports, delimiter: str) -> None:
    """Count the batches, and add their conflicts and changes to the reports."""
    with (
        reports.rejects.open("a", encoding="utf-8", newline="") as rejects,
        reports.changes.open("a", encoding="utf-8", newline="") as changes,
    ):
        conflict_writer, change_writer = (csv.writer(one, delimiter=delimiter) for one in (rejects, changes))
        for answer in answers:
            tally.rows.update(answer["rows"])
            for conflict in answer["conflicts"]:
                tally.errors[conflict["code"]] += 1
                conflict_writer.writerow(_rejected(conflict).reported())
            for changed in answer["changes"]:
                found = [FieldChange(*one) for one in changed["changes"]]
                tally.changes.update({one.kind for one in found})
                change_writer.writerows(reported_changes(changed["line"], changed["serial_number"], found))


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
    """The answers of the batches with their details, one at a time: a long file has thousands."""
    for answer in _said(map_result, drop_box):
        details = json.load(drop_box.open_report(answer["details"])) if "details" in answer else {}
        # Conflicts are in the answer itself where an earlier version applied the batch.
        yield {"conflicts": [], "changes": [], **answer, **details}


def _said(map_result: Any, drop_box: DropBox) -> Iterator[Mapping[str, Any]]:
    if isinstance(map_result, list):
        yield from map_result
        return
    manifest = json.load(drop_box.open_report(map_result["ResultWriterDetails"]["Key"]))
    for file in manifest["ResultFiles"]["SUCCEEDED"]:
        yield from map(json.loads, drop_box.open_report(file["Key"]))


def _rejected(conflict: Mapping[str, Any]) -> RejectedRow:
    reason = _CONFLICTS[conflict["code"]]
    return RejectedRow.conflicting(conflict["line"], tuple(conflict["delivered"]), reason, conflict.get("detail", ""))
