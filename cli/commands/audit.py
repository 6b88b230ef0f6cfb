"""`fleetgate audit`: what was decided and done, and whether the record of it is whole."""

import time
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from cli.archive import (
    HOURS,
    ArchiveWatcher,
    archive_of,
    lines_of,
    print_verification,
    verification_document,
    verifier_of,
)
from cli.errors import CouldNotCheck, ExitCode
from cli.options import limit_option, with_run
from cli.parameters import CERTIFICATE_ID, DAY, SERIAL_NUMBER
from cli.run import Run, now
from cli.tables import print_table, records_table
from fleetgate.domain.archive import hour_of
from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.documents import record_document
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.store.queries import Page, Queries
from fleetgate.workflows.archive_missing import archive_missing
from fleetgate.workflows.recent_records import recent_records
from fleetgate.workflows.verify_archive import verify_archive

_MOST_DAYS_BACK = 30


@click.group()
def audit() -> None:
    """Read the audit trail, and verify that nobody altered it.

    \b
    Examples:
      fleetgate audit list --serial-number SN-0001
      fleetgate audit verify --from 2026-01-01 --to 2026-01-31
    """


@audit.command("list")
@click.option("--serial-number", metavar="SERIAL", type=SERIAL_NUMBER, help="Records of one device.")
@click.option(
    "--claim-certificate", metavar="CERTIFICATE_ID", type=CERTIFICATE_ID, help="Records a claim certificate led to."
)
@click.option(
    "--device-certificate", metavar="CERTIFICATE_ID", type=CERTIFICATE_ID, help="Records about a device certificate."
)
@click.option("--day", metavar="YYYY-MM-DD", type=DAY, help="Records of one UTC day.")
@limit_option("records", 50)
@with_run
def list_records(
    run: Run,
    *,
    serial_number: SerialNumber | None,
    claim_certificate: str | None,
    device_certificate: str | None,
    day: date | None,
    limit: int,
) -> None:
    """List audit records, newest first.

    Without a filter those of the last 30 days; give one filter at most. The newest second or two may be missing from
    all but --serial-number, since DynamoDB fills its indexes with a delay. --json gives every field.

    \b
    Examples:
      fleetgate audit list --limit 20
      fleetgate audit list --serial-number SN-0001
      fleetgate audit list --day 2026-01-31 --json
    """
    if sum(given is not None for given in (serial_number, claim_certificate, device_certificate, day)) > 1:
        raise click.UsageError("give one filter at most.")
    store = run.store
    what, ask = f"of the last {_MOST_DAYS_BACK} days", partial(_recent, store)
    if serial_number is not None:
        what, ask = f"of {serial_number}", partial(store.records_of_device, serial_number)
    elif claim_certificate is not None:
        what = f"that claim certificate {claim_certificate} led to"
        ask = partial(store.records_of_claim_certificate, claim_certificate)
    elif device_certificate is not None:
        what = f"about device certificate {device_certificate}"
        ask = partial(store.records_of_device_certificate, device_certificate)
    elif day is not None:
        what, ask = f"of {day.isoformat()} UTC", partial(store.records_of_day, day)
    with run.progress("Reading the audit trail"):
        page = ask(limit=limit)

    def render(console: Console) -> None:
        if not page.items:
            console.print(f"There are no audit records {what}.")
            return
        print_table(console, records_table(page.items))
        if page.more:
            console.print(f"There are more than these {limit}: raise --limit to see them.")

    run.emit({"records": [record_document(record) for record in page.items], "more": page.more}, render)


@audit.command()
@click.option("--from", "first", metavar="TIME", type=HOURS, help="First UTC day or hour. [default: a day ago]")
@click.option("--to", "last", metavar="TIME", type=HOURS, help="Last UTC day or hour, included. [default: now]")
@click.option(
    "--public-key",
    "public_keys",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
    multiple=True,
    help="Trust this key, PEM or DER, and not the one that AWS names; repeat for several.",
)
@with_run
def verify(
    run: Run,
    *,
    first: tuple[datetime, datetime] | None,
    last: tuple[datetime, datetime] | None,
    public_keys: tuple[Path, ...],
) -> None:
    """Verify that the archive of the audit trail is whole: signatures, chain, objects, gaps, and the audit table.

    Names what was changed, removed or inserted, the earliest first. Exits with 1 when there is anything, with 3 when
    it could not be checked. With --public-key and a key that you saved earlier it trusts nobody in the account.

    \b
    Examples:
      fleetgate audit verify
      fleetgate audit verify --from 2026-01-01 --to 2026-01-31 --json
      fleetgate audit verify --from 2026-01-31T08 --to 2026-01-31T11
    """
    moment = now()
    start = first[0] if first else hour_of(moment) - timedelta(days=1)
    end = min(last[1] if last else moment, hour_of(moment) + timedelta(hours=1))
    if start >= end:
        raise click.UsageError("--from comes after --to, or after now.")
    verifier, trusted = verifier_of(run.target, public_keys)
    started = time.monotonic()
    with ArchiveWatcher(run).watching(start, end) as progress:
        done = verify_archive(verifier, start=start, end=end, now=moment, progress=progress)
    seconds = time.monotonic() - started
    if done.hours == 0:
        raise CouldNotCheck("nothing_sealed", "nothing of that time is sealed: an hour is, some minutes after its end.")
    run.emit(
        verification_document(done, trusted=trusted, seconds=seconds),
        partial(print_verification, done, seconds),
    )
    click.get_current_context().exit(ExitCode.DONE if done.is_sound else ExitCode.SAID_NO)


@audit.command()
@click.option("--day", metavar="YYYY-MM-DD", type=DAY, required=True, help="The UTC day the records were made on.")
@with_run
def rearchive(run: Run, *, day: date) -> None:
    """Archive what the audit table has and the archive has not, after the archiver failed for too long.

    The next digest names it as late. Safe to repeat.

    \b
    Example:
      fleetgate audit rearchive --day 2026-01-31
    """
    with run.progress("Comparing the audit table with the archive"):
        number = archive_missing(day, archive=archive_of(run.target), lines=lines_of(run.target), now=now())
    run.emit(
        {"day": day.isoformat(), "archived": number},
        lambda console: console.print(f"{number:,} records of {day.isoformat()} were missing, and are archived."),
    )


def _recent(queries: Queries, *, limit: int) -> Page[AuditRecord]:
    return recent_records(queries=queries, today=now().date(), limit=limit, most_days=_MOST_DAYS_BACK)
