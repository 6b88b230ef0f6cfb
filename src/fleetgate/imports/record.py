"""The record of an import: its status, how its rows ended, and who approved it or rolled it back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self

from fleetgate.imports.delivery import Delivery


class ImportStatus(StrEnum):
    """Where an import stands."""

    CHECKING = "checking"
    WAITING = "waiting"
    APPROVED = "approved"
    IMPORTING = "importing"
    FINISHED = "finished"
    REFUSED = "refused"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"


# Nothing more happens by itself. FAILED is missing here: the next try may succeed.
ENDED = frozenset({ImportStatus.FINISHED, ImportStatus.REFUSED, ImportStatus.ROLLED_BACK})


def _nothing() -> Mapping[str, int]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportProblem:
    """Why an import was refused, or failed.

    Attributes:
        code: Stable, for programs.
        sentence: For people, with the remedy.
    """

    code: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFindings:
    """How the rows of a file ended; or how they would end, for a dry run and for an import that waits.

    Attributes:
        rows: Records by class (`RowClass`). errors: rejected rows and conflicts by their code.
        changes: How many known devices change, by the kind of field.
        notes: For people, about the file as a whole.
        lines: The physical lines of the file: `total`, and the kinds that add up to it. Empty until they are counted.
    """

    rows: Mapping[str, int] = field(default_factory=_nothing)
    errors: Mapping[str, int] = field(default_factory=_nothing)
    changes: Mapping[str, int] = field(default_factory=_nothing)
    notes: tuple[str, ...] = ()
    lines: Mapping[str, int] = field(default_factory=_nothing)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRecord:
    """One import.

    Attributes:
        total: Records in the file; None until they are counted.
        done: Rows that were applied, as last noted.
        checksum: SHA-256 of the file, hexadecimal.
        attempt: 1 for the first; each new try after FAILED adds 1.
        is_held: Whether a second person has to approve it.
        approved_by: Who approved it. rolled_back_by: who rolled it back.
        removed: Devices that the roll-back took off the allow-list.
        is_announced: Whether its status was published.
        version: Grows with every change; each write has it as its condition.
    """

    delivery: Delivery
    started_at: datetime
    status: ImportStatus = ImportStatus.CHECKING
    finished_at: datetime | None = None
    total: int | None = None
    done: int = 0
    checksum: str | None = None
    findings: ImportFindings = field(default_factory=ImportFindings)
    problem: ImportProblem | None = None
    attempt: int = 1
    is_held: bool = False
    approved_by: str | None = None
    rolled_back_by: str | None = None
    removed: int = 0
    is_announced: bool = False
    version: int = 1

    @property
    def import_id(self) -> str:
        """The ID of the import."""
        return self.delivery.import_id

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for a second person."""
        return self.status is ImportStatus.WAITING

    @property
    def has_ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.status in ENDED

    @property
    def has_rejects(self) -> bool:
        """Whether the file had rows that were rejected or in conflict."""
        return bool(self.findings.errors)

    @property
    def has_changes(self) -> bool:
        """Whether the file had rows that change known devices."""
        return bool(self.findings.changes)

    def changed(self, **changes: Any) -> Self:
        """The record after one change."""
        return replace(self, **changes, version=self.version + 1)
