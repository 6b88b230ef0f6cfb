"""The named example events of the HTTP API's functions: each is answered as its name promises."""

import json
from collections.abc import Iterator

import pytest

from harness.api_world import ApiWorld
from harness.embedded import Embedded
from local.environments import REPOSITORY

# By the file's name, the status of the answer.
QUERIES = {"denials-of-a-claim-certificate": 200, "story-of-an-unknown-device": 404, "misspelt-field": 422}
ACTIONS = {"stop-the-gate": 200, "quarantine-an-unknown-device": 404, "no-reason": 422}
EXAMPLES = [
    *((f"query-api/{name}", status) for name, status in QUERIES.items()),
    *((f"action-api/{name}", status) for name, status in ACTIONS.items()),
]


@pytest.fixture
def api(embedded: Embedded) -> Iterator[ApiWorld]:
    """The API; in the end the gate is open for the next test."""
    api = ApiWorld(embedded)
    yield api
    api.post("/v1/gate/start", reason="a test is over")


@pytest.mark.parametrize(("folder", "names"), [("query-api", QUERIES), ("action-api", ACTIONS)])
def test_every_example_is_tested(folder: str, names: dict[str, int]) -> None:
    assert {path.stem for path in (REPOSITORY / "events" / folder).iterdir()} == set(names)


@pytest.mark.parametrize(("name", "status"), EXAMPLES)
def test_an_example_is_answered_as_its_name_promises(api: ApiWorld, name: str, status: int) -> None:
    event = json.loads((REPOSITORY / "events" / f"{name}.json").read_text())
    assert api.invoke(event).status == status
