"""The stack behind the HTTP API, as both functions read it, and who asks in this request."""

import os
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from fleetgate.api.caller import Caller
from fleetgate.api.cursors import Cursors
from fleetgate.api.settings import ApiSettings
from fleetgate.domain.faults import Fault
from fleetgate.domain.operator_action import Operator
from fleetgate.domain.reasons import FaultReason
from fleetgate.imports.store.reader import ImportReader
from fleetgate.store.allow_list import AllowList
from fleetgate.store.audit_items import make_clock
from fleetgate.store.manufacturers import ManufacturerReader
from fleetgate.store.tables import StackTables
from fleetgate.trail.store import AuditTrail

# API Gateway waits for 30 s at most.
_SECRETS_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})

CLOCK = make_clock()


@cache
def settings() -> ApiSettings:
    """What the function is told from outside."""
    return ApiSettings.from_environment(os.environ)


@cache
def tables() -> StackTables:
    """The tables, with the one client that all stores share."""
    return StackTables(settings().tables)


@cache
def trail() -> AuditTrail:
    """The audit trail."""
    return AuditTrail(tables())


@cache
def allow_list() -> AllowList:
    """The allow-list, read."""
    return AllowList(tables())


@cache
def imports() -> ImportReader:
    """The imports."""
    return ImportReader(tables())


@cache
def manufacturers() -> ManufacturerReader:
    """The manufacturers."""
    return ManufacturerReader(tables())


def prime() -> None:
    """Build the client, before there are two threads."""
    tables().connection()


@cache
def cursors() -> Cursors:
    """Signs cursors with the stack's own secret."""
    return Cursors(_secret_of(settings().cursor_secret_arn))


@cache
def background_executor() -> Executor:
    """Runs what a request does beside its main work."""
    return ThreadPoolExecutor(max_workers=1)


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
        return Operator(actor=self.caller.actor, reason=reason, clock=CLOCK)


def _secret_of(arn: str) -> str:
    """The text of a secret.

    Raises:
        Fault: Secrets Manager could not answer.
    """
    try:
        client: Any = botocore.session.get_session().create_client("secretsmanager", config=_SECRETS_CONFIG)
        return str(client.get_secret_value(SecretId=arn)["SecretString"])
    except (BotoCoreError, ClientError) as error:
        raise Fault(FaultReason.SECRET_UNAVAILABLE) from error
