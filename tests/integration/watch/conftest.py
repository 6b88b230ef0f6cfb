"""The watcher under its own role.

The deployed watcher is at work on the same table; so what a test leaves there is never a burst by itself, and the rest
of one is in the events that the test makes.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleetgate.domain.audit import AuditRecord
from fleetgate.watch import watcher
from harness import faulty_dynamodb as faults
from harness.denials import image_of, insertion
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from tests.integration.watch.guessing import Invoke, context, forget


@pytest.fixture
def variables(embedded: Embedded) -> dict[str, str]:
    """The environment of the deployed watcher, credentials of its role included."""
    return embedded.environment_of("WatcherFunction")


@pytest.fixture
def invoke(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Invoke]:
    """Hands records to the watcher as the stream would; the record IDs of those that it wants again."""
    (stream_handler,) = watcher.logger.handlers
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(watcher, "sleep", lambda _seconds: None)

    def run(records: Sequence[AuditRecord], **changed: str) -> list[str]:
        # The logger took hold of stdout when it was imported, before pytest began to capture this test's.
        monkeypatch.setattr(stream_handler, "stream", sys.stdout)
        for name, value in changed.items():
            monkeypatch.setenv(name, value)
        forget()
        event = {"Records": [insertion(image_of(record), number) for number, record in enumerate(records)]}
        failures = watcher.handler(event, context())["batchItemFailures"]
        return [records[int(failure["itemIdentifier"])].record_id for failure in failures]

    yield run
    forget()


@pytest.fixture
def moment() -> datetime:
    """A while ago, and the start of a window as notices are numbered by them."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)


@pytest.fixture
def told(faulty: FaultyDynamoDB, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The events that are published, as they come."""
    published: list[dict[str, Any]] = []

    def listen(doorman: Any) -> None:
        published.extend(json.loads(doorman.request_body)["Entries"])
        faults.behave(doorman)

    faulty.always(listen)
    monkeypatch.setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", faulty.endpoint_url)
    return published
