"""Waiting for what happens by itself."""

import time
from collections.abc import Callable
from typing import TypeVar

_Found = TypeVar("_Found")

# What is waited for takes a second or two here, a first time a cold start more; a busy machine takes its time.
PATIENCE_SECONDS = 120


def eventually(look: Callable[[], _Found | None]) -> _Found:
    """What a look at something gives once it gives something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing after {PATIENCE_SECONDS} s")
