"""What the security team asks over HTTP: records, counts, a device's story, the switch. Nothing here changes a device.

Every question is on record before its answer is given.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from fleetgate.api import answers, fields, stack
from fleetgate.api.application import answered, problems
from fleetgate.api.caller import MASK, MASKED, masked
from fleetgate.api.cursors import CursorKind, content_of, question_in
from fleetgate.api.problems import HttpProblem
from fleetgate.domain.audit import AuditRecord, QueryAction, RecordKind, Verdict
from fleetgate.domain.documents import manufacturer_document, record_document, switch_document
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.trail.device_story import device_story
from fleetgate.trail.documents import story_document
from fleetgate.trail.export import ExportFormat, exported
from fleetgate.trail.note_query import note_query
from fleetgate.trail.query import ALL_BUT_QUERIES, AuditQuery, Place

router: Any = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

_TAGS = ["questions"]


class Form(StrEnum):
    """How records are answered."""

    JSON = "json"
    CSV = "csv"
    JSON_LINES = "jsonl"


_CONTENT_TYPES = {Form.JSON: "application/json", Form.CSV: "text/csv", Form.JSON_LINES: "application/jsonl"}
_ANSWERED: dict[int, Any] = {
    **problems(HTTPStatus.BAD_REQUEST),
    HTTPStatus.OK.value: {
        "description": "The records. The header Link names the next page, where there is one.",
        "headers": {"Link": {"description": 'The next page, as rel="next"', "schema": {"type": "string"}}},
        "content": {
            _CONTENT_TYPES[Form.JSON]: {"model": answers.RecordsPage},
            _CONTENT_TYPES[Form.CSV]: {"schema": {"type": "string"}},
            _CONTENT_TYPES[Form.JSON_LINES]: {"schema": {"type": "string"}},
        },
    },
}


@router.get(
    "/v1/records", summary="Audit records, newest first", operation_id="listRecords", tags=_TAGS, responses=_ANSWERED
)
def list_records(
    *,
    serial_number: fields.SerialNumberQuery = None,
    mac_address: fields.MacAddressQuery = None,
    certificate_id: fields.CertificateIdQuery = None,
    key_fingerprint: fields.KeyFingerprintQuery = None,
    claim_certificate_id: fields.ClaimCertificateIdQuery = None,
    client_id: fields.ClientIdQuery = None,
    manufacturer: fields.ManufacturerQuery = None,
    import_id: fields.ImportIdQuery = None,
    reason: fields.ReasonQuery = None,
    action: fields.ActionQuery = None,
    verdict: fields.VerdictQuery = None,
    path: fields.PathQuery = None,
    kinds: fields.KindsQuery = None,
    actor: fields.ActorQuery = None,
    start: fields.FromQuery = None,
    end: fields.ToQuery = None,
    cursor: fields.CursorQuery = None,
    limit: Annotated[int, Query(ge=1, le=500, description="Most records of the page")] = 100,
    form: Annotated[
        Form, Query(alias="format", description="One document, CSV with a heading, or JSON Lines for export")
    ] = Form.JSON,
) -> Response[Any]:
    """Answer a page of the records that meet every condition that is given."""
    query, place = _question(CursorKind.RECORDS, fields.asked(locals()), cursor)
    with _noted(QueryAction.LIST_RECORDS if form is Form.JSON else QueryAction.EXPORT_RECORDS, query.words):
        page = stack.trail().page(query, limit=limit, place=place)
    records = page.records if _asking().sees_all else tuple(map(_masked_record, page.records))
    following = _next(CursorKind.RECORDS, query, page.next_place)
    headers = {"Cache-Control": "no-store"}
    if following:
        headers["Link"] = f'</v1/records?format={form.value}&limit={limit}&cursor={following}>; rel="next"'
    if form is Form.JSON:
        document = {"records": [record_document(record) for record in records], "next_cursor": following}
        return Response(HTTPStatus.OK.value, _CONTENT_TYPES[form], json.dumps(document), headers=headers)
    headers["Content-Disposition"] = f'attachment; filename="audit-records.{form.value}"'
    text = "".join(exported(records, ExportFormat(form.value)))
    return Response(HTTPStatus.OK.value, _CONTENT_TYPES[form], text, headers=headers)


@router.get(
    "/v1/counts",
    summary="Audit records counted",
    operation_id="countRecords",
    tags=_TAGS,
    responses=answered(answers.CountsDocument, HTTPStatus.BAD_REQUEST),
)
def count_records(
    *,
    serial_number: fields.SerialNumberQuery = None,
    mac_address: fields.MacAddressQuery = None,
    certificate_id: fields.CertificateIdQuery = None,
    key_fingerprint: fields.KeyFingerprintQuery = None,
    claim_certificate_id: fields.ClaimCertificateIdQuery = None,
    client_id: fields.ClientIdQuery = None,
    manufacturer: fields.ManufacturerQuery = None,
    import_id: fields.ImportIdQuery = None,
    reason: fields.ReasonQuery = None,
    action: fields.ActionQuery = None,
    verdict: fields.VerdictQuery = None,
    path: fields.PathQuery = None,
    kinds: Annotated[
        list[RecordKind] | None, Query(alias="kind", description="Kinds of records; decisions where none is named")
    ] = None,
    actor: fields.ActorQuery = None,
    start: fields.FromQuery = None,
    end: fields.ToQuery = None,
    cursor: fields.CursorQuery = None,
) -> answers.CountsDocument:
    """Answer how many records there are, by UTC day, verdict and reason."""
    query, place = _question(CursorKind.COUNTS, fields.asked(locals()), cursor, kinds=frozenset({RecordKind.DECISION}))
    with _noted(QueryAction.COUNT_RECORDS, query.words):
        page = stack.trail().counts(query, place=place)
    counts = [
        answers.Count(day=day, verdict=Verdict(verdict) if verdict else None, reason=reason, count=count)
        for (day, verdict, reason), count in sorted(page.counts.items(), reverse=True)
    ]
    return answers.CountsDocument(counts=counts, next_cursor=_next(CursorKind.COUNTS, query, page.next_place))


@router.get(
    "/v1/devices/<serial_number>/story",
    summary="A device's whole story",
    operation_id="readDeviceStory",
    tags=_TAGS,
    responses=answered(answers.Story, HTTPStatus.NOT_FOUND),
)
def read_story(serial_number: fields.SerialNumberPath) -> answers.Story:
    """Answer who let a device in, from which list, with which claim certificate, and what happened then."""
    moment = stack.CLOCK.now()
    with _noted(QueryAction.READ_STORY, f"serial_number={serial_number}"):
        story = device_story(
            SerialNumber(serial_number),
            allow_list=stack.allow_list(),
            trail=stack.trail(),
            imports=stack.imports(),
            now=moment,
        )
    document = story_document(story, now=moment)
    return answers.Story.model_validate(document if _asking().sees_all else masked(document))


@router.get(
    "/v1/gate",
    summary="What is stopped for many devices",
    operation_id="readGate",
    tags=_TAGS,
    responses=answered(answers.Switch),
)
def read_switch() -> answers.Switch:
    """Answer whether the gate is stopped, and which manufacturers and imports are in quarantine."""
    with _noted(QueryAction.READ_SWITCH, "gate"):
        switch = stack.allow_list().switch()
    return answers.Switch.model_validate(switch_document(switch))


@router.get(
    "/v1/manufacturers",
    summary="The registered manufacturers",
    operation_id="listManufacturers",
    tags=_TAGS,
    responses=answered(answers.ManufacturersDocument),
)
def list_manufacturers(
    *, limit: Annotated[int, Query(ge=1, le=1000, description="Most manufacturers of the answer")] = 100
) -> answers.ManufacturersDocument:
    """Answer who may deliver lists, and what those may say."""
    with _noted(QueryAction.READ_MANUFACTURERS, "manufacturers"):
        page = stack.manufacturers().listed(limit=limit)
    return answers.ManufacturersDocument.model_validate(
        {"manufacturers": [manufacturer_document(one) for one in page.items], "more": page.more}
    )


@router.get(
    "/v1/manufacturers/<manufacturer>",
    summary="One manufacturer",
    operation_id="readManufacturer",
    tags=_TAGS,
    responses=answered(answers.Manufacturer, HTTPStatus.NOT_FOUND),
)
def read_manufacturer(manufacturer: fields.ManufacturerPath) -> answers.Manufacturer:
    """Answer what the lists of a manufacturer may say."""
    with _noted(QueryAction.READ_MANUFACTURERS, f"manufacturer={manufacturer}"):
        found = stack.manufacturers().known(manufacturer)
    return answers.Manufacturer.model_validate(manufacturer_document(found))


def _asking() -> stack.Asking:
    return stack.Asking.of(router.current_event.raw_event)


def _question(
    purpose: CursorKind, asked: dict[str, Any], cursor: str | None, kinds: frozenset[RecordKind] = ALL_BUT_QUERIES
) -> tuple[AuditQuery, Place | None]:
    if cursor is None:
        query, place = fields.query_of(asked, kinds=kinds, now=stack.CLOCK.now()), None
    elif asked:
        raise fields.wrong("query.cursor", f"it holds the whole question: leave out {', '.join(sorted(asked))}")
    else:
        query, place = question_in(stack.cursors().take(purpose, cursor))
    hidden = fields.sensitive_fields(query)
    if hidden and not _asking().sees_all:
        raise HttpProblem(
            HTTPStatus.FORBIDDEN, "field_masked", f"You do not see {', '.join(hidden)}, so you cannot ask for it."
        )
    return query, place


def _next(purpose: CursorKind, query: AuditQuery, place: Place | None) -> str | None:
    return stack.cursors().give(purpose, content_of(query, place)) if place else None


@contextmanager
def _noted(question: QueryAction, words: str) -> Iterator[None]:
    """Put a question on record while its answer is looked up. Whoever cannot be recorded gets none."""
    asking, trail = _asking(), stack.trail()
    stack.prime()
    noting = stack.background_executor().submit(
        note_query,
        question,
        words,
        actor=asking.caller.actor,
        trail=trail,
        clock=stack.CLOCK,
        request_id=asking.request_id,
    )
    try:
        yield
    finally:
        # Also where the answer is a no, or an error: Lambda may stop this process once there is a response, and "could
        # not be recorded" goes before all else.
        noting.result()


def _masked_record(record: AuditRecord) -> AuditRecord:
    names = MASKED | {"reason"} if record.kind is RecordKind.QUERY else MASKED
    hidden = {name: MASK for name in names if getattr(record, name, None) is not None}
    return replace(record, **hidden)  # type: ignore[arg-type]
