"""Audit records as lines of a file: CSV for people with a spreadsheet, JSON Lines for programs."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import Any

from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.documents import record_document

# Spreadsheets and scripts know columns by their place: a new one goes to the end.
COLUMNS = (
    "record_id",
    "recorded_at",
    "kind",
    "verdict",
    "action",
    "reason",
    "actor",
    "serial_number",
    "mac_address",
    "certificate_id",
    "claim_certificate_id",
    "manufacturer",
    "import_id",
    "decision_id",
    "superseded_certificate_id",
    "taken_over",
    "thing_name",
    "client_id",
    "presented_serial_number",
    "presented_mac_address",
    "template_arn",
    "entry_version",
    "request_id",
    "key_fingerprint",
    "path",
)
# What a spreadsheet takes for the beginning of a formula, however the cell is quoted; OWASP, "CSV Injection".
_FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n")


class ExportFormat(StrEnum):
    """How records are written."""

    CSV = "csv"
    JSON_LINES = "jsonl"


def exported(records: Iterable[AuditRecord], form: ExportFormat) -> Iterator[str]:
    """The lines of a file, ends of lines included; one record is held at a time."""
    return _WRITERS[form](records)


def csv_lines(records: Iterable[AuditRecord]) -> Iterator[str]:
    """RFC 4180 with a header, every cell in quotes; a cell that looks like a formula has an apostrophe in front."""
    writer = csv.writer(_Line(), quoting=csv.QUOTE_ALL)
    yield _written(writer, COLUMNS)
    for record in records:
        document = record_document(record)
        yield _written(writer, [_cell(document[name]) for name in COLUMNS])


def json_lines(records: Iterable[AuditRecord]) -> Iterator[str]:
    """One document a line, every value as it is."""
    for record in records:
        yield json.dumps(record_document(record)) + "\n"


_WRITERS: dict[ExportFormat, Callable[[Iterable[AuditRecord]], Iterator[str]]] = {
    ExportFormat.CSV: csv_lines,
    ExportFormat.JSON_LINES: json_lines,
}


class _Line:
    """A file that gives back what is written to it: the writer hands that on."""

    def write(self, line: str) -> str:
        return line


def _written(writer: Any, cells: Iterable[str]) -> str:
    line: str = writer.writerow(cells)
    return line


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _:
            text = str(value)
            return f"'{text}" if text.startswith(_FORMULA_BEGINNINGS) else text
