"""Checks a whole factory file against the safety gates before any row of it is applied."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, cast

from fleetgate.imports.content import readable
from fleetgate.imports.options import ReadingOptions
from fleetgate.imports.reading.duplicates import Duplicates, SeenIdentities
from fleetgate.imports.reading.errors import FileError, UnreadableFile
from fleetgate.imports.reading.factory_file import FactoryFile, read_rows
from fleetgate.imports.reading.factory_list import ImportPolicy
from fleetgate.imports.reading.validate import ValidatedBatch, validate_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyGates:
    """The limits that a file must keep before any row of it is applied.

    Attributes:
        max_rows_per_file: Of one file.
        max_rows_per_day: Of all files that a manufacturer delivers on one UTC day.
        max_rejected_share: Of a file's rows, 0 to 1. A file that is mostly wrong is the wrong file.
    """

    max_rows_per_file: int = 1_000_000
    max_rows_per_day: int = 5_000_000
    max_rejected_share: float = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedFile:
    """A file that was read to its end.

    Attributes:
        total: Its records that are not blank. rejected: how many are wrong, by themselves or as duplicates.
        checksum: SHA-256 of its bytes as delivered, hexadecimal.
        notes: For people, about the conversion of a workbook.
    """

    open_file: Callable[[], BinaryIO]
    file_name: str
    policy: ImportPolicy
    total: int
    rejected: int
    checksum: str
    duplicates: Duplicates = field(repr=False)
    notes: tuple[str, ...] = ()

    def keep_to(self, gates: SafetyGates) -> None:
        """Refuse a file that is mostly wrong.

        Raises:
            UnreadableFile: Too many of its rows are wrong.
        """
        if self.rejected > self.total * gates.max_rejected_share:
            raise UnreadableFile(
                FileError.TOO_MANY_REJECTED,
                f"{self.rejected:,} of {self.total:,} rows are wrong; the limit is {gates.max_rejected_share:.0%}.",
            )

    def batches(self) -> tuple[FactoryFile, Iterator[ValidatedBatch]]:
        """The file from its start, with its wrong rows and its duplicates rejected."""
        file = read_rows(self.open_file(), name=self.file_name)
        return file, map(self.duplicates.rejected, validate_rows(file, self.policy))


def check_file(
    open_file: Callable[[], BinaryIO],
    *,
    file_name: str,
    policy: ImportPolicy,
    max_rows: int,
    options: ReadingOptions = ReadingOptions(),  # noqa: B008 - immutable
    folder: Path | None = None,
) -> CheckedFile:
    """Read a file to its end. Reading stops where a file is too long.

    Args:
        open_file: Opens the same content each time.
        file_name: What people know the file by.
        options: How to read it, as its sender says.
        folder: For a workbook, and for the identities of the rows meanwhile; None takes the machine's temporary folder.

    Raises:
        UnreadableFile: The file is no factory list, or has too many rows.
        Fault: The file could not be read to its end.
    """
    total = rejected = 0
    stream = _Hashing(open_file())
    content = readable(cast(BinaryIO, stream), open_file, file_name=file_name, options=options, folder=folder)
    with TemporaryDirectory(dir=folder) as scratch:
        seen = SeenIdentities(Path(scratch))
        for batch in validate_rows(read_rows(content.first, name=file_name), policy):
            seen.add(batch.rows)
            total += len(batch.rows) + len(batch.rejected)
            rejected += len(batch.rejected)
            if total > max_rows:
                raise UnreadableFile(FileError.TOO_MANY_ROWS, f"The limit is {max_rows:,}.")
        if total == 0:
            raise UnreadableFile(FileError.NO_ROWS)
        duplicates = seen.duplicates()
    return CheckedFile(
        open_file=content.again,
        file_name=file_name,
        policy=policy,
        total=total,
        rejected=rejected + duplicates.rows,
        checksum=stream.checksum(),
        duplicates=duplicates,
        notes=content.notes,
    )


class _Hashing:
    """A stream that computes its checksum as it is read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._digest.update(data)
        return data

    def checksum(self) -> str:
        """The checksum of the whole stream; reads what is left of it."""
        while self.read(65_536):
            pass
        return self._digest.hexdigest()
