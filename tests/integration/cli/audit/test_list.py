"""`fleetgate audit list`, as the security team types it."""

import secrets
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from ulid import ULID

from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.claim import ClaimCertificate
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.run import now
from harness.archive_world import ArchiveWorld
from harness.command import Fleetgate
from harness.embedded import Embedded
from tests.integration.cli.audit.recorded import (
    ALICE,
    CERTIFICATES,
    CLAIMS,
    IMPORTS,
    MACS,
    SERIAL_NUMBERS,
    ids,
    put_many,
    questions,
)

ASKED: dict[str, tuple[tuple[str, ...], Callable[[AuditRecord], bool]]] = {
    "everything": ((), lambda _: True),
    "a device": (("--serial-number", SERIAL_NUMBERS[0]), lambda one: one.serial_number == SERIAL_NUMBERS[0]),
    "a MAC address": (("--mac", MACS[1]), lambda one: one.mac_address == MACS[1]),
    "a MAC address as on a label": (("--mac", "001B.4411.3A02"), lambda one: one.mac_address == MACS[1]),
    "a device certificate": (("--certificate", CERTIFICATES[1]), lambda one: one.certificate_id == CERTIFICATES[1]),
    "a claim certificate": (("--claim", CLAIMS[0]), lambda one: one.claim_certificate_id == CLAIMS[0]),
    "a client ID": (("--client-id", "claim-2"), lambda one: one.client_id == "claim-2"),
    "a manufacturer": (("--manufacturer", "globex"), lambda one: one.manufacturer == "globex"),
    "an import": (("--import", IMPORTS[0]), lambda one: one.import_id == IMPORTS[0]),
    "a reason": (("--reason", "connected"), lambda one: one.reason == "connected"),
    "a verdict": (("--verdict", "denied"), lambda one: one.verdict is Verdict.DENIED),
    "a kind": (("--kind", "outcome"), lambda one: one.kind is RecordKind.OUTCOME),
    "two kinds": (
        ("--kind", "outcome", "--kind", "operator_action"),
        lambda one: one.kind in (RecordKind.OUTCOME, RecordKind.OPERATOR_ACTION),
    ),
    "an action": (("--action", "quarantine"), lambda one: one.action == "quarantine"),
    "another action": (("--action", "release"), lambda _: False),
    "an operator": (("--actor", ALICE), lambda one: one.actor == ALICE),
    "several at once": (
        ("--claim", CLAIMS[0], "--verdict", "allowed", "--mac", MACS[1]),
        lambda one: (one.claim_certificate_id, one.verdict) == (CLAIMS[0], Verdict.ALLOWED),
    ),
    "nothing that is there": (("--client-id", "nobody"), lambda _: False),
}


@pytest.mark.parametrize(("options", "meets"), ASKED.values(), ids=ASKED.keys())
def test_a_list_has_the_records_that_meet_every_option_newest_first(
    fleetgate: Fleetgate,
    records: list[AuditRecord],
    span: tuple[str, ...],
    options: tuple[str, ...],
    meets: Callable[[AuditRecord], bool],
) -> None:
    expected = [record.record_id for record in records if meets(record)]
    assert ids(fleetgate("audit", "list", *span, *options, "--json")) == expected


@pytest.mark.parametrize(
    ("first", "last", "hours"),
    [
        ("T02", "T06", [2, 4, 6]),
        ("T02:05:00Z", "T06:05:00Z", [2, 4]),
        ("T04:05:00+02:00", "T06", [2, 4, 6]),
        ("T02:05:01Z", "T04:05:01Z", [4]),
        ("", "", list(range(0, 24, 2))),
    ],
)
def test_a_time_is_a_day_an_hour_or_a_moment(
    fleetgate: Fleetgate, world: ArchiveWorld, records: list[AuditRecord], first: str, last: str, hours: list[int]
) -> None:
    day = f"{world.day:%Y-%m-%d}"
    answer = fleetgate("audit", "list", "--from", f"{day}{first}", "--to", f"{day}{last}", "--json")

    expected = [one.record_id for one in records if one.recorded_at in {world.at(hour + 1 / 12) for hour in hours}]
    assert ids(answer) == expected
    assert len(expected) == len(hours)


def test_days_to_come_are_not_walked(fleetgate: Fleetgate, embedded: Embedded) -> None:
    fleetgate("audit", "list", "--to", "2999-12-31", "--json")
    asked = questions(embedded)[-1]
    until = datetime.fromisoformat(asked.reason.rpartition("to=")[2])
    assert until <= asked.recorded_at < until + timedelta(hours=1)


@pytest.mark.parametrize("command", ["list", "stats"])
def test_what_is_shown_and_recorded_ends_now_though_records_of_clocks_ahead_are_found(
    fleetgate: Fleetgate, embedded: Embedded, serial_number: str, command: str
) -> None:
    ahead = now() + timedelta(minutes=2)
    put_many(embedded, serial_number, [ahead])
    document = fleetgate("audit", command, "--serial-number", serial_number, "--json").document

    assert len(document.get("records", [])) + document.get("total", 0) == 1
    assert datetime.fromisoformat(document["to"]) <= now()
    asked = questions(embedded)[-1].reason
    assert asked.endswith(f"to={document['to']}")
    of_days = fleetgate("audit", command, "--client-id", "nobody", "--json").document
    assert datetime.fromisoformat(of_days["to"]) - datetime.fromisoformat(of_days["from"]) == timedelta(days=7)


def test_no_more_is_shown_than_asked_for_and_that_there_is_more_is_said(
    fleetgate: Fleetgate, records: list[AuditRecord], span: tuple[str, ...]
) -> None:
    some, all_of_them = (fleetgate("audit", "list", *span, "--limit", str(limit), "--json") for limit in (23, 24))
    assert (ids(some), some.document["more"]) == ([record.record_id for record in records[:23]], True)
    assert (len(ids(all_of_them)), all_of_them.document["more"]) == (24, False)
    assert "There are more than 23:" in fleetgate("audit", "list", *span, "--limit", "23").stdout


def test_a_list_is_a_table_that_fits(fleetgate: Fleetgate, records: list[AuditRecord], span: tuple[str, ...]) -> None:
    shown = fleetgate("audit", "list", *span).stdout
    assert max(map(len, shown.splitlines())) <= 100
    for told in (*SERIAL_NUMBERS, "denied", "quarantine", CERTIFICATES[0][:8], CLAIMS[0][:8]):
        assert told in shown


def test_a_list_without_anything_says_so(fleetgate: Fleetgate) -> None:
    answer = fleetgate("audit", "list", "--from", "2000-01-01", "--to", "2000-01-01")
    assert answer.exit_code == ExitCode.DONE
    assert answer.stdout == "There are no such audit records from 2000-01-01T00:00:00Z to 2000-01-02T00:00:00Z.\n"
    document = fleetgate("audit", "list", "--from", "2000-01-01", "--to", "2000-01-01", "--json").document
    assert (document["records"], document["more"]) == ([], False)


@pytest.mark.parametrize("command", ["list", "stats"])
def test_an_empty_answer_says_that_a_reason_may_be_misspelt(fleetgate: Fleetgate, command: str) -> None:
    asked = ("audit", command, "--from", "2000-01-01", "--to", "2000-01-01", "--reason")
    misspelt = "No denial, rule, outcome or fault is called nonsense: see docs/denial-reasons.md."

    assert fleetgate(*asked, "nonsense").stdout.endswith(f"00Z. {misspelt}\n")
    for reason in ("mac_address_mismatch", "first_reservation", "connected", "store_timeout"):
        assert "see docs" not in fleetgate(*asked, reason).stdout


def test_an_actor_as_tables_show_them_is_refused_with_an_example(fleetgate: Fleetgate) -> None:
    refused = fleetgate("audit", "list", "--actor", "root")
    assert refused.exit_code == ExitCode.USAGE
    assert "the whole ARN, such as arn:aws:sts::123456789012:assumed-role/Operators/alice" in refused.stderr


def test_without_a_time_the_last_days_are_listed_and_all_there_is_of_a_device_or_certificate(
    fleetgate: Fleetgate, embedded: Embedded, serial_number: str, certificate_ids: Iterator[str]
) -> None:
    certificate_id, claim_id = next(certificate_ids), next(certificate_ids)
    made = []
    for days_ago in (0, 6, 8, 300):
        moment = now() - timedelta(days=days_ago)
        record = AuditRecord(
            record_id=str(ULID.from_datetime(moment)),
            recorded_at=moment,
            kind=RecordKind.DECISION,
            reason="not_on_allow_list",
            serial_number=serial_number,
            certificate_id=certificate_id,
            claim_certificate_id=claim_id,
        )
        embedded.put_record(record)
        made.append(record.record_id)

    recent = ids(fleetgate("audit", "list", "--limit", "10000", "--json"))
    assert [record_id for record_id in recent if record_id in made] == made[:2]
    for key in (("--serial-number", serial_number), ("--certificate", certificate_id), ("--claim", claim_id)):
        assert ids(fleetgate("audit", "list", *key, "--json")) == made


def test_the_start_of_a_claim_certificate_will_do_if_one_is_registered_and_only_one(
    fleetgate: Fleetgate, embedded: Embedded, records: list[AuditRecord], span: tuple[str, ...]
) -> None:
    unknown = fleetgate("audit", "list", *span, "--claim", CLAIMS[1][:8], "--json")
    assert (unknown.exit_code, unknown.error["code"]) == (ExitCode.REFUSED, "claim_certificate_not_registered")
    embedded.put(ClaimCertificate(certificate_id=CLAIMS[1], manufacturer="acme"))
    expected = [record.record_id for record in records if record.claim_certificate_id == CLAIMS[1]]
    assert ids(fleetgate("audit", "list", *span, "--claim", CLAIMS[1][:8].upper(), "--json")) == expected
    other = CLAIMS[1][:8] + secrets.token_hex(28)
    embedded.put(ClaimCertificate(certificate_id=other, manufacturer="acme"))
    several = fleetgate("audit", "list", *span, "--claim", CLAIMS[1][:8], "--json")
    assert (several.exit_code, several.error["code"]) == (ExitCode.REFUSED, "ambiguous")
