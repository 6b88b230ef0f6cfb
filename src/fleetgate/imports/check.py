"""Checks a whole factory file against the safety gates before any row of it is applied."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, cast

from fleetgate.imports.content import readable
from fleetgate.imports.options import ReadingOptions
from fleetgate.imports.reading.duplicates import Duplicates, SeenIdentities
from fleetgate.imports.reading.errors import FileError, UnreadableFile
from fleetgate.imports.reading.factory_file import FactoryFile, read_rows
from fleetgate.imports.reading.factory_list import ImportPolicy
from fleetgate.imports.reading.headings import heading_key
from fleetgate.imports.reading.text import NO_LIMITS, ReadingLimits
from fleetgate.imports.reading.validate import ValidatedBatch, validate_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyGates:
    """The limits that a file must keep before any row of it is applied.

    Attributes:
        max_rows_per_file: Of one file.
        max_rows_per_day: Of all files that a manufacturer delivers on one UTC day.
        max_rejected_share: Of a file's rows, 0 to 1. A file that is mostly wrong is the wrong file.
        min_rejected: Wrong rows from which on the share counts; a short list with a few errors is no wrong file.
    """

    max_rows_per_file: int = 1_000_000
    max_rows_per_day: int = 5_000_000
    max_rejected_share: float = 0.2
    min_rejected: int = 20

    @property
    def reading(self) -> ReadingLimits:
        """The limits for what a file holds: so much that a list within its rows never meets them."""
        rows = self.max_rows_per_file
        # Of a row: a certificate as PEM, and a few lines more.
        return ReadingLimits(max_bytes=2_048 * rows + 1024**2, max_lines=40 * rows + 10_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedFile:
    """A file that was read to its end.

    Attributes:
        total: Its records that are not blank. rejected: how many are wrong, by themselves or as duplicates.
        is_rejects: Whether it is the rejects.csv of an earlier import, corrected as far as somebody came.
        checksum: SHA-256 of its bytes as delivered, hexadecimal.
        notes: For people, about the conversion of a workbook.
    """

    open_file: Callable[[], BinaryIO]
    file_name: str
    policy: ImportPolicy
    total: int
    rejected: int
    is_rejects: bool
    checksum: str
    duplicates: Duplicates = field(repr=False)
    notes: tuple[str, ...] = ()

    def keep_to(self, gates: SafetyGates) -> None:
        """Refuse a file that is mostly wrong, unless all of its rows were wrong before.

        Raises:
            UnreadableFile: Too many of its rows are wrong.
        """
        if self.is_rejects or self.rejected < gates.min_rejected:
            return
        if self.rejected > self.total * gates.max_rejected_share:
            raise UnreadableFile(
                FileError.TOO_MANY_REJECTED,
                f"{self.rejected:,} of {self.total:,} rows are wrong; the limit is {gates.max_rejected_share:.0%}.",
            )

    def batches(self) -> tuple[FactoryFile, Iterator[ValidatedBatch]]:
        """The file from its start, with its wrong rows and its duplicates rejected."""
        file = read_rows(self.open_file(), name=self.file_name, mapped=self.policy.columns)
        return file, self.duplicates.judged(validate_rows(file, self.policy), file.cell_notes)


def check_file(
    open_file: Callable[[], BinaryIO],
    *,
    file_name: str,
    policy: ImportPolicy,
    max_rows: int,
    options: ReadingOptions = ReadingOptions(),  # noqa: B008 - immutable
    limits: ReadingLimits = NO_LIMITS,
    folder: Path | None = None,
    keep_time: Callable[[], None] = lambda: None,
) -> CheckedFile:
    """Read a file to its end. Reading stops where a file is too long.

    Args:
        open_file: Opens the same content each time.
        file_name: What people know the file by.
        options: How to read it, as its sender says.
        limits: For what the file holds.
        folder: For a workbook, and for the identities of the rows meanwhile; None takes the machine's temporary folder.
        keep_time: Called now and then; raises when the time is up.

    Raises:
        UnreadableFile: The file is no factory list, or holds more than it may.
        Fault: The file could not be read to its end.
    """
    policy = replace(policy, columns={**policy.columns, **options.columns})
    total = rejected = 0
    stream = _Hashing(open_file())
    content = readable(
        cast(BinaryIO, stream), open_file, file_name=file_name, options=options, folder=folder, keep_time=keep_time
    )
    with TemporaryDirectory(dir=folder) as scratch:
        seen = SeenIdentities(Path(scratch))
        file = read_rows(content.first, name=file_name, mapped=policy.columns, limits=limits)
        for batch in validate_rows(file, policy):
            keep_time()
            seen.add(batch.rows)
            total += len(batch.rows) + len(batch.rejected)
            rejected += len(batch.rejected)
            if total > max_rows:
                raise UnreadableFile(FileError.TOO_MANY_ROWS, f"The limit is {max_rows:,}.")
        if total == 0:
            raise UnreadableFile(FileError.NO_ROWS)
        _must_have(file, options.columns)
        duplicates = seen.compared(
            lambda: validate_rows(read_rows(content.again(), name=file_name, mapped=policy.columns), policy)
        )
    return CheckedFile(
        open_file=content.again,
        file_name=file_name,
        policy=policy,
        total=total,
        rejected=rejected + len(duplicates.contradicting),
        is_rejects=file.is_rejects,
        checksum=stream.checksum(),
        duplicates=duplicates,
        notes=content.notes,
    )


def _must_have(file: FactoryFile, headings: Iterable[str]) -> None:
    """Refuse a file whose sender names a heading that it has not."""
    missing = ", ".join(repr(one[:40]) for one in headings if heading_key(one) not in file.found)
    if missing:
        raise UnreadableFile(FileError.MAPPING_INVALID, f"The file has no heading {missing}.")


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
