"""The two functions behind the HTTP API, invoked in this process under their own roles, as API Gateway does."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest import mock
from urllib.parse import urlencode

from fleetgate.api import acting, stack
from fleetgate.api import actions as action_api
from fleetgate.api import queries as query_api
from harness.embedded import Embedded
from harness.world import RoomWorld

ROLE_NAME = "SecurityAnalyst"
SESSION_ARN = f"arn:aws:sts::000000000000:assumed-role/{ROLE_NAME}/alice"
_ASKING = (
    *(stack.settings, stack.tables, stack.trail, stack.allow_list, stack.imports, stack.manufacturers, stack.cursors),
)
_ACTING = (acting.devices, acting.claims, acting.switch, acting.manufacturers, acting.action_settings)
_FUNCTIONS = {"GET": ("QueryFunction", query_api), "POST": ("ActionFunction", action_api)}


class Context:
    """What Lambda hands over beside the event."""

    function_name = "fleetgate-api"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:fleetgate-api"
    aws_request_id = "8a6f1c1e-1111-4222-8333-944445555666"

    def __init__(self, remaining_milliseconds: int = 29_000) -> None:
        self.remaining_milliseconds = remaining_milliseconds

    def get_remaining_time_in_millis(self) -> int:
        """Always as much."""
        return self.remaining_milliseconds


@dataclass(frozen=True)
class ApiAnswer:
    """What the function answers."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.text)

    @property
    def problem(self) -> tuple[int, str]:
        """Status and code of a problem document."""
        assert self.headers["Content-Type"] == "application/problem+json"
        assert self.json["status"] == self.status
        assert self.json["type"] == f"urn:fleetgate:problem:{self.json['code']}"
        return self.status, self.json["code"]


@dataclass(frozen=True)
class ApiWorld(RoomWorld):
    """The API of an embedded stack.

    Attributes:
        changed: Environment variables that are not the deployed ones.
        authorizer: What API Gateway says of the caller.
    """

    changed: Mapping[str, str] = field(default_factory=dict)
    authorizer: Mapping[str, Any] = field(default_factory=lambda: {"iam": {"userArn": SESSION_ARN}})

    def get(self, path: str, **query: Any) -> ApiAnswer:
        """Ask."""
        return self.send("GET", path, query=query)

    def post(self, path: str, /, *, context: Context | None = None, **body: Any) -> ApiAnswer:
        """Act."""
        return self.send("POST", path, body=json.dumps(body), context=context)

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: str | None = None,
        content_type: str = "application/json",
        context: Context | None = None,
    ) -> ApiAnswer:
        """Hand on a request."""
        return self.invoke(
            event_of(method, path, query=query, body=body, content_type=content_type, authorizer=self.authorizer),
            context,
        )

    def invoke(self, event: Mapping[str, Any], context: Context | None = None) -> ApiAnswer:
        """Invoke the function of an event's method."""
        function, module = _FUNCTIONS[event["requestContext"]["http"]["method"]]
        # A stop does not wait.
        no_wait = mock.patch.object(acting, "sleep", return_value=None)
        with mock.patch.dict(os.environ, self.environment(function)), no_wait:
            forget()
            try:
                answer = module.handler(event, context or Context())
            finally:
                forget()
        return ApiAnswer(answer["statusCode"], answer["headers"], answer.get("body", ""))

    def environment(self, function: str) -> dict[str, str]:
        """The variables of a deployed function, credentials of its role included."""
        return {**_deployed(self.embedded, function), **self.changed}


def event_of(
    method: str,
    path: str,
    *,
    query: Mapping[str, Any] | None = None,
    body: str | None = None,
    content_type: str = "application/json",
    authorizer: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A request as API Gateway hands it on. It joins a field that is given twice with a comma."""
    fields = {name: ",".join(value) if isinstance(value, list) else str(value) for name, value in (query or {}).items()}
    return {
        "version": "2.0",
        "routeKey": f"{method} /v1/{{proxy+}}",
        "rawPath": path,
        "rawQueryString": urlencode(fields),
        "headers": {"content-type": content_type},
        "requestContext": {
            "http": {"method": method, "path": path, "sourceIp": "192.0.2.1"},
            "requestId": "request-1",
            "stage": "$default",
            "authorizer": dict({"iam": {"userArn": SESSION_ARN}} if authorizer is None else authorizer),
        },
        "isBase64Encoded": False,
        **({"queryStringParameters": fields} if fields else {}),
        **({"body": body} if body is not None else {}),
    }


_environments: dict[tuple[str, str], dict[str, str]] = {}


def _deployed(embedded: Embedded, function: str) -> dict[str, str]:
    key = (embedded.stack.endpoint_url, function)
    if key not in _environments:
        _environments[key] = embedded.environment_of(function)
    return _environments[key]


def forget() -> None:
    """Read settings and build stores anew at the next request."""
    for cached in (*_ASKING, *_ACTING):
        cached.cache_clear()
