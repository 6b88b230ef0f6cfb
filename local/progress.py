"""Says on stderr what is being done and how long it took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

# stderr is looked up at every line, so that whoever replaces it (pytest does) gets the lines.
_console = Console(stderr=True, highlight=False)


@contextmanager
def step(doing: str) -> Iterator[None]:
    """Announce a piece of work and, when it is done, say how long it took.

    Args:
        doing: What is being done, such as "starting the embedded AWS".
    """
    started = time.monotonic()
    if _console.is_terminal:
        with _console.status(f"{doing} ..."):
            yield
        _console.print(f"[green]✓[/] {doing} [dim]{time.monotonic() - started:.1f} s[/]")
    else:
        sys.stderr.write(f"{doing} ... ")
        sys.stderr.flush()
        took = "\n"
        try:
            yield
            took = f"{time.monotonic() - started:.1f} s\n"
        finally:
            sys.stderr.write(took)
