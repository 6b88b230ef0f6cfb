"""The HTTP application of one function: its routes, and whatever goes wrong as a problem document."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestUnsupportedContentType, RequestValidationError
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from fleetgate.api.cursors import InvalidCursor
from fleetgate.api.problems import FieldProblem, HttpProblem, Problem, problem_response
from fleetgate.domain.faults import Fault
from fleetgate.domain.identifiers import InvalidIdentifier
from fleetgate.domain.manufacturer import InvalidManufacturer
from fleetgate.domain.refusals import Refusal, RefusalCode
from fleetgate.trail.query import InvalidQuery

_JSON = "application/json"
_NOT_THERE = frozenset(
    {
        *(RefusalCode.UNKNOWN_DEVICE, RefusalCode.UNKNOWN_IMPORT, RefusalCode.UNKNOWN_MANUFACTURER),
        RefusalCode.CLAIM_CERTIFICATE_NOT_REGISTERED,
    }
)
_SAID = {
    HTTPStatus.BAD_REQUEST: "The cursor cannot be used.",
    HTTPStatus.FORBIDDEN: "The caller may not ask or do this.",
    HTTPStatus.NOT_FOUND: "There is no such thing.",
    HTTPStatus.CONFLICT: "The lists hold something that speaks against it; nothing was changed.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not JSON.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The request is not as it has to be.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Unforeseen; see the function's log.",
    HTTPStatus.SERVICE_UNAVAILABLE: "It could not be checked or done; try again.",
}


def answered(model: type[BaseModel], *statuses: HTTPStatus) -> dict[int, Any]:
    """The answers of a route for its OpenAPI document: the sound one, and its errors."""
    sound = {"description": inspect.getdoc(model), "content": {_JSON: {"model": model}}}
    return {HTTPStatus.OK.value: sound, **problems(*statuses)}


def problems(*statuses: HTTPStatus) -> dict[int, Any]:
    """The errors of a route for its OpenAPI document: those that are named, and those that every route has."""
    always = (HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.INTERNAL_SERVER_ERROR)
    return {
        status.value: {
            "description": _SAID[status],
            "content": {"application/problem+json": {"model": Problem}},
        }
        for status in sorted({*statuses, *always, HTTPStatus.SERVICE_UNAVAILABLE})
    }


def application(routers: Iterable[APIGatewayHttpRouter], *, logger: Logger, metrics: Metrics) -> APIGatewayHttpResolver:
    """Put an application together."""
    app = APIGatewayHttpResolver(enable_validation=True)
    for router in routers:
        app.include_router(router)
    app.use([_no_unknown_fields])
    _answer_problems(app, logger, metrics)
    return app


def resolve(app: APIGatewayHttpResolver, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request; a body of another kind than JSON is not even looked at.

    Powertools would read forms as well, and fail on a broken one.
    """
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    if not headers.get("content-type", _JSON).lower().startswith(_JSON):
        headers["content-type"] = "application/octet-stream"
    return app.resolve({**event, "headers": headers}, context)


def _no_unknown_fields(app: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Refuse a query with a field that the route does not have: a filter with a typing error must not be none."""
    known = {field.alias for field in app.context["_route"].dependant.query_params}
    unknown = sorted(set(app.current_event.query_string_parameters or {}) - known)
    if unknown:
        errors = [FieldProblem(field=f"query.{name}", problem="there is no such field") for name in unknown]
        raise _invalid("The query has fields that there are not.", errors)
    return next_middleware(app)


def _answer_problems(app: APIGatewayHttpResolver, logger: Logger, metrics: Metrics) -> None:
    def answering(of: type[Exception], problem: Callable[[Any], HttpProblem]) -> None:
        def answer(error: Exception) -> Response[str]:
            found = problem(error)
            if found.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                # Types only: a message may quote what was asked.
                causes = [type(link).__qualname__ for link in (error, error.__cause__) if link is not None]
                logger.error("request could not be answered", code=found.code, exceptions=causes)
                metrics.add_metric("ApiFault", MetricUnit.Count, 1)
            return problem_response(found, app.current_event.request_context.request_id)

        app.exception_handler(of)(answer)

    answering(HttpProblem, lambda problem: problem)
    answering(RequestValidationError, _of_validation)
    answering(RequestUnsupportedContentType, lambda _: _unsupported())
    answering(InvalidQuery, lambda error: _invalid(f"{error}."))
    answering(InvalidIdentifier, lambda error: _invalid(f"{error}."))
    answering(InvalidManufacturer, lambda error: _invalid(f"{error}."))
    answering(InvalidCursor, lambda error: HttpProblem(HTTPStatus.BAD_REQUEST, "bad_cursor", f"{error}."))
    answering(NotFoundError, lambda _: HttpProblem(HTTPStatus.NOT_FOUND, "no_such_route", "There is no such route."))
    answering(Refusal, _of_refusal)
    answering(
        Fault, lambda fault: HttpProblem(HTTPStatus.SERVICE_UNAVAILABLE, fault.reason.value, fault.reason.meaning)
    )
    answering(RecursionError, lambda _: _invalid("The body is nested too deep."))
    answering(Exception, lambda _: _unexpected())


def _of_validation(error: RequestValidationError) -> HttpProblem:
    errors = [
        # Without the input: it may be anything, and whoever sent it has it.
        FieldProblem(field=".".join(str(part) for part in one["loc"]), problem=_problem(one))
        for one in error.errors()
    ]
    return _invalid("The request is not as the API's OpenAPI document says.", errors)


def _problem(one: Mapping[str, Any]) -> str:
    if one["type"] != "string_pattern_mismatch":
        return str(one["msg"])
    # People do not read regular expressions.
    return (
        "not a time such as 2026-03-01T00:00:00Z" if one["loc"][-1] in ("from", "to") else "not written as it has to be"
    )


def _invalid(detail: str, errors: Iterable[FieldProblem] = ()) -> HttpProblem:
    return HttpProblem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail[0].upper() + detail[1:], tuple(errors)
    )


def _of_refusal(refusal: Refusal) -> HttpProblem:
    status = HTTPStatus.NOT_FOUND if refusal.code in _NOT_THERE else HTTPStatus.CONFLICT
    message = str(refusal)
    return HttpProblem(status, refusal.code.value, message[0].upper() + message[1:])


def _unsupported() -> HttpProblem:
    return HttpProblem(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "body_not_json", "Send the body as JSON, with content-type application/json."
    )


def _unexpected() -> HttpProblem:
    return HttpProblem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "unexpected", "The function failed in a way that nobody foresaw."
    )
