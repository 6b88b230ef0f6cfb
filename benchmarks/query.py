"""A question to the query API, against one raw DynamoDB query of the same page."""

import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import quantiles
from typing import Any

import botocore.session
from botocore.config import Config
from ulid import ULID

from benchmarks.figures import CouldNotMeasure, Ratio
from benchmarks.interleave import Repetition, Seconds
from benchmarks.world import World, environment
from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.audit_query import ALL_BUT_QUERIES
from tests.integration.http_world import Context, HttpWorld, event_of, forget

_GOAL = 1.5
_RECORDS = 1_500
_PAGES = (100, 500)
_ROUNDS = 12
_REPETITIONS = 20
_CLAIM = "c1a1" * 16


def query_figures(world: World) -> Iterator[Ratio]:
    """The first page of a claim certificate's decisions, of two sizes: the 95th percentile of each round."""
    _record(world)
    variables = HttpWorld(world.embedded).environment("QueryFunction")
    with environment(variables), redirect_stdout(io.StringIO()):
        from fleetgate.handlers import query_api  # noqa: PLC0415 - its logger takes hold of stdout at import

        forget()
        try:
            client: Any = botocore.session.get_session().create_client(
                "dynamodb", config=Config(parameter_validation=False, max_pool_connections=10)
            )
            for size in _PAGES:
                ours = partial(_ask, query_api.handler, size)
                floor = partial(_raw, client, variables["AUDIT_TABLE_NAME"], size)
                measured, floors = _timed(ours, floor)
                name = f"a page of {size} records, p95"
                yield Ratio.of(name, "wall time", measured, floors, goal=_GOAL)
        finally:
            forget()


def _record(world: World) -> None:
    now = datetime.now(UTC)
    for number in range(_RECORDS):
        moment = now - timedelta(seconds=number)
        record_id = str(ULID.from_datetime(moment))
        world.embedded.put_record(
            AuditRecord(
                record_id=record_id,
                recorded_at=moment,
                kind=RecordKind.DECISION,
                verdict=Verdict.DENIED,
                reason="not_on_allow_list",
                serial_number=f"FG-{number:08d}",
                mac_address="00:1b:44:11:3a:b7",
                decision_id=record_id,
                certificate_id=hashlib.sha256(record_id.encode()).hexdigest(),
                claim_certificate_id=_CLAIM,
                manufacturer="acme",
                template_arn="arn:aws:iot:eu-central-1:123456789012:provisioningtemplate/fleetgate",
                client_id=f"claim-FG-{number:08d}",
                presented_serial_number=f"FG-{number:08d}",
                presented_mac_address="00:1b:44:11:3a:b7",
            )
        )


def _ask(handler: Any, size: int) -> None:
    event = event_of("GET", "/v1/records", query={"claim_certificate_id": _CLAIM, "limit": size})
    answer = handler(event, Context())
    found = len(json.loads(answer["body"])["records"]) if answer["statusCode"] == 200 else 0
    if found != size:
        raise CouldNotMeasure(f"{answer['statusCode']} with {found} of {size} records")


def _raw(client: Any, table_name: str, size: int) -> None:
    """What a script would do that needs this page: the same index, key and filter, nothing made of the items."""
    answer = client.query(
        TableName=table_name,
        IndexName="by_claim_certificate",
        KeyConditionExpression="claim_certificate_id = :claim",
        FilterExpression=f"kind IN ({', '.join(f':{kind.value}' for kind in ALL_BUT_QUERIES)})",
        ExpressionAttributeValues={
            ":claim": {"S": _CLAIM},
            **{f":{kind.value}": {"S": kind.value} for kind in ALL_BUT_QUERIES},
        },
        ScanIndexForward=False,
        Limit=size,
    )
    if len(answer["Items"]) != size:
        raise CouldNotMeasure(f"{len(answer['Items'])} of {size} items")


def _timed(ours: Repetition, floor: Repetition) -> tuple[list[float], list[float]]:
    """The 95th percentile of each round of both, one call of each in turn, so that whatever else goes on meets both."""
    percentiles: tuple[list[float], list[float]] = ([], [])
    for repetition in (ours, floor):
        repetition()
    for _ in range(_ROUNDS):
        seconds = (Seconds(), Seconds())
        for _ in range(_REPETITIONS):
            for repetition, taken in zip((ours, floor), seconds, strict=True):
                taken.time([repetition])
        for taken, found in zip(seconds, percentiles, strict=True):
            found.append(quantiles(taken.wall, n=20, method="inclusive")[-1])
    return percentiles
