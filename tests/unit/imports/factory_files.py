"""Reads factory files for the tests, whole."""

import io
from dataclasses import dataclass

from fleetgate.imports.reading.errors import FileError, UnreadableFile
from fleetgate.imports.reading.factory_file import FactoryFile, read_rows
from fleetgate.imports.reading.factory_list import ImportPolicy, ImportRow, RejectedRow
from fleetgate.imports.reading.validate import validate_rows

STRICT = ImportPolicy()
LENIENT = ImportPolicy(require_mac=False)


@dataclass(frozen=True)
class JudgedFile:
    """A file that was read to its end."""

    file: FactoryFile
    rows: list[ImportRow]
    rejected: list[RejectedRow]

    @property
    def classes(self) -> dict[int, str]:
        """By line number: the error code of a rejected row, or `ok`."""
        everything: list[ImportRow | RejectedRow] = [*self.rows, *self.rejected]
        assert len({row.line_number for row in everything}) == len(everything)
        return dict(
            sorted(
                {
                    **{row.line_number: "ok" for row in self.rows},
                    **{row.line_number: row.error.value for row in self.rejected},
                }.items()
            )
        )

    @property
    def serial_numbers(self) -> list[str]:
        """Of the sound rows."""
        return [row.serial_number.value for row in self.rows]


def judged(content: bytes | str, policy: ImportPolicy = LENIENT) -> JudgedFile:
    """Read and judge a file."""
    stream = io.BytesIO(content.encode() if isinstance(content, str) else content)
    file = read_rows(stream, name="list.csv", mapped=policy.columns)
    rows: list[ImportRow] = []
    rejected: list[RejectedRow] = []
    for batch in validate_rows(file, policy):
        rows.extend(batch.rows)
        rejected.extend(batch.rejected)
    lines = file.lines
    assert lines.rows == len(rows) + len(rejected)
    assert lines.total == lines.heading + lines.rows + lines.continuation + lines.blank + lines.separator
    return JudgedFile(file, rows, rejected)


def refusal(content: bytes | str) -> tuple[FileError | None, str]:
    """Why a file is refused, as code and sentence; None where it is not."""
    try:
        judged(content)
    except UnreadableFile as error:
        return error.code, str(error)
    return None, ""
