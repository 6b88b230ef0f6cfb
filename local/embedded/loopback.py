"""Runs ministack so that it is reachable from this machine only, and never outlives who started it.

Run by the interpreter of the embedded AWS, with its standard input connected to who started it. ministack 1.5.33 binds
its MQTT listener to every interface whatever BIND_HOST says (services/iot.py, `_mtls_start_locked`). What it lacks of
AWS IoT is added by the modules beside this one.
"""

import hashlib
import inspect
import os
import runpy
import shutil
import signal
import socket
import threading
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

_EXTENSIONS = ("connections", "exclusive_things", "signing_requests")


class MinistackChanged(Exception):
    """ministack does not do any more what an extension was written for; the message names the function."""


def bind_to_loopback_only() -> None:
    """Make every socket of this process that is bound to an interface bind to the loopback one."""
    bind = socket.socket.bind

    def bind_to_loopback(self: socket.socket, address: Any, /) -> None:
        if self.family == socket.AF_INET:
            address = ("127.0.0.1", *address[1:])
        elif self.family == socket.AF_INET6:
            address = ("::1", *address[1:])
        bind(self, address)

    setattr(socket.socket, "bind", bind_to_loopback)  # noqa: B010 - a plain assignment is an error to mypy


def end_with_whoever_started_us() -> None:
    """End this process, its workers and its files when standard input closes, however the other side came to its end.

    Nothing is worth a graceful stop then: all state is in memory and in TMPDIR.
    """

    def wait_and_end() -> None:
        while os.read(0, 1024):
            pass
        shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait_and_end, daemon=True, name="end-with-starter").start()


def extend() -> None:
    """Add what AWS IoT has and ministack has not. An extension that no longer fits ends this process.

    Raises:
        MinistackChanged: A function that an extension stands around, or calls, is not the one that it knows.
    """
    iot = import_module("ministack.services.iot")
    for name in _EXTENSIONS:
        # This interpreter is isolated and finds no module of this package by its name.
        extension = runpy.run_path(str(Path(__file__).with_name(f"{name}.py")))
        _require(extension["KNOWN"])
        extension["install"](iot)


def _require(known: Mapping[str, Mapping[str, str]]) -> None:
    """Make sure that the functions of modules are the known ones, by the SHA-256 of their source."""
    for module, functions in known.items():
        for name, digest in functions.items():
            found = hashlib.sha256(inspect.getsource(getattr(import_module(module), name)).encode()).hexdigest()
            if found != digest:
                raise MinistackChanged(f"{module}.{name} has changed (its source is {found})")


if __name__ == "__main__":
    bind_to_loopback_only()
    end_with_whoever_started_us()
    extend()
    runpy.run_module("ministack", run_name="__main__", alter_sys=True)
