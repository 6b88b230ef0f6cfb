"""What an import asks of DynamoDB, counted on the wire, and what asking takes of a processor.

The embedded AWS reports one write unit for any PartiQL statement, whatever it writes. So the items are counted that
statements on the wire insert, and their units are what it reports for a PutItem of the same item, indexes included:
that one follows the size of the item.
"""

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from statistics import median
from typing import Any

from benchmarks.figures import Amount, CouldNotMeasure
from benchmarks.import_subject import apply_pass, check_pass, list_on_disk
from benchmarks.import_tables import as_root, tables
from benchmarks.null_server import null_server
from benchmarks.recording import Exchange, recorder
from benchmarks.validation import factory_lines
from fleetgate.imports.store.rows import ImportStore
from harness.gate_world import GateWorld

_COUNTED_ROWS = 1_000
_ROWS = 5_000
_ROUNDS = 5
# One for the device entry and one for its MAC address.
_MAX_UNITS_A_ROW = 2
# Items of which the units are asked.
_SAMPLE = 50
_KIND = re.compile(r"'kind': '(\w+)'")


def import_call_figures(world: GateWorld) -> Iterator[Amount]:
    """Of rows with one MAC address each, none of which is known."""
    environment = as_root(world)
    import_id = "import-calls"
    with recorder(world.embedded.stack.endpoint_url) as (endpoint_url, exchanges):
        _apply(ImportStore(tables(environment, endpoint_url)), _COUNTED_ROWS, import_id)
    for what, operation in (("reads", "BatchGetItem"), ("writes", "BatchExecuteStatement")):
        calls = sum(exchange.operation == operation for exchange in exchanges)
        yield Amount(
            name=f"DynamoDB calls of {_COUNTED_ROWS:,} rows, {what}", what=operation, amount=calls, unit="calls"
        )
    yield Amount(
        name="write units of a row",
        what="device entry and one MAC address",
        amount=_write_units(world, environment, exchanges, import_id) / _COUNTED_ROWS,
        unit="units",
        most=_MAX_UNITS_A_ROW,
    )
    with null_server(exchanges) as endpoint_url:
        store = ImportStore(tables(environment, endpoint_url))
        seconds = [_apply(store, _ROWS, import_id) for _ in range(_ROUNDS)]
    yield Amount(
        name="apply pass, null server",
        what="processor time of a million rows",
        amount=round(median(seconds) / _ROWS * 1_000_000, 1),
        unit="s",
    )


def _apply(store: ImportStore, rows: int, import_id: str) -> float:
    """The processor seconds of the apply pass."""
    with list_on_disk(factory_lines(rows)) as path:
        checked = check_pass(path)
        started = time.process_time()
        tally = apply_pass(path, checked, store, import_id=import_id)
        ended = time.process_time()
    if tally.rows != {"added": rows}:
        raise CouldNotMeasure(f"the rows of the import ended as {dict(tally.rows)}")
    return ended - started


def _write_units(
    world: GateWorld, environment: Mapping[str, str], exchanges: Sequence[Exchange], import_id: str
) -> float:
    """Of the items that statements insert, by their kind."""
    written = Counter(
        _kind_of(statement["Statement"])
        for exchange in exchanges
        if exchange.operation == "BatchExecuteStatement"
        for statement in exchange.request["Statements"]
    )
    table_name = environment["ALLOW_LIST_TABLE_NAME"]
    return sum(
        count * _units_of_an_item(world.embedded.dynamodb, table_name, kind, import_id)
        for kind, count in written.items()
    )


def _kind_of(statement: str) -> str:
    kind = _KIND.search(statement)
    if kind is None:
        raise CouldNotMeasure(f"no insertion: {statement}")
    return kind[1]


def _units_of_an_item(dynamodb: Any, table_name: str, kind: str, import_id: str) -> float:
    """The most that one of the sample takes."""
    found = dynamodb.get_paginator("scan").paginate(
        TableName=table_name,
        FilterExpression="kind = :kind AND import_id = :import_id",
        ExpressionAttributeValues={":kind": {"S": kind}, ":import_id": {"S": import_id}},
        ConsistentRead=True,
    )
    items = [item for page in found for item in page["Items"]]
    return max(_units_of(dynamodb, table_name, item) for item in islice(items, _SAMPLE))


def _units_of(dynamodb: Any, table_name: str, item: dict[str, Any]) -> float:
    """What it takes to put an item that is not there."""
    dynamodb.delete_item(TableName=table_name, Key={"pk": item["pk"]})
    answer = dynamodb.put_item(TableName=table_name, Item=item, ReturnConsumedCapacity="INDEXES")
    return float(answer["ConsumedCapacity"]["CapacityUnits"])
