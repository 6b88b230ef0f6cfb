"""One device as people and programs read it: its allow-list entry, its last denial and its history."""

from typing import Any

from rich.console import Console

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord, Verdict
from fleetgate.domain.documents import device_document, instant, record_document, terms_lines
from fleetgate.trail.inspect_device import DeviceReport
from fleetgate_cli.reasons import denial_reason
from fleetgate_cli.run import hint, now
from fleetgate_cli.tables import print_table, records_table, word


def print_entry(entry: AllowListEntry, console: Console) -> None:
    """Print an allow-list entry, a line for each field."""
    console.print(f"{entry.serial_number}  ", word(entry.state.value), sep="")
    lines = [
        ("Manufacturer", entry.manufacturer),
        ("MAC addresses", ", ".join(mac.value for mac in sorted(entry.mac_addresses)) or "none"),
        *terms_lines(entry),
    ]
    if entry.import_id:
        lines.append(("Import", entry.import_id))
    if entry.repair_window_until:
        lines.append(("Repair window", f"until {instant(entry.repair_window_until)}"))
    if entry.reprovisioning_count:
        lines.append(("Re-provisioned", f"{entry.reprovisioning_count} times"))
    current, held = entry.device_certificate, entry.reservation
    lines.append(("Certificate", current.certificate_id if current else "none yet"))
    if current and current.key_fingerprint:
        lines.append(("  with key", current.key_fingerprint))
    if current and current.fell_back_to:
        lines.append(("  fell back to", current.fell_back_to))
    if held:
        lines += [
            ("Reservation", f"{held.purpose}, attempt {held.attempts}{', taken over' if held.taken_over else ''}"),
            ("  for", held.certificate_id),
            *([("  with key", held.key_fingerprint)] if held.key_fingerprint else []),
            ("  claimed with", held.claim_certificate_id),
            ("  until", f"{instant(held.deadline)}{'' if held.is_live(now()) else ' (over)'}"),
            ("  made at", f"{instant(held.reserved_at)}"),
        ]
    for name, value in lines:
        console.print(f"  {name:<16}{value}")


def report_document(report: DeviceReport) -> dict[str, Any]:
    """The device as it stands, its last denial and its history."""
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
        "notice": report.last_misuse and record_document(report.last_misuse),
        "history": [record_document(record) for record in report.history.items],
        "more": report.history.more,
    }


def print_report(report: DeviceReport, console: Console) -> None:
    """Print the device as it stands, why it was denied, and its history."""
    if report.entry:
        print_entry(report.entry, console)
    else:
        console.print(f"{report.serial_number}  unknown: it is not on the allow-list, but it asked for an identity.")
    if report.last_misuse:
        beware = f"{report.last_misuse.reason} ({instant(report.last_misuse.recorded_at)})"
        console.print(f"  {'Beware':<16}{beware}", style="bold red")
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
        console.print(
            f"There are more records: {hint(f'audit list --serial-number {report.serial_number} --limit 1000')}"
        )


def _why_denied(report: DeviceReport) -> list[str]:
    denied = report.last_denial
    if denied is None:
        return ["It was never denied."]
    reason = denial_reason(denied.reason)
    lines = [f"{instant(denied.recorded_at)}  {denied.reason}"]
    lines += [reason.meaning, reason.remedy] if reason else ["Another version of the gate recorded this reason."]
    if denied.presented_serial_number or denied.presented_mac_address:
        lines.append(
            f"It presented serial number {denied.presented_serial_number or 'none'} "
            f"and MAC address {denied.presented_mac_address or 'none'}."
        )
    since = next((record for record in report.history.items if _was_allowed_after(record, denied)), None)
    if since is not None:
        lines.append(f"Since then it was allowed, at {instant(since.recorded_at)}.")
    return lines


def _was_allowed_after(record: AuditRecord, denied: AuditRecord) -> bool:
    return record.verdict is Verdict.ALLOWED and record.record_id > denied.record_id
