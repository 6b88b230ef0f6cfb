"""Questions over HTTP, answered under the query function's own role from the tables of the embedded stack."""

import csv
import io
import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ulid import ULID

from fleetgate.api.answers import CountsPage, RecordsPage, Story
from fleetgate.api.caller import MASK
from fleetgate.api.cursors import Cursors, Purpose
from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord, Question, RecordKind, Verdict
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.documents import record_document
from fleetgate.domain.identifiers import SerialNumber
from harness import faulty_dynamodb as faults
from harness.archive_world import ArchiveWorld
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from harness.http_world import SESSION_ARN, HttpWorld

A_DAY = timedelta(days=1)


@pytest.fixture
def api(embedded: Embedded) -> HttpWorld:
    """The API, for a caller who sees all."""
    return HttpWorld(embedded)


@pytest.fixture(scope="module")
def world(embedded: Embedded) -> ArchiveWorld:
    """A day that no other test records on."""
    return ArchiveWorld.of(embedded)


@pytest.fixture(scope="module")
def records(world: ArchiveWorld) -> list[AuditRecord]:
    """A day's records, newest first."""
    claim = secrets.token_hex(32)
    made = []
    for number in range(12):
        moment = world.day + timedelta(minutes=90 * number)
        record = AuditRecord(
            record_id=str(ULID.from_datetime(moment)),
            recorded_at=moment,
            kind=RecordKind.DECISION,
            verdict=[Verdict.DENIED, Verdict.ALLOWED][number % 2],
            reason=["mac_address_mismatch", "first_reservation"][number % 2],
            serial_number=f"ASK-{number % 3}",
            mac_address="00:1b:44:11:3a:b7",
            presented_mac_address="00:1b:44:11:3a:b7",
            certificate_id=secrets.token_hex(32),
            claim_certificate_id=claim,
            client_id="=cmd|' /C calc'!A0",
            manufacturer="acme",
        )
        made.append(record)
        world.embedded.put_record(record)
    return made[::-1]


def time_of(world: ArchiveWorld) -> dict[str, str]:
    """The day, as a question names it."""
    return {name: moment.strftime("%Y-%m-%dT%H:%M:%SZ") for name, moment in _ends(world).items()}


def _ends(world: ArchiveWorld) -> dict[str, datetime]:
    return {"from": world.day, "to": world.day + A_DAY}


def pages(api: HttpWorld, path: str, **query: Any) -> Iterator[Any]:
    """The pages of an answer, by their cursors."""
    answer = api.get(path, **query)
    while True:
        assert answer.status == 200, answer.text
        yield answer.json
        cursor = answer.json["next_cursor"]
        if cursor is None:
            return
        answer = api.get(path, cursor=cursor, **({"limit": query["limit"]} if "limit" in query else {}))


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"verdict": "denied"},
        {"serial_number": "ASK-1"},
        {"mac_address": "00-1B-44-11-3A-B7"},
        {"reason": "first_reservation", "manufacturer": "acme"},
        {"kind": ["decision", "outcome"]},
        {"client_id": "=cmd|' /C calc'!A0"},
    ],
    ids=str,
)
def test_a_question_is_answered_page_by_page_newest_first(
    api: HttpWorld, world: ArchiveWorld, records: list[AuditRecord], asked: dict[str, Any]
) -> None:
    answered = list(pages(api, "/v1/records", limit=2, **asked, **time_of(world)))
    for page in answered:
        RecordsPage.model_validate(page)
        assert len(page["records"]) <= 2

    expected = [
        record
        for record in records
        if asked.get("verdict", record.verdict) == record.verdict
        and asked.get("serial_number", record.serial_number) == record.serial_number
        and asked.get("reason", record.reason) == record.reason
    ]
    assert len(expected) > 2
    assert [record for page in answered for record in page["records"]] == [*map(record_document, expected)]


def test_a_question_by_certificate_needs_no_beginning(
    api: HttpWorld, world: ArchiveWorld, records: list[AuditRecord]
) -> None:
    # The day lies too long ago for a question that names no end either.
    until = {"to": time_of(world)["to"]}
    of_claim = api.get("/v1/records", claim_certificate_id=records[0].claim_certificate_id, **until)
    of_device = api.get("/v1/records", certificate_id=records[3].certificate_id, **until)

    assert [record["record_id"] for record in of_claim.json["records"]] == [record.record_id for record in records]
    assert of_device.json["records"] == [record_document(records[3])]


def test_records_are_counted_by_day_verdict_and_reason(
    api: HttpWorld, world: ArchiveWorld, records: list[AuditRecord]
) -> None:
    (page,) = pages(api, "/v1/counts", **time_of(world))
    CountsPage.model_validate(page)
    day = world.day.date().isoformat()

    assert page["counts"] == [
        {"day": day, "verdict": "denied", "reason": "mac_address_mismatch", "count": 6},
        {"day": day, "verdict": "allowed", "reason": "first_reservation", "count": 6},
    ]


def test_decisions_are_counted_unless_something_else_is_asked_for_and_actions_by_what_was_done(
    api: HttpWorld, world: ArchiveWorld
) -> None:
    moment = world.day + A_DAY + timedelta(hours=1)
    acted = AuditRecord(
        record_id=str(ULID.from_datetime(moment)),
        recorded_at=moment,
        kind=RecordKind.OPERATOR_ACTION,
        action="quarantine",
        reason="stolen, case 4711",
        serial_number="ASK-1",
    )
    world.embedded.put_record(acted)
    day = {"from": f"{moment:%Y-%m-%d}T00:00:00Z", "to": f"{moment:%Y-%m-%d}T23:00:00Z"}

    assert api.get("/v1/counts", **day).json["counts"] == []
    (count,) = api.get("/v1/counts", kind="operator_action", **day).json["counts"]
    assert (count["verdict"], count["reason"], count["count"]) == (None, "quarantine", 1)
    (found,) = api.get("/v1/records", action="quarantine", **day).json["records"]
    assert found["record_id"] == acted.record_id


def test_an_export_is_the_same_records_as_a_file_that_no_spreadsheet_runs(
    api: HttpWorld, world: ArchiveWorld, records: list[AuditRecord]
) -> None:
    lines = api.get("/v1/records", format="jsonl", **time_of(world))
    table = api.get("/v1/records", format="csv", limit=5, **time_of(world))

    assert [json.loads(line) for line in lines.text.splitlines()] == [*map(record_document, records)]
    assert "Link" not in lines.headers
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [row["record_id"] for row in rows] == [record.record_id for record in records[:5]]
    assert {row["client_id"] for row in rows} == {"'=cmd|' /C calc'!A0"}
    following = table.headers["Link"].partition(">")[0].partition("cursor=")[2]
    rest = api.get("/v1/records", format="csv", cursor=following)
    assert [row["record_id"] for row in csv.DictReader(io.StringIO(rest.text))] == [
        record.record_id for record in records[5:]
    ]


def test_a_device_s_story_is_one_call(
    api: HttpWorld, embedded: Embedded, approved: AllowListEntry, claim: ClaimCertificate
) -> None:
    moment = datetime.now(UTC)
    decision = AuditRecord(
        record_id=str(ULID.from_datetime(moment)),
        recorded_at=moment,
        kind=RecordKind.DECISION,
        verdict=Verdict.ALLOWED,
        reason="first_reservation",
        serial_number=approved.serial_number.value,
        certificate_id=secrets.token_hex(32),
        claim_certificate_id=claim.certificate_id,
    )
    decision = replace(decision, decision_id=decision.record_id)
    outcome = replace(
        decision, record_id=str(ULID.from_datetime(moment)), kind=RecordKind.OUTCOME, verdict=None, reason="connected"
    )
    embedded.put_record(decision)
    embedded.put_record(outcome)
    answer = api.get(f"/v1/devices/{approved.serial_number}/story")
    story = Story.model_validate(answer.json)

    (admission,) = story.admissions
    assert (admission.rule, admission.ending) == ("first_reservation", "in_use")
    assert admission.claim_certificate_id == claim.certificate_id
    assert story.imports == {"import-1": None}
    assert story.claim_certificates[claim.certificate_id]["manufacturer"] == "acme"  # type: ignore[index]
    assert {record.record_id for record in story.records} == {decision.record_id, outcome.record_id}


def test_a_story_says_what_stops_a_device(api: HttpWorld, embedded: Embedded, approved: AllowListEntry) -> None:
    path = f"/v1/devices/{approved.serial_number}/story"
    assert api.get(path).json["stopped_by"] == []
    embedded.put(approved.quarantined())
    assert api.get(path).json["stopped_by"] == ["quarantined"]


def test_a_device_that_nobody_knows_has_no_story(api: HttpWorld) -> None:
    assert api.get("/v1/devices/NOBODY/story").problem == (404, "unknown_device")


def test_the_switch_can_be_read(api: HttpWorld) -> None:
    assert api.get("/v1/gate").json["state"] == "open"


# ---- Every question is on record ------------------------------------------------------------------------------------


def asked_since(embedded: Embedded, moment: datetime) -> list[AuditRecord]:
    """What was asked since, oldest first."""
    return [record for record in embedded.records("queries") if record.recorded_at >= moment]


@pytest.mark.parametrize(
    ("path", "query", "action", "words"),
    [
        ("/v1/records", {"serial_number": "ASK-1", "verdict": "denied"}, "list_records", "serial_number=ASK-1"),
        ("/v1/records", {"format": "csv", "reason": "quarantined"}, "export_records", "reason=quarantined"),
        ("/v1/counts", {"manufacturer": "acme"}, "count_records", "manufacturer=acme"),
        ("/v1/devices/ASK-1/story", {}, "read_story", "serial_number=ASK-1"),
        ("/v1/gate", {}, "read_switch", "gate"),
    ],
)
def test_a_question_is_on_record_with_who_asked(
    api: HttpWorld, embedded: Embedded, path: str, query: dict[str, str], action: str, words: str
) -> None:
    moment = datetime.now(UTC)
    api.get(path, **query)
    (record,) = [found for found in asked_since(embedded, moment) if found.action == action]

    assert (record.kind, record.actor, record.request_id) == (RecordKind.QUERY, SESSION_ARN, "request-1")
    assert words in record.reason


def test_each_page_is_a_question_of_its_own(
    api: HttpWorld, embedded: Embedded, world: ArchiveWorld, records: list[AuditRecord]
) -> None:
    moment = datetime.now(UTC)
    asked = len(list(pages(api, "/v1/records", limit=5, **time_of(world))))

    assert asked == 3
    assert len([one for one in asked_since(embedded, moment) if one.action == "list_records"]) == asked


def refusing(operation: str) -> faults.Fault:
    """DynamoDB that permits everything but one operation."""

    def refuse(doorman: Any) -> None:
        if doorman.headers["X-Amz-Target"].endswith(f".{operation}"):
            doorman.refuse("com.amazonaws.dynamodb.v20120810#AccessDeniedException", {})
        else:
            faults.behave(doorman)

    return refuse


def test_who_cannot_be_recorded_gets_no_answer(embedded: Embedded, faulty: FaultyDynamoDB, records: Any) -> None:
    api = HttpWorld(embedded, {"AWS_ENDPOINT_URL_DYNAMODB": faulty.endpoint_url})
    faulty.always(refusing("PutItem"))
    answer = api.get("/v1/records", claim_certificate_id=records[0].claim_certificate_id)

    assert answer.problem == (503, "store_access_denied")
    assert records[0].record_id not in answer.text


def test_not_being_recorded_goes_before_a_no(embedded: Embedded, faulty: FaultyDynamoDB) -> None:
    api = HttpWorld(embedded, {"AWS_ENDPOINT_URL_DYNAMODB": faulty.endpoint_url})
    faulty.always(refusing("PutItem"))

    assert api.get("/v1/devices/NOBODY/story").problem == (503, "store_access_denied")


def test_a_table_that_cannot_be_asked_is_not_an_empty_one(embedded: Embedded, faulty: FaultyDynamoDB) -> None:
    api = HttpWorld(embedded, {"AWS_ENDPOINT_URL_DYNAMODB": faulty.endpoint_url})
    faulty.always(refusing("Query"))
    answer = api.get("/v1/records")

    assert answer.problem == (503, "store_access_denied")
    assert answer.headers["Retry-After"]


# ---- What is no question --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"serial_numbr": "ASK-1"}, "query.serial_numbr"),
        ({"serial_number": "no spaces"}, "query.serial_number"),
        ({"client_id": "red\x9b31m"}, "query.client_id"),
        ({"manufacturer": "acme\u202egnp"}, "query.manufacturer"),
        ({"mac_address": "00:1b:44"}, "query.mac_address"),
        ({"mac_address": "00:00:00:00:00:00"}, "query.mac_address"),
        ({"certificate_id": "abc"}, "query.certificate_id"),
        ({"kind": "decisions"}, "query.kind.0"),
        ({"verdict": "maybe"}, "query.verdict"),
        ({"limit": "0"}, "query.limit"),
        ({"limit": "501"}, "query.limit"),
        ({"limit": "many"}, "query.limit"),
        ({"from": "yesterday"}, "query.from"),
        ({"from": "2026-02-30T00:00:00Z"}, "query.from"),
        ({"to": "2026-01-01T00:00:00"}, "query.to"),
        ({"to": "0001-01-01T00:00:00Z"}, "query.to"),
        ({"format": "xml"}, "query.format"),
    ],
    ids=str,
)
def test_a_field_that_is_wrong_is_named(api: HttpWorld, query: dict[str, str], field: str) -> None:
    answer = api.get("/v1/records", **query)

    assert answer.problem == (422, "invalid_request")
    assert [one["field"] for one in answer.json["errors"]] == [field]
    assert all(value not in answer.text for value in query.values() if len(value) > 3)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "ends before it starts"),
        ({"from": "2025-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "longer than 92 days"),
        ({"from": "1990-01-01T00:00:00Z", "serial_number": "ASK-1"}, "longer than 3660 days"),
    ],
    ids=["backwards", "a year of everything", "a century of a device"],
)
def test_a_time_that_cannot_be_asked_for_is_refused(api: HttpWorld, query: dict[str, str], says: str) -> None:
    answer = api.get("/v1/records", **query)

    assert answer.problem == (422, "invalid_request")
    assert says in answer.json["detail"]


def test_a_route_that_there_is_not_is_a_problem_as_well(api: HttpWorld) -> None:
    assert api.get("/v1/nothing").problem == (404, "no_such_route")


@pytest.fixture
def cursor(api: HttpWorld, world: ArchiveWorld, records: list[AuditRecord]) -> str:
    """A sound cursor."""
    return str(api.get("/v1/records", limit=1, **time_of(world)).json["next_cursor"])


def test_a_cursor_that_was_changed_is_refused(api: HttpWorld, cursor: str) -> None:
    for place in (0, len(cursor) // 2, len(cursor) - 2):
        changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        assert api.get("/v1/records", cursor=changed).problem == (400, "bad_cursor")
    assert api.get("/v1/records", cursor="nonsense").problem == (400, "bad_cursor")


def test_a_cursor_of_another_secret_is_refused(api: HttpWorld, cursor: str, embedded: Embedded) -> None:
    (secret,) = embedded.client("secretsmanager").list_secrets()["SecretList"]
    known = embedded.client("secretsmanager").get_secret_value(SecretId=secret["ARN"])["SecretString"]
    content = Cursors(known).take(Purpose.RECORDS, cursor)

    assert api.get("/v1/records", cursor=Cursors("guessed").give(Purpose.RECORDS, content)).problem[0] == 400


def test_a_cursor_of_one_kind_of_answer_is_none_of_another(api: HttpWorld, cursor: str) -> None:
    assert api.get("/v1/counts", cursor=cursor).problem == (400, "bad_cursor")


def test_nothing_can_be_asked_beside_a_cursor(api: HttpWorld, cursor: str) -> None:
    answer = api.get("/v1/records", cursor=cursor, manufacturer="acme")

    assert answer.problem == (422, "invalid_request")
    assert "manufacturer" in answer.json["errors"][0]["problem"]


# ---- Who sees what --------------------------------------------------------------------------------------------------


@pytest.fixture
def masked_api(embedded: Embedded) -> HttpWorld:
    """The API, for a caller who is not among those who see all."""
    return HttpWorld(embedded, {"API_FULL_VIEW": "SecurityLead, auditors"})


def test_others_see_no_identifiers_of_hardware_and_people(
    masked_api: HttpWorld, world: ArchiveWorld, records: list[AuditRecord]
) -> None:
    for form in ("json", "jsonl", "csv"):
        text = masked_api.get("/v1/records", format=form, **time_of(world)).text
        assert "00:1b:44:11:3a:b7" not in text
        assert "calc" not in text
        assert MASK in text
        assert records[0].record_id in text


def test_others_see_a_story_without_them(masked_api: HttpWorld, approved: AllowListEntry) -> None:
    story = masked_api.get(f"/v1/devices/{approved.serial_number}/story").json

    assert story["device"]["mac_addresses"] == [MASK]
    assert story["device"]["manufacturer"] == "acme"


def test_others_do_not_learn_it_from_what_was_asked(
    api: HttpWorld, masked_api: HttpWorld, records: list[AuditRecord]
) -> None:
    api.get("/v1/records", client_id="thief-7")
    for path in ("/v1/records", "/v1/counts"):
        answer = (
            masked_api.get(path, kind="query", format="csv")
            if path == "/v1/records"
            else masked_api.get(path, kind="query")
        )
        assert answer.status == 200
        assert "thief-7" not in answer.text
    assert {one["reason"] for one in masked_api.get("/v1/counts", kind="query").json["counts"]} <= {*Question}


@pytest.mark.parametrize("name", ["mac_address", "client_id", "actor"])
def test_others_cannot_ask_for_what_they_do_not_see(masked_api: HttpWorld, name: str) -> None:
    answer = masked_api.get("/v1/records", **{name: "00:1b:44:11:3a:b7"})
    assert answer.problem == (403, "field_masked")


@pytest.mark.parametrize(
    "authorizer",
    [
        {"iam": {"userArn": "arn:aws:sts::000000000000:assumed-role/SecurityLead/bob"}},
        {"iam": {"userArn": "arn:aws:iam::000000000000:user/people/auditors"}},
        {"jwt": {"claims": {"iss": "https://issuer", "sub": "bob", "scope": "fleetgate/read SecurityLead"}}},
        {"jwt": {"claims": {"iss": "https://issuer", "sub": "bob", "cognito:groups": "[auditors others]"}}},
    ],
    ids=["role", "user", "scope", "group"],
)
def test_those_who_are_named_see_all(
    masked_api: HttpWorld, world: ArchiveWorld, records: list[AuditRecord], authorizer: dict[str, Any]
) -> None:
    answer = replace(masked_api, authorizer=authorizer).get("/v1/records", **time_of(world))
    assert answer.json["records"][0]["mac_address"] == records[0].mac_address


def test_a_token_s_subject_is_who_asked(api: HttpWorld, embedded: Embedded) -> None:
    moment = datetime.now(UTC)
    replace(api, authorizer={"jwt": {"claims": {"iss": "https://issuer", "sub": "bob"}}}).get("/v1/gate")

    assert [record.actor for record in asked_since(embedded, moment)] == ["https://issuer#bob"]


@pytest.mark.parametrize("authorizer", [{}, {"iam": {}}, {"jwt": {"claims": {"sub": "bob"}}}], ids=str)
def test_nobody_gets_an_answer(api: HttpWorld, authorizer: dict[str, Any]) -> None:
    assert replace(api, authorizer=authorizer).get("/v1/records").problem == (403, "caller_unknown")


def test_a_story_is_found_by_the_serial_number_as_it_is_written(api: HttpWorld, approved: AllowListEntry) -> None:
    other = SerialNumber(approved.serial_number.value.lower())
    assert api.get(f"/v1/devices/{other}/story").problem == (404, "unknown_device")
