"""Ports on the loopback interface for the embedded AWS."""

import os
import random
import socket
from contextlib import ExitStack

# Below the range that Linux gives to outgoing connections, so that none of those takes a port between our looking at
# it and the server's binding it.
_CHOICE = range(20_000, 32_000)


class PortTaken(Exception):
    """The port that a variable names is in use, or is none."""


def two_ports(first_variable: str, second_variable: str) -> tuple[int, int]:
    """Two ports, each the one that its environment variable names, or else a free one.

    Raises:
        PortTaken: A named port is in use, or is none.
    """
    with ExitStack() as held:  # holds the first while the second is chosen
        first = _port(first_variable, held)
        return first, _port(second_variable, held)


def _port(variable: str, held: ExitStack) -> int:
    named = os.environ.get(variable)
    if not named:
        return _free_port(held)
    if not (named.isascii() and named.isdigit() and 0 < int(named) < 65536):
        raise PortTaken(f"{variable} is {named!r}, and no port")
    if not _bind(int(named), held):
        raise PortTaken(f"port {named} is in use already; let {variable} name another one, or unset it")
    return int(named)


def _free_port(held: ExitStack) -> int:
    for port in random.sample(_CHOICE, k=100):
        if _bind(port, held):
            return port
    raise PortTaken(f"no port from {_CHOICE.start} to {_CHOICE.stop} seems to be free")


def _bind(port: int, held: ExitStack) -> bool:
    candidate = held.enter_context(socket.socket())
    candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        candidate.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
