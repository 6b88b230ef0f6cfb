"""Writes rejects.csv: rows as delivered, with what is wrong in front, ready to be corrected and sent again."""

import csv
from typing import TextIO

from fleetgate.domain.factory_list import REPORT_COLUMNS, RejectedRow


class RejectsFile:
    """A rejects.csv.

    Args:
        stream: Text; opened with `errors="surrogateescape"` it gives back even bytes that are no text.
    """

    def __init__(self, stream: TextIO) -> None:
        self._writer = csv.writer(stream)

    def start(self, header: tuple[str, ...]) -> None:
        """Write the header: the report's columns, then the file's own."""
        self._writer.writerow((*REPORT_COLUMNS, *header))

    def add(self, rejected: RejectedRow) -> None:
        """Write one row."""
        self._writer.writerow((*rejected.report(), *rejected.raw))
