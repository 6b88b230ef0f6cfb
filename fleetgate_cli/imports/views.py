"""Imports as people read them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.table import Table

from fleetgate.domain.documents import instant
from fleetgate.imports.delivery import DeliveryMode
from fleetgate.imports.documents import changed_devices
from fleetgate.imports.plan import RowClass
from fleetgate.imports.record import ImportRecord, ImportStatus
from fleetgate.operators.roll_back import RolledBack
from fleetgate_cli.reasons import import_error
from fleetgate_cli.run import hint
from fleetgate_cli.tables import plain_table, print_table, word

# For a preview and for an import that ended.
_CLASSES = {
    RowClass.ADDED: "added",
    RowClass.UPDATED: "updated",
    RowClass.UNCHANGED: "unchanged: already on the allow-list",
    RowClass.REVOKED: "revoked",
    RowClass.REPEATED: "identical to an earlier row",
    RowClass.CONFLICT: "in conflict with the allow-list",
    RowClass.REJECTED: "rejected",
    RowClass.NOT_APPLIED: "not applied",
}
_LINES = {
    "heading": "of the heading",
    "rows": "with rows",
    "continuation": "inside quoted cells",
    "blank": "blank",
    "separator": "with the separator",
}
_HEADLINES = {
    ImportStatus.CHECKING: "is being checked",
    ImportStatus.WAITING: "waits for approval by a second person",
    ImportStatus.APPROVED: "is approved and continues",
    ImportStatus.IMPORTING: "is being imported",
    ImportStatus.FINISHED: "is finished",
    ImportStatus.REFUSED: "was refused",
    ImportStatus.FAILED: "failed",
    ImportStatus.ROLLED_BACK: "was rolled back",
}


def imports_table(records: Iterable[ImportRecord]) -> Table:
    """Imports, one a row."""
    table = plain_table("Import", "Status", "List, and how its rows ended")
    for record in records:
        rows = record.findings.rows
        ended = [f"{rows[one]:,} {_CLASSES[one].partition(':')[0]}" for one in RowClass if rows.get(one)]
        table.add_row(
            record.import_id,
            word(record.status.value),
            f"{record.delivery.manufacturer}: {record.delivery.file_name}{' (dry run)' if _is_dry(record) else ''}\n"
            f"{', '.join(ended) or 'no rows'}",
        )
    return table


def print_import(record: ImportRecord, console: Console, *, now: datetime | None = None) -> None:
    """One import: its status, its rows by class, and the errors of the rows that did not take effect.

    Args:
        now: Aware UTC, for an estimate of the time left; None takes this machine's time.
    """
    delivery = record.delivery
    is_preview = _is_dry(record) or record.is_waiting
    what = "Dry run" if _is_dry(record) else "Import"
    console.print(f"{what} {record.import_id} {_HEADLINES[record.status]}{_progress(record, now)}.", style="bold")
    console.print(f"  {delivery.file_name} of {delivery.manufacturer}, uploaded {instant(delivery.file.stored_at)}")
    console.print(f"  by {delivery.file.presented_uploader or delivery.requester or 'an unknown person'}")
    if record.approved_by:
        console.print(f"  approved by {record.approved_by}")
    if record.rolled_back_by:
        console.print(f"  rolled back by {record.rolled_back_by}: {record.removed:,} devices removed")
    if record.problem:
        console.print(record.problem.sentence, style="bold red")
    _print_lines(record.findings.lines, console)
    counted = [(one, record.findings.rows.get(one, 0)) for one in RowClass]
    if record.total is not None:
        console.print(f"  {record.total:,} rows{' if imported' if is_preview else ''}:")
    for one, number in counted:
        if number:
            console.print(f"    {number:>9,}  {_CLASSES[one]}")
    if record.findings.errors:
        console.print()
        console.print(
            "Why rows did not take effect" if not is_preview else "Why rows would not take effect", style="bold"
        )
        table = plain_table("Rows", "Code", "What is wrong", "What to do")
        for code, number in sorted(record.findings.errors.items(), key=lambda counted: -counted[1]):
            known = import_error(code)
            table.add_row(f"{number:,}", code, known.meaning if known else "", known.remedy if known else "")
        print_table(console, table)
    _print_changes(record, console)
    for note in record.findings.notes:
        console.print(f"Note: {note}")
    if record.has_rejects and record.status is ImportStatus.FINISHED:
        console.print(f"Rejected rows, to correct and upload again: {hint(f'import rejects {record.import_id}')}")
    elif record.has_rejects:
        console.print(f"Rejected rows: {hint(f'import rejects {record.import_id}')}")
    if record.is_waiting:
        console.print(f'To approve it: {hint(f"import approve {record.import_id}")} --reason "..."')


def _print_changes(record: ImportRecord, console: Console) -> None:
    """How many known devices change, and where to read how."""
    if record.has_changes:
        changed = ", ".join(f"{name} of {number:,}" for name, number in sorted(record.findings.changes.items()))
        console.print(f"Known devices that change: {changed_devices(record):,} ({changed}).")
        console.print(f"Before and after: {hint(f'import show {record.import_id} --changes')}")


def _progress(record: ImportRecord, now: datetime | None) -> str:
    """How many rows of an import that runs are done, and how long the others take at the same rate."""
    if record.status is not ImportStatus.IMPORTING or record.total is None:
        return ""
    total, done = record.total, record.done
    said = f": {done:,} of {total:,} rows are done"
    # The time in which an import waited for approval tells nothing.
    if not 0 < done < total or record.approved_by:
        return said
    elapsed = (now or datetime.now(UTC)) - record.started_at
    minutes = elapsed * (total - done) / done / timedelta(minutes=1)
    return f"{said}; {'less than a minute' if minutes < 1 else f'about {minutes:,.0f} min'} left at this rate"


def print_rolled_back(done: RolledBack, console: Console) -> None:
    """What a roll-back removed, and what it kept."""
    devices = "device" if done.removed == 1 else "devices"
    were = "was" if done.removed == 1 else "were"
    console.print(f"{done.removed:,} {devices} of import {done.record.import_id} {were} removed from the allow-list.")
    for reason, number in sorted(done.kept.items()):
        console.print(f"{number:,} {'stays' if number == 1 else 'stay'}: {reason.meaning} {reason.remedy}")
        named = [serial.value for serial, why in done.examples if why is reason]
        more = ", ..." if len(named) < number else ""
        console.print(f"  {', '.join(named)}{more}" if named else "", style="dim")


def _print_lines(lines: Mapping[str, int], console: Console) -> None:
    """The physical lines of a file: all of them, and the kinds that add up to them."""
    if not lines:
        return
    kinds = [f"{lines[kind]:,} {said}" for kind, said in _LINES.items() if lines.get(kind)]
    console.print(f"  {lines['total']:,} lines: {', '.join(kinds)}")


def _is_dry(record: ImportRecord) -> bool:
    return record.delivery.mode is DeliveryMode.DRY_RUN
