"""Where the command prints for people: what devices and factories wrote cannot colour, link, hide or move anything."""

from collections.abc import Iterable
from typing import IO, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from fleetgate_cli.terminal import harmless

# Wide enough for every table; a file or a pipe has no width of its own.
_COLUMNS_WITHOUT_TERMINAL = 100


class HarmlessConsole(Console):
    """A console that shows control characters instead of obeying them; its own colours stay."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render an object, as Console does."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)


def console_on(stream: IO[Any]) -> Console:
    """The console that writes to a stream."""
    return HarmlessConsole(
        file=stream,
        markup=False,
        highlight=False,
        emoji=False,
        # A sentence stays one line for grep; print_table() says otherwise for tables.
        soft_wrap=True,
        width=None if stream.isatty() else _COLUMNS_WITHOUT_TERMINAL,
    )
