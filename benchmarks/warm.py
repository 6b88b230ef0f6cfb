"""The warm hook against botocore alone, which makes the same two calls."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.figures import Ratio
from benchmarks.floor import raw_client, same_calls
from benchmarks.interleave import Repetition, interleaved
from benchmarks.null_server import null_server
from benchmarks.recording import Exchange, recorder
from benchmarks.subject import must_allow, warm_hook
from harness.gate_world import GateWorld

_GOAL = 1.25
_ROUNDS = 40

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Case:
    """One kind of request, and what the hook and DynamoDB said to each other about one of its kind."""

    name: str
    allowed: bool
    event: Event
    exchanges: Sequence[Exchange]


@dataclass(frozen=True, slots=True)
class _Server:
    """Who answers. Against one that keeps state every repetition needs a device of its own, and takes longer."""

    name: str
    endpoint_url: str
    next_event: Callable[[], Event]
    repetitions: int
    goal: float | None


def warm_hook_figures(world: GateWorld) -> Iterator[Ratio]:
    """An allow and a denial, each against the embedded AWS and against a server that takes no time."""
    kinds = (("allow", world.approved_device, True), ("denial", world.unknown_device, False))
    for name, new_event, allowed in kinds:
        case = _recorded(world, name, new_event(), allowed=allowed)
        embedded = _Server("embedded AWS", world.embedded.stack.endpoint_url, new_event, 8, _GOAL)
        yield from _figures(world, case, embedded)
        with null_server(case.exchanges) as endpoint_url:
            null = _Server("null server", endpoint_url, partial(dict, case.event), 25, goal=None)
            yield from _figures(world, case, null)


def _recorded(world: GateWorld, name: str, event: Event, *, allowed: bool) -> _Case:
    with (
        recorder(world.embedded.stack.endpoint_url) as (endpoint_url, exchanges),
        warm_hook(world.environment, endpoint_url) as invoke,
    ):
        must_allow(invoke(event), allowed)
    return _Case(name, allowed, event, tuple(exchanges))


def _figures(world: GateWorld, case: _Case, server: _Server) -> Iterator[Ratio]:
    with (
        raw_client(world.environment, server.endpoint_url) as client,
        warm_hook(world.environment, server.endpoint_url) as invoke,
    ):

        def ask(event: Event) -> None:
            must_allow(invoke(event), case.allowed)

        def hook(wanted: int) -> list[Repetition]:
            return [partial(ask, server.next_event()) for _ in range(wanted)]

        def botocore(wanted: int) -> list[Repetition]:
            return [same_calls(client, case.exchanges, case.event, server.next_event()) for _ in range(wanted)]

        measured, floor = interleaved(hook, botocore, rounds=_ROUNDS, repetitions=server.repetitions)
    name = f"warm {case.name}, {server.name}"
    yield Ratio.of(name, "wall time", measured.wall, floor.wall, goal=server.goal)
    yield Ratio.of(name, "processor time", measured.cpu, floor.cpu, goal=server.goal)
