"""A question as it is asked over HTTP: its day, its pages, and what is on record of it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from fleetgate.domain.audit import AuditRecord
from harness.api_world import ApiWorld
from harness.archive_world import ArchiveWorld
from harness.embedded import Embedded

A_DAY = timedelta(days=1)


def time_of(world: ArchiveWorld) -> dict[str, str]:
    """The day, as a question names it."""
    return {name: moment.strftime("%Y-%m-%dT%H:%M:%SZ") for name, moment in ends_of(world).items()}


def ends_of(world: ArchiveWorld) -> dict[str, datetime]:
    return {"from": world.day, "to": world.day + A_DAY}


def pages(api: ApiWorld, path: str, **query: Any) -> Iterator[Any]:
    """The pages of an answer, by their cursors."""
    answer = api.get(path, **query)
    while True:
        assert answer.status == 200, answer.text
        yield answer.json
        cursor = answer.json["next_cursor"]
        if cursor is None:
            return
        answer = api.get(path, cursor=cursor, **({"limit": query["limit"]} if "limit" in query else {}))


def asked_since(embedded: Embedded, moment: datetime) -> list[AuditRecord]:
    """What was asked since, oldest first."""
    return [record for record in embedded.records("queries") if record.recorded_at >= moment]
