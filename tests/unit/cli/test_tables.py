"""Tables: within 100 columns, with short certificate IDs, and nothing in them that a device could colour."""

from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate_cli.run import Run
from fleetgate_cli.tables import caller, devices_table, print_table, records_table
from harness import builders

LONG = AuditRecord(
    record_id="01JNX0000000000000000000DA",
    recorded_at=datetime(2026, 1, 31, 8, tzinfo=UTC),
    kind=RecordKind.DECISION,
    verdict=Verdict.DENIED,
    reason="claim_serial_number_out_of_scope",
    serial_number="SN-" + "0123456789" * 5,
    certificate_id=builders.CERTIFICATE_ID,
    claim_certificate_id=builders.CLAIM_CERTIFICATE_ID,
)


def _printed(*tables: Table) -> str:
    stream = StringIO()
    console = Console(file=stream, width=100, markup=False, highlight=False)
    for table in tables:
        print_table(console, table)
    return stream.getvalue()


def test_the_longest_rows_fit_100_columns_and_lose_nothing() -> None:
    entry = AllowListEntry(
        serial_number=SerialNumber("S" * 128),
        manufacturer="acme corporation of somewhere far away",
        mac_addresses=frozenset({MacAddress.parse("00:1b:44:ff:fe:11:3a:b7")}),
        templates=frozenset({"t" * 36, "u" * 36}),
        valid_until=datetime(2030, 1, 1, tzinfo=UTC),
    )
    printed = _printed(records_table([LONG]), devices_table([entry]))
    assert max(len(line) for line in printed.splitlines()) <= 100
    assert "…" not in printed
    assert printed.count("S") - printed.count("Serial") - printed.count("State") >= 128
    assert "00:1b:44:ff:fe:11:3a:b7" in printed
    assert "2026-01-31T08:00:00Z" in printed


def test_certificate_ids_are_shortened_to_8_digits() -> None:
    printed = _printed(records_table([LONG]))
    assert builders.CERTIFICATE_ID[:8] in printed
    assert builders.CERTIFICATE_ID[:9] not in printed


def test_what_a_device_presented_is_never_taken_for_markup() -> None:
    record = AuditRecord(
        record_id="01JNX0000000000000000000DA",
        recorded_at=datetime(2026, 1, 31, 8, tzinfo=UTC),
        kind=RecordKind.DECISION,
        verdict=Verdict.DENIED,
        reason="serial_number_invalid",
        presented_serial_number="[red]x[/red]",
        claim_certificate_id=builders.CLAIM_CERTIFICATE_ID,
    )
    assert "[red]x[/red]" in _printed(records_table([record]))


def test_what_a_command_says_is_never_taken_for_markup(capsys: pytest.CaptureFixture[str]) -> None:
    Run().emit({}, lambda console: console.print("[bold]said[/bold]"))
    assert capsys.readouterr().out == "[bold]said[/bold]\n"


def test_a_notice_says_what_of_and_who_noticed() -> None:
    notice = replace(
        LONG,
        kind=RecordKind.NOTICE,
        verdict=None,
        action="denial_burst",
        actor="fleetgate-watcher",
        reason="21 identities",
        serial_number=None,
        certificate_id=None,
    )
    printed = _printed(records_table([notice]))
    for said in (f"claim {builders.CLAIM_CERTIFICATE_ID[:8]}", "denial_burst", "21 identities", "fleetgate-watcher"):
        assert said in printed


@pytest.mark.parametrize(
    ("actor", "shown"),
    [
        ("arn:aws:sts::123456789012:assumed-role/Operators/alice", "assumed-role/Operators/alice"),
        ("https://cognito-idp.eu-central-1.amazonaws.com/pool#bob", "bob"),
        (None, "-"),
    ],
)
def test_a_caller_is_shown_by_what_tells_callers_apart(actor: str | None, shown: str) -> None:
    assert caller(actor) == shown
