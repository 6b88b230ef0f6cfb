"""What a verification of the archive can find, and how it is told."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self


class FindingKind(StrEnum):
    """A code with a sentence; in the order in which the findings of an hour are told."""

    meaning: str

    def __new__(cls, code: str, meaning: str) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    DIGEST_MISSING = "digest_missing", "The hour has no digest: it was removed, or the hour was never sealed."
    DIGEST_CHANGED = "digest_changed", "The digest is not what was signed."
    DIGEST_OF_ANOTHER_KEY = "digest_of_another_key", "The digest is signed with a key that is not trusted."
    CHAIN_BROKEN = "chain_broken", "The digest is not the one that the next digest names."
    OBJECT_REMOVED = "object_removed", "An object that the digest names is not there."
    OBJECT_CHANGED = "object_changed", "An object is not what it was when the hour was sealed."
    OBJECT_INSERTED = "object_inserted", "No digest names the object."
    BATCH_NOT_SEALED = "batch_not_sealed", "The batch arrived, and no digest names it."
    BATCH_UNREADABLE = "batch_unreadable", "An object among the batches that arrived is not of the archiver's making."
    TABLE_CHANGED = (
        "table_changed",
        "A record of the audit table was changed or removed, by other than its time to live.",
    )
    RECORD_REPEATED = "record_repeated", "The archive has the record more than once."
    RECORD_NOT_ARCHIVED = "record_not_archived", "The record is in the audit table and not in the archive."
    RECORD_NOT_IN_TABLE = "record_not_in_table", "The record is in the archive and not in the audit table."
    RECORD_DIFFERS = "record_differs", "The record reads differently in the audit table and in the archive."


ORDER = {kind: place for place, kind in enumerate(FindingKind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        hour: The UTC hour it belongs to.
        key: Of the object or digest; None for records.
        record_ids: The first of the records that it is about.
        count: How many records or, for objects and digests, 1.
        detail: What is known beyond the kind; may be empty.
        original_version_id: Of S3: where the object still is as it was sealed. None if it is nowhere, or not asked.
    """

    kind: FindingKind
    hour: datetime
    key: str | None = None
    record_ids: tuple[str, ...] = ()
    count: int = 1
    detail: str = ""
    original_version_id: str | None = None

    @property
    def place(self) -> tuple[datetime, int, str]:
        """By what findings are sorted: time, then what explains what."""
        return self.hour, ORDER[self.kind], self.key or ""
