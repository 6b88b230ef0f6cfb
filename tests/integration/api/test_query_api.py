"""Questions over HTTP, answered under the query function's own role from the tables of the embedded stack."""

import csv
import io
import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ulid import ULID

from fleetgate.api.answers import CountsDocument, RecordsPage, Story
from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.documents import record_document
from fleetgate.domain.identifiers import SerialNumber
from harness import faulty_dynamodb as faults
from harness.api_world import ApiWorld
from harness.archive_world import ArchiveWorld
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from tests.integration.api.asking import A_DAY, pages, time_of


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
    api: ApiWorld, world: ArchiveWorld, records: list[AuditRecord], asked: dict[str, Any]
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
    api: ApiWorld, world: ArchiveWorld, records: list[AuditRecord]
) -> None:
    # The day lies too long ago for a question that names no end either.
    until = {"to": time_of(world)["to"]}
    of_claim = api.get("/v1/records", claim_certificate_id=records[0].claim_certificate_id, **until)
    of_device = api.get("/v1/records", certificate_id=records[3].certificate_id, **until)

    assert [record["record_id"] for record in of_claim.json["records"]] == [record.record_id for record in records]
    assert of_device.json["records"] == [record_document(records[3])]


def test_records_are_counted_by_day_verdict_and_reason(
    api: ApiWorld, world: ArchiveWorld, records: list[AuditRecord]
) -> None:
    (page,) = pages(api, "/v1/counts", **time_of(world))
    CountsDocument.model_validate(page)
    day = world.day.date().isoformat()

    assert page["counts"] == [
        {"day": day, "verdict": "denied", "reason": "mac_address_mismatch", "count": 6},
        {"day": day, "verdict": "allowed", "reason": "first_reservation", "count": 6},
    ]


def test_decisions_are_counted_unless_something_else_is_asked_for_and_actions_by_what_was_done(
    api: ApiWorld, world: ArchiveWorld
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
    api: ApiWorld, world: ArchiveWorld, records: list[AuditRecord]
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
    api: ApiWorld, embedded: Embedded, approved: AllowListEntry, claim: ClaimCertificate
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


def test_a_story_says_what_stops_a_device(api: ApiWorld, embedded: Embedded, approved: AllowListEntry) -> None:
    path = f"/v1/devices/{approved.serial_number}/story"
    assert api.get(path).json["stopped_by"] == []
    embedded.put(approved.quarantined())
    assert api.get(path).json["stopped_by"] == ["quarantined"]


def test_a_device_that_nobody_knows_has_no_story(api: ApiWorld) -> None:
    assert api.get("/v1/devices/NOBODY/story").problem == (404, "unknown_device")


def test_the_switch_can_be_read(api: ApiWorld) -> None:
    assert api.get("/v1/gate").json["state"] == "open"


def refusing(operation: str) -> faults.Fault:
    """DynamoDB that permits everything but one operation."""

    def refuse(doorman: Any) -> None:
        if doorman.headers["X-Amz-Target"].endswith(f".{operation}"):
            doorman.refuse("com.amazonaws.dynamodb.v20120810#AccessDeniedException", {})
        else:
            faults.behave(doorman)

    return refuse


def test_a_table_that_cannot_be_asked_is_not_an_empty_one(embedded: Embedded, faulty: FaultyDynamoDB) -> None:
    api = ApiWorld(embedded, {"AWS_ENDPOINT_URL_DYNAMODB": faulty.endpoint_url})
    faulty.always(refusing("Query"))
    answer = api.get("/v1/records")

    assert answer.problem == (503, "store_access_denied")
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize("authorizer", [{}, {"iam": {}}, {"jwt": {"claims": {"sub": "bob"}}}], ids=str)
def test_nobody_gets_an_answer(api: ApiWorld, authorizer: dict[str, Any]) -> None:
    assert replace(api, authorizer=authorizer).get("/v1/records").problem == (403, "caller_unknown")


def test_a_story_is_found_by_the_serial_number_as_it_is_written(api: ApiWorld, approved: AllowListEntry) -> None:
    other = SerialNumber(approved.serial_number.value.lower())
    assert api.get(f"/v1/devices/{other}/story").problem == (404, "unknown_device")
