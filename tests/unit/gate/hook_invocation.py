"""The public handler, invoked as Lambda does, and what it answers, logs and counts."""

import io
import json
import os
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any
from unittest import mock

from fleetgate.gate import hook


class Context:
    """What Lambda hands over beside the event."""

    function_name = "fleetgate-hook"
    memory_limit_in_mb = 256
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:fleetgate-hook"
    aws_request_id = "8a6f1c1e-1111-4222-8333-944445555666"

    def get_remaining_time_in_millis(self) -> int:
        """The whole of the function's time."""
        return 5000


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One invocation, seen from outside.

    Attributes:
        output: All that was written to standard output.
        logs: The log entries in it.
        metrics: The embedded metric format blobs in it.
    """

    answer: dict[str, Any]
    output: str
    logs: list[dict[str, Any]]
    metrics: list[dict[str, Any]]


def invoke(event: Any, *, environment: Mapping[str, str], context: Any = None) -> Invocation:
    """Invoke the hook once, in a process whose environment is the given one and that read no settings before."""
    written = io.StringIO()
    log_handler = hook.logger.registered_handler
    assert hasattr(log_handler, "setStream")
    before = log_handler.setStream(written)
    with mock.patch.dict(os.environ, environment, clear=True), redirect_stdout(written):
        _forget()
        try:
            answer = hook.handler(event, context or Context())
        finally:
            _forget()
            log_handler.setStream(before)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    return Invocation(
        answer=answer,
        output=written.getvalue(),
        logs=[line for line in lines if "_aws" not in line],
        metrics=[line for line in lines if "_aws" in line],
    )


def _forget() -> None:
    caches: tuple[Callable[[], None], ...] = (hook._settings.cache_clear, hook._store.cache_clear)
    for clear in caches:
        clear()
