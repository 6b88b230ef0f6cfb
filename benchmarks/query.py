"""A question to the query API, against one raw DynamoDB query of the same page."""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import quantiles
from typing import Any

import botocore.session
from botocore.config import Config
from ulid import ULID

from benchmarks.figures import CouldNotMeasure, Ratio
from benchmarks.interleave import Repetition, Seconds
from benchmarks.recording import recorder
from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from harness.api_world import ApiWorld, Context, event_of, forget
from harness.gate_world import GateWorld, environment

_GOAL = 1.5
_RECORDS = 1_500
_PAGES = (100, 500)
_ROUNDS = 12
_REPETITIONS = 20
_CLAIM = "c1a1" * 16
_CONFIG = Config(parameter_validation=False, max_pool_connections=10)


def query_figures(world: GateWorld) -> Iterator[Ratio]:
    """The first page of a claim certificate's decisions, of two sizes: the 95th percentile of each round."""
    _record(world)
    variables = ApiWorld(world.embedded).environment("QueryFunction")
    with redirect_stdout(io.StringIO()):
        from fleetgate.api import queries as query_api  # noqa: PLC0415 - its logger takes hold of stdout at import

        for size in _PAGES:
            ask = partial(_ask, query_api.handler, size)
            request = _recorded(variables, ask)
            with _asked(variables):
                client: Any = botocore.session.get_session().create_client("dynamodb", config=_CONFIG)
                measured, floors = _timed(ask, partial(_raw, client, request, size))
            name = f"a page of {size} records, p95"
            yield Ratio.of(name, "wall time", measured.wall, floors.wall, goal=_GOAL)
            yield Ratio.of(name, "processor time", measured.cpu, floors.cpu)


def _recorded(variables: Mapping[str, str], ask: Repetition) -> dict[str, Any]:
    """The query that one question makes, as it goes over the wire."""
    with (
        recorder(variables["AWS_ENDPOINT_URL"]) as (endpoint_url, exchanges),
        _asked({**variables, "AWS_ENDPOINT_URL_DYNAMODB": endpoint_url}),
    ):
        ask()
    queries = [exchange.request for exchange in exchanges if exchange.operation == "Query"]
    if len(queries) != 1:
        raise CouldNotMeasure(f"{len(queries)} queries for one page")
    return dict(queries[0])


@contextmanager
def _asked(variables: Mapping[str, str]) -> Iterator[None]:
    """The function's surroundings, with clients of its own."""
    with environment(variables):
        forget()
        try:
            yield
        finally:
            forget()


def _record(world: GateWorld) -> None:
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


def _raw(client: Any, request: Mapping[str, Any], size: int) -> None:
    """The same query, and nothing made of the items."""
    answer = client.query(**request)
    if len(answer["Items"]) != size:
        raise CouldNotMeasure(f"{len(answer['Items'])} of {size} items")


def _timed(ours: Repetition, floor: Repetition) -> tuple[Seconds, Seconds]:
    """The 95th percentile of each round of both, one call of each in turn, so that whatever else goes on meets both."""
    percentiles = (Seconds(), Seconds())
    for repetition in (ours, floor):
        repetition()
    for _ in range(_ROUNDS):
        taken = (Seconds(), Seconds())
        for _ in range(_REPETITIONS):
            for repetition, seconds in zip((ours, floor), taken, strict=True):
                seconds.time([repetition])
        for seconds, found in zip(taken, percentiles, strict=True):
            found.wall.append(_p95(seconds.wall))
            found.cpu.append(_p95(seconds.cpu))
    return percentiles


def _p95(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=20, method="inclusive")[-1]
