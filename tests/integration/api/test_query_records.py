"""Every question over HTTP is on record, or gets no answer."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from fleetgate.domain.audit import AuditRecord, RecordKind
from harness.api_world import SESSION_ARN, ApiWorld
from harness.archive_world import ArchiveWorld
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from tests.integration.api.asking import asked_since, pages, time_of
from tests.integration.api.test_query_api import refusing


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
    api: ApiWorld, embedded: Embedded, path: str, query: dict[str, str], action: str, words: str
) -> None:
    moment = datetime.now(UTC)
    api.get(path, **query)
    (record,) = [found for found in asked_since(embedded, moment) if found.action == action]

    assert (record.kind, record.actor, record.request_id) == (RecordKind.QUERY, SESSION_ARN, "request-1")
    assert words in record.reason


def test_each_page_is_a_question_of_its_own(
    api: ApiWorld, embedded: Embedded, world: ArchiveWorld, records: list[AuditRecord]
) -> None:
    moment = datetime.now(UTC)
    asked = len(list(pages(api, "/v1/records", limit=5, **time_of(world))))

    assert asked == 3
    assert len([one for one in asked_since(embedded, moment) if one.action == "list_records"]) == asked


def test_who_cannot_be_recorded_gets_no_answer(embedded: Embedded, faulty: FaultyDynamoDB, records: Any) -> None:
    api = ApiWorld(embedded, {"AWS_ENDPOINT_URL_DYNAMODB": faulty.endpoint_url})
    faulty.always(refusing("PutItem"))
    answer = api.get("/v1/records", claim_certificate_id=records[0].claim_certificate_id)

    assert answer.problem == (503, "store_access_denied")
    assert records[0].record_id not in answer.text


def test_not_being_recorded_goes_before_a_no(embedded: Embedded, faulty: FaultyDynamoDB) -> None:
    api = ApiWorld(embedded, {"AWS_ENDPOINT_URL_DYNAMODB": faulty.endpoint_url})
    faulty.always(refusing("PutItem"))

    assert api.get("/v1/devices/NOBODY/story").problem == (503, "store_access_denied")


def test_a_token_s_subject_is_who_asked(api: ApiWorld, embedded: Embedded) -> None:
    moment = datetime.now(UTC)
    replace(api, authorizer={"jwt": {"claims": {"iss": "https://issuer", "sub": "bob"}}}).get("/v1/gate")

    assert [record.actor for record in asked_since(embedded, moment)] == ["https://issuer#bob"]
