"""`fleetgate import`: factory lists, from the upload to the rejects and the roll-back."""

import csv
import io
import sys
from functools import partial
from pathlib import Path
from shutil import copyfileobj
from typing import TYPE_CHECKING, Any

import click

from fleetgate.domain.documents import record_document
from fleetgate.imports.delivery import DeliveryMode
from fleetgate.imports.documents import summary_of
from fleetgate.imports.reading.factory_list import REPORT_COLUMNS
from fleetgate.imports.record import ImportRecord, ImportStatus
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.options import limit_option, required_reason, with_run
from fleetgate_cli.parameters import IMPORT_ID, MANUFACTURER_FOLDER
from fleetgate_cli.run import Run
from fleetgate_cli.terminal import harmless

if TYPE_CHECKING:
    from rich.console import Console

    from fleetgate.operators.roll_back import RolledBack


@click.group("import")
def imports() -> None:
    """Import the lists of factories into the allow-list.

    \b
    Example:
      fleetgate import upload line4.csv --manufacturer acme
    """


@imports.command()
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option(
    "--manufacturer",
    metavar="NAME",
    type=MANUFACTURER_FOLDER,
    required=True,
    help="The manufacturer of the devices in the list.",
)
@click.option("--dry-run", is_flag=True, help="Report what would change, and change nothing.")
@click.option("--sheet", metavar="NAME", help="The sheet of a workbook with several. [default: the only visible one]")
@click.option("--no-wait", is_flag=True, help="Return as soon as the file is uploaded.")
@with_run
def upload(run: Run, *, file: Path, manufacturer: str, dry_run: bool, sheet: str | None, no_wait: bool) -> None:
    """Upload the list FILE, wait for its import and print the result for its rows.

    Takes CSV and JSON Lines, plain or gzip, in any usual encoding and with any usual headings, and Excel workbooks,
    which it converts. The same file again changes nothing. Exits with 1 when rows were rejected.

    \b
    Examples:
      fleetgate import upload line4.csv --manufacturer acme
      fleetgate import upload line4.xlsx --manufacturer acme --dry-run
    """
    from fleetgate_cli.imports.deliveries import put, ready_file, upload_bar

    mode = DeliveryMode.DRY_RUN if dry_run else DeliveryMode.LIVE
    drop_box = run.target.drop_box()
    with ready_file(file, sheet=sheet) as ready, upload_bar(run, ready.path.stat().st_size) as watch:
        notes = ready.notes
        delivery = put(
            ready, manufacturer=manufacturer, mode=mode, drop_box=drop_box, uploader=run.caller(), watch=watch
        )
    for note in notes:
        click.echo(f"Note: {harmless(note)}", err=True)
    if no_wait:
        uploaded = {"import_id": delivery.import_id, "status": "uploaded", "key": delivery.file.key}
        run.emit(
            uploaded, lambda console: console.print(f"Uploaded. Follow it: fleetgate import show {delivery.import_id}")
        )
        return
    _follow(run, delivery.import_id)


@imports.command("list")
@click.option("--manufacturer", metavar="NAME", type=MANUFACTURER_FOLDER, help="Of this manufacturer. [default: all]")
@limit_option("imports", 20)
@with_run
def list_(run: Run, *, manufacturer: str | None, limit: int) -> None:
    """List imports, newest first.

    \b
    Example:
      fleetgate import list --manufacturer acme
    """
    from fleetgate_cli.imports.views import imports_table
    from fleetgate_cli.tables import print_table

    with run.progress("Reading imports"):
        page = run.imports.newest(manufacturer=manufacturer, limit=limit)

    def render(console: "Console") -> None:
        if not page.items:
            console.print("There are no imports.")
            return
        print_table(console, imports_table(page.items))
        if page.more:
            console.print("There are more: raise --limit.")

    run.emit({"imports": [summary_of(record) for record in page.items], "more": page.more}, render)


@imports.command()
@click.argument("import_id", metavar="IMPORT", type=IMPORT_ID)
@with_run
def show(run: Run, *, import_id: str) -> None:
    """Show an import: its rows by class, its errors, and who uploaded, approved or rolled it back.

    \b
    Example:
      fleetgate import show 20260131T080000Z-0123456789ab
    """
    from fleetgate.imports.store.reader import known_import
    from fleetgate_cli.imports.views import print_import
    from fleetgate_cli.tables import print_table, records_table

    with run.progress("Reading the import"):
        record = known_import(import_id, run.imports)
        history = run.imports.audit_of(import_id, limit=20)

    def render(console: "Console") -> None:
        print_import(record, console)
        if history:
            console.print()
            console.print("History, newest first", style="bold")
            print_table(console, records_table(history, with_subject=False))

    run.emit({**summary_of(record), "history": [record_document(one) for one in history]}, render)


@imports.command()
@click.argument("import_id", metavar="IMPORT", type=IMPORT_ID)
@click.option(
    "--output", metavar="FILE", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="[default: stdout]"
)
@with_run
def rejects(run: Run, *, import_id: str, output: Path | None) -> None:
    """Write the rows that did not take effect, as delivered, with their errors in the first columns.

    Correct the rows, leave the first columns unchanged, and upload the file.

    \b
    Example:
      fleetgate import rejects 20260131T080000Z-0123456789ab --output rejects.csv
    """
    from fleetgate.imports.store.reader import known_import

    with run.progress("Reading the rejects"):
        record = known_import(import_id, run.imports)
        content = io.BytesIO()
        if record.has_rejects:
            copyfileobj(run.target.drop_box().open_report(f"{record.delivery.reports}rejects.csv"), content)
    if output is not None:
        output.write_bytes(content.getvalue())
    if run.as_json:
        rejected = _documents(content.getvalue())
        run.emit({"import_id": import_id, "rejects": rejected, "output": output and str(output)}, lambda _console: None)
    elif not record.has_rejects:
        click.echo("Nothing was rejected.", err=True)
    elif output is None:
        rejects = content.getvalue().decode()
        click.echo(harmless(rejects) if sys.stdout.isatty() else rejects, nl=False)
    else:
        click.echo(f"Written to {output}.", err=True)


@imports.command()
@click.argument("import_id", metavar="IMPORT", type=IMPORT_ID)
@required_reason
@click.option("--no-wait", is_flag=True, help="Return as soon as it is approved.")
@with_run
def approve(run: Run, *, import_id: str, reason: str, no_wait: bool) -> None:
    """Approve an import that waits for a second person, and wait for its end.

    The person who uploaded the list cannot approve it.

    \b
    Example:
      fleetgate import approve 20260131T080000Z-0123456789ab --reason "order 4711, counted"
    """
    from fleetgate.operators.approve_import import approve_import
    from fleetgate_cli.imports.views import print_import

    with run.progress("Approving the import"):
        change = approve_import(
            import_id, records=run.import_records, queue=run.target.import_queue(), operator=run.operator(reason)
        )
    if no_wait or change.subject.has_ended:
        run.emit(summary_of(change.subject), partial(print_import, change.subject))
        return
    _follow(run, import_id)


@imports.command()
@click.argument("import_id", metavar="IMPORT", type=IMPORT_ID)
@required_reason
@with_run
def rollback(run: Run, *, import_id: str, reason: str) -> None:
    """Remove the unused devices that an import added, and list those that stay.

    Devices that asked for their identity already, that a later list named, or that were on the allow-list before are
    not changed. Exits with 1 when a device stays. Safe to repeat.

    \b
    Example:
      fleetgate import rollback 20260131T080000Z-0123456789ab --reason "wrong order, case 4711"
    """
    from fleetgate.operators.roll_back import roll_back_import
    from fleetgate_cli.imports.views import print_rolled_back

    with run.progress(f"Rolling back {import_id}"):
        done = roll_back_import(
            import_id,
            records=run.import_records,
            allow_list=run.allow_list,
            devices=run.devices,
            drop_box=run.target.drop_box(),
            operator=run.operator(reason),
        )
    run.emit(_rolled_back_document(done), partial(print_rolled_back, done))
    if done.kept:
        click.get_current_context().exit(ExitCode.REFUSED)


def _follow(run: Run, import_id: str) -> None:
    """Wait for the end of an import, print it, and exit with its code."""
    from fleetgate_cli.imports.deliveries import import_bar, wait
    from fleetgate_cli.imports.views import print_import

    try:
        with import_bar(run) as watch:
            record = wait(import_id, records=run.imports, watch=watch)
    except KeyboardInterrupt:
        click.echo(f"The import goes on. Follow it: fleetgate import show {import_id}", err=True)
        raise
    run.emit(summary_of(record), partial(print_import, record))
    click.get_current_context().exit(_exit_code(record))


def _exit_code(record: ImportRecord) -> ExitCode:
    if record.status is ImportStatus.FAILED:
        return ExitCode.COULD_NOT_CHECK
    return ExitCode.REFUSED if record.problem or record.has_rejects else ExitCode.DONE


def _documents(content: bytes) -> list[dict[str, Any]]:
    """The rows of a rejects.csv."""
    text = content.decode("utf-8-sig", "replace")
    delimiter = text[len(REPORT_COLUMNS[0]) : len(REPORT_COLUMNS[0]) + 1] or ","
    columns = len(REPORT_COLUMNS)
    header, *rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)) or [[""]]
    return [
        {
            "line": int(row[0]),
            "column": row[1] or None,
            "error": row[2],
            "detail": row[3],
            "row": dict(zip(header[columns:], row[columns:], strict=False)),
        }
        for row in rows
    ]


def _rolled_back_document(done: "RolledBack") -> dict[str, Any]:
    return {
        "import_id": done.record.import_id,
        "removed": done.removed,
        "kept": {reason.value: number for reason, number in sorted(done.kept.items())},
        "examples": [{"serial_number": serial.value, "reason": reason.value} for serial, reason in done.examples],
    }
