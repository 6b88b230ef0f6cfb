"""Hands a long file to a Step Functions Distributed Map: its sound rows as JSON Lines, its rejects so far, its counts.

    work/<import-id>/rows.jsonl      a line for each sound row
    work/<import-id>/rejects.csv     what is rejected already, with the header
    work/<import-id>/tally.json      its counts

The map applies the rows batch by batch (`apply_batch`), and `merge_batches` makes the report of it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fleetgate.imports.account import RowTally
from fleetgate.imports.apply import RowResult
from fleetgate.imports.check import CheckedFile
from fleetgate.imports.reading.factory_list import ImportRow
from fleetgate.imports.record import ImportRecord
from fleetgate.imports.rejects import rejects_at
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
        """Whether a file is for the map. One without a sound row never is: a map reads no empty file."""
        return checked.total > self.above_rows and checked.rejected < checked.total

    def start(self, record: ImportRecord, checked: CheckedFile, drop_box: DropBox) -> None:
        """Write the work of an import down and start its execution. Repeating it changes nothing.

        Raises:
            Fault: S3 or Step Functions did not take it.
        """
        work = work_of(record.import_id)
        with TemporaryDirectory() as folder:
            rows, rejects = Path(folder, "rows.jsonl"), Path(folder, "rejects.csv")
            tally, delimiter = _write(checked, rows, rejects)
            with rows.open("rb") as content:
                drop_box.put(f"{work}rows.jsonl", content, "application/jsonl")
            with rejects.open("rb") as content:
                drop_box.put(f"{work}rejects.csv", content, "text/csv; charset=utf-8")
        document = {"rows": tally.rows, "errors": tally.errors, "notes": tally.notes, "delimiter": delimiter}
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
    """Where the work of an import lies, with the slash at its end."""
    return f"work/{import_id}/"


def row_document(row: ImportRow, as_delivered: Sequence[str]) -> dict[str, Any]:
    """A row as the map hands it on; with what a reject has to repeat of it."""
    return {
        "line": row.line_number,
        "operation": row.operation.value,
        "serial_number": row.serial_number.value,
        "mac_addresses": sorted(mac.value for mac in row.mac_addresses),
        "valid_from": row.valid_from and row.valid_from.isoformat(),
        "valid_until": row.valid_until and row.valid_until.isoformat(),
        "templates": sorted(row.templates),
        "attributes": dict(row.attributes),
        "delivered": list(as_delivered),
    }


def _write(checked: CheckedFile, rows: Path, rejects: Path) -> tuple[RowTally, str]:
    file, batches = checked.batches()
    tally, delimiter = RowTally(), file.delimiter or ","
    nothing: Sequence[RowResult] = ()
    with rows.open("w", encoding="utf-8", errors="surrogateescape") as lines, rejects_at(rejects) as written:
        written.start(file.header, delimiter)
        for batch in batches:
            for at, row in enumerate(batch.rows):
                lines.write(json.dumps(row_document(row, batch.as_delivered(at))) + "\n")
            for rejected in batch.rejected:
                written.add(rejected)
            tally.add(nothing, batch.rejected)
    tally.notes = file.notes(checked.policy)
    return tally, delimiter
