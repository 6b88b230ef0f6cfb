"""`fleetgate gate`: stop all devices, those of a manufacturer or of an import, and end the stop."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from fleetgate.domain.documents import instant, record_document, switch_document
from fleetgate_cli.options import keep_certificates_option, limit_option, required_reason, with_run
from fleetgate_cli.parameters import IMPORT_ID, MANUFACTURER_ON_RECORD
from fleetgate_cli.run import Run, hint

if TYPE_CHECKING:
    from rich.console import Console

    from fleetgate.domain.gate_switch import GateSwitch
    from fleetgate.domain.operator_action import Change
    from fleetgate.operators.tally import Tally
    from fleetgate.trail.inspect_switch import Quarantine


@click.group()
def gate() -> None:
    """Stop the gate, a manufacturer or an import, and end the stop.

    \b
    Example:
      fleetgate gate status
    """


def _whose(function: Callable[..., None]) -> Callable[..., None]:
    manufacturer = click.option(
        "--manufacturer", metavar="NAME", type=MANUFACTURER_ON_RECORD, help="All devices of this one."
    )
    of_import = click.option(
        "--import", "import_id", metavar="IMPORT", type=IMPORT_ID, help="All devices that this import approved."
    )
    return manufacturer(of_import(function))


@gate.command()
@required_reason
@with_run
def stop(run: Run, *, reason: str) -> None:
    """Deny every device from now on.

    A device that was allowed and asks again with the same certificate is denied as well. The command waits six seconds,
    until no decision in progress can still allow a device, and deactivates the certificates of devices that were let in
    meanwhile; fleetgate gate start activates those again. Devices that had their identity before keep it. Safe to
    repeat. Exits with 1 when a certificate could not be deactivated.

    \b
    Example:
      fleetgate gate stop --reason "claim key published, case 4711"
    """
    from fleetgate.operators.stops import gate_stop
    from fleetgate.operators.switch import stop_gate
    from fleetgate_cli.device_certificates import certificate_service, stopper_of

    operator = run.operator(reason)
    with run.progress("Stopping the gate"):
        stopper = stopper_of(run, certificate_service(run, operator))
        stopped = stopper.stop(gate_stop(), partial(stop_gate, store=run.switch, operator=operator))
    _emit(
        run,
        stopped.change,
        result="stopped",
        done=f"The gate is stopped: it denies every device until {hint('gate start')}.",
        before="No change: already stopped; the original reason stands.",
        meanwhile=stopped.meanwhile,
    )


@gate.command()
@required_reason
@with_run
def start(run: Run, *, reason: str) -> None:
    """Judge devices again.

    Manufacturers, imports and devices in quarantine stay in quarantine. Certificates that fleetgate gate stop
    deactivated, since their devices were let in while it was written, are activated again. Safe to repeat. Exits with 1
    when a certificate could not be activated.

    \b
    Example:
      fleetgate gate start --reason "claim certificate replaced, case 4711 closed"
    """
    from fleetgate.operators.stops import gate_stop
    from fleetgate.operators.switch import start_gate
    from fleetgate_cli.device_certificates import certificate_service, stopper_of

    operator = run.operator(reason)
    with run.progress("Starting the gate"):
        change = start_gate(store=run.switch, operator=operator)
        tally = stopper_of(run, certificate_service(run, operator)).release_meanwhile(gate_stop())
    _emit(
        run,
        change,
        result="started",
        done="The gate is open: it judges every device by the allow-list.",
        before="No change: the gate is not stopped.",
        tally=tally,
        handles_certificates=True,
    )


@gate.command()
@limit_option("audit records", 10)
@with_run
def status(run: Run, *, limit: int) -> None:
    """Show whether the gate is stopped, and the manufacturers and imports in quarantine.

    \b
    Example:
      fleetgate gate status
    """
    from fleetgate.trail.inspect_switch import quarantines_of
    from fleetgate_cli.tables import print_table, records_table, word

    with run.progress("Reading the kill switch"):
        switch, history = run.allow_list.switch(), run.records.of_gate(limit=limit)
        quarantines = quarantines_of(switch, records=run.records)

    def render(console: "Console") -> None:
        state = "stopped" if switch.is_stopped else "open"
        console.print("The gate is ", word(state), ".", sep="")
        for one in quarantines:
            console.print(_sentence(one))
        if history.items:
            console.print()
            console.print("Stops and starts, newest first", style="bold")
            print_table(console, records_table(history.items, with_subject=False))

    run.emit(
        {
            **switch_document(switch),
            "quarantines": [_quarantine_document(one) for one in quarantines],
            "history": [record_document(record) for record in history.items],
        },
        render,
    )


@gate.command()
@_whose
@required_reason
@keep_certificates_option
@with_run
def quarantine(
    run: Run, *, manufacturer: str | None, import_id: str | None, reason: str, keep_certificates: bool
) -> None:
    """Deny every device of a manufacturer, or of an import, and deactivate their certificates.

    Devices that are approved later are denied as well. The command waits six seconds first, until no decision in
    progress can still allow such a device; what was let in meanwhile is deactivated also with --keep-certificates.
    Deactivating reads the whole allow-list and takes about a second for every five certificates. Live sessions are
    ended. Safe to repeat. The command warns if no device on the allow-list has the name;
    the quarantine takes effect nevertheless. Exits with 1 when a certificate could not be deactivated.

    \b
    Examples:
      fleetgate gate quarantine --manufacturer acme --reason "factory broken into, case 4711"
      fleetgate gate quarantine --import 20260131T080000Z-0123456789ab --reason "stolen list" --keep-certificates
    """
    from fleetgate.operators.many_certificates import handle_all
    from fleetgate.operators.stops import import_stop, manufacturer_stop
    from fleetgate.operators.switch import quarantine_import, quarantine_manufacturer
    from fleetgate.store.allow_list import entries_in
    from fleetgate_cli.device_certificates import certificate_service, certificates_bar, stopper_of

    name = _one(manufacturer, import_id)
    operator, store = run.operator(reason), run.switch
    service = certificate_service(run, operator)
    with run.progress(f"Putting {name} into quarantine"):
        write = (
            partial(quarantine_manufacturer, name, store=store, operator=operator)
            if manufacturer is not None
            else partial(quarantine_import, name, imports=run.imports, store=store, operator=operator)
        )
        stop = manufacturer_stop(name) if manufacturer is not None else import_stop(name)
        stopped = stopper_of(run, service).stop(stop, write)
    entries = entries_in(
        run.allow_list.devices_of_manufacturer(name) if manufacturer else run.allow_list.devices_of_import(name)
    )
    tally = None
    if keep_certificates:
        with run.progress("Looking for its devices"):
            devices = None if next(entries, None) else 0
    else:
        with certificates_bar(run, "Deactivating certificates") as watch:
            tally = handle_all(entries, service.deactivate, progress=watch)
        devices = tally.devices
    _emit(
        run,
        stopped.change,
        result="quarantined",
        done=f"{name} is in quarantine: the gate denies all its devices until {hint('gate release')}.",
        before=f"No change: {name} is already in quarantine; the original reason stands.",
        tally=tally,
        handles_certificates=True,
        notes=_devices_found(devices, name, is_manufacturer=manufacturer is not None),
        found={"devices": devices},
        meanwhile=stopped.meanwhile,
    )


@gate.command()
@_whose
@required_reason
@keep_certificates_option
@with_run
def release(run: Run, *, manufacturer: str | None, import_id: str | None, reason: str, keep_certificates: bool) -> None:
    """End the quarantine of a manufacturer, or of an import, and activate the certificates that it deactivated.

    Devices that are also stopped for another reason stay stopped, with their certificates. Safe to repeat. Exits with 1
    when a certificate could not be activated.

    \b
    Example:
      fleetgate gate release --manufacturer acme --reason "case 4711 closed"
    """
    from fleetgate.operators.many_certificates import handle_all
    from fleetgate.operators.switch import release_import, release_manufacturer
    from fleetgate.store.allow_list import entries_in
    from fleetgate_cli.device_certificates import certificate_service, certificates_bar

    name = _one(manufacturer, import_id)
    operator, store = run.operator(reason), run.switch
    with run.progress(f"Releasing {name}"):
        if manufacturer is not None:
            change = release_manufacturer(manufacturer, store=store, operator=operator)
        else:
            change = release_import(name, imports=run.imports, store=store, operator=operator)
    tally = None
    if not keep_certificates:
        with certificates_bar(run, "Activating certificates") as watch:
            pages = (
                run.allow_list.devices_of_manufacturer(name) if manufacturer else run.allow_list.devices_of_import(name)
            )
            tally = handle_all(entries_in(pages), certificate_service(run, operator).activate, progress=watch)
    _emit(
        run,
        change,
        result="released",
        done=f"{name} is released: the gate judges its devices by the allow-list again.",
        before=f"No change: {name} is not in quarantine.",
        tally=tally,
        handles_certificates=True,
    )


def _sentence(quarantine: "Quarantine") -> str:
    from fleetgate_cli.tables import caller

    of = f"Manufacturer {quarantine.manufacturer}" if quarantine.manufacturer else f"Import {quarantine.import_id}"
    record = quarantine.record
    if record is None:
        return f"{of} is in quarantine; its record has expired."
    return f"{of} is in quarantine since {instant(record.recorded_at)}, by {caller(record.actor)}: {record.reason}"


def _quarantine_document(quarantine: "Quarantine") -> dict[str, Any]:
    record = quarantine.record
    return {
        "manufacturer": quarantine.manufacturer,
        "import_id": quarantine.import_id,
        "since": record and instant(record.recorded_at),
        "actor": record and record.actor,
        "reason": record and record.reason,
        "record_id": record and record.record_id,
    }


def _one(manufacturer: str | None, import_id: str | None) -> str:
    if (manufacturer is None) == (import_id is None):
        raise click.UsageError("name the devices: either --manufacturer or --import.")
    return manufacturer or import_id or ""


def _devices_found(devices: int | None, name: str, *, is_manufacturer: bool) -> list[str]:
    """A note on the number of devices; None means that they were not counted."""
    if devices is None:
        return []
    if devices:
        return [f"{devices:,} {'device' if devices == 1 else 'devices'} on the allow-list."]
    check = ": check the name" if is_manufacturer else ""
    return [f"No device on the allow-list belongs to {name}{check}. The quarantine takes effect nevertheless."]


def _emit(
    run: Run,
    change: "Change[GateSwitch]",
    *,
    result: str,
    done: str,
    before: str,
    tally: "Tally | None" = None,
    handles_certificates: bool = False,
    notes: Sequence[str] = (),
    found: Mapping[str, Any] | None = None,
    meanwhile: "Tally | None" = None,
) -> None:
    from fleetgate.operators.documents import certificates_document, meanwhile_document
    from fleetgate_cli.device_certificates import exit_as, print_certificates, print_meanwhile

    def render(console: "Console") -> None:
        console.print(done if change.record else before)
        for note in notes:
            console.print(note)
        if meanwhile is not None:
            print_meanwhile(meanwhile, console)
        if handles_certificates:
            print_certificates(tally, console)

    document = {
        "result": result if change.record else "unchanged",
        "gate": switch_document(change.subject),
        "record_id": change.record and change.record.record_id,
        **(found or {}),
    }
    if handles_certificates:
        document["certificates"] = certificates_document(tally)
    if meanwhile is not None:
        document["meanwhile"] = meanwhile_document(meanwhile)
    run.emit(document, render)
    exit_as(tally, meanwhile)
