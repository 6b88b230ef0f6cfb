"""`fleetgate allow-list`: which devices may have an identity."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import click

from fleetgate.domain.allow_list import AllowListEntry, Hold
from fleetgate.domain.documents import device_document
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.domain.refusals import RefusalCode
from fleetgate_cli.errors import Refused
from fleetgate_cli.options import limit_option, optional_reason, with_run
from fleetgate_cli.parameters import (
    ATTRIBUTE,
    INSTANT,
    MAC_ADDRESS,
    MANUFACTURER,
    PUBLIC_KEY_FILE,
    SERIAL_NUMBER,
    TEMPLATE_NAME,
)
from fleetgate_cli.run import Run, hint

if TYPE_CHECKING:
    from rich.console import Console


@click.group("allow-list")
def allow_list() -> None:
    """Approve devices, and show which are approved.

    \b
    Example:
      fleetgate allow-list add SN-0001 --mac 00:1b:44:11:3a:b7 --manufacturer acme
    """


@allow_list.command()
@click.argument("serial_number", metavar="SERIAL", type=SERIAL_NUMBER)
@click.option(
    "--mac",
    "mac_addresses",
    metavar="MAC",
    type=MAC_ADDRESS,
    multiple=True,
    help="A MAC address of the device, in any common spelling; repeat for several: it may present any of them.",
)
@click.option("--manufacturer", metavar="NAME", type=MANUFACTURER, required=True, help="Who makes the device.")
@click.option(
    "--public-key",
    "key_fingerprint",
    metavar="FILE",
    type=PUBLIC_KEY_FILE,
    help="Only this key may be let in, and no other device with it: a public key, a signing request or a certificate "
    "as PEM or DER, or the SHA-256 fingerprint of the key; - reads the standard input. [default: any key]",
)
@click.option(
    "--template",
    "templates",
    metavar="NAME",
    type=TEMPLATE_NAME,
    multiple=True,
    help="Provisioning template it is approved for; repeat for several. [default: all]",
)
@click.option(
    "--attribute",
    "attributes",
    metavar="NAME=VALUE",
    type=ATTRIBUTE,
    multiple=True,
    help="Such as Model, HardwareRevision or ThingGroup, which the thing gets; repeat for several.",
)
@click.option("--valid-from", metavar="TIME", type=INSTANT, help="Not before this ISO 8601 time. [default: now]")
@click.option("--valid-until", metavar="TIME", type=INSTANT, help="Not from this ISO 8601 time on. [default: no end]")
@optional_reason
@with_run
def add(
    run: Run,
    *,
    serial_number: SerialNumber,
    mac_addresses: tuple[MacAddress, ...],
    manufacturer: str,
    key_fingerprint: str | None,
    templates: tuple[str, ...],
    attributes: tuple[tuple[str, str], ...],
    valid_from: datetime | None,
    valid_until: datetime | None,
    reason: str,
) -> None:
    """Approve the device with the serial number SERIAL.

    The same approval again changes nothing and succeeds. A serial number with another entry, or a MAC address or a
    public key of another serial number, is a conflict: nothing is overwritten.

    \b
    Examples:
      fleetgate allow-list add SN-0001 --mac 00:1b:44:11:3a:b7 --manufacturer acme
      fleetgate allow-list add SN-0002 --mac 001B44113AB8 --mac 001B44113AB9 \\
          --manufacturer acme --template fleetgate --attribute Model=thermostat-2 \\
          --valid-until 2030-01-01
      fleetgate allow-list add SN-0003 --mac 001B44113ABA --manufacturer acme --public-key sn-0003.csr
    """
    from fleetgate.operators.approve import approve_device

    if len(dict(attributes)) < len(attributes):
        raise click.UsageError("an attribute is given twice.")
    entry = AllowListEntry(
        serial_number=serial_number,
        manufacturer=manufacturer,
        mac_addresses=frozenset(mac_addresses),
        templates=frozenset(templates),
        attributes=dict(attributes),
        valid_from=valid_from,
        valid_until=valid_until,
        key_fingerprint=key_fingerprint,
    )
    store, operator = run.devices, run.operator(reason)
    with run.progress(f"Approving {serial_number}"):
        change = approve_device(
            entry,
            rules=run.target.thing_rules(),
            check_manufacturer=run.check_manufacturer,
            group_exists=run.target.has_thing_group,
            store=store,
            operator=operator,
        )
    result = "approved" if change.record else "unchanged"
    notes = _notes(change.subject)

    def render(console: "Console") -> None:
        if change.record:
            console.print(f"{serial_number} is approved.")
        else:
            console.print(f"No change: {serial_number} was already approved, and is {change.subject.state}.")
        for note in notes:
            console.print(f"Note: {note}")

    run.emit(
        {
            "result": result,
            "device": device_document(change.subject),
            "record_id": change.record and change.record.record_id,
            "notes": notes,
        },
        render,
    )


@allow_list.command()
@click.argument("serial_number", metavar="[SERIAL]", type=SERIAL_NUMBER, required=False)
@click.option("--mac", "mac_address", metavar="MAC", type=MAC_ADDRESS, help="The device that owns this MAC address.")
@with_run
def show(run: Run, *, serial_number: SerialNumber | None, mac_address: MacAddress | None) -> None:
    """Show the allow-list entry of one device.

    Takes its serial number or one of its MAC addresses.

    \b
    Examples:
      fleetgate allow-list show SN-0001
      fleetgate allow-list show --mac 00:1b:44:11:3a:b7
    """
    from fleetgate_cli.device_view import print_entry

    if (serial_number is None) == (mac_address is None):
        raise click.UsageError("give either a serial number or --mac.")
    store = run.allow_list
    with run.progress("Reading the allow-list"):
        if mac_address is not None:
            serial_number = store.mac_owner(mac_address)
        entry = store.device(serial_number) if serial_number else None
    if serial_number is None:
        raise Refused(
            RefusalCode.UNKNOWN_MAC_ADDRESS, f"no device on the allow-list has the MAC address {mac_address}: check it."
        )
    if entry is None:
        raise Refused(
            RefusalCode.UNKNOWN_DEVICE,
            f"{serial_number} is not on the allow-list: check the serial number (case matters), or approve it "
            f"with {hint('allow-list add')}.",
        )
    run.emit(device_document(entry), partial(print_entry, entry))


@allow_list.command("list")
@limit_option("devices", 100)
@with_run
def list_devices(run: Run, *, limit: int) -> None:
    """List devices of the allow-list.

    Reads the table from its start, in no particular order: a sample, not a report.

    \b
    Example:
      fleetgate allow-list list --limit 20
    """
    from fleetgate_cli.tables import devices_table, print_table

    store = run.allow_list
    with run.progress("Reading the allow-list"):
        page = store.devices(limit=limit)

    def render(console: "Console") -> None:
        if not page.items:
            console.print(f"The allow-list is empty: approve a device with {hint('allow-list add')}.")
            return
        print_table(console, devices_table(page.items))
        if page.more:
            console.print(f"There are more than {limit}: raise --limit to see them.")

    run.emit({"devices": [device_document(entry) for entry in page.items], "more": page.more}, render)


def _notes(entry: AllowListEntry) -> list[str]:
    notes = []
    if entry.hold is Hold.QUARANTINED:
        notes.append(
            f"the device is in quarantine, so the gate denies it: {hint(f'device show {entry.serial_number}')}."
        )
    if not entry.mac_addresses:
        notes.append("without a MAC address the gate denies the device unless the stack has RequireMac=false.")
    notes.extend(
        f"MAC address {mac} is locally administered: the gate denies it unless the stack has "
        "AllowLocallyAdministeredMac=true."
        for mac in sorted(entry.mac_addresses)
        if mac.is_locally_administered
    )
    return notes
