"""The warm hook, invoked in this process as Lambda invokes it, with what it prints going nowhere."""

import io
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, TextIO

from benchmarks.figures import CouldNotMeasure
from harness.gate_world import environment

Invoke = Callable[[dict[str, Any]], dict[str, Any]]


class _Context:
    """What Lambda hands over beside the event."""

    function_name = "hook"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:hook"
    aws_request_id = "8a6f1c1e-1111-4222-8333-944445555666"

    def get_remaining_time_in_millis(self) -> int:
        return 5000


class _Nowhere(io.TextIOBase):
    """Where the hook's lines go, but for a word about each fault: to a device, a fault looks like any denial."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.faults: list[str] = []

    def write(self, text: str) -> int:
        if '"RegistrationFault"' in text:
            self.faults.append(text)
        return self._file.write(text)

    def flush(self) -> None:
        self._file.flush()


@contextmanager
def warm_hook(variables: Mapping[str, str], endpoint_url: str) -> Iterator[Invoke]:
    """The hook with a client of its own for this endpoint.

    Raises:
        CouldNotMeasure: At the end, if the hook met a fault.
    """
    with environment({**variables, "AWS_ENDPOINT_URL": endpoint_url}), Path(os.devnull).open("w") as file:
        nowhere = _Nowhere(file)
        with redirect_stdout(nowhere):
            from fleetgate.gate import hook  # noqa: PLC0415 - its logger takes hold of stdout at import

            for handler in hook.logger.handlers:
                handler.stream = nowhere  # type: ignore[attr-defined]
            hook._settings.cache_clear()
            hook._store.cache_clear()
            context: Any = _Context()

            def invoke(event: dict[str, Any]) -> dict[str, Any]:
                answer: dict[str, Any] = hook.handler(event, context)
                return answer

            yield invoke
        if nowhere.faults:
            raise CouldNotMeasure(f"the hook met {len(nowhere.faults)} faults, such as {nowhere.faults[0]}")


def must_allow(answer: Mapping[str, Any], wanted: bool) -> None:
    """Make sure that the hook answered what is being measured.

    Raises:
        CouldNotMeasure: It answered something else.
    """
    if answer["allowProvisioning"] is not wanted:
        raise CouldNotMeasure(f"the hook answered {answer['allowProvisioning']}, and {wanted} was to be measured")
