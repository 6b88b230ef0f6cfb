"""The built function under AWS's runtime interface emulator: real init, real invokes, real time-outs, no docker."""

import json
import os
import platform
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

REPOSITORY = Path(__file__).parents[3]
_MACHINES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Emulator:
    """One execution environment."""

    url: str
    log: Path

    def invoke(self, event: Any) -> Any:
        """Invoke once; the answer as parsed JSON, or the text where the emulator answers in plain text."""
        request = Request(self.url, data=json.dumps(event).encode(), method="POST")  # noqa: S310 - our own URL
        with urlopen(request, timeout=30) as response:  # noqa: S310
            body = response.read().decode()
        try:
            return json.loads(body)
        except ValueError:
            return body


@contextmanager
def emulator(
    function: Path, handler: str, environment: Mapping[str, str], log: Path, *, timeout_seconds: int = 5
) -> Iterator[Emulator]:
    """Run a function's folder under the emulator, with awslambdaric alone on the interpreter's path."""
    (binary,) = (REPOSITORY / ".venv-sam").glob(
        f"lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{_MACHINES[platform.machine()]}"
    )
    binary.chmod(0o755)
    invoke_port, runtime_port = _free_port(), _free_port()
    command = [
        str(binary),
        "--runtime-interface-emulator-address",
        f"127.0.0.1:{invoke_port}",
        "--runtime-api-address",
        f"127.0.0.1:{runtime_port}",
        str(REPOSITORY / ".venv-ric" / "bin" / "python"),
        "-m",
        "awslambdaric",
        handler,
    ]
    variables = {
        **environment,
        "PATH": os.environ["PATH"],
        "LAMBDA_TASK_ROOT": str(function),
        "AWS_LAMBDA_FUNCTION_NAME": "hook",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout_seconds),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command, cwd=function, env=variables, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            _wait_until_listening(invoke_port, process)
            yield Emulator(f"http://127.0.0.1:{invoke_port}/2015-03-31/functions/function/invocations", log)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 20
    while time.monotonic() < ends and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise URLError("the runtime interface emulator did not start")
