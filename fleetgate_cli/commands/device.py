"""`fleetgate device`: one device, where it stands, why it was denied, and the operator's hand on it."""

from datetime import timedelta
from functools import partial

import click
from rich.console import Console

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord, Verdict
from fleetgate.domain.documents import device_document, instant, record_document
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.operator_action import Change
from fleetgate.operators.certificates import Tally
from fleetgate.operators.devices import quarantine_device, release_device, reopen_device, retire_device
from fleetgate.operators.tally_document import certificates_document
from fleetgate.trail.inspect_device import DeviceReport, inspect_device
from fleetgate_cli.commands.allow_list import print_entry
from fleetgate_cli.commands.story import story
from fleetgate_cli.device_certificates import certificate_service, exit_as, print_certificates, tallied
from fleetgate_cli.options import keep_certificates_option, limit_option, required_reason, with_run
from fleetgate_cli.parameters import DURATION, SERIAL_NUMBER
from fleetgate_cli.reasons import denial_reason
from fleetgate_cli.run import Run, now
from fleetgate_cli.tables import print_table, records_table


@click.group()
def device() -> None:
    """Look into one device, stop it, let it go again or come back, or retire it.

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

    Shows its state, reservation, certificate and history, what stops it now, be it the gate or its manufacturer's or
    import's quarantine, and the meaning and remedy of its last denial. Also tells about devices that are not on the
    allow-list but asked to be let in.

    \b
    Example:
      fleetgate device show SN-0001
    """
    allow_list, records = run.allow_list, run.records
    with run.progress(f"Looking into {serial_number}"):
        report = inspect_device(serial_number, allow_list=allow_list, records=records, limit=limit, now=now())
    run.emit(_report_document(report), partial(_print_report, report))


@device.command()
@click.argument("serial_number", metavar="SERIAL", type=SERIAL_NUMBER)
@required_reason
@keep_certificates_option
@with_run
def quarantine(run: Run, *, serial_number: SerialNumber, reason: str, keep_certificates: bool) -> None:
    """Deny a device until it is released, and deactivate its certificates.

    AWS IoT refuses the device from its next connection on; a live one may stay until it ends. Safe to repeat. Exits
    with 1 when a certificate could not be deactivated.

    \b
    Examples:
      fleetgate device quarantine SN-0001 --reason "stolen from the Hamburg site, case 4711"
      fleetgate device quarantine SN-0001 --reason "odd behaviour, watched" --keep-certificates
    """
    store, operator = run.devices, run.operator(reason)
    with run.progress(f"Putting {serial_number} into quarantine"):
        change = quarantine_device(serial_number, store=store, operator=operator)
        tally = None if keep_certificates else tallied(certificate_service(run, operator).deactivate(change.subject))
    _emit_change(
        run,
        change,
        result="quarantined",
        done=f"{serial_number} is in quarantine: the gate denies it until it is released.",
        before=f"unchanged: {serial_number} was in quarantine before, and for the reason given then.",
        tally=tally,
    )


@device.command()
@click.argument("serial_number", metavar="SERIAL", type=SERIAL_NUMBER)
@required_reason
@keep_certificates_option
@with_run
def release(run: Run, *, serial_number: SerialNumber, reason: str, keep_certificates: bool) -> None:
    """End a device's quarantine; it stands where it stood before.

    Certificates that quarantines deactivated are activated again, unless the device's manufacturer or import is in
    quarantine as well. What was inactive before stays so. Safe to repeat. Exits with 1 when a certificate could not be
    activated.

    \b
    Example:
      fleetgate device release SN-0001 --reason "found again, case 4711 closed"
    """
    store, operator = run.devices, run.operator(reason)
    with run.progress(f"Releasing {serial_number}"):
        change = release_device(serial_number, store=store, operator=operator)
        tally = None if keep_certificates else tallied(certificate_service(run, operator).activate(change.subject))
    state = change.subject.state
    _emit_change(
        run,
        change,
        result="released",
        done=f"{serial_number} is released and {state} again.",
        before=f"unchanged: {serial_number} is not in quarantine, it is {state}.",
        tally=tally,
    )


@device.command()
@click.argument("serial_number", metavar="SERIAL", type=SERIAL_NUMBER)
@click.option("--for", "duration", metavar="TIME", type=DURATION, required=True, help="From now on: 90m, 2h or 3d.")
@required_reason
@with_run
def reopen(run: Run, *, serial_number: SerialNumber, duration: timedelta, reason: str) -> None:
    """Let a device come back through a claim certificate for a while: a repair window.

    While it is open the device may come back although it is provisioned, and its reservation may be taken over more
    often than MaxAttempts. It still has to prove its MAC address, and a fresh reservation is still protected. Once
    more moves the end of the window.

    \b
    Example:
      fleetgate device reopen SN-0001 --for 2h --reason "board swapped, ticket 815"
    """
    store, operator = run.devices, run.operator(reason)
    with run.progress(f"Opening a repair window for {serial_number}"):
        change = reopen_device(serial_number, duration=duration, store=store, operator=operator)
    until = instant(change.subject.repair_window_until)
    _emit_change(
        run,
        change,
        result="reopened",
        done=f"{serial_number} may come back until {until}.",
        before=f"unchanged: {serial_number} may come back until {until}.",
        handles_certificates=False,
    )


@device.command()
@click.argument("serial_number", metavar="SERIAL", type=SERIAL_NUMBER)
@required_reason
@keep_certificates_option
@with_run
def retire(run: Run, *, serial_number: SerialNumber, reason: str, keep_certificates: bool) -> None:
    """Deny a device for good, and deactivate its certificates.

    There is no way back: no list and no command approves a retired serial number again. Safe to repeat. Exits with 1
    when a certificate could not be deactivated.

    \b
    Example:
      fleetgate device retire SN-0001 --reason "scrapped, ticket 4711"
    """
    store, operator = run.devices, run.operator(reason)
    with run.progress(f"Retiring {serial_number}"):
        change = retire_device(serial_number, store=store, operator=operator)
        tally = None if keep_certificates else tallied(certificate_service(run, operator).deactivate(change.subject))
    _emit_change(
        run,
        change,
        result="retired",
        done=f"{serial_number} is retired: the gate denies it for good.",
        before=f"unchanged: {serial_number} was retired before, and for the reason given then.",
        tally=tally,
    )


def _emit_change(
    run: Run,
    change: Change[AllowListEntry],
    *,
    result: str,
    done: str,
    before: str,
    tally: Tally | None = None,
    handles_certificates: bool = True,
) -> None:
    def render(console: Console) -> None:
        console.print(done if change.record else before)
        if handles_certificates:
            print_certificates(tally, console)

    document = {
        "result": result if change.record else "unchanged",
        "device": device_document(change.subject),
        "record_id": change.record and change.record.record_id,
    }
    if handles_certificates:
        document["certificates"] = certificates_document(tally)
    run.emit(document, render)
    exit_as(tally)


def _report_document(report: DeviceReport) -> dict[str, object]:
    denied = report.last_denial
    reason = denial_reason(denied.reason) if denied else None
    return {
        "serial_number": report.serial_number.value,
        "state": report.entry.state.value if report.entry else "unknown",
        "device": device_document(report.entry) if report.entry else None,
        "stopped_by": [stop.value for stop in report.stops],
        "last_denial": denied
        and {
            "record": record_document(denied),
            "reason": denied.reason,
            "meaning": reason and reason.meaning,
            "remedy": reason and reason.remedy,
        },
        "history": [record_document(record) for record in report.history.items],
        "more": report.history.more,
    }


def _print_report(report: DeviceReport, console: Console) -> None:
    if report.entry:
        print_entry(report.entry, console)
    else:
        console.print(f"{report.serial_number}  unknown: it is not on the allow-list, but it asked to be let in.")
    for stop in report.stops:
        console.print(f"  {'Stopped by':<16}{stop.value}: {stop.meaning} {stop.remedy}")
    console.print()
    console.print("Why was it denied?", style="bold")
    for line in _why_denied(report):
        console.print(f"  {line}")
    console.print()
    console.print("History, newest first", style="bold")
    print_table(console, records_table(report.history.items, with_subject=False))
    if report.history.more:
        console.print(f"There is more: fleetgate audit list --serial-number {report.serial_number} --limit 1000")


def _why_denied(report: DeviceReport) -> list[str]:
    denied = report.last_denial
    if denied is None:
        return ["It never was."]
    reason = denial_reason(denied.reason)
    lines = [f"{instant(denied.recorded_at)}  {denied.reason}"]
    lines += [reason.meaning, reason.remedy] if reason else ["Another version of the gate recorded this reason."]
    if denied.presented_serial_number or denied.presented_mac_address:
        lines.append(
            f"It presented serial number {denied.presented_serial_number or 'none'} "
            f"and MAC address {denied.presented_mac_address or 'none'}."
        )
    since = next((record for record in report.history.items if _was_let_in_after(record, denied)), None)
    if since is not None:
        lines.append(f"Since then it was let in, at {instant(since.recorded_at)}.")
    return lines


def _was_let_in_after(record: AuditRecord, denied: AuditRecord) -> bool:
    return record.verdict is Verdict.ALLOWED and record.record_id > denied.record_id


device.add_command(story)
