"""Device certificates in AWS IoT: the client for them, the progress of many, and the result as people read it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from botocore.config import Config
from rich.console import Console
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from fleetgate.domain.operator_action import Operator
from fleetgate.operators.certificates import CertificateService
from fleetgate.operators.key_store import KeyStore
from fleetgate.operators.stop_store import StopStore
from fleetgate.operators.stops import Stopper
from fleetgate.operators.tally import FAILURES, CertificateResult, Handled, Tally
from fleetgate.store.certificates import Certificates, SessionResult, Sessions
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.run import Run

# AWS IoT lets an account make ten calls a second; the adaptive mode slows down to that.
_THROTTLED = Config(retries={"mode": "adaptive", "total_max_attempts": 8})

_SENTENCES = {
    CertificateResult.DEACTIVATED: "deactivated: AWS IoT refuses connections",
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
# By whether it is one session or several.
_SESSIONS = {
    SessionResult.ENDED: ("1 live session was ended", "{:,} live sessions were ended"),
    SessionResult.NOT_CONNECTED: ("1 device was not connected", "{:,} devices were not connected"),
    SessionResult.NOT_ENDED: (
        "NOT DONE: 1 live session could not be ended; AWS IoT ends it within minutes",
        "NOT DONE: {:,} live sessions could not be ended; AWS IoT ends them within minutes",
    ),
}
# --json names all.
_MAX_NAMED = 20


def certificate_service(run: Run, operator: Operator) -> CertificateService:
    """What deactivates and activates device certificates for one operator."""
    iot, iot_data = (
        run.target.session.client(service, endpoint_url=run.target.endpoint_url, config=_THROTTLED)
        for service in ("iot", "iot-data")
    )
    return CertificateService(
        devices=run.devices,
        keys=KeyStore(run.tables),
        switch=run.switch,
        records=StopStore(run.tables),
        certificates=Certificates(iot),
        sessions=Sessions(iot_data, run.target.output("ThingNamePrefix")),
        operator=operator,
    )


def stopper_of(run: Run, service: CertificateService) -> Stopper:
    """What writes stops and sees them through."""
    return Stopper(store=StopStore(run.tables), service=service, sleep=run.sleep)


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
    for ended, number in sorted(tally.sessions.items()):
        of_one, of_many = _SESSIONS[ended]
        style = "bold red" if ended is SessionResult.NOT_ENDED else ""
        console.print(f"{of_one if number == 1 else of_many.format(number)}.", style=style)
    for serial_number in tally.sessions_not_ended[:_MAX_NAMED]:
        console.print(f"  {serial_number}")
    if not tally.is_complete:
        console.print("Repeat the command: it continues with the rest.")


def print_meanwhile(meanwhile: Tally, console: Console) -> None:
    """Who was let in while a stop was written."""
    if not meanwhile.devices:
        console.print("No device was let in while the stop was written.")
        return
    devices = "1 device was" if meanwhile.devices == 1 else f"{meanwhile.devices:,} devices were"
    console.print(f"{devices} let in while the stop was written.")
    print_certificates(meanwhile, console)


def exit_as(*tallies: Tally | None) -> None:
    """End the command with exit code 1 if a certificate or a session could not be handled."""
    if any(tally is not None and not tally.is_complete for tally in tallies):
        click.get_current_context().exit(ExitCode.REFUSED)
