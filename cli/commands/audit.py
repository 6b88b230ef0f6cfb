"""`fleetgate audit`: what was decided and done."""

from datetime import date
from functools import partial

import click
from rich.console import Console

from cli.documents import record_document
from cli.options import limit_option, with_run
from cli.parameters import CERTIFICATE_ID, DAY, SERIAL_NUMBER
from cli.run import Run, now
from cli.tables import print_table, records_table
from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.store.queries import Page, Queries
from fleetgate.workflows.recent_records import recent_records

_MOST_DAYS_BACK = 30


@click.group()
def audit() -> None:
    """Read the audit trail.

    \b
    Example:
      fleetgate audit list --serial-number SN-0001
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


def _recent(queries: Queries, *, limit: int) -> Page[AuditRecord]:
    return recent_records(queries=queries, today=now().date(), limit=limit, most_days=_MOST_DAYS_BACK)
