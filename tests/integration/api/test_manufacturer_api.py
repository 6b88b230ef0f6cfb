"""Manufacturers over HTTP, under the roles of the two functions."""

import secrets
from typing import Any

import pytest

from fleetgate.api.orders import ManufacturerAction
from harness.api_world import SESSION_ARN, ApiWorld
from harness.embedded import Embedded

WHY = "a test"


@pytest.fixture
def name() -> str:
    """A name that nobody used before."""
    return f"maker-{secrets.token_hex(4)}"


def test_a_manufacturer_is_registered_changed_and_read(api: ApiWorld, embedded: Embedded, name: str) -> None:
    profile: dict[str, Any] = {"serial_numbers": [f"{name}-*"], "mac_prefixes": ["00-1B-44"], "columns": {"Farbe": ""}}
    added = api.post("/v1/manufacturers/add", manufacturer=name, reason=WHY, **profile)
    assert (added.status, added.json["result"], added.json["warnings"]) == (200, "added", [])
    assert ManufacturerAction.model_validate(added.json).manufacturer.mac_prefixes == ["00:1b:44"]
    again = api.post("/v1/manufacturers/add", manufacturer=name, reason=WHY, **profile)
    assert (again.json["result"], again.json["record_id"]) == ("unchanged", None)

    changed = api.post(
        "/v1/manufacturers/change", manufacturer=name, reason="line 5", mac_prefixes=[], rows_per_day=7
    ).json
    assert changed["result"] == "changed"
    assert changed["manufacturer"] == {
        **added.json["manufacturer"],
        "mac_prefixes": [],
        "rows_per_day": 7,
        "version": 2,
    }
    assert api.get(f"/v1/manufacturers/{name}").json == changed["manufacturer"]
    assert changed["manufacturer"] in api.get("/v1/manufacturers", limit=1000).json["manufacturers"]
    records = embedded.records(f"manufacturer#{name}")
    assert [(one.action, one.actor, one.reason) for one in records] == [
        ("add_manufacturer", SESSION_ARN, WHY),
        ("change_manufacturer", SESSION_ARN, "line 5"),
    ]
    asked = embedded.records("queries")[-2:]
    assert [(one.action, one.reason) for one in asked] == [
        ("read_manufacturers", f"manufacturer={name}"),
        ("read_manufacturers", "manufacturers"),
    ]


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        ({"serial_numbers": ["A*B*"]}, (422, "invalid_request")),
        ({"mac_prefixes": ["nonsense"]}, (422, "invalid_request")),
        ({"columns": {"Farbe": "Colour"}}, (409, "unknown_column")),
        ({"rows_per_day": 0}, (422, "invalid_request")),
        ({"manufacturer": "Acme"}, (422, "invalid_request")),
        ({"manufacturer": "globex."}, (409, "manufacturer_looks_like_another")),
    ],
)
def test_what_cannot_be_a_manufacturer_is_a_problem(
    order: dict[str, Any], problem: tuple[int, str], api: ApiWorld, name: str
) -> None:
    assert api.post("/v1/manufacturers/add", **{"manufacturer": name, "reason": WHY, **order}).problem == problem
    assert api.get(f"/v1/manufacturers/{name}").problem == (404, "unknown_manufacturer")


def test_a_manufacturer_that_is_not_registered_is_not_changed(api: ApiWorld, embedded: Embedded, name: str) -> None:
    embedded.register_manufacturer(name)
    answer = api.post("/v1/manufacturers/change", manufacturer=f"{name}x", reason=WHY, templates=[])
    assert answer.problem == (404, "unknown_manufacturer")
    assert f"Did you mean {name}?" in answer.json["detail"]
