"""Device certificates in AWS IoT: reached patiently, watched while many are handled, and told of as people read it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from botocore.config import Config
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from fleetgate.domain.operator_action import Operator
from fleetgate.operators.certificates import FAILURES, CertificateService, Ending, Handled, Tally
from fleetgate.store.certificates import Certificates
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.run import Run

# AWS IoT lets an account make ten calls a second; the adaptive mode slows down to what it lets through.
_PATIENTLY = Config(retries={"mode": "adaptive", "total_max_attempts": 8})

_SENTENCES = {
    Ending.DEACTIVATED: "deactivated: AWS IoT refuses the next connection, and a live one may stay until it ends",
    Ending.ACTIVATED: "activated again",
    Ending.UNCHANGED: "unchanged: as it should be already",
    Ending.STILL_STOPPED: "left inactive: the device is still stopped otherwise",
    Ending.NOT_FOUND: "not known to AWS IoT, so nobody can connect with it",
    Ending.NOT_PERMITTED: "NOT DONE: these credentials may not describe or update certificates",
    Ending.THROTTLED: "NOT DONE: AWS IoT throttled the calls",
    Ending.UNAVAILABLE: "NOT DONE: AWS IoT could not be asked, or refused",
}
# Where it reads otherwise of several.
_OF_MANY = {
    Ending.UNCHANGED: "unchanged: as they should be already",
    Ending.STILL_STOPPED: "left inactive: their devices are still stopped otherwise",
    Ending.NOT_FOUND: "not known to AWS IoT, so nobody can connect with them",
}
# What a table of a person's terminal can take; --json names each.
_MOST_NAMED = 20


def certificate_service(run: Run, operator: Operator) -> CertificateService:
    """Deactivates and activates device certificates for one operator."""
    iot = run.target.session.client("iot", endpoint_url=run.target.endpoint_url, config=_PATIENTLY)
    return CertificateService(devices=run.devices, switch=run.switch, certificates=Certificates(iot), operator=operator)


def tallied(handled: tuple[Handled, ...]) -> Tally:
    """What became of the certificates of one device."""
    tally = Tally()
    tally.add(handled)
    return tally


@contextmanager
def watching(run: Run, doing: str) -> Iterator[Callable[[Tally], None]]:
    """Show how far the certificates of many devices are, to a person at a terminal only."""
    console = Console(stderr=True, markup=False, highlight=False)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    disabled = run.as_json or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=disabled) as progress:
        task = progress.add_task(f"{doing} ...")

        def watch(tally: Tally) -> None:
            certificates = sum(tally.endings.values())
            progress.update(
                task, description=f"{doing}: {tally.devices:,} devices looked at, {certificates:,} certificates"
            )

        yield watch


def print_certificates(tally: Tally | None, console: Console) -> None:
    """What became of the certificates, and what is left to do."""
    if tally is None:
        console.print("The device certificates were left as they are.")
        return
    for ending, number in sorted(tally.endings.items()):
        noun = "certificate" if number == 1 else "certificates"
        sentence = _OF_MANY.get(ending, _SENTENCES[ending]) if number > 1 else _SENTENCES[ending]
        console.print(f"{number:,} {noun} {sentence}.", style="bold red" if ending in FAILURES else "")
        named = [one for one in tally.noteworthy if one.ending is ending]
        for one in named[:_MOST_NAMED]:
            console.print(f"  {one.certificate_id}  {one.serial_number or ''}".rstrip())
        if len(named) > _MOST_NAMED:
            console.print("  ... --json names the rest.")
    if not tally.is_complete:
        console.print("Repeat the command: what is done already stays done.")


def exit_as(tally: Tally | None) -> None:
    """End the command with 1 where something could not be done."""
    if tally is not None and not tally.is_complete:
        click.get_current_context().exit(ExitCode.SAID_NO)
