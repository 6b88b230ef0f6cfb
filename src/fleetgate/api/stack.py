"""The stack behind the HTTP API, reached once for all requests of a function, and who asks in this one."""

import os
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from ulid import ULID

from fleetgate.api.caller import Caller
from fleetgate.api.cursors import Cursors
from fleetgate.api.secrets import secret_of
from fleetgate.api.settings import ApiSettings
from fleetgate.domain.operator_action import Operator
from fleetgate.imports.store.records import ImportRecords
from fleetgate.operators.stop_store import StopStore
from fleetgate.trail.store import AuditTrail


@cache
def settings() -> ApiSettings:
    """What the function is told from outside."""
    return ApiSettings.from_environment(os.environ)


@cache
def trail() -> AuditTrail:
    """The audit trail."""
    return AuditTrail(settings().tables)


@cache
def store() -> StopStore:
    """The allow-list, as operators see it."""
    return StopStore(settings().tables)


@cache
def imports() -> ImportRecords:
    """The imports."""
    return ImportRecords(settings().tables)


def prime() -> None:
    """Build the clients, before there are two threads."""
    for one in (trail(), store(), imports()):
        one.prime()


@cache
def cursors() -> Cursors:
    """Signs cursors with the stack's own secret."""
    return Cursors(secret_of(settings().cursor_secret_arn))


@cache
def beside() -> Executor:
    """Runs what a request does beside its main work."""
    return ThreadPoolExecutor(max_workers=1)


def now() -> datetime:
    """Aware UTC."""
    return datetime.now(UTC)


def new_record_id(moment: datetime) -> str:
    """A unique ID that sorts by time."""
    return str(ULID.from_datetime(moment))


@dataclass(frozen=True, slots=True)
class Asking:
    """One request: who makes it."""

    caller: Caller
    request_id: str | None

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Asking":
        """The request of an event of payload format 2.0.

        Raises:
            HttpProblem: API Gateway names nobody as the caller.
        """
        context = event["requestContext"]
        return cls(Caller.of(context), context.get("requestId"))

    @property
    def sees_all(self) -> bool:
        """Whether the caller sees every field."""
        return self.caller.sees_all(settings().full_view)

    def operator(self, reason: str) -> Operator:
        """The caller as somebody who acts."""
        return Operator(actor=self.caller.actor, reason=reason, now=now, new_record_id=new_record_id)
