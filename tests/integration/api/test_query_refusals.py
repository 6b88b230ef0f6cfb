"""What is no question: fields, times, routes and cursors that are refused."""

import pytest

from fleetgate.api.cursors import CursorKind, Cursors
from fleetgate.domain.audit import AuditRecord
from harness.api_world import ApiWorld
from harness.archive_world import ArchiveWorld
from harness.embedded import Embedded
from tests.integration.api.asking import time_of


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
def test_a_field_that_is_wrong_is_named(api: ApiWorld, query: dict[str, str], field: str) -> None:
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
def test_a_time_that_cannot_be_asked_for_is_refused(api: ApiWorld, query: dict[str, str], says: str) -> None:
    answer = api.get("/v1/records", **query)

    assert answer.problem == (422, "invalid_request")
    assert says in answer.json["detail"]


def test_a_route_that_there_is_not_is_a_problem_as_well(api: ApiWorld) -> None:
    assert api.get("/v1/nothing").problem == (404, "no_such_route")


@pytest.fixture
def cursor(api: ApiWorld, world: ArchiveWorld, records: list[AuditRecord]) -> str:
    """A sound cursor."""
    return str(api.get("/v1/records", limit=1, **time_of(world)).json["next_cursor"])


def test_a_cursor_that_was_changed_is_refused(api: ApiWorld, cursor: str) -> None:
    for place in (0, len(cursor) // 2, len(cursor) - 2):
        changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        assert api.get("/v1/records", cursor=changed).problem == (400, "bad_cursor")
    assert api.get("/v1/records", cursor="nonsense").problem == (400, "bad_cursor")


def test_a_cursor_of_another_secret_is_refused(api: ApiWorld, cursor: str, embedded: Embedded) -> None:
    (secret,) = embedded.client("secretsmanager").list_secrets()["SecretList"]
    known = embedded.client("secretsmanager").get_secret_value(SecretId=secret["ARN"])["SecretString"]
    content = Cursors(known).take(CursorKind.RECORDS, cursor)

    assert api.get("/v1/records", cursor=Cursors("guessed").give(CursorKind.RECORDS, content)).problem[0] == 400


def test_a_cursor_of_one_kind_of_answer_is_none_of_another(api: ApiWorld, cursor: str) -> None:
    assert api.get("/v1/counts", cursor=cursor).problem == (400, "bad_cursor")


def test_nothing_can_be_asked_beside_a_cursor(api: ApiWorld, cursor: str) -> None:
    answer = api.get("/v1/records", cursor=cursor, manufacturer="acme")

    assert answer.problem == (422, "invalid_request")
    assert "manufacturer" in answer.json["errors"][0]["problem"]
