"""`fleetgate claim block` and `release`: stop a claim certificate, and end the stop."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from fleetgate.domain.documents import claim_document
from fleetgate_cli.claim_certificates import activate, deactivate, whole_certificate_id
from fleetgate_cli.errors import CouldNotCheck
from fleetgate_cli.options import required_reason, with_run
from fleetgate_cli.parameters import START_OF_CERTIFICATE_ID
from fleetgate_cli.run import Run

if TYPE_CHECKING:
    from rich.console import Console

    from fleetgate.store.allow_list import AllowList

# By whether AWS IoT knows the claim certificate; None where the command did not call AWS IoT.
_IN_AWS_IOT = {
    True: "AWS IoT refuses its next connection.",
    False: "AWS IoT does not know it: no device can connect with it.",
    None: "The certificate was not changed in AWS IoT; with --deactivate AWS IoT refuses its connections too.",
}


@click.command()
@click.argument("certificate_id", metavar="CERTIFICATE_ID", type=START_OF_CERTIFICATE_ID)
@required_reason
@click.option("--deactivate", "also_deactivate", is_flag=True, help="Also deactivate the certificate in AWS IoT.")
@click.option(
    "--deactivate-devices", is_flag=True, help="Also deactivate every device certificate that was issued through it."
)
@with_run
def block(run: Run, *, certificate_id: str, reason: str, also_deactivate: bool, deactivate_devices: bool) -> None:
    """Deny every device with this claim certificate.

    CERTIFICATE_ID may be shortened to its first 8 digits, as claim list shows them.

    With --deactivate AWS IoT also refuses connections with the claim certificate itself. To end a mistaken block, use
    claim release.

    Devices that were allowed with it before keep their certificates: a block does not mean that they are not genuine.
    The command waits six seconds, until no decision in progress can still allow a device, and deactivates the
    certificates that were let in meanwhile. With --deactivate-devices every certificate that was ever let in through it
    is deactivated, later rotations included, as far back as the audit trail goes, and live sessions are ended. No other
    claim certificate brings them back; claim release --activate-devices does. Use it for a stolen key, where the
    devices can be provisioned again. Safe to repeat. Exits with 1 when a certificate could not be deactivated.

    \b
    Examples:
      fleetgate claim block 5f1c22ab --reason "line 4 closed" --deactivate
      fleetgate claim block 5f1c22ab --reason "key stolen" --deactivate --deactivate-devices
    """
    from fleetgate.operators.claims import block_claim
    from fleetgate.operators.documents import certificates_document, meanwhile_document
    from fleetgate.operators.issued_certificates import deactivate_all_through
    from fleetgate.operators.stops import claim_stop
    from fleetgate_cli.device_certificates import (
        certificate_service,
        certificates_bar,
        exit_as,
        print_certificates,
        print_meanwhile,
        stopper_of,
    )

    store, operator = run.claims, run.operator(reason)
    service = certificate_service(run, operator)
    with run.progress("Blocking the claim certificate"):
        certificate_id = _registered(certificate_id, run.allow_list)
        write = partial(block_claim, certificate_id, store=store, operator=operator)
        stopped = stopper_of(run, service).stop(claim_stop(certificate_id), write)
        change = stopped.change
        is_known = None
        if also_deactivate:
            with _half_done("claim_not_deactivated", f"claim certificate {certificate_id} is blocked"):
                is_known = _deactivated(run.target.client("iot"), certificate_id)
    tally = None
    if deactivate_devices:
        with certificates_bar(run, "Deactivating device certificates") as watch:
            tally = deactivate_all_through(certificate_id, service=service, claims=store, progress=watch)
    notes = [_IN_AWS_IOT[is_known]]
    if tally is None:
        notes.append(
            "Device certificates that were issued through it before were not changed; "
            "--deactivate-devices deactivates them."
        )

    def render(console: "Console") -> None:
        done = f"Blocked: claim certificate {certificate_id}."
        before = f"No change: claim certificate {certificate_id} is already blocked."
        console.print(f"{done if change.record else before} The gate denies every device that asks with it.")
        for note in notes:
            console.print(note)
        print_meanwhile(stopped.meanwhile, console)
        if tally is not None:
            console.print(f"{tally.devices:,} device certificates are on record as issued through it.")
            print_certificates(tally, console)

    run.emit(
        {
            "result": "blocked" if change.record else "unchanged",
            "claim": claim_document(change.subject),
            "deactivated": is_known is True,
            "certificates": certificates_document(tally),
            "meanwhile": meanwhile_document(stopped.meanwhile),
            "record_id": change.record and change.record.record_id,
            "notes": notes,
        },
        render,
    )
    exit_as(tally, stopped.meanwhile)


@click.command()
@click.argument("certificate_id", metavar="CERTIFICATE_ID", type=START_OF_CERTIFICATE_ID)
@required_reason
@click.option("--activate", "also_activate", is_flag=True, help="Also activate the certificate in AWS IoT again.")
@click.option(
    "--activate-devices", is_flag=True, help="Also activate the device certificates that the block deactivated."
)
@with_run
def release(run: Run, *, certificate_id: str, reason: str, also_activate: bool, activate_devices: bool) -> None:
    """End the block of a claim certificate that was blocked by mistake.

    CERTIFICATE_ID may be shortened to its first 8 digits, as claim list shows them.

    Its registration is valid again, with the same scope and expiry. With --activate AWS IoT also accepts its
    connections again, after claim block --deactivate. Device certificates that the block deactivated stay inactive, and
    the gate denies them, until --activate-devices lifts that: it activates them again, unless another stop still holds
    them. Never release a claim certificate whose key may be stolen. Safe to repeat. Exits with 1 when a certificate
    could not be activated.

    \b
    Examples:
      fleetgate claim release 5f1c22ab --reason "wrong one, ticket 816" --activate
      fleetgate claim release 5f1c22ab --reason "wrong one, ticket 816" --activate --activate-devices
    """
    from fleetgate.operators.claims import release_claim
    from fleetgate.operators.documents import certificates_document
    from fleetgate.operators.issued_certificates import activate_all_through
    from fleetgate_cli.device_certificates import certificate_service, certificates_bar, exit_as, print_certificates

    store, operator = run.claims, run.operator(reason)
    with run.progress("Releasing the claim certificate"):
        certificate_id = _registered(certificate_id, run.allow_list)
        change = release_claim(certificate_id, store=store, operator=operator)
        if also_activate:
            with _half_done("claim_not_activated", f"claim certificate {certificate_id} is released"):
                activate(run.target.client("iot"), certificate_id)
    tally = None
    if activate_devices:
        with certificates_bar(run, "Activating device certificates") as watch:
            service = certificate_service(run, operator)
            tally = activate_all_through(certificate_id, service=service, claims=store, progress=watch)
    notes = [
        "AWS IoT accepts its connections."
        if also_activate
        else "The certificate was not changed in AWS IoT; if it is inactive there, --activate activates it."
    ]
    if tally is None:
        notes.append(
            "Device certificates that the block deactivated stay inactive, and the gate denies them; "
            "--activate-devices activates them."
        )

    def render(console: "Console") -> None:
        done = f"Released: claim certificate {certificate_id}."
        console.print(done if change.record else f"No change: claim certificate {certificate_id} is not blocked.")
        for note in notes:
            console.print(note)
        if tally is not None:
            print_certificates(tally, console)

    run.emit(
        {
            "result": "released" if change.record else "unchanged",
            "claim": claim_document(change.subject),
            "activated": also_activate,
            "certificates": certificates_document(tally),
            "record_id": change.record and change.record.record_id,
            "notes": notes,
        },
        render,
    )
    exit_as(tally)


def _registered(start: str, allow_list: "AllowList") -> str:
    from fleetgate.operators.claims import not_registered

    certificate_id = whole_certificate_id(start, allow_list)
    if certificate_id is None:
        raise not_registered(start)
    return certificate_id


def _deactivated(iot: Any, certificate_id: str) -> bool:
    """Deactivate a claim certificate; whether AWS IoT knows it."""
    try:
        deactivate(iot, certificate_id)
    except iot.exceptions.ResourceNotFoundException:
        return False
    return True


@contextmanager
def _half_done(code: str, done: str) -> Iterator[None]:
    """Name what is done already if AWS IoT fails to do the rest."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise CouldNotCheck(code, f"{done}, but the change in AWS IoT failed: {error}") from error
