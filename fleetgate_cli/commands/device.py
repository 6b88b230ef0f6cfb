"""`fleetgate device`: one device: its state, why it was denied, and operator actions."""

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fleetgate.domain.audit import QueryAction
from fleetgate.domain.documents import device_document, instant
from fleetgate.domain.identifiers import SerialNumber
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.options import (
    keep_certificates_option,
    limit_option,
    public_keys_option,
    required_reason,
    with_run,
)
from fleetgate_cli.parameters import DURATION, SERIAL_NUMBER
from fleetgate_cli.run import Run, hint, now

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from fleetgate.archive.prove import Proofs
    from fleetgate.domain.allow_list import AllowListEntry
    from fleetgate.domain.operator_action import Change, Operator
    from fleetgate.operators.stops import Stop, Stopped
    from fleetgate.operators.tally import Tally
    from fleetgate_cli.audit.signatures import TrustedKeys

    _Write = Callable[[], Change[AllowListEntry]]


@click.group()
def device() -> None:
    """Show one device, put it into quarantine, release it, reopen it or retire it.

    \b
    Example:
      fleetgate device show SN-0001
    """


@device.command()
@click.argument("serial_number", metavar="SERIAL", type=SERIAL_NUMBER)
@limit_option("audit records", 20)
@with_run
def show(run: Run, *, serial_number: SerialNumber, limit: int) -> None:
    """Show a device, and why it was denied.

    Shows its state, reservation, certificate and history, what stops it now (the gate, its own quarantine, or that of
    its manufacturer or import), and the meaning and remedy of its last denial. Also shows devices that are not on the
    allow-list but asked for an identity.

    \b
    Example:
      fleetgate device show SN-0001
    """
    from fleetgate.trail.inspect_device import inspect_device
    from fleetgate_cli.device_view import print_report, report_document

    allow_list, records = run.allow_list, run.records
    with run.progress(f"Reading {serial_number}"):
        report = inspect_device(serial_number, allow_list=allow_list, records=records, limit=limit, now=now())
    run.emit(report_document(report), partial(print_report, report))


@device.command()
@click.argument("serial_number", metavar="SERIAL", type=SERIAL_NUMBER)
@click.option("--no-proof", is_flag=True, help="Do not check the records against the sealed archive.")
@public_keys_option
@with_run
def story(run: Run, *, serial_number: SerialNumber, no_proof: bool, public_keys: tuple[Path, ...]) -> None:
    """Show a device's whole story, and prove it.

    Shows which rule allowed it, which list and line approved it, its claim certificate, the outcomes, the denials, the
    operator actions, its state and what stops it. Checks every record of it against the sealed archive. Exits with 1
    when a record cannot be proven, with 3 when the check failed. With --public-key and a key that you saved earlier
    the proof trusts nobody in the account.

    \b
    Examples:
      fleetgate device story SN-0001
      fleetgate device story SN-0001 --public-key sealing-key.pem --json
    """
    from fleetgate.archive.prove import Proof, prove_story
    from fleetgate.trail.device_story import device_story
    from fleetgate.trail.documents import story_document
    from fleetgate_cli.audit.archive import verifier_of
    from fleetgate_cli.audit.proof_view import print_proofs, proofs_document
    from fleetgate_cli.audit.story_view import print_story

    if no_proof and public_keys:
        raise click.UsageError("--public-key applies to the proof: leave out either --public-key or --no-proof.")
    run.note(QueryAction.READ_STORY, f"serial_number={serial_number}")
    moment = now()
    with run.progress(f"Reading the story of {serial_number}"):
        found = device_story(serial_number, allow_list=run.allow_list, trail=run.trail, imports=run.imports, now=moment)
    proofs: Proofs | None = None
    trusted: TrustedKeys | None = None
    if not no_proof:
        with run.progress(f"Checking {len(found.records):,} records against the archive"):
            verifier, trusted = verifier_of(run.target, public_keys)
            proofs = prove_story(found, verifier=verifier, now=moment)

    def render(console: "Console") -> None:
        print_story(found, proofs, console, now=moment)
        print_proofs(proofs, console)

    run.emit({**story_document(found, now=moment), "proof": proofs_document(proofs, trusted)}, render)
    if proofs and proofs.count(Proof.NOT_PROVEN):
        click.get_current_context().exit(ExitCode.REFUSED)


@device.command()
@click.argument("serial_number", metavar="SERIAL", type=SERIAL_NUMBER)
@required_reason
@keep_certificates_option
@with_run
def quarantine(run: Run, *, serial_number: SerialNumber, reason: str, keep_certificates: bool) -> None:
    """Deny a device until it is released, deactivate its certificates, and end its live session.

    Waits six seconds first, until no decision in progress can still allow the device. Safe to repeat. Exits with 1 when
    a certificate could not be deactivated or a session could not be ended.

    \b
    Examples:
      fleetgate device quarantine SN-0001 --reason "stolen from the Hamburg site, case 4711"
      fleetgate device quarantine SN-0001 --reason "odd behaviour, watched" --keep-certificates
    """
    from fleetgate.operators.devices import quarantine_device
    from fleetgate.operators.stops import device_stop

    operator = run.operator(reason)
    with run.progress(f"Putting {serial_number} into quarantine"):
        write = partial(quarantine_device, serial_number, store=run.devices, operator=operator)
        stopped, tally = _stop(run, operator, device_stop(serial_number), write, keep_certificates=keep_certificates)
    _emit_change(
        run,
        stopped.change,
        result="quarantined",
        done=f"{serial_number} is in quarantine: the gate denies it until {hint('device release')}.",
        before=f"No change: {serial_number} is already in quarantine; the original reason stands.",
        tally=tally,
        meanwhile=stopped.meanwhile,
    )


@device.command()
@click.argument("serial_number", metavar="SERIAL", type=SERIAL_NUMBER)
@required_reason
@keep_certificates_option
@with_run
def release(run: Run, *, serial_number: SerialNumber, reason: str, keep_certificates: bool) -> None:
    """End a device's quarantine; its earlier state is back.

    Certificates that stops deactivated are activated again, unless another stop still holds them: the quarantine of the
    device's manufacturer or import, or one on the certificate's key. A certificate that was inactive before stays
    inactive. Safe to repeat. Exits with 1 when a certificate could not be activated.

    \b
    Example:
      fleetgate device release SN-0001 --reason "found again, case 4711 closed"
    """
    from fleetgate.operators.devices import release_device
    from fleetgate_cli.device_certificates import certificate_service, tally_of

    store, operator = run.devices, run.operator(reason)
    with run.progress(f"Releasing {serial_number}"):
        change = release_device(serial_number, store=store, operator=operator)
        tally = None if keep_certificates else tally_of(certificate_service(run, operator).activate(change.subject))
    state = change.subject.state
    _emit_change(
        run,
        change,
        result="released",
        done=f"{serial_number} is released and {state} again.",
        before=f"No change: {serial_number} is not in quarantine; it is {state}.",
        tally=tally,
    )


@device.command()
@click.argument("serial_number", metavar="SERIAL", type=SERIAL_NUMBER)
@click.option("--for", "duration", metavar="TIME", type=DURATION, required=True, help="From now on: 90m, 2h or 3d.")
@required_reason
@with_run
def reopen(run: Run, *, serial_number: SerialNumber, duration: timedelta, reason: str) -> None:
    """Open a repair window: the device may be provisioned again with a claim certificate.

    While it is open the device may be provisioned again, and its reservation may be taken over more often than
    MaxAttempts. It may come back with a key that it had before, but not with a superseded certificate. It still has to
    present its MAC address, and a fresh reservation is still protected. Repeating the command moves the end of the
    window.

    \b
    Example:
      fleetgate device reopen SN-0001 --for 2h --reason "board swapped, ticket 815"
    """
    from fleetgate.operators.devices import reopen_device
    from fleetgate.operators.key_store import KeyStore
    from fleetgate.operators.stop_store import StopStore

    with run.progress(f"Opening a repair window for {serial_number}"):
        change = reopen_device(
            serial_number,
            duration=duration,
            store=run.devices,
            keys=KeyStore(run.tables),
            stops=StopStore(run.tables),
            operator=run.operator(reason),
        )
    until = instant(change.subject.repair_window_until)
    _emit_change(
        run,
        change,
        result="reopened",
        done=f"{serial_number} may be provisioned again until {until}.",
        before=f"No change: {serial_number} may be provisioned again until {until}.",
        handles_certificates=False,
    )


@device.command()
@click.argument("serial_number", metavar="SERIAL", type=SERIAL_NUMBER)
@required_reason
@keep_certificates_option
@with_run
def retire(run: Run, *, serial_number: SerialNumber, reason: str, keep_certificates: bool) -> None:
    """Deny a device for good, deactivate its certificates, and end its live session.

    This is final: no list and no command approves a retired serial number again. Waits six seconds first, until no
    decision in progress can still allow the device. Safe to repeat. Exits with 1 when a certificate could not be
    deactivated or a session could not be ended.

    \b
    Example:
      fleetgate device retire SN-0001 --reason "scrapped, ticket 4711"
    """
    from fleetgate.domain.audit import OperatorAction
    from fleetgate.operators.devices import retire_device
    from fleetgate.operators.stops import device_stop

    operator = run.operator(reason)
    with run.progress(f"Retiring {serial_number}"):
        write = partial(retire_device, serial_number, store=run.devices, operator=operator)
        stop = device_stop(serial_number, OperatorAction.RETIRE)
        stopped, tally = _stop(run, operator, stop, write, keep_certificates=keep_certificates)
    _emit_change(
        run,
        stopped.change,
        result="retired",
        done=f"{serial_number} is retired: the gate denies it for good.",
        before=f"No change: {serial_number} is already retired; the original reason stands.",
        tally=tally,
        meanwhile=stopped.meanwhile,
    )


def _stop(
    run: Run, operator: "Operator", stop: "Stop", write: "_Write", *, keep_certificates: bool
) -> "tuple[Stopped[AllowListEntry], Tally | None]":
    """Write a stop and see it through; what became of the device's certificates, unless they are kept."""
    from fleetgate_cli.device_certificates import certificate_service, stopper_of, tally_of

    service = certificate_service(run, operator)
    stopped = stopper_of(run, service).stop(stop, write)
    entry = run.devices.device(stopped.change.subject.serial_number) or stopped.change.subject
    return stopped, None if keep_certificates else tally_of(service.deactivate(entry))


def _emit_change(
    run: Run,
    change: "Change[AllowListEntry]",
    *,
    result: str,
    done: str,
    before: str,
    tally: "Tally | None" = None,
    meanwhile: "Tally | None" = None,
    handles_certificates: bool = True,
) -> None:
    from fleetgate.operators.documents import certificates_document, meanwhile_document
    from fleetgate_cli.device_certificates import exit_as, print_certificates, print_meanwhile

    def render(console: "Console") -> None:
        console.print(done if change.record else before)
        if meanwhile is not None and meanwhile.devices:
            print_meanwhile(meanwhile, console)
        if handles_certificates:
            print_certificates(tally, console)

    document = {
        "result": result if change.record else "unchanged",
        "device": device_document(change.subject),
        "record_id": change.record and change.record.record_id,
    }
    if handles_certificates:
        document["certificates"] = certificates_document(tally)
    if meanwhile is not None:
        document["meanwhile"] = meanwhile_document(meanwhile)
    run.emit(document, render)
    exit_as(tally, meanwhile)
