"""`fleetgate claim`: which claim certificates may enrol which devices."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.documents import claim_document
from fleetgate.domain.identifiers import SerialNumber
from fleetgate_cli.claim_certificates import ClaimPaths, issued_claim, standing_in_aws_iot
from fleetgate_cli.commands.claim_block import block, release
from fleetgate_cli.options import claim_scope_options, limit_option, optional_reason, with_run
from fleetgate_cli.parameters import CERTIFICATE_ID
from fleetgate_cli.run import Run, hint

if TYPE_CHECKING:
    from rich.console import Console


@click.group()
def claim() -> None:
    """Create, register, block and release claim certificates.

    A claim certificate is the bootstrap certificate that many devices share. The gate lets a device in only if its
    claim certificate is registered, for the device's manufacturer.

    \b
    Example:
      fleetgate claim create --manufacturer acme --out acme-claim
    """


@claim.command()
@claim_scope_options
@click.option(
    "--out",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder for the certificate and the private key; created if missing. [default: the current one]",
)
@optional_reason
@with_run
def create(
    run: Run,
    *,
    manufacturer: str | None,
    any_manufacturer: bool,
    templates: tuple[str, ...],
    serial_number: SerialNumber | None,
    folder: Path,
    reason: str,
) -> None:
    """Create and register a claim certificate.

    AWS IoT issues an active certificate; the command attaches the stack's claim policy and registers it with the gate.

    Writes claim-certificate.pem and claim-private-key.pem (readable for you only); existing files are never
    overwritten. The private key exists in that file only and is never printed.

    \b
    Examples:
      fleetgate claim create --manufacturer acme --out acme-claim
      fleetgate claim create --any-manufacturer --serial-number SN-0001 --out bench
    """
    from fleetgate.operators.claims import register_claim

    _check_scope(manufacturer, any_manufacturer=any_manufacturer)
    files = ClaimPaths.planned_in(folder)
    store, operator = run.claims, run.operator(reason)
    iot, policy_name = run.target.client("iot"), run.target.output("ClaimPolicyName")
    with (
        run.progress("Creating the claim certificate"),
        issued_claim(iot, policy_name=policy_name, files=files) as issued,
    ):
        change = register_claim(
            ClaimCertificate(
                certificate_id=issued.certificate_id,
                manufacturer=manufacturer,
                templates=frozenset(templates),
                serial_number=serial_number,
            ),
            store=store,
            operator=operator,
        )

    def render(console: "Console") -> None:
        console.print(
            f"Claim certificate {issued.certificate_id} is active and registered for {_scope(change.subject)}."
        )
        console.print(f"  Certificate  {files.certificate_path}")
        console.print(f"  Private key  {files.private_key_path}")

    run.emit(
        {
            "result": "created",
            "claim": claim_document(change.subject),
            "certificate_path": str(files.certificate_path),
            "private_key_path": str(files.private_key_path),
            "record_id": change.record and change.record.record_id,
        },
        render,
    )


@claim.command()
@click.argument("certificate_id", metavar="CERTIFICATE_ID", type=CERTIFICATE_ID)
@claim_scope_options
@click.option(
    "--unlisted",
    is_flag=True,
    help="Do not ask AWS IoT for it: for a claim from CreateProvisioningClaim, which AWS IoT does not list.",
)
@optional_reason
@with_run
def register(
    run: Run,
    *,
    certificate_id: str,
    manufacturer: str | None,
    any_manufacturer: bool,
    templates: tuple[str, ...],
    serial_number: SerialNumber | None,
    unlisted: bool,
    reason: str,
) -> None:
    """Register a certificate that AWS IoT has already.

    Nothing changes in AWS IoT: attach the stack's claim policy yourself. The same registration again changes nothing.
    A certificate that the gate gave to a device is refused, and so is one that AWS IoT does not have. Where AWS IoT
    cannot be asked, the certificate is registered with a warning.

    \b
    Example:
      fleetgate claim register 5f1c...64 digits...9a --manufacturer acme --template fleetgate
    """
    from fleetgate.operators.claims import register_claim

    _check_scope(manufacturer, any_manufacturer=any_manufacturer)
    asked = ClaimCertificate(
        certificate_id=certificate_id,
        manufacturer=manufacturer,
        templates=frozenset(templates),
        serial_number=serial_number,
    )
    store, operator = run.claims, run.operator(reason)
    with run.progress("Registering the claim certificate"):
        warnings = [] if unlisted else standing_in_aws_iot(run.target.client("iot"), certificate_id)
        change = register_claim(asked, store=store, operator=operator)

    def render(console: "Console") -> None:
        scope = _scope(change.subject)
        done = f"Registered: claim certificate {certificate_id}, for {scope}."
        before = f"No change: claim certificate {certificate_id} is already registered for {scope}."
        console.print(done if change.record else before)
        for warning in warnings:
            console.print(f"Warning: {warning}", style="yellow")

    run.emit(
        {
            "result": "registered" if change.record else "unchanged",
            "claim": claim_document(change.subject),
            "record_id": change.record and change.record.record_id,
            "warnings": warnings,
        },
        render,
    )


@claim.command("list")
@limit_option("claim certificates", 100)
@with_run
def list_claims(run: Run, *, limit: int) -> None:
    """List the registered claim certificates.

    --json prints the whole certificate IDs.

    \b
    Example:
      fleetgate claim list
    """
    from fleetgate_cli.tables import claims_table, print_table

    store = run.allow_list
    with run.progress("Reading the claim certificates"):
        page = store.claims(limit=limit)

    def render(console: "Console") -> None:
        if not page.items:
            console.print(f"No claim certificate is registered: create one with {hint('claim create')}.")
            return
        print_table(console, claims_table(page.items))
        if page.more:
            console.print(f"There are more than {limit}: raise --limit to see them.")

    run.emit({"claims": [claim_document(item) for item in page.items], "more": page.more}, render)


def _check_scope(manufacturer: str | None, *, any_manufacturer: bool) -> None:
    if (manufacturer is None) != any_manufacturer:
        raise click.UsageError("name the devices that it may enrol: either --manufacturer or --any-manufacturer.")


def _scope(registered: ClaimCertificate) -> str:
    devices = f"serial number {registered.serial_number}" if registered.serial_number else "devices"
    maker = f"of {registered.manufacturer}" if registered.manufacturer else "of any manufacturer"
    templates = f"with {', '.join(sorted(registered.templates))}" if registered.templates else "with every template"
    return f"{devices} {maker}, {templates}"


for _command in (block, release):
    claim.add_command(_command)
