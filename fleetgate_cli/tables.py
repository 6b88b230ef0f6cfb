"""Domain values as tables that fit 100 columns."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord, RecordKind
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.documents import instant
from fleetgate.domain.manufacturer import Manufacturer

_COLOURS = {
    "approved": "cyan",
    "reserved": "yellow",
    "provisioned": "green",
    "quarantined": "red",
    "retired": "dim",
    "allowed": "green",
    "denied": "red",
    "active": "green",
    "blocked": "red",
    "waiting": "yellow",
    "importing": "cyan",
    "finished": "green",
    "refused": "red",
    "failed": "red",
    "rolled_back": "dim",
    "ok": "green",
    "note": "yellow",
    "wrong": "red",
    "unchecked": "yellow",
}
_NOTHING = "-"
# Columns that must stay whole to be read or copied; the rest fold.
_WHOLE = frozenset(
    {
        "Time (UTC)",
        "State",
        "Status",
        "What",
        "Certificate",
        "Claim certificate",
        "MAC addresses",
        "Import",
        "Code",
        "Proof",
        "Day (UTC)",
    }
)
_SUBJECTS = ("_claim", "_import", "_manufacturer", "_gate", "_certificate")
_NUMBERS = frozenset({"Rows", "Added", "Rejected", "Records", "Allowed", "Denied", "Other"})


def short(certificate_id: str | None) -> str:
    """The first digits of a certificate ID."""
    return certificate_id[:8] if certificate_id else _NOTHING


def caller(arn: str | None) -> str:
    """The last part of an ARN, or the subject of a token."""
    # arn:aws:sts::123456789012:assumed-role/Operators/alice, or https://issuer/pool#bob
    return (arn or _NOTHING).rpartition("#" if "#" in (arn or "") else ":")[2]


def word(state: str) -> Text:
    """A state or verdict in its colour."""
    return Text(state, style=_COLOURS.get(state, ""))


def print_table(console: Console, table: Table) -> None:
    """Print a table within the width of the console."""
    console.print(table, soft_wrap=False)


def devices_table(entries: Iterable[AllowListEntry]) -> Table:
    """Allow-list entries, one a row."""
    table = plain_table("Serial number", "State", "Manufacturer", "MAC addresses", "Templates", "Valid until")
    for entry in entries:
        table.add_row(
            entry.serial_number.value,
            word(entry.state.value),
            entry.manufacturer,
            "\n".join(mac.value for mac in sorted(entry.mac_addresses)) or _NOTHING,
            ", ".join(sorted(entry.templates)) or "all",
            instant(entry.valid_until) or _NOTHING,
        )
    return table


def claims_table(claims: Iterable[ClaimCertificate]) -> Table:
    """Registered claim certificates, one a row."""
    table = plain_table("Claim certificate", "Status", "Manufacturer", "Templates", "Serial number", "Expires")
    for claim in claims:
        table.add_row(
            short(claim.certificate_id),
            word(claim.status.value),
            claim.manufacturer or "any",
            ", ".join(sorted(claim.templates)) or "all",
            claim.serial_number.value if claim.serial_number else "any",
            instant(claim.expires_at) or _NOTHING,
        )
    return table


def manufacturers_table(manufacturers: Iterable[Manufacturer]) -> Table:
    """Registered manufacturers, one a row."""
    table = plain_table("Manufacturer", "Serial numbers", "MAC addresses", "Templates", "Thing groups", "Rows a day")
    for one in manufacturers:
        table.add_row(
            one.name,
            "\n".join(sorted(one.serial_numbers)) or "any",
            "\n".join(sorted(one.mac_prefixes)) or "any",
            "\n".join(sorted(one.templates)) or "any",
            "\n".join(sorted(one.thing_groups)) or "any",
            _NOTHING if one.rows_per_day is None else f"{one.rows_per_day:,}",
        )
    return table


def records_table(records: Sequence[AuditRecord], *, with_subject: bool = True) -> Table:
    """Audit records, one a row; without their subject where it is the same for all."""
    subject = ["About"] if with_subject else []
    table = plain_table("Time (UTC)", *subject, "What", "Why", "Certificate", "Claim/actor")
    for record in records:
        table.add_row(
            instant(record.recorded_at),
            *([_subject(record)] if with_subject else []),
            word(_what(record)),
            record.reason,
            short(record.certificate_id),
            _by(record),
        )
    return table


def plain_table(*columns: str) -> Table:
    """An empty table in the common style."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, header_style="bold")
    for column in columns:
        whole, number = column in _WHOLE, column in _NUMBERS
        table.add_column(column, no_wrap=whole or number, overflow="fold", justify="right" if number else "left")
    return table


def _subject(record: AuditRecord) -> str:
    if record.kind is RecordKind.QUERY:
        return "the audit trail"
    if record.serial_number is not None:
        return record.serial_number
    if record.presented_serial_number is not None:
        return f'"{record.presented_serial_number}"'
    if record.import_id is not None:
        return f"import {record.import_id}"
    if record.kind is RecordKind.OPERATOR_ACTION and record.claim_certificate_id is None:
        return record.manufacturer or "the gate"
    return f"claim {short(record.claim_certificate_id)}"


def _what(record: AuditRecord) -> str:
    if record.verdict:
        return record.verdict.value
    # Its subject is in the column beside it.
    action = record.action or record.kind.value
    for about in _SUBJECTS:
        action = action.removesuffix(about)
    return action


def _by(record: AuditRecord) -> str:
    if record.kind is not RecordKind.DECISION:
        return caller(record.actor)
    return short(record.claim_certificate_id)
