"""The warm hook against botocore alone, which makes the same two calls."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from benchmarks.figures import Ratio
from benchmarks.floor import raw_client, same_calls
from benchmarks.interleave import Repetition, interleaved
from benchmarks.null_server import null_server
from benchmarks.recording import Exchange, recorder
from benchmarks.subject import must_allow, warm_hook
from benchmarks.world import World

GOAL = 1.25

_ROUNDS = 40
# A round against the embedded stack takes longer, and every allow in it needs a device of its own.
_REPETITIONS_EMBEDDED = 8
_REPETITIONS_NULL = 25

NewEvent = Callable[[], dict[str, Any]]


def warm_hook_figures(world: World) -> Iterator[Ratio]:
    """An allow and a denial, each against the embedded DynamoDB and against one that takes no time."""
    kinds: tuple[tuple[str, NewEvent, bool], ...] = (
        ("allow", world.approved_device, True),
        ("denial", world.unknown_device, False),
    )
    for name, new_event, allowed in kinds:
        recorded, exchanges = _record(world, new_event, allowed)
        yield from _against(
            world, f"{name}, embedded DynamoDB", world.embedded.stack.endpoint_url, new_event, recorded, exchanges,
            allowed=allowed, repetitions=_REPETITIONS_EMBEDDED,
        )  # fmt: skip
        with null_server(exchanges) as endpoint_url:
            # It answers as it did to the recorded event, whoever asks.
            yield from _against(
                world, f"{name}, DynamoDB in no time", endpoint_url, lambda again=recorded: again, recorded, exchanges,
                allowed=allowed, repetitions=_REPETITIONS_NULL,
            )  # fmt: skip


def _record(world: World, new_event: NewEvent, allowed: bool) -> tuple[dict[str, Any], Sequence[Exchange]]:
    event = new_event()
    with (
        recorder(world.embedded.stack.endpoint_url) as (endpoint_url, exchanges),
        warm_hook(world.environment, endpoint_url) as invoke,
    ):
        must_allow(invoke(event), allowed)
    return event, tuple(exchanges)


def _against(
    world: World,
    name: str,
    endpoint_url: str,
    new_event: NewEvent,
    recorded: dict[str, Any],
    exchanges: Sequence[Exchange],
    *,
    allowed: bool,
    repetitions: int,
) -> Iterator[Ratio]:
    with ExitStack() as undo:
        client = undo.enter_context(raw_client(world.environment, endpoint_url))
        invoke = undo.enter_context(warm_hook(world.environment, endpoint_url))

        def ask(event: dict[str, Any]) -> None:
            must_allow(invoke(event), allowed)

        def hook(wanted: int) -> list[Repetition]:
            return [partial(ask, new_event()) for _ in range(wanted)]

        def botocore(wanted: int) -> list[Repetition]:
            return [same_calls(client, exchanges, recorded, new_event()) for _ in range(wanted)]

        measured, floor = interleaved(hook, botocore, rounds=_ROUNDS, repetitions=repetitions)
    yield Ratio.of(f"warm {name}", "wall time", measured.wall, floor.wall, goal=GOAL)
    yield Ratio.of(f"warm {name}", "processor time", measured.cpu, floor.cpu, goal=GOAL)
