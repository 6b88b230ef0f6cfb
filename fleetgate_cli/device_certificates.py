"""Device certificates in AWS IoT: the client for them, the progress of many, and the result as people read it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from botocore.config import Config
from rich.console import Console
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from fleetgate.domain.operator_action import Operator
from fleetgate.operators.certificates import FAILURES, CertificateResult, CertificateService, Handled, Tally
from fleetgate.store.certificates import Certificates
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.run import Run

# AWS IoT lets an account make ten calls a second; the adaptive mode slows down to that.
_THROTTLED = Config(retries={"mode": "adaptive", "total_max_attempts": 8})

_SENTENCES = {
    CertificateResult.DEACTIVATED: "deactivated: AWS IoT refuses the next connection; a live one may last",
    CertificateResult.ACTIVATED: "activated again",
    CertificateResult.UNCHANGED: "already in the requested state",
    CertificateResult.STILL_STOPPED: "left inactive: the device is still stopped for another reason",
    CertificateResult.NOT_FOUND: "not known to AWS IoT, so nobody can connect with it",
    CertificateResult.NOT_PERMITTED: "NOT DONE: these credentials may not describe or update certificates",
    CertificateResult.THROTTLED: "NOT DONE: AWS IoT throttled the calls",
    CertificateResult.UNAVAILABLE: "NOT DONE: AWS IoT did not answer, or refused",
}
# Those with a plural of their own.
_OF_MANY = {
    CertificateResult.STILL_STOPPED: "left inactive: their devices are still stopped for another reason",
    CertificateResult.NOT_FOUND: "not known to AWS IoT, so nobody can connect with them",
}
# --json names all.
_MAX_NAMED = 20


def certificate_service(run: Run, operator: Operator) -> CertificateService:
    """What deactivates and activates device certificates for one operator."""
    iot = run.target.session.client("iot", endpoint_url=run.target.endpoint_url, config=_THROTTLED)
    return CertificateService(devices=run.devices, switch=run.switch, certificates=Certificates(iot), operator=operator)


def tally_of(handled: tuple[Handled, ...]) -> Tally:
    """The result for the certificates of one device."""
    tally = Tally()
    tally.add(handled)
    return tally


@contextmanager
def certificates_bar(run: Run, doing: str) -> Iterator[Callable[[Tally], None]]:
    """Show how many certificates are handled; call what this gives with the result so far."""
    with run.progress_bar(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()) as progress:
        task = progress.add_task(f"{doing} ...")

        def show(tally: Tally) -> None:
            certificates = sum(tally.endings.values())
            progress.update(task, description=f"{doing}: {tally.devices:,} devices, {certificates:,} certificates")

        yield show


def print_certificates(tally: Tally | None, console: Console) -> None:
    """The result for the certificates, and what is left to do."""
    if tally is None:
        console.print("The device certificates were not changed.")
        return
    for ending, number in sorted(tally.endings.items()):
        noun = "certificate" if number == 1 else "certificates"
        sentence = _OF_MANY.get(ending, _SENTENCES[ending]) if number > 1 else _SENTENCES[ending]
        console.print(f"{number:,} {noun} {sentence}.", style="bold red" if ending in FAILURES else "")
        named = [one for one in tally.noteworthy if one.ending is ending]
        for one in named[:_MAX_NAMED]:
            console.print(f"  {one.certificate_id}  {one.serial_number or ''}".rstrip())
        if len(named) > _MAX_NAMED:
            console.print("  ... --json names the rest.")
    if not tally.is_complete:
        console.print("Repeat the command: it continues with the rest.")


def exit_as(tally: Tally | None) -> None:
    """End the command with exit code 1 if a certificate could not be handled."""
    if tally is not None and not tally.is_complete:
        click.get_current_context().exit(ExitCode.REFUSED)
