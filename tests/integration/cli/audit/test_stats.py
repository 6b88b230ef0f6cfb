"""`fleetgate audit stats`: records are counted by reason, verdict and day."""

from datetime import timedelta

from fleetgate.domain.audit import AuditRecord
from harness.archive_world import ArchiveWorld
from harness.command import Fleetgate


def test_decisions_are_counted_by_reason_verdict_and_day(
    fleetgate: Fleetgate, world: ArchiveWorld, records: list[AuditRecord], span: tuple[str, ...]
) -> None:
    days = [f"{world.day + timedelta(days=number):%Y-%m-%d}" for number in range(2)]
    document = fleetgate("audit", "stats", *span, "--json").document

    assert document["total"] == 12
    assert document["by_verdict"] == {"allowed": 6, "denied": 6}
    assert document["by_day"] == dict.fromkeys(days, 6)
    assert document["by_reason"] == {"first_reservation": 6, "mac_address_mismatch": 6}
    assert document["counts"] == [
        {"day": day, "verdict": verdict, "reason": reason, "records": 3}
        for day in days
        for verdict, reason in (("allowed", "first_reservation"), ("denied", "mac_address_mismatch"))
    ]
    shown = fleetgate("audit", "stats", *span).stdout
    assert max(map(len, shown.splitlines())) <= 100
    assert shown.startswith(f"12 records from {days[0]}T00:00:00Z to ")
    rows = [line.split() for line in shown.splitlines()]
    assert ["6", "allowed", "first_reservation"] in [row[:3] for row in rows]
    assert [days[1], "3", "3"] in [row[:3] for row in rows]


def test_what_is_no_decision_is_counted_if_it_is_asked_for(
    fleetgate: Fleetgate, records: list[AuditRecord], span: tuple[str, ...]
) -> None:
    answer = fleetgate("audit", "stats", *span, "--kind", "outcome", "--kind", "decision", "--json")
    assert answer.document["by_reason"] == {"connected": 6, "first_reservation": 6, "mac_address_mismatch": 6}
    assert answer.document["by_verdict"] == {"allowed": 6, "denied": 6}
    assert "Other" in fleetgate("audit", "stats", *span, "--kind", "outcome").stdout


def test_no_records_are_no_table(fleetgate: Fleetgate) -> None:
    answer = fleetgate("audit", "stats", "--from", "2000-01-01", "--to", "2000-01-01")
    assert answer.stdout == "There are no such audit records from 2000-01-01T00:00:00Z to 2000-01-02T00:00:00Z.\n"
