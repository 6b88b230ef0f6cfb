"""`fleetgate claim block` and `release`: stop a claim certificate, and let it go again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from fleetgate.domain.documents import claim_document
from fleetgate.operators.claims import block_claim, not_registered, release_claim
from fleetgate.operators.many_certificates import deactivate_all_through
from fleetgate.operators.tally_document import certificates_document
from fleetgate.store.allow_list import AllowList
from fleetgate_cli.claim_certificates import activate, deactivate, whole_certificate_id
from fleetgate_cli.device_certificates import certificate_service, exit_as, print_certificates, watching
from fleetgate_cli.errors import CouldNotCheck
from fleetgate_cli.options import required_reason, with_run
from fleetgate_cli.parameters import START_OF_CERTIFICATE_ID
from fleetgate_cli.run import Run

# By whether AWS IoT knows the claim certificate; None where it was not told. What an earlier block did is not asked.
_IN_AWS_IOT = {
    True: "AWS IoT refuses its next connection.",
    False: "AWS IoT does not know it, so nobody can connect with it.",
    None: "AWS IoT was not told; with --deactivate it refuses connections with the claim certificate too.",
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

    CERTIFICATE_ID may be cut to its first 8 digits or more, as claim list shows them.

    With --deactivate AWS IoT also refuses connections with the claim certificate itself. A mistaken block is ended by
    claim release.

    Devices that were let in through it keep their certificates, since a block is no sign that they are not genuine.
    With --deactivate-devices they lose them for good, those that they rotated to included, as far back as the audit
    trail goes: for a stolen key, where the devices can be provisioned anew. Safe to repeat. Exits with 1 when one of
    them could not be deactivated.

    \b
    Examples:
      fleetgate claim block 5f1c22ab --reason "line 4 closed" --deactivate
      fleetgate claim block 5f1c22ab --reason "key stolen" --deactivate --deactivate-devices
    """
    store, operator = run.claims, run.operator(reason)
    with run.progress("Blocking the claim certificate"):
        certificate_id = _registered(certificate_id, run.allow_list)
        change = block_claim(certificate_id, store=store, operator=operator)
        is_known = None
        if also_deactivate:
            with _half_done("claim_not_deactivated", f"claim certificate {certificate_id} is blocked"):
                is_known = _deactivated(run.target.client("iot"), certificate_id)
    tally = None
    if deactivate_devices:
        with watching(run, "Deactivating device certificates") as watch:
            tally = deactivate_all_through(
                certificate_id, service=certificate_service(run, operator), claims=store, progress=watch
            )
    notes = [_IN_AWS_IOT[is_known]]
    if tally is None:
        notes.append(
            "Device certificates that were issued through it were left as they are; --deactivate-devices deactivates "
            "them."
        )

    def render(console: Console) -> None:
        done = f"Blocked: claim certificate {certificate_id}."
        before = f"unchanged: claim certificate {certificate_id} was blocked before."
        console.print(f"{done if change.record else before} The gate denies every device that asks with it.")
        for note in notes:
            console.print(note)
        if tally is not None:
            console.print(f"{tally.devices:,} device certificates were issued through it, as far as is on record.")
            print_certificates(tally, console)

    run.emit(
        {
            "result": "blocked" if change.record else "unchanged",
            "claim": claim_document(change.subject),
            "deactivated": is_known is True,
            "certificates": certificates_document(tally),
            "record_id": change.record and change.record.record_id,
            "notes": notes,
        },
        render,
    )
    exit_as(tally)


@click.command()
@click.argument("certificate_id", metavar="CERTIFICATE_ID", type=START_OF_CERTIFICATE_ID)
@required_reason
@click.option("--activate", "also_activate", is_flag=True, help="Also activate the certificate in AWS IoT again.")
@with_run
def release(run: Run, *, certificate_id: str, reason: str, also_activate: bool) -> None:
    """End the block of a claim certificate that was blocked by mistake.

    CERTIFICATE_ID may be cut to its first 8 digits or more, as claim list shows them.

    It is good again for what it was registered for, and until when. With --activate AWS IoT also accepts connections
    with it again, where claim block --deactivate ended that. Device certificates that --deactivate-devices took stay
    inactive. Never release one whose key may be in other hands. Safe to repeat.

    \b
    Example:
      fleetgate claim release 5f1c22ab --reason "wrong one, ticket 816" --activate
    """
    store, operator = run.claims, run.operator(reason)
    with run.progress("Releasing the claim certificate"):
        certificate_id = _registered(certificate_id, run.allow_list)
        change = release_claim(certificate_id, store=store, operator=operator)
        if also_activate:
            with _half_done("claim_not_activated", f"claim certificate {certificate_id} is released"):
                activate(run.target.client("iot"), certificate_id)
    note = (
        "AWS IoT accepts its connections."
        if also_activate
        else "If it was deactivated in AWS IoT too, it still is; --activate ends that."
    )

    def render(console: Console) -> None:
        done = f"Released: claim certificate {certificate_id}."
        console.print(done if change.record else f"unchanged: claim certificate {certificate_id} is not blocked.")
        console.print(note)

    run.emit(
        {
            "result": "released" if change.record else "unchanged",
            "claim": claim_document(change.subject),
            "activated": also_activate,
            "record_id": change.record and change.record.record_id,
            "notes": [note],
        },
        render,
    )


def _registered(start: str, queries: AllowList) -> str:
    certificate_id = whole_certificate_id(start, queries)
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
    """Say what is done already where AWS IoT does not do the rest."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise CouldNotCheck(code, f"{done}, but AWS IoT did not do its part: {error}") from error
