"""A Lambda function's handler in a process of its own, which is told the time and can be killed in mid-work.

    python -m harness.function_process MODULE

reads invocations as lines of JSON and answers in lines of JSON. Who is killed, or fails, answers nothing.
"""

import io
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from importlib import import_module
from pathlib import Path
from typing import Any

from fleetgate.store import audit_items

_REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Invoked:
    """What an invocation came to.

    Attributes:
        value: What the handler returned.
        printed: What it wrote to standard output, log entries and metrics.
    """

    value: Any
    printed: str


class FunctionProcess:
    """One execution environment, replaced by a new one when it was killed.

    Attributes:
        unanswered: How many invocations it was killed in.
    """

    def __init__(self, module: str, variables: Mapping[str, str]) -> None:
        """Nothing is started before the first invocation.

        Args:
            module: That has the handler.
            variables: All of the process's environment.
        """
        self.unanswered = 0
        self._command = [sys.executable, "-m", "harness.function_process", module]
        self._variables = dict(variables)
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "FunctionProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def invoke(self, event: Any, *, now: datetime, request_id: str = "1") -> Invoked | None:
        """Invoke the handler once; None if the process ended before it answered.

        Args:
            now: The time at which the handler begins, aware UTC.
        """
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        line = ""
        try:
            asked = {"event": event, "now": now.isoformat(), "request_id": request_id}
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            pass
        if not line.endswith("\n"):
            self._end()
            self.unanswered += 1
            return None
        return Invoked(**json.loads(line))

    def kill(self) -> None:
        """Kill the process, whatever it is at."""
        if process := self._process:
            process.kill()

    def _running(self) -> "subprocess.Popen[str]":
        if self._process and self._process.poll() is not None:
            self._end()  # killed between two invocations
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - our own code
                self._command,
                cwd=_REPOSITORY,
                env=self._variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        return self._process

    def _end(self) -> None:
        if process := self._process:
            self._process = None
            process.kill()
            process.communicate()


class _Context:
    """What Lambda hands over beside the event."""

    function_name = "function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:function"

    def __init__(self, request_id: str) -> None:
        self.aws_request_id = request_id

    def get_remaining_time_in_millis(self) -> int:
        """The longest that Lambda lets any function run."""
        return 900_000


def _clock(moment: datetime) -> type[datetime]:
    """`datetime` in a process whose time is another one."""
    started = time.monotonic()

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            passed = timedelta(seconds=time.monotonic() - started)
            return (moment + passed).astimezone(tz)

    return Clock


def _serve(module_name: str) -> None:
    told, printed = sys.stdout, io.StringIO()
    sys.stdout = printed  # before the import: loggers take hold of it there
    module: Any = import_module(module_name)
    for line in sys.stdin:
        asked = json.loads(line)
        printed.seek(0)
        printed.truncate()
        # A handler reads the time itself, or by the clock that numbers its records.
        module.datetime = audit_items.datetime = _clock(  # type: ignore[attr-defined]
            datetime.fromisoformat(asked["now"]).astimezone(UTC)
        )
        value = module.handler(asked["event"], _Context(asked["request_id"]))
        told.write(json.dumps({"value": value, "printed": printed.getvalue()}) + "\n")
        told.flush()


if __name__ == "__main__":
    _serve(sys.argv[1])
