"""Problem documents: every error that the HTTP API answers. Source: RFC 9457."""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel, ConfigDict, Field

CONTENT_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    """What is wrong with one part of a request."""

    model_config = ConfigDict(extra="forbid")

    field: str = Field(description="Where it stands: query, path or body, and the name", examples=["query.limit"])
    problem: str = Field(description="What is wrong with it, without the value", examples=["not a whole number"])


class Problem(BaseModel):
    """An error, as RFC 9457 has it; `code`, `request_id` and `errors` are ours."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(examples=["urn:fleetgate:problem:bad_cursor"])
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    code: str = Field(description="For programs; stays the same when the sentences change")
    request_id: str | None = Field(default=None, description="Find the function's log entry by it")
    errors: list[FieldProblem] = Field(default_factory=list)


class HttpProblem(Exception):
    """A request that is answered with a problem document."""

    def __init__(self, status: HTTPStatus, code: str, detail: str, errors: Sequence[FieldProblem] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.errors = tuple(errors)


def problem_response(problem: HttpProblem, request_id: str | None) -> Response[str]:
    """The answer that a problem is told with."""
    document = Problem(
        type=f"urn:fleetgate:problem:{problem.code}",
        title=problem.status.phrase,
        status=problem.status.value,
        detail=str(problem),
        code=problem.code,
        request_id=request_id,
        errors=list(problem.errors),
    )
    headers: dict[str, Any] = {"Cache-Control": "no-store"}
    if problem.status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "2"
    return Response(problem.status.value, CONTENT_TYPE, json.dumps(document.model_dump()), headers=headers)
