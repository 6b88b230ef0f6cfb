"""`make demo`: an embedded stack, factory lists, devices over MQTT, a thief, and what the security team sees of it."""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from fleetgate.domain.allow_list import DeviceState
from fleetgate.domain.audit import RecordKind
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.imports.store.records import ImportRecords
from fleetgate.store.allow_list import AllowList
from fleetgate.trail.query import AuditQuery
from fleetgate.trail.store import AuditTrail
from fleetgate_cli.imports.views import print_import
from fleetgate_cli.tables import plain_table, records_table
from fleetgate_cli.target import Target
from local.demo.device import Broker, SigningRequest
from local.demo.factory import Factory, ListDelivered
from local.demo.scenarios import ALLOWED, CROWD, WITH_ITS_KEY, Attempt, Fleet, scenarios
from local.demo.security_team import SecurityTeam
from local.embedded.stack import running_stack

_AUDIT_LINES = 12
_MAX_RECORDS = 200
_LISTS = 5
_DEVICES = 29
_PATIENCE_SECONDS = 60.0
# A file or a pipe has no width of its own.
_COLUMNS_WITHOUT_TERMINAL = 120


def main() -> int:
    """Run the demo; 0 if every device met what it should have."""
    started = time.monotonic()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _COLUMNS_WITHOUT_TERMINAL)
    with tempfile.TemporaryDirectory(prefix="fleetgate-demo-") as folder, running_stack(Path(folder)) as stack:
        target = Target.embedded(Path(folder))
        allow_list = AllowList(target.table_settings())
        factory = Factory(
            tables=target.table_settings(),
            records=ImportRecords(target.table_settings()),
            drop_box=target.drop_box(),
            iot=target.client("iot"),
            claim_policy_name=target.output("ClaimPolicyName"),
            actor=target.client("sts").get_caller_identity()["Arn"],
        )
        with _progress() as progress:
            listed = progress.add_task("factory lists through the drop box", total=_LISTS)
            factory.register_manufacturers()
            lists = factory.deliver_lists(lambda _list: progress.advance(listed))
            (_, acme_claim), (globex_claim_id, globex_claim) = map(factory.claim_certificate, ("acme", "globex"))
            signing = SigningRequest.of_a_new_key()
            lists.append(factory.deliver_key(WITH_ITS_KEY, signing.csr_pem))
            progress.advance(listed)
            devices = factory.devices()
            factory.quarantine(devices["ACME-0003"], "returned by a customer, opened")
            world = Fleet(
                broker=Broker(host=stack.mqtt_host, port=stack.mqtt_port, root_ca_path=stack.root_ca_path),
                template_name=target.output("ProvisioningTemplateName"),
                client_id_prefix=stack.claim_client_id_prefix,
                acme_claim=acme_claim,
                globex_claim=globex_claim,
                globex_claim_id=globex_claim_id,
                devices=devices,
                signing=signing,
                wait_until_provisioned=partial(_wait_until_provisioned, allow_list),
            )
            attempts: list[Attempt] = []
            tried = progress.add_task("devices at the gate, over MQTT with mutual TLS", total=_DEVICES)
            for scenario in scenarios(world):
                attempts.extend(scenario())
                progress.update(tried, completed=len(attempts))
        trail = AuditTrail(target.table_settings())
        surprises = _show_lists(console, lists) + _show(console, trail, attempts)
        _show_audit_trail(console, trail, {one.presented.serial_number for one in attempts if one.story == CROWD})
        team = SecurityTeam(target, world, console, Path(folder))
        seen = team.investigate()
        surprises += team.show(seen)
    seconds = time.monotonic() - started
    what = f"{len(lists)} lists, {len(attempts)} devices and {len(seen)} findings of the security team"
    if surprises:
        console.print(f"\n[bold red]{surprises} of {what} are not what they should be.[/]")
        return 1
    console.print(f"\n[bold green]All {what} are what they should be[/], in {seconds:.0f} s.")
    return 0


def _wait_until_provisioned(allow_list: AllowList, serial_number: str) -> bool:
    """Wait until the gate has heard that a device is in; says whether it did."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        entry = allow_list.device(SerialNumber(serial_number))
        if entry is not None and entry.state is DeviceState.PROVISIONED:
            return True
        time.sleep(0.1)
    return False


def _show_lists(console: Console, lists: list[ListDelivered]) -> int:
    """Print the report of the first list, and what became of each; returns how many are not as they should be."""
    console.print("\n[bold]What the factory reads of its list[/]\n")
    print_import(lists[0].record, console)
    table = Table(title="\nFactory lists", title_justify="left", title_style="bold", pad_edge=False)
    for column in ("List", "File", "Manufacturer", "What became of its rows"):
        table.add_column(column, overflow="fold")
    for one in lists:
        saw = Text(_rows(one.record.findings.rows), style="green" if one.as_expected else "bold red")
        if not one.as_expected:
            saw.append(f" (should be: {_rows(one.expected)})")
        table.add_row(one.story, one.record.delivery.file_name, one.record.delivery.manufacturer, saw)
    console.print(table)
    return sum(not one.as_expected for one in lists)


def _rows(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counted.items())) or "nothing"


def _show(console: Console, trail: AuditTrail, attempts: list[Attempt]) -> int:
    """Print the table of what happened; returns how many rows are not as they should be."""
    table = plain_table("Device", "Presents", "It saw")
    table.title, table.title_justify, table.title_style = "\nDevices at the gate", "left", "bold"
    table.columns[1].no_wrap = True
    table.add_column("On record", no_wrap=True)
    table.add_column("Seconds", justify="right")
    surprises = 0
    crowd: list[Attempt] = []
    for attempt in attempts:
        recorded = trail.page(_today(certificate_id=attempt.certificate_id), limit=10).records
        reasons = [record.reason for record in reversed(recorded) if record.kind is RecordKind.DECISION]
        as_expected = attempt.saw == attempt.expected and Counter(reasons) == Counter(attempt.reasons)
        surprises += not as_expected
        if as_expected and attempt.story == CROWD:
            crowd.append(attempt)
            continue
        _row(table, attempt, attempt.story, "\n".join(reasons) or "nothing", as_expected=as_expected)
    if crowd:
        slowest = max(crowd, key=lambda attempt: attempt.seconds)
        _row(table, slowest, f"{len(crowd)} at once, slowest", "\n".join(slowest.reasons), as_expected=True)
    console.print(table)
    return surprises


def _row(table: Table, attempt: Attempt, story: str, recorded: str, *, as_expected: bool) -> None:
    let_in = attempt.saw.startswith(ALLOWED)
    saw = Text(attempt.saw, style="green" if let_in else "yellow")
    if not as_expected:
        saw = Text(f"{attempt.saw} (should be: {attempt.expected})", style="bold red")
        recorded = f"{recorded} (should be: {', '.join(attempt.reasons)})"
    table.add_row(
        story,
        f"{attempt.presented.serial_number}\n{attempt.presented.mac_address}",
        saw,
        Text(recorded),
        f"{attempt.seconds:.1f}",
    )


def _show_audit_trail(console: Console, trail: AuditTrail, crowd: set[str]) -> None:
    """Print the newest records, those of the crowd left out: one of them is like the other."""
    records = trail.page(_today(), limit=_MAX_RECORDS).records
    telling = [record for record in records if record.serial_number not in crowd]
    console.print(
        f"\n[bold]The audit trail[/], newest first, without the {len(records) - len(telling)} records of the crowd"
    )
    console.print(records_table(telling[:_AUDIT_LINES]))


def _today(**conditions: str) -> AuditQuery:
    now = datetime.now(UTC)
    return AuditQuery(start=now - timedelta(days=1), end=now + timedelta(minutes=1), **conditions)  # type: ignore[arg-type]


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )


if __name__ == "__main__":
    sys.exit(main())
