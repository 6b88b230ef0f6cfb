"""How many DynamoDB calls a decision takes, counted on the wire."""

from collections.abc import Iterator

from benchmarks.figures import Count
from benchmarks.recording import recorder
from benchmarks.subject import must_allow, warm_hook
from harness.gate_world import GateWorld

_GOAL = 2


def calls_per_decision(world: GateWorld) -> Iterator[Count]:
    """Of an allow, of the same device asking again, and of a denial."""
    approved = world.approved_device()
    questions = (
        ("allow", approved, True),
        ("same certificate again", approved, True),
        ("denial", world.unknown_device(), False),
    )
    with (
        recorder(world.embedded.stack.endpoint_url) as (endpoint_url, exchanges),
        warm_hook(world.environment, endpoint_url) as invoke,
    ):
        for name, event, allowed in questions:
            exchanges.clear()
            must_allow(invoke(event), allowed)
            detail = tuple(exchange.operation for exchange in exchanges)
            yield Count(name=f"DynamoDB calls, {name}", count=len(exchanges), detail=detail, goal=_GOAL)
