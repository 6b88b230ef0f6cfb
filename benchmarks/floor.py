"""The floor under the hook: botocore alone, making the same calls with the same items to the same tables.

Its client is set up as PynamoDB sets up the hook's: no parameter validation, the same time-outs, retries and connection
pool. The requests are ready-made, so that the floor holds nothing of building an item.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import botocore.session
from botocore.config import Config
from ulid import ULID

from benchmarks.interleave import Repetition
from benchmarks.recording import Exchange
from fleetgate.domain.public_key import certificate_key_fingerprint
from fleetgate.gate.settings import HookSettings
from harness.gate_world import environment

# What botocore calls the methods of its client.
_METHODS = {
    "BatchGetItem": "batch_get_item",
    "PutItem": "put_item",
    "TransactWriteItems": "transact_write_items",
}


@contextmanager
def raw_client(variables: Mapping[str, str], endpoint_url: str) -> Iterator[Any]:
    """A botocore client for this endpoint, set up as PynamoDB sets up its own (6.1.0)."""
    tables = HookSettings.from_environment(variables).tables
    config = Config(
        parameter_validation=False,
        connect_timeout=tables.connect_timeout_seconds,
        read_timeout=tables.read_timeout_seconds,
        max_pool_connections=10,
        retries={"total_max_attempts": tables.total_attempts, "mode": "standard"},
    )
    with environment({**variables, "AWS_ENDPOINT_URL": endpoint_url}):
        yield botocore.session.get_session().create_client("dynamodb", config=config)


def same_calls(
    client: Any, exchanges: Sequence[Exchange], recorded: Mapping[str, Any], event: Mapping[str, Any]
) -> Repetition:
    """The calls that the hook made for a recorded event, ready to be made for another event of the same kind."""
    text = json.dumps([_without_token(exchange.request) for exchange in exchanges])
    for old, new in (
        (recorded["certificateId"], event["certificateId"]),
        (certificate_key_fingerprint(recorded["certificatePem"]), certificate_key_fingerprint(event["certificatePem"])),
        (recorded["parameters"]["SerialNumber"], event["parameters"]["SerialNumber"]),
        (_record_id(exchanges[-1].request), str(ULID())),
    ):
        text = text.replace(str(old), str(new))
    calls = [
        partial(getattr(client, _METHODS[exchange.operation]), **request)
        for exchange, request in zip(exchanges, json.loads(text), strict=True)
    ]

    def make_calls() -> None:
        for call in calls:
            call()

    return make_calls


def _without_token(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request to which botocore adds a token of its own, since a used one would make it the same transaction."""
    return {name: value for name, value in request.items() if name != "ClientRequestToken"}


def _record_id(request: Mapping[str, Any]) -> str:
    """The record ID in the request that writes the audit record."""
    items = [request["Item"]] if "Item" in request else [part["Put"]["Item"] for part in _puts(request)]
    (item,) = items
    return str(item["record_id"]["S"])


def _puts(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [part for part in request["TransactItems"] if "Put" in part]
