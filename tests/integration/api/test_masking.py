"""Who does not see identifiers of hardware and people."""

from dataclasses import replace
from typing import Any

import pytest

from fleetgate.api.caller import MASK
from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord, QueryAction
from harness.api_world import ApiWorld
from harness.archive_world import ArchiveWorld
from harness.embedded import Embedded
from tests.integration.api.asking import time_of


@pytest.fixture
def masked_api(embedded: Embedded) -> ApiWorld:
    """The API, for a caller who is not among those who see all."""
    return ApiWorld(embedded, {"API_FULL_VIEW": "SecurityLead, auditors"})


def test_others_see_no_identifiers_of_hardware_and_people(
    masked_api: ApiWorld, world: ArchiveWorld, records: list[AuditRecord]
) -> None:
    for form in ("json", "jsonl", "csv"):
        text = masked_api.get("/v1/records", format=form, **time_of(world)).text
        assert "00:1b:44:11:3a:b7" not in text
        assert "calc" not in text
        assert MASK in text
        assert records[0].record_id in text


def test_others_see_a_story_without_them(masked_api: ApiWorld, approved: AllowListEntry) -> None:
    story = masked_api.get(f"/v1/devices/{approved.serial_number}/story").json

    assert story["device"]["mac_addresses"] == [MASK]
    assert story["device"]["manufacturer"] == "acme"


def test_others_do_not_learn_it_from_what_was_asked(
    api: ApiWorld, masked_api: ApiWorld, records: list[AuditRecord]
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
    assert {one["reason"] for one in masked_api.get("/v1/counts", kind="query").json["counts"]} <= {*QueryAction}


@pytest.mark.parametrize("name", ["mac_address", "client_id", "actor"])
def test_others_cannot_ask_for_what_they_do_not_see(masked_api: ApiWorld, name: str) -> None:
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
    masked_api: ApiWorld, world: ArchiveWorld, records: list[AuditRecord], authorizer: dict[str, Any]
) -> None:
    answer = replace(masked_api, authorizer=authorizer).get("/v1/records", **time_of(world))
    assert answer.json["records"][0]["mac_address"] == records[0].mac_address
