"""`fleetgate audit list`, `export` and `stats`, as the security team types them, on days of a test's own."""

import csv
import json
import secrets
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ulid import ULID

from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.store.audit_items import audit_item_from
from fleetgate.trail import read as read_trail
from fleetgate.trail import store as audit_trail
from fleetgate.trail.store import AuditTrail
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.run import now
from harness.archive_world import ArchiveWorld
from harness.command import Answer, Fleetgate, run
from harness.embedded import Embedded
from local.embedded.deploy import STACK_NAME

ROOT_ARN = "arn:aws:iam::000000000000:root"
ALICE = "arn:aws:sts::123456789012:assumed-role/Operators/alice"
SERIAL_NUMBERS = tuple(f"ASKED-{letter}-{secrets.token_hex(3)}" for letter in "AB")
MACS = ("00:1b:44:11:3a:01", "00:1b:44:11:3a:02")
CLAIMS, CERTIFICATES = [tuple(secrets.token_hex(32) for _ in range(2)) for _ in range(2)]
IMPORTS = ("20010131T080000Z-0123456789ab", "20010131T080000Z-0123456789ac")


@pytest.fixture(scope="module")
def world(embedded: Embedded) -> ArchiveWorld:
    """Two days that no other test records on."""
    return ArchiveWorld.of(embedded)


@pytest.fixture(scope="module")
def records(world: ArchiveWorld) -> list[AuditRecord]:
    """Records of all kinds but questions, over two days, newest first."""
    made = []
    for number in range(24):
        moment = world.day + timedelta(hours=2 * number, minutes=5)
        kind = [RecordKind.DECISION, RecordKind.DECISION, RecordKind.OUTCOME, RecordKind.OPERATOR_ACTION][number % 4]
        record = AuditRecord(
            record_id=str(ULID.from_datetime(moment)),
            recorded_at=moment,
            kind=kind,
            verdict=[Verdict.DENIED, Verdict.ALLOWED, None, None][number % 4],
            reason=["mac_address_mismatch", "first_reservation", "connected", "stolen"][number % 4],
            action="quarantine" if kind is RecordKind.OPERATOR_ACTION else None,
            actor=ALICE if kind is RecordKind.OPERATOR_ACTION else None,
            serial_number=SERIAL_NUMBERS[number % 3 % 2],
            mac_address=MACS[number % 2],
            certificate_id=CERTIFICATES[number % 3 % 2],
            claim_certificate_id=CLAIMS[number % 5 % 2],
            client_id=f"claim-{number % 3}",
            manufacturer=["acme", "globex"][number % 2],
            import_id=IMPORTS[number % 3 % 2],
        )
        world.embedded.put_record(record)
        made.append(record)
    return sorted(made, key=lambda record: record.record_id, reverse=True)


@pytest.fixture
def span(world: ArchiveWorld) -> tuple[str, ...]:
    """The command line for the two days."""
    return ("--from", f"{world.day:%Y-%m-%d}", "--to", f"{world.day + timedelta(days=1):%Y-%m-%d}")


def questions(embedded: Embedded) -> list[AuditRecord]:
    """The questions on record, oldest first."""
    return embedded.records("queries")


def ids(answer: Answer) -> list[str]:
    """The records of a list."""
    assert answer.exit_code == ExitCode.DONE, answer.stderr
    return [record["record_id"] for record in answer.document["records"]]


# ---- list -----------------------------------------------------------------------------------------------------------

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
    _put_many(embedded, serial_number, [ahead])
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


# ---- asking is on record --------------------------------------------------------------------------------------------

COMMANDS = {"list_records": ("list",), "export_records": ("export",), "count_records": ("stats",)}


@pytest.mark.parametrize(("action", "command"), COMMANDS.items(), ids=COMMANDS.keys())
def test_every_question_is_on_record_once_with_who_asked_what(
    fleetgate: Fleetgate, embedded: Embedded, span: tuple[str, ...], action: str, command: tuple[str, ...]
) -> None:
    before = len(questions(embedded))
    assert fleetgate("audit", *command, *span, "--mac", MACS[0]).exit_code == ExitCode.DONE

    (asked,) = questions(embedded)[before:]
    assert (asked.kind, asked.action, asked.actor) == (RecordKind.QUERY, action, ROOT_ARN)
    for told in (f"mac_address={MACS[0]}", f"from={span[1]}T00:00:00Z", "to="):
        assert told in asked.reason
    assert asked.reason.startswith("kind=decision " if action == "count_records" else "mac_address=")
    assert asked.serial_number is None


def test_questions_are_listed_if_they_are_asked_for_and_not_otherwise(fleetgate: Fleetgate, embedded: Embedded) -> None:
    fleetgate("audit", "stats")
    asked = questions(embedded)[-1]

    assert asked.record_id not in ids(fleetgate("audit", "list", "--limit", "10000", "--json"))
    assert asked.record_id in ids(fleetgate("audit", "list", "--kind", "query", "--limit", "10000", "--json"))
    exported = fleetgate("audit", "export", "--format", "jsonl").stdout
    assert asked.record_id not in exported
    assert "count_records" in fleetgate("audit", "list", "--kind", "query", "--actor", ROOT_ARN).stdout


@pytest.fixture
def read_only(
    embedded: Embedded, fleetgate: Fleetgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Fleetgate]:
    """Runs the command as somebody who may read the tables, and write nothing."""
    iam = embedded.client("iam")
    iam.create_user(UserName="reader")
    actions = ["cloudformation:DescribeStacks", "dynamodb:Query", "dynamodb:GetItem", "dynamodb:DescribeTable"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=document)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    (tmp_path / "credentials").write_text(
        f"[reader]\naws_access_key_id={key['AccessKeyId']}\naws_secret_access_key={key['SecretAccessKey']}\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", embedded.stack.endpoint_url)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    where = ("--profile", "reader", "--region", embedded.stack.region, "--stack-name", STACK_NAME)
    yield lambda *arguments: run(*where, *arguments)
    iam.delete_access_key(UserName="reader", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="reader", PolicyName="read")
    iam.delete_user(UserName="reader")


@pytest.mark.parametrize(
    "command",
    [("audit", "list"), ("audit", "export"), ("audit", "stats"), ("device", "story", SERIAL_NUMBERS[0])],
    ids=lambda command: " ".join(command[:2]),
)
def test_a_question_that_cannot_be_put_on_record_gets_no_answer(
    read_only: Fleetgate, records: list[AuditRecord], tmp_path: Path, command: tuple[str, ...]
) -> None:
    assert records
    answer = read_only(*command, "--json")
    assert (answer.exit_code, answer.error["code"]) == (ExitCode.COULD_NOT_CHECK, "store_access_denied")


def test_an_export_that_cannot_be_put_on_record_leaves_no_file(read_only: Fleetgate, tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    answer = read_only("audit", "export", "--output", str(folder / "records.csv"), "--json")
    assert answer.exit_code == ExitCode.COULD_NOT_CHECK
    assert list(folder.iterdir()) == []


# ---- export ---------------------------------------------------------------------------------------------------------


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
    _put_many(embedded, serial_number, moments)
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


# ---- stats ----------------------------------------------------------------------------------------------------------


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


def _cut_off(records: list[AuditRecord]) -> Iterator[AuditRecord]:
    yield from records[:5]
    raise KeyboardInterrupt


def _put_many(embedded: Embedded, serial_number: str, moments: list[datetime]) -> None:
    table = embedded.stack.outputs["AuditTableName"]
    for start in range(0, len(moments), 25):
        items = [
            audit_item_from(
                AuditRecord(
                    record_id=str(ULID.from_datetime(moment)),
                    recorded_at=moment,
                    kind=RecordKind.DECISION,
                    reason="not_on_allow_list",
                    serial_number=serial_number,
                ),
                retention=timedelta(days=365 * 80),
            ).serialize()
            for moment in moments[start : start + 25]
        ]
        embedded.dynamodb.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": item}} for item in items]})
