"""Writing new devices: the import's inserts, which never overwrite, against blind BatchWriteItem of the same items.

The floor is botocore alone with ready-made items, 25 in a call; its client is set up as PynamoDB sets up the import's.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from benchmarks.figures import CouldNotMeasure, Ratio
from benchmarks.floor import raw_client
from benchmarks.import_subject import MANUFACTURER
from benchmarks.import_tables import as_root, tables
from benchmarks.interleave import Repetition, interleaved
from benchmarks.null_server import null_server
from benchmarks.recording import recorder
from fleetgate.domain.allow_list import ApprovalTerms
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.imports.plan import KnownRows, Write, plan_row
from fleetgate.imports.reading.factory_list import ImportRow, Operation
from fleetgate.imports.store.rows import ImportStore, mac_assignment_item
from fleetgate.store.allow_list_items import item_from
from harness.gate_world import GateWorld

# At least 0.9 of the floor's rows a second, said as a cost.
_GOAL = round(1 / 0.9, 2)
# DynamoDB, BatchWriteItem and BatchExecuteStatement alike.
_MAX_ITEMS = 25


def import_write_figures(world: GateWorld) -> Iterator[Ratio]:
    """Against the embedded AWS, and against a server that takes no time."""
    environment = as_root(world)
    numbers = itertools.count()
    endpoint_url = world.embedded.stack.endpoint_url
    yield from _figures(environment, endpoint_url, numbers, "embedded AWS", rounds=20, rows=100)
    with recorder(endpoint_url) as (recorded_url, exchanges), raw_client(environment, recorded_url) as client:
        _insert(ImportStore(tables(environment, recorded_url)), _writes(numbers, _MAX_ITEMS))
        _all(_blind_calls(environment, client, _writes(numbers, _MAX_ITEMS)))
    with null_server(exchanges) as null_url:
        yield from _figures(environment, null_url, numbers, "null server", rounds=30, rows=500)


def _figures(
    environment: Mapping[str, str], endpoint_url: str, numbers: Iterator[int], server: str, *, rounds: int, rows: int
) -> Iterator[Ratio]:
    store = ImportStore(tables(environment, endpoint_url))
    with raw_client(environment, endpoint_url) as client:

        def safe(wanted: int) -> list[Repetition]:
            return [partial(_insert, store, _writes(numbers, rows)) for _ in range(wanted)]

        def blind(wanted: int) -> list[Repetition]:
            return [partial(_all, _blind_calls(environment, client, _writes(numbers, rows))) for _ in range(wanted)]

        measured, floor = interleaved(safe, blind, rounds=rounds, repetitions=1)
    name = f"inserting {rows:,} devices, {server}"
    yield Ratio.of(name, "wall time", measured.wall, floor.wall)
    yield Ratio.of(name, "processor time", measured.cpu, floor.cpu, goal=_GOAL)


def _writes(numbers: Iterator[int], rows: int) -> list[Write]:
    """New devices, each with a MAC address, of which nobody has heard before."""
    return [_write(number) for number in itertools.islice(numbers, rows)]


def _write(number: int) -> Write:
    row = ImportRow(
        line_number=number + 2,
        operation=Operation.APPROVE,
        serial_number=SerialNumber(f"BW-{number:08d}"),
        mac_addresses=frozenset({MacAddress((b"\x00\x1b\x45" + number.to_bytes(3, "big")).hex(":"))}),
        terms=ApprovalTerms(attributes={"Model": "thermostat-2", "HardwareRevision": "B"}),
    )
    plan = plan_row(row, KnownRows(), manufacturer=MANUFACTURER, import_id="import-1")
    if not isinstance(plan, Write):
        raise CouldNotMeasure(f"a new device was judged as {plan}")
    return plan


def _insert(store: ImportStore, writes: Sequence[Write]) -> None:
    if again := store.insert(writes, KnownRows(), now=datetime.now(UTC)):
        raise CouldNotMeasure(f"{len(again)} of {len(writes)} new devices were not inserted")


def _blind_calls(environment: Mapping[str, str], client: Any, writes: Sequence[Write]) -> list[Callable[[], Any]]:
    now = datetime.now(UTC)
    items = [
        *(mac_assignment_item(write.after, mac).serialize() for write in writes for mac in write.after.mac_addresses),
        *(item_from(write.after, now=now).serialize() for write in writes),
    ]
    requests = [{"PutRequest": {"Item": item}} for item in items]
    return [
        partial(
            client.batch_write_item,
            RequestItems={environment["ALLOW_LIST_TABLE_NAME"]: requests[start : start + _MAX_ITEMS]},
        )
        for start in range(0, len(requests), _MAX_ITEMS)
    ]


def _all(calls: Sequence[Callable[[], Any]]) -> None:
    for call in calls:
        if call()["UnprocessedItems"]:
            raise CouldNotMeasure("the floor did not write all of its items")
