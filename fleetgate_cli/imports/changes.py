"""changes.csv of an import: what known devices said before, and what they say after."""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO

from rich.console import Console

from fleetgate.imports.reading.cells import cleaned
from fleetgate_cli.tables import plain_table, print_table
from fleetgate_cli.terminal import harmless

# Of a table for people.
_MAX_SHOWN = 200


def changes_in(content: BinaryIO) -> Iterator[dict[str, Any]]:
    """The changes, one a field of a device: line, serial number, field, before, after."""
    text = io.TextIOWrapper(content, encoding="utf-8-sig", newline="")
    header = text.readline().rstrip("\r\n")
    delimiter = header[len("line") : len("line") + 1] or ","
    names = header.split(delimiter)
    for cells in csv.reader(text, delimiter=delimiter):
        change: dict[str, Any] = dict(zip(names, map(cleaned, cells), strict=False))
        yield {**change, "line": int(change["line"])}


def print_changes(changes: Sequence[dict[str, Any]], console: Console, *, file: str) -> None:
    """Print the first changes as a table, and where all are."""
    console.print()
    console.print("Changes of known devices", style="bold")
    table = plain_table("Line", "Serial number", "Field", "Before", "After")
    for change in islice(changes, _MAX_SHOWN):
        table.add_row(*(harmless(str(value)) or "-" for value in change.values()))
    print_table(console, table)
    if len(changes) > _MAX_SHOWN:
        console.print(f"There are {len(changes) - _MAX_SHOWN:,} more: use --json, or read {file} in the drop box.")
