"""`fleetgate manufacturer`: who delivers lists, and what those may say."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fleetgate.domain.documents import manufacturer_document
from fleetgate.domain.manufacturer import InvalidManufacturer, Manufacturer
from fleetgate.domain.operator_action import Change
from fleetgate_cli.options import all_of, limit_option, optional_reason, required_reason, with_run
from fleetgate_cli.parameters import (
    COLUMN_MAPPING,
    MAC_PREFIX,
    MANUFACTURER,
    SERIAL_NUMBERS,
    TEMPLATE_NAME,
    THING_GROUP_NAME,
)
from fleetgate_cli.run import Run, hint

if TYPE_CHECKING:
    from rich.console import Console

_Function = TypeVar("_Function", bound=Callable[..., Any])

# What a profile holds where it limits nothing, by the option that says more.
_UNLIMITED: Mapping[str, Mapping[str, Any]] = {
    "serial-numbers": {"serial_numbers": frozenset()},
    "mac-prefixes": {"mac_prefixes": frozenset()},
    "templates": {"templates": frozenset()},
    "thing-groups": {"thing_groups": frozenset()},
    "rows-per-day": {"rows_per_day": None},
    "columns": {"columns": {}},
}


@click.group()
def manufacturer() -> None:
    """Register manufacturers, and say what their lists may hold.

    A list in the name of a manufacturer that is not registered is refused, and rows outside its profile are rejected.

    \b
    Example:
      fleetgate manufacturer add acme --serial-numbers "ACME-*" --mac-prefix 00:1b:44
    """


def _profile_options(function: _Function) -> _Function:
    """What the lists of a manufacturer may say."""
    return all_of(
        click.option(
            "--serial-numbers",
            metavar="PATTERN",
            type=SERIAL_NUMBERS,
            multiple=True,
            help='Its serial numbers: # is a digit, ? any character, * any number of them, such as "ACME-*"; repeat '
            "for several.",
        ),
        click.option(
            "--mac-prefix",
            "mac_prefixes",
            metavar="PREFIX",
            type=MAC_PREFIX,
            multiple=True,
            help="First digits of its MAC addresses, an OUI such as 00:1b:44 or more; repeat for several.",
        ),
        click.option(
            "--template",
            "templates",
            metavar="NAME",
            type=TEMPLATE_NAME,
            multiple=True,
            help="Provisioning template that its rows may name, and mean where they name none; repeat for several.",
        ),
        click.option(
            "--thing-group",
            "thing_groups",
            metavar="NAME",
            type=THING_GROUP_NAME,
            multiple=True,
            help="Thing group that its rows may name; repeat for several.",
        ),
        click.option(
            "--rows-per-day",
            metavar="N",
            type=click.IntRange(min=1),
            help="Rows that it may list on one UTC day, dry runs included, at most the stack's MaxRowsPerDay.",
        ),
        click.option(
            "--map",
            "columns",
            metavar="HEADING=COLUMN",
            type=COLUMN_MAPPING,
            multiple=True,
            help='What a heading of its lists means, such as "Geräte-Nr=Serial Number"; nothing after = leaves the '
            "column out; repeat for several.",
        ),
    )(function)


@manufacturer.command()
@click.argument("name", metavar="NAME", type=MANUFACTURER)
@_profile_options
@optional_reason
@with_run
def add(run: Run, /, *, name: str, reason: str, **profile: Any) -> None:
    """Register the manufacturer NAME.

    The name is the folder of its lists, and stands in its claim certificates and in the tag of its role. Without
    options its lists may say whatever the stack permits. The same again changes nothing.

    \b
    Examples:
      fleetgate manufacturer add acme --serial-numbers "ACME-*" --serial-numbers "AX-######" --mac-prefix 00:1b:44
      fleetgate manufacturer add globex --serial-numbers "GLOBEX-*" --rows-per-day 20000
    """
    from fleetgate.operators.manufacturers import add_manufacturer

    asked = _made(name, _said(profile))
    store, operator = run.manufacturers, run.operator(reason)
    with run.progress(f"Registering {name}"):
        change = add_manufacturer(asked, store=store, operator=operator)
    _emit(run, change, "added", f"{name} is registered.", f"No change: {name} is registered with this profile already.")


@manufacturer.command()
@click.argument("name", metavar="NAME", type=MANUFACTURER)
@_profile_options
@click.option(
    "--unlimited",
    metavar="WHAT",
    type=click.Choice(sorted(_UNLIMITED)),
    multiple=True,
    help=f"Limit this no longer: {', '.join(sorted(_UNLIMITED))}; repeat for several.",
)
@required_reason
@with_run
def change(run: Run, /, *, name: str, unlimited: tuple[str, ...], reason: str, **profile: Any) -> None:
    """Change the profile of the manufacturer NAME.

    An option replaces all that the profile says about it; what no option names stays. Devices that are on the
    allow-list already stay as they are.

    \b
    Examples:
      fleetgate manufacturer change acme --serial-numbers "ACME-*" --serial-numbers "AY-*" --reason "line 5 opened"
      fleetgate manufacturer change acme --unlimited mac-prefixes --reason "modules of many vendors"
    """
    from fleetgate.operators.manufacturers import change_manufacturer

    said = _said(profile)
    for what in unlimited:
        if said.keys() & _UNLIMITED[what].keys():
            raise click.UsageError(f"--unlimited {what} contradicts the option that limits it.")
        said |= _UNLIMITED[what]
    if not said:
        raise click.UsageError("name what is to be changed; --help lists it.")
    _made(name, said)
    store, operator = run.manufacturers, run.operator(reason)
    with run.progress(f"Changing {name}"):
        done = change_manufacturer(name, lambda before: replace(before, **said), store=store, operator=operator)
    _emit(run, done, "changed", f"{name} has the new profile.", f"No change: {name} has this profile already.")


@manufacturer.command()
@click.argument("name", metavar="NAME", type=MANUFACTURER)
@with_run
def show(run: Run, *, name: str) -> None:
    """Show the manufacturer NAME: what its lists may say.

    \b
    Example:
      fleetgate manufacturer show acme
    """
    with run.progress("Reading the manufacturer"):
        found = run.manufacturers.reader.known(name)
    run.emit(manufacturer_document(found), partial(_print, found))


@manufacturer.command("list")
@limit_option("manufacturers", 100)
@with_run
def list_(run: Run, *, limit: int) -> None:
    """List the registered manufacturers.

    \b
    Example:
      fleetgate manufacturer list
    """
    from fleetgate_cli.tables import manufacturers_table, print_table

    with run.progress("Reading the manufacturers"):
        page = run.manufacturers.reader.listed(limit=limit)

    def render(console: "Console") -> None:
        if not page.items:
            console.print(f"No manufacturer is registered. Register one: {hint('manufacturer add')} NAME")
            return
        print_table(console, manufacturers_table(page.items))
        if page.more:
            console.print(f"There are more than {limit}: raise --limit to see them.")

    run.emit({"manufacturers": [manufacturer_document(one) for one in page.items], "more": page.more}, render)


def _said(profile: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a profile that options name."""
    columns = profile["columns"]
    if len(dict(columns)) < len(columns):
        raise click.UsageError("a heading is given twice with --map.")
    said: dict[str, Any] = {
        name: frozenset(profile[name])
        for name in ("serial_numbers", "mac_prefixes", "templates", "thing_groups")
        if profile[name]
    }
    if columns:
        said["columns"] = dict(columns)
    if profile["rows_per_day"] is not None:
        said["rows_per_day"] = profile["rows_per_day"]
    return said


def _made(name: str, said: Mapping[str, Any]) -> Manufacturer:
    try:
        return Manufacturer(name=name, **said)
    except InvalidManufacturer as error:
        raise click.UsageError(f"{error}.") from error


def _emit(run: Run, change: Change[Manufacturer], result: str, done: str, unchanged: str) -> None:
    from fleetgate.operators.manufacturers import warnings_of

    warnings = warnings_of(change.subject, run.manufacturers.reader)

    def render(console: "Console") -> None:
        console.print(done if change.record else unchanged)
        _print(change.subject, console)
        for warning in warnings:
            console.print(f"Warning: {warning}", style="yellow")

    run.emit(
        {
            "result": result if change.record else "unchanged",
            "manufacturer": manufacturer_document(change.subject),
            "record_id": change.record and change.record.record_id,
            "warnings": warnings,
        },
        render,
    )


def _print(found: Manufacturer, console: "Console") -> None:
    rows = found.rows_per_day
    for label, values, unlimited in (
        ("Serial numbers", sorted(found.serial_numbers), "any"),
        ("MAC addresses", sorted(found.mac_prefixes), "any"),
        ("Templates", sorted(found.templates), "any of the stack"),
        ("Thing groups", sorted(found.thing_groups), "any of the stack"),
        ("Rows a day", [] if rows is None else [f"{rows:,}"], "as many as the stack permits"),
        (
            "Columns",
            [f"{heading} = {column or '(left out)'}" for heading, column in sorted(found.columns.items())],
            "-",
        ),
    ):
        console.print(f"  {label:<15} {', '.join(values) or unlimited}")
