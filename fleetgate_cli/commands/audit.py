"""`fleetgate audit`: the audit trail, and the proof that it is complete."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fleetgate.archive.digest import hour_of
from fleetgate.domain.audit import AuditRecord, QueryAction, RecordKind
from fleetgate.domain.documents import instant, record_document
from fleetgate.trail.export import ExportFormat, exported
from fleetgate.trail.query import ALL_BUT_QUERIES
from fleetgate_cli.audit.filters import Filters, as_recorded, filter_options, nothing_found
from fleetgate_cli.errors import CouldNotCheck, ExitCode
from fleetgate_cli.options import limit_option, public_keys_option, with_run
from fleetgate_cli.parameters import DAY, HOURS
from fleetgate_cli.run import Run, hint, now

if TYPE_CHECKING:
    from rich.console import Console


@click.group()
def audit() -> None:
    """Query the audit trail, and verify that nobody altered it.

    Every query is put on record with your AWS identity before it is answered.

    \b
    Examples:
      fleetgate audit list --serial-number SN-0001
      fleetgate audit verify --from 2026-01-01 --to 2026-01-31
    """


@audit.command("list")
@limit_option("records", 50)
@filter_options
@with_run
def list_records(run: Run, filters: Filters, *, limit: int) -> None:
    """List audit records, newest first.

    Every option is a filter. Queries to the audit trail are on record too, and shown with --kind query only. Without
    --serial-number the newest second or two may be missing, since DynamoDB fills its indexes with a delay. --json
    prints every field.

    \b
    Examples:
      fleetgate audit list --limit 20
      fleetgate audit list --serial-number SN-0001 --verdict denied
      fleetgate audit list --claim 5f1c22ab --reason mac_address_mismatch
      fleetgate audit list --from 2026-01-31 --to 2026-01-31T08 --manufacturer acme --json
    """
    from fleetgate.trail.read import PAGE_RECORDS, records_of
    from fleetgate_cli.tables import print_table, records_table

    query = filters.query(run, kinds=ALL_BUT_QUERIES)
    shown = as_recorded(query)
    run.note(QueryAction.LIST_RECORDS, shown.words)
    with run.progress("Reading the audit trail"):
        # One more than is shown tells whether there are more.
        found = list(islice(records_of(query, run.trail, page_records=min(limit + 1, PAGE_RECORDS)), limit + 1))
    records, more = found[:limit], len(found) > limit

    def render(console: "Console") -> None:
        if not records:
            console.print(nothing_found(shown))
            return
        print_table(console, records_table(records))
        if more:
            console.print(f"There are more than {limit}: raise --limit to see them, or use {hint('audit export')}.")

    run.emit(
        {
            "from": instant(shown.start),
            "to": instant(shown.end),
            "records": [record_document(record) for record in records],
            "more": more,
        },
        render,
    )


@audit.command()
@click.option(
    "--format",
    "form",
    type=click.Choice([one.value for one in ExportFormat]),
    default=ExportFormat.CSV.value,
    show_default=True,
    help="Comma-separated values, or a JSON document a line.",
)
@click.option("--output", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="[default: stdout]")
@filter_options
@with_run
def export(run: Run, filters: Filters, *, form: str, output: Path | None) -> None:
    """Write any number of audit records to a file, newest first.

    The file takes its name when it is complete; an interrupted export leaves no file. In CSV a cell that a spreadsheet
    would read as a formula starts with an apostrophe; jsonl has every value unchanged. Without --output the records go
    to stdout, and --json applies to errors only.

    \b
    Examples:
      fleetgate audit export --from 2026-01-01 --to 2026-01-31 --output january.csv
      fleetgate audit export --claim 5f1c22ab --format jsonl | jq -r .serial_number
    """
    from fleetgate.trail.read import records_of
    from fleetgate_cli.audit.exports import export_bar, output_at

    query = filters.query(run, kinds=ALL_BUT_QUERIES)
    shown = as_recorded(query)
    written = 0

    def counted(records: Iterable[AuditRecord], watch: Callable[[AuditRecord], None]) -> Iterator[AuditRecord]:
        nonlocal written
        for record in records:
            yield record
            written += 1
            watch(record)

    with output_at(output) as file:
        run.note(QueryAction.EXPORT_RECORDS, shown.words)
        with export_bar(run) as watch:
            file.writelines(exported(counted(records_of(query, run.trail), watch), ExportFormat(form)))
    if output is not None:
        run.emit(
            {"records": written, "format": form, "output": str(output)},
            lambda console: console.print(f"{written:,} records written to {output}."),
        )


@audit.command()
@filter_options
@with_run
def stats(run: Run, filters: Filters) -> None:
    """Count audit records by reason, verdict and UTC day.

    Counts decisions, unless --kind names another kind. Actions and queries are counted by their names. --json prints
    the counts of every day.

    \b
    Examples:
      fleetgate audit stats
      fleetgate audit stats --claim 5f1c22ab --verdict denied
      fleetgate audit stats --kind outcome --from 2026-01-01 --to 2026-01-31 --json
    """
    from fleetgate.trail.read import counts_of
    from fleetgate_cli.audit.counts_view import counts_document, print_counts

    query = filters.query(run, kinds=frozenset({RecordKind.DECISION}))
    shown = as_recorded(query)
    run.note(QueryAction.COUNT_RECORDS, shown.words)
    with run.progress("Counting"):
        counts = counts_of(query, run.trail)
    run.emit(counts_document(counts, shown), partial(print_counts, counts, shown))


@audit.command()
@click.option("--from", "first", metavar="TIME", type=HOURS, help="First UTC day or hour. [default: a day ago]")
@click.option("--to", "last", metavar="TIME", type=HOURS, help="Last UTC day or hour, included. [default: now]")
@public_keys_option
@with_run
def verify(
    run: Run,
    *,
    first: tuple[datetime, datetime] | None,
    last: tuple[datetime, datetime] | None,
    public_keys: tuple[Path, ...],
) -> None:
    """Verify that the archive of the audit trail is complete: signatures, chain, objects, gaps, and the audit table.

    Lists what was changed, removed or inserted, the earliest first, and the hours that could not be verified: those
    that are not sealed yet or lie before the archive begins. Exits with 1 when there is a finding, with 3 when no hour
    could be verified. With --public-key and a key that you saved earlier it trusts nobody in the account.

    \b
    Examples:
      fleetgate audit verify
      fleetgate audit verify --from 2026-01-01 --to 2026-01-31 --json
      fleetgate audit verify --from 2026-01-31T08 --to 2026-01-31T11
    """
    from fleetgate.archive.verify import verify_archive
    from fleetgate_cli.audit.archive import (
        print_verification,
        verification_bar,
        verification_document,
        verifier_of,
        why_nothing_was_verified,
    )

    moment = now()
    start = first[0] if first else hour_of(moment) - timedelta(days=1)
    end = min(last[1] if last else moment, hour_of(moment) + timedelta(hours=1))
    if start >= end:
        raise click.UsageError("--from comes after --to, or after now.")
    verifier, trusted = verifier_of(run.target, public_keys)
    started = time.monotonic()
    with verification_bar(run, start, end) as progress:
        done = verify_archive(verifier, start=start, end=end, now=moment, progress=progress)
    seconds = time.monotonic() - started
    if done.hours == 0:
        raise CouldNotCheck("nothing_sealed", why_nothing_was_verified(done))
    run.emit(
        verification_document(done, trusted=trusted, seconds=seconds),
        partial(print_verification, done, seconds),
    )
    click.get_current_context().exit(ExitCode.DONE if done.is_sound else ExitCode.REFUSED)


@audit.command()
@click.option("--day", metavar="YYYY-MM-DD", type=DAY, required=True, help="The UTC day the records were made on.")
@with_run
def rearchive(run: Run, *, day: date) -> None:
    """Archive the records of a day that the archive lacks, after the archiver failed for too long.

    The next digest names them as late. Safe to repeat.

    \b
    Example:
      fleetgate audit rearchive --day 2026-01-31
    """
    from fleetgate.archive.missing import archive_missing
    from fleetgate_cli.audit.archive import archive_of, lines_of

    with run.progress("Comparing the audit table with the archive"):
        number = archive_missing(day, archive=archive_of(run.target), lines=lines_of(run.target), now=now())
    run.emit({"day": day.isoformat(), "archived": number}, lambda console: console.print(_rearchived(number, day)))


def _rearchived(number: int, day: date) -> str:
    if not number:
        return f"No record of {day.isoformat()} was missing."
    said = "record of {} was missing, and is" if number == 1 else "records of {} were missing, and are"
    return f"{number:,} {said.format(day.isoformat())} archived."
