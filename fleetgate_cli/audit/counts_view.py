"""Counted audit records as two small tables: what was decided, and when."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.bar import Bar
from rich.console import Console

from fleetgate.domain.audit import Verdict
from fleetgate.domain.documents import instant
from fleetgate.trail.query import AuditQuery
from fleetgate_cli.audit.filters import nothing_found, span_of
from fleetgate_cli.tables import plain_table, print_table, word

# By UTC day, verdict and reason; the verdict is empty for all but decisions.
Counts = Mapping[tuple[str, str, str], int]

_BAR_COLUMNS = 30
_COLOURS = {Verdict.ALLOWED.value: "green", Verdict.DENIED.value: "red", "": "cyan"}


def counts_document(counts: Counts, query: AuditQuery) -> dict[str, Any]:
    """The counts, and their sums by verdict, by day and by reason, the largest first."""
    by_day, by_verdict, by_reason = (_sums(counts, place) for place in range(3))
    return {
        "from": instant(query.start),
        "to": instant(query.end),
        "total": sum(counts.values()),
        "by_verdict": {verdict: number for verdict, number in by_verdict.most_common() if verdict},
        "by_day": dict(sorted(by_day.items())),
        "by_reason": dict(_by_size(by_reason)),
        "counts": [
            {"day": day, "verdict": verdict or None, "reason": reason, "records": number}
            for (day, verdict, reason), number in sorted(counts.items())
        ],
    }


def print_counts(counts: Counts, query: AuditQuery, console: Console) -> None:
    """The reasons, the most frequent first; then the verdicts by day."""
    total = sum(counts.values())
    if not total:
        console.print(nothing_found(query))
        return
    console.print(f"{total:,} records {span_of(query)}", style="bold")
    reasons: Counter[tuple[str, str]] = Counter()
    days: dict[str, Counter[str]] = {}
    for (day, verdict, reason), number in counts.items():
        reasons[verdict, reason] += number
        days.setdefault(day, Counter())[verdict] += number
    table = plain_table("Records", "What", "Reason or action", "")
    most = max(reasons.values())
    for (verdict, reason), number in _by_size(reasons):
        table.add_row(f"{number:,}", word(verdict or "-"), reason, _bar(number, most, verdict))
    print_table(console, table)
    verdicts = sorted({verdict for of_day in days.values() for verdict in of_day})
    table = plain_table("Day (UTC)", *(verdict.capitalize() or "Other" for verdict in verdicts), "")
    most = max(max(of_day.values()) for of_day in days.values())
    worst = Verdict.DENIED.value if Verdict.DENIED in verdicts else verdicts[-1]
    for day, of_day in sorted(days.items()):
        table.add_row(day, *(f"{of_day[verdict]:,}" for verdict in verdicts), _bar(of_day[worst], most, worst))
    print_table(console, table)


def _bar(number: int, most: int, verdict: str) -> Bar:
    return Bar(most, 0, number, width=_BAR_COLUMNS, color=_COLOURS[verdict])


def _sums(counts: Counts, place: int) -> Counter[str]:
    sums: Counter[str] = Counter()
    for key, number in counts.items():
        sums[key[place]] += number
    return sums


def _by_size(counted: Counter[Any]) -> list[tuple[Any, int]]:
    return sorted(counted.items(), key=lambda one: (-one[1], one[0]))
