"""`fleetgate import`: factory lists, from the upload to the rejects and the roll-back."""

import io
import sys
from functools import partial
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

import click

from fleetgate.domain.documents import record_document
from fleetgate.imports.delivery import DeliveryMode
from fleetgate.imports.documents import summary_of
from fleetgate.imports.record import ImportRecord, ImportStatus
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.options import limit_option, required_reason, with_run
from fleetgate_cli.parameters import COLUMN_MAPPING, IMPORT_ID, MANUFACTURER, MANUFACTURER_ON_RECORD
from fleetgate_cli.run import Run, hint
from fleetgate_cli.terminal import harmless

if TYPE_CHECKING:
    from rich.console import Console

    from fleetgate.operators.roll_back import RolledBack
    from fleetgate_cli.imports.rejects import Rejects


@click.group("import")
def imports() -> None:
    """Import the lists of factories into the allow-list.

    \b
    Example:
      fleetgate import upload line4.csv --manufacturer acme
    """


@imports.command()
@click.argument("file", metavar="FILE", type=click.Path(allow_dash=True))
@click.option(
    "--manufacturer",
    metavar="NAME",
    type=MANUFACTURER,
    required=True,
    help="The manufacturer of the devices in the list.",
)
@click.option("--dry-run", is_flag=True, help="Report what would change, and change nothing.")
@click.option("--name", metavar="NAME", help="The file's name in reports. [default: its own, or stdin.csv for a pipe]")
@click.option("--sheet", metavar="NAME", help="The sheet of a workbook with several. [default: the only visible one]")
@click.option(
    "--map",
    "columns",
    metavar="HEADING=COLUMN",
    type=COLUMN_MAPPING,
    multiple=True,
    help="What a column means, or HEADING= to leave it out. Repeat it for each column.",
)
@click.option("--visible-only", is_flag=True, help="Leave out the hidden rows, columns and cells of a workbook.")
@click.option("--include-hidden", is_flag=True, help="Take the hidden rows, columns and cells of a workbook too.")
@click.option("--no-wait", is_flag=True, help="Return as soon as the file is uploaded.")
@with_run
def upload(
    run: Run,
    *,
    file: str,
    manufacturer: str,
    dry_run: bool,
    name: str | None,
    columns: tuple[tuple[str, str], ...],
    sheet: str | None,
    visible_only: bool,
    include_hidden: bool,
    no_wait: bool,
) -> None:
    """Upload the list FILE, wait for its import and print the result for its rows.

    Takes CSV and JSON Lines, plain or gzip, in any usual encoding and with any usual headings, and Excel workbooks.
    FILE may be a pipe; - is the standard input. The same file again changes nothing. Exits with 1 when rows were
    rejected.

    \b
    Examples:
      fleetgate import upload line4.csv --manufacturer acme
      fleetgate import upload line4.xlsx --manufacturer acme --dry-run
      fleetgate import upload line4.csv --manufacturer acme --map "Meldetag=Valid From" --map "Remark="
      zcat line4.csv.gz | fleetgate import upload - --manufacturer acme
    """
    from fleetgate.imports.options import HiddenCells, InvalidOptions, ReadingOptions
    from fleetgate_cli.imports.deliveries import put, ready_file, upload_bar

    if visible_only and include_hidden:
        raise click.UsageError("--visible-only leaves out what --include-hidden takes: give one of them.")
    hidden = HiddenCells.LEAVE_OUT if visible_only else HiddenCells.INCLUDE if include_hidden else HiddenCells.REFUSE
    options = ReadingOptions(sheet=sheet, hidden=hidden, columns=dict(columns))
    with ready_file(file, name=name) as ready:
        if not ready.is_workbook and (sheet or visible_only or include_hidden):
            raise click.UsageError("--sheet, --visible-only and --include-hidden apply to workbooks only.")
        try:
            with upload_bar(run, ready.size_bytes) as watch:
                delivery = put(
                    ready,
                    manufacturer=manufacturer,
                    mode=DeliveryMode.DRY_RUN if dry_run else DeliveryMode.LIVE,
                    drop_box=run.target.drop_box(),
                    uploader=run.caller(),
                    options=options,
                    watch=watch,
                )
        except InvalidOptions as error:
            raise click.UsageError(f"The options cannot be sent: {error}.") from error
    if no_wait:
        uploaded = {"import_id": delivery.import_id, "status": "uploaded", "key": delivery.file.key}
        run.emit(
            uploaded,
            lambda console: console.print(f"Uploaded. Follow it: {hint(f'import show {delivery.import_id}')}"),
        )
        return
    _follow(run, delivery.import_id)


@imports.command("list")
@click.option(
    "--manufacturer", metavar="NAME", type=MANUFACTURER_ON_RECORD, help="Of this manufacturer. [default: all]"
)
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
@click.option(
    "--changes", "with_changes", is_flag=True, help="Also show what known devices said before, and say after."
)
@with_run
def show(run: Run, *, import_id: str, with_changes: bool) -> None:
    """Show an import: its rows by class, its errors, and who uploaded, approved or rolled it back.

    \b
    Examples:
      fleetgate import show 20260131T080000Z-0123456789ab
      fleetgate import show 20260131T080000Z-0123456789ab --changes
    """
    from fleetgate.imports.store.reader import known_import
    from fleetgate_cli.imports.changes import changes_in, print_changes
    from fleetgate_cli.imports.views import print_import
    from fleetgate_cli.tables import print_table, records_table

    with run.progress("Reading the import"):
        record = known_import(import_id, run.imports)
        history = run.imports.audit_of(import_id, limit=20)
        file, content = f"{record.delivery.reports}changes.csv", io.BytesIO()
        if with_changes and record.has_changes:
            copyfileobj(run.target.drop_box().open_report(file), content)
            content.seek(0)
        changes = list(changes_in(content))

    def render(console: "Console") -> None:
        print_import(record, console)
        if changes:
            print_changes(changes, console, file=file)
        elif with_changes:
            console.print("No known device changes.")
        if history:
            console.print()
            console.print("History, newest first", style="bold")
            print_table(console, records_table(history, with_subject=False))

    document = {**summary_of(record), "history": [record_document(one) for one in history]}
    run.emit({**document, "changed": changes} if with_changes else document, render)


@imports.command()
@click.argument("import_id", metavar="IMPORT", type=IMPORT_ID)
@click.option(
    "--output", metavar="FILE", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="[default: stdout]"
)
@with_run
def rejects(run: Run, *, import_id: str, output: Path | None) -> None:
    """Write the rows that did not take effect, as delivered, with their errors in the first columns.

    Correct the rows, leave the first columns unchanged, and upload the file. A FILE that ends in .xlsx is an Excel
    workbook: every cell is text, and the wrong ones are coloured.

    \b
    Examples:
      fleetgate import rejects 20260131T080000Z-0123456789ab --output rejects.csv
      fleetgate import rejects 20260131T080000Z-0123456789ab --output rejects.xlsx
    """
    from fleetgate.imports.store.reader import known_import
    from fleetgate_cli.imports.rejects import MAX_ROWS, WORKBOOK, Rejects, write_workbook

    with TemporaryFile() as content:
        with run.progress("Reading the rejects"):
            record = known_import(import_id, run.imports)
            if record.has_rejects:
                copyfileobj(run.target.drop_box().open_report(f"{record.delivery.reports}rejects.csv"), content)
        content.seek(0)
        if output is not None and output.suffix.lower() == WORKBOOK and record.has_rejects:
            if left_out := write_workbook(Rejects(content), output):
                click.echo(f"A sheet has room for {MAX_ROWS:,} rows: {left_out:,} are left out.", err=True)
        elif output is not None:
            with output.open("wb") as target:
                copyfileobj(content, target)
        content.seek(0)
        if run.as_json:
            rejected = _documents(Rejects(content))
            document = {"import_id": import_id, "rejects": rejected, "output": output and str(output)}
            run.emit(document, lambda _console: None)
        elif not record.has_rejects:
            click.echo("Nothing was rejected.", err=True)
        elif output is not None:
            click.echo(harmless(f"Written to {output}."), err=True)
        else:
            rejects = content.read().decode("utf-8", "replace")
            click.echo(harmless(rejects) if sys.stdout.isatty() else rejects, nl=False)


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
        click.echo(f"The import goes on. Follow it: {hint(f'import show {import_id}')}", err=True)
        raise
    run.emit(summary_of(record), partial(print_import, record))
    click.get_current_context().exit(_exit_code(record))


def _exit_code(record: ImportRecord) -> ExitCode:
    if record.status is ImportStatus.FAILED:
        return ExitCode.COULD_NOT_CHECK
    return ExitCode.REFUSED if record.problem or record.has_rejects else ExitCode.DONE


def _documents(rejects: "Rejects") -> list[dict[str, Any]]:
    """The rows of a rejects.csv."""
    return [
        {
            "line": int(line),
            "column": column or None,
            "error": error,
            "detail": detail,
            "row": dict(zip(rejects.header, row, strict=False)),
        }
        for (line, column, error, detail), row in rejects
    ]


def _rolled_back_document(done: "RolledBack") -> dict[str, Any]:
    return {
        "import_id": done.record.import_id,
        "removed": done.removed,
        "kept": {reason.value: number for reason, number in sorted(done.kept.items())},
        "examples": [{"serial_number": serial.value, "reason": reason.value} for serial, reason in done.examples],
    }
