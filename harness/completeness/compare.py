"""Whether every decision is in the audit table and in the archive exactly once, by what callers were told."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a caller heard of one request.

    Attributes:
        request_id: Of the invocation; its record holds it.
        verdict: As its record has it; None if nobody answered, or the request could not be judged.
    """

    request_id: str
    verdict: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """What is missing or there too often. A `lost` or `duplicated` is there once for each record that is.

    Attributes:
        lost_from_table: Request IDs of answers without their record, record IDs of what only the archive has, and
            decision IDs that the allow-list knows and the table does not.
        duplicated_in_table: Request IDs, of those who have several records.
        lost_from_archive: Record IDs of the table that the archive does not have, or has in other words.
        duplicated_in_archive: Record IDs that it has several times.
    """

    lost_from_table: tuple[str, ...]
    duplicated_in_table: tuple[str, ...]
    lost_from_archive: tuple[str, ...]
    duplicated_in_archive: tuple[str, ...]


def compare(
    told: Iterable[Told], *, reserved: Iterable[str], table: Iterable[Document], archive: Iterable[Document]
) -> Completeness:
    """Compare what callers were told with what the table and the archive hold.

    Args:
        reserved: Decision IDs of the reservations in the allow-list, those of callers who heard nothing included.
        table: The records of these requests, and what the watcher noted of them; archive: the same, sealed.
    """
    recorded, archived = list(table), list(archive)
    # A notice of the watcher answers no request.
    decided = [record for record in recorded if "request_id" in record]
    in_table = {record["record_id"]: record for record in recorded}
    in_archive = {record["record_id"]: record for record in archived}
    answers = Counter((record["request_id"], record["verdict"]) for record in decided)
    requests = Counter(record["request_id"] for record in decided)
    unrecorded = [
        one.request_id for one in told if one.verdict is not None and not answers[one.request_id, one.verdict]
    ]
    return Completeness(
        lost_from_table=(
            *unrecorded,
            *sorted(in_archive.keys() - in_table.keys()),
            *sorted(set(reserved) - in_table.keys()),
        ),
        duplicated_in_table=_too_often(requests),
        lost_from_archive=tuple(sorted(known for known in in_table if in_archive.get(known) != in_table[known])),
        duplicated_in_archive=_too_often(Counter(record["record_id"] for record in archived)),
    )


def _too_often(counted: Counter[str]) -> tuple[str, ...]:
    return tuple(sorted((counted - Counter(counted.keys())).elements()))
