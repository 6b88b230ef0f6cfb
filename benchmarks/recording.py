"""What the hook and DynamoDB say to each other, written down word by word."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from harness.faulty_dynamodb import FaultyDynamoDB


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer.

    Attributes:
        operation: DynamoDB's name for it.
        request: The parameters of the call.
        answer_headers: As sent, without those that depend on the connection.
        answer: The body as sent.
    """

    operation: str
    request: dict[str, Any]
    answer_headers: tuple[tuple[str, str], ...]
    answer: bytes


@contextmanager
def recorder(upstream: str) -> Iterator[tuple[str, list[Exchange]]]:
    """A DynamoDB that writes down what goes through it: its endpoint URL, and the list that grows."""
    exchanges: list[Exchange] = []
    with FaultyDynamoDB.before(upstream) as world:
        world.always(_writing_down(exchanges))
        yield world.endpoint_url, exchanges


def _writing_down(exchanges: list[Exchange]) -> Callable[[Any], None]:
    def pass_on(doorman: Any) -> None:
        status, headers, body = doorman.ask_upstream()
        exchanges.append(
            Exchange(
                operation=doorman.headers["X-Amz-Target"].rpartition(".")[2],
                request=json.loads(doorman.request_body),
                answer_headers=tuple(
                    (name, value) for name, value in headers if name.lower().startswith(("x-amz", "content-type"))
                ),
                answer=body,
            )
        )
        doorman.answer(status, body, headers)

    return pass_on
