"""Writes rejects.csv: rows as delivered, with what is wrong in front, ready to be corrected and sent again."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from fleetgate.imports.reading.factory_list import REPORT_COLUMNS, RejectedRow


class RejectsFile:
    """A rejects.csv.

    Args:
        stream: Text; opened with `errors="surrogateescape"` it gives back even bytes that are no text.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._writer: Any = None
        self.rows = 0

    def start(self, header: tuple[str, ...], delimiter: str) -> None:
        """Write the header: the report's columns, then the file's own.

        Args:
            delimiter: The one that the factory's spreadsheet writes, since it is the one it opens.
        """
        self._writer = csv.writer(self._stream, delimiter=delimiter)
        self._writer.writerow((*REPORT_COLUMNS, *header))

    def add(self, rejected: RejectedRow) -> None:
        """Write one row."""
        self._writer.writerow((*rejected.report(), *rejected.raw))
        self.rows += 1


@contextmanager
def rejects_at(path: Path) -> Iterator[RejectsFile]:
    """A rejects.csv at some place; UTF-8 with the byte order mark that Excel wants."""
    with path.open("w", encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        yield RejectsFile(stream)
