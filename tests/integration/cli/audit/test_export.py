"""`fleetgate audit export`: every record and every field, in one file or none."""

import csv
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fleetgate.domain.audit import AuditRecord, Verdict
from fleetgate.trail import read as read_trail
from fleetgate.trail import store as audit_trail
from fleetgate.trail.store import AuditTrail
from fleetgate_cli.errors import ExitCode
from harness.archive_world import ArchiveWorld
from harness.command import Fleetgate
from harness.embedded import Embedded
from tests.integration.cli.audit.recorded import MACS, put_many


def test_an_export_has_every_record_and_every_field(
    fleetgate: Fleetgate, records: list[AuditRecord], span: tuple[str, ...], tmp_path: Path
) -> None:
    lines = fleetgate("audit", "export", *span, "--format", "jsonl").stdout.splitlines()
    listed = fleetgate("audit", "list", *span, "--json").document["records"]
    assert list(map(json.loads, lines)) == listed
    assert len(listed) == len(records)

    output = tmp_path / "records.csv"
    answer = fleetgate("audit", "export", *span, "--output", str(output), "--json")
    assert answer.document == {"records": 24, "format": "csv", "output": str(output)}
    with output.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["record_id"] for row in rows] == [record.record_id for record in records]
    assert output.read_text() == fleetgate("audit", "export", *span).stdout
    assert output.stat().st_mode & 0o777 == 0o600


def test_an_export_narrows_down_as_a_list_does(
    fleetgate: Fleetgate, records: list[AuditRecord], span: tuple[str, ...]
) -> None:
    lines = fleetgate("audit", "export", *span, "--format", "jsonl", "--verdict", "denied", "--mac", MACS[0]).stdout
    expected = [record.record_id for record in records if record.verdict is Verdict.DENIED]
    assert [json.loads(line)["record_id"] for line in lines.splitlines()] == expected


def test_an_export_reads_page_after_page_and_holds_no_more_than_one(
    fleetgate: Fleetgate,
    embedded: Embedded,
    serial_number: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    number, day = 3_000, ArchiveWorld.of(embedded).day
    moments = [day + timedelta(milliseconds=10 * one) for one in range(number)]
    put_many(embedded, serial_number, moments)
    pages: list[int] = []
    ask = AuditTrail.page

    def counted(self: AuditTrail, *arguments: Any, limit: int, **named: Any) -> audit_trail.TrailPage:
        pages.append(limit)
        return ask(self, *arguments, limit=limit, **named)

    monkeypatch.setattr(AuditTrail, "page", counted)
    output = tmp_path / "records.jsonl"
    answer = fleetgate(
        *("audit", "export", "--serial-number", serial_number, "--format", "jsonl", "--output", str(output))
    )

    assert answer.stdout == f"3,000 records written to {output}.\n"
    told = [datetime.fromisoformat(json.loads(line)["recorded_at"]) for line in output.read_text().splitlines()]
    assert len(set(told)) == number
    assert told == sorted(told, reverse=True)
    assert set(pages) == {read_trail.PAGE_RECORDS}
    assert len(pages) >= number / read_trail.PAGE_RECORDS


def test_an_export_that_is_cut_off_leaves_what_was_there_before(
    fleetgate: Fleetgate,
    records: list[AuditRecord],
    span: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fleetgate.trail.read.records_of", lambda *_: _cut_off(records))
    folder = tmp_path / "exports"
    folder.mkdir()
    output = folder / "records.csv"
    for before in (None, "yesterday's"):
        if before:
            output.write_text(before)
        answer = fleetgate("audit", "export", *span, "--output", str(output))
        assert answer.exit_code == ExitCode.INTERRUPTED
        assert [(file.name, file.read_text()) for file in folder.iterdir()] == (
            [(output.name, before)] if before else []
        )


def test_an_export_to_what_is_no_file_is_refused(fleetgate: Fleetgate, tmp_path: Path) -> None:
    for place in (tmp_path / "missing" / "records.csv", Path("/dev/null")):
        answer = fleetgate("audit", "export", "--output", str(place))
        assert (answer.exit_code, answer.stdout) == (ExitCode.USAGE, "")
        assert str(place) in answer.stderr


def _cut_off(records: list[AuditRecord]) -> Iterator[AuditRecord]:
    yield from records[:5]
    raise KeyboardInterrupt
