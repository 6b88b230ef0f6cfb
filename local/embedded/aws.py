"""Starts and stops the embedded AWS: one ministack process on 127.0.0.1, its state in a folder that goes with it."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fleetgate_cli.local_session import REGION
from local.embedded.ports import two_ports
from local.environments import AWS_PYTHON

PORT_VARIABLE = "FLEETGATE_LOCAL_PORT"
MQTT_PORT_VARIABLE = "FLEETGATE_LOCAL_MQTT_PORT"

_HOST = "127.0.0.1"
_MQTT_HOST = "localhost"  # a name, not an address, since only names are sent along in TLS (SNI)
_LAUNCHER = Path(__file__).with_name("loopback.py")
_ROOM_BYTES = 1 << 30
_START_SECONDS = 60.0
_STOP_SECONDS = 5.0


class NotStarted(Exception):
    """The embedded AWS did not come up; the message ends with what it printed."""


@dataclass(frozen=True, slots=True)
class EmbeddedAws:
    """A running embedded AWS.

    Attributes:
        endpoint_url: Of every service of AWS.
        mqtt_host: Where devices connect, by a name that the server's certificate has.
        root_ca_pem: The certificate authority that signs the MQTT server's certificate and the devices'.
    """

    endpoint_url: str
    mqtt_host: str
    mqtt_port: int
    root_ca_pem: str


@contextmanager
def embedded_aws(log: Path) -> Iterator[EmbeddedAws]:
    """Start the embedded AWS, and stop it with all that it started at the end.

    Ports come from FLEETGATE_LOCAL_PORT and FLEETGATE_LOCAL_MQTT_PORT; without them they are free ones.

    Args:
        log: The file that gets what it prints.

    Raises:
        PortTaken: A port that a variable names is in use.
        NotStarted: It did not come up.
    """
    port, mqtt_port = two_ports(PORT_VARIABLE, MQTT_PORT_VARIABLE)
    with (
        TemporaryDirectory(prefix="fleetgate-aws-", dir=_memory(), ignore_cleanup_errors=True) as state,
        log.open("wb") as output,
    ):
        process = subprocess.Popen(  # noqa: S603
            [AWS_PYTHON, "-I", _LAUNCHER],
            cwd=state,
            env=_environment(Path(state), port, mqtt_port),
            # Closes when this process ends, which ends the launcher.
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_until_ready(process, port, log)
            root_ca_pem = _get(port, "/_ministack/iot/ca.pem")[1].decode()
            _shake_hands(mqtt_port, root_ca_pem)
            yield EmbeddedAws(
                endpoint_url=f"http://{_HOST}:{port}",
                mqtt_host=_MQTT_HOST,
                mqtt_port=mqtt_port,
                root_ca_pem=root_ca_pem,
            )
        finally:
            _stop(process)


def _memory() -> str | None:
    """A folder in memory, where there is one with room: each Lambda worker unpacks its function anew.

    Unpacking takes a third of the time there, and it is most of a worker's cold start.
    """
    folder = "/dev/shm"  # noqa: S108 - a private folder is made in it
    if os.access(folder, os.W_OK | os.X_OK) and shutil.disk_usage(folder).free > _ROOM_BYTES:
        return folder
    return None


def _environment(state: Path, port: int, mqtt_port: int) -> Mapping[str, str]:
    """All that ministack is told. Its Lambda workers inherit it, so the user's own variables stay out."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(state),
        "TMPDIR": str(state),
        "STATE_DIR": str(state / "state"),
        "S3_DATA_DIR": str(state / "s3"),
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_PORT": str(mqtt_port),
        "BIND_HOST": _HOST,
        "MINISTACK_HOST": "localhost",
        "MINISTACK_REGION": REGION,
        "AUTH": "true",  # enforces IAM on the functions' roles and IoT policies on devices
        "SFTP_ENABLED": "0",
        # It would remove containers of other ministacks from the user's Docker; functions run as plain processes.
        "DOCKER_HOST": f"unix://{state}/no-docker.sock",
        "PYTHONUNBUFFERED": "1",
    }


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise NotStarted(f"the embedded AWS ended with exit status {process.returncode}\n{_end_of(log)}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, body = _get(port, "/_ministack/ready")
            if status == http.HTTPStatus.OK:
                _require_mqtt(json.loads(body), log)
                return
        time.sleep(0.05)
    raise NotStarted(f"the embedded AWS is not ready after {_START_SECONDS:.0f} s\n{_end_of(log)}")


def _require_mqtt(readiness: Mapping[str, Any], log: Path) -> None:
    if readiness.get("iot_mtls") != "listening":
        raise NotStarted(f"the embedded AWS does not listen for MQTT\n{_end_of(log)}")


def _shake_hands(mqtt_port: int, root_ca_pem: str) -> None:
    """Be the MQTT server's first client, so that no device has to be.

    The server makes its key and certificate at its first handshake, which takes it seconds, and on Debian 12's
    Python 3.11.2 it loses what the client says meanwhile (asyncio reads on although it was told to pause).

    Raises:
        NotStarted: No handshake came to its end.
    """
    context = ssl.create_default_context(cadata=root_ca_pem)
    patience_seconds = 0.5
    while patience_seconds < _START_SECONDS:
        try:
            with (
                socket.create_connection((_HOST, mqtt_port), timeout=patience_seconds) as connection,
                context.wrap_socket(connection, server_hostname=_MQTT_HOST),
            ):
                return
        except TimeoutError:
            patience_seconds *= 2
    raise NotStarted("the embedded AWS does not answer to TLS on its MQTT port")


def _get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(_HOST, port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _end_of(log: Path, lines: int = 20) -> str:
    return "\n".join([f"{log} ends with:", *log.read_text(errors="replace").splitlines()[-lines:]])


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the process and its workers, which are of its group: it leads a session of its own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
    if process.stdin is not None:
        process.stdin.close()
