"""Hands a long file to a Step Functions Distributed Map: its sound rows as JSON Lines, its rejects, its counts.

    work/<import-id>/rows.jsonl      a line for each sound row
    work/<import-id>/rejects.csv     the rejected rows, under the header
    work/<import-id>/changes.csv     the header alone
    work/<import-id>/tally.json      the counts so far
    work/<import-id>/details/        a file for each batch that has conflicts or changes

The map applies the rows batch by batch (`apply_batch`), and `merge_batches` concludes the import.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fleetgate.imports.account import FileAccount, Reports, accounting
from fleetgate.imports.check import CheckedFile
from fleetgate.imports.documents import row_document
from fleetgate.imports.record import ImportRecord
from fleetgate.imports.store.drop_box import DropBox
from fleetgate.imports.store.map_runs import MapRuns


@dataclass(frozen=True, slots=True, kw_only=True)
class Distributor:
    """Decides which imports are too long for one invocation, and hands them over.

    Attributes:
        above_rows: Files with more rows go to the map.
    """

    map_runs: MapRuns
    above_rows: int

    def takes(self, checked: CheckedFile) -> bool:
        """Whether the map applies a file. It never gets a file without a sound row: a map reads no empty file."""
        return checked.total > self.above_rows and checked.rejected < checked.total

    def start(self, record: ImportRecord, checked: CheckedFile, drop_box: DropBox) -> None:
        """Write the rows and counts of an import and start its execution. Repeating it changes nothing.

        Raises:
            Fault: S3 or Step Functions did not take it.
        """
        work = work_of(record.import_id)
        with TemporaryDirectory() as folder:
            rows, reports = Path(folder, "rows.jsonl"), Reports(Path(folder))
            account = _write(checked, rows, reports)
            with rows.open("rb") as content:
                drop_box.put(f"{work}rows.jsonl", content, "application/jsonl")
            with reports.rejects.open("rb") as content:
                drop_box.put(f"{work}rejects.csv", content, "text/csv; charset=utf-8")
            with reports.changes.open("rb") as content:
                drop_box.put(f"{work}changes.csv", content, "text/csv; charset=utf-8")
        tally = account.tally
        document = {
            "rows": tally.rows,
            "errors": tally.errors,
            "notes": tally.notes,
            "lines": tally.lines,
            "delimiter": account.delimiter,
        }
        drop_box.put(f"{work}tally.json", json.dumps(document).encode(), "application/json")
        self.map_runs.start(
            f"{record.import_id}-{record.attempt}",
            {
                "import_id": record.import_id,
                "manufacturer": record.delivery.manufacturer,
                "bucket": drop_box.bucket,
                "rows": f"{work}rows.jsonl",
                "results": f"{work}results",
            },
        )


def work_of(import_id: str) -> str:
    """The folder of an import's rows and counts, with the slash at its end."""
    return f"work/{import_id}/"


def _write(checked: CheckedFile, rows: Path, reports: Reports) -> FileAccount:
    with (
        rows.open("w", encoding="utf-8", errors="surrogateescape") as lines,
        accounting(checked, reports) as account,
    ):
        for batch in account.batches:
            for at, row in enumerate(batch.rows):
                lines.write(json.dumps(row_document(row, batch.as_delivered(at))) + "\n")
            account.add(batch)
    return account
