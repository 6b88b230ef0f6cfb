"""The archive of the audit trail: how the command reaches it, verifies it and shows the result."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

from fleetgate.archive.audit_lines import AuditLines
from fleetgate.archive.digest import DEFAULT_SETTLING_TIME, HOUR
from fleetgate.archive.findings import Finding
from fleetgate.archive.store import Archive, SealingKey
from fleetgate.archive.verify import Verification, Verifier
from fleetgate.domain.documents import instant
from fleetgate_cli.audit.signatures import NotAPublicKey, TrustedKeys
from fleetgate_cli.run import Run
from fleetgate_cli.target import Target

# Findings that people are shown; --json has all.
_MAX_SHOWN = 20


def archive_of(target: Target) -> Archive:
    """The archive of a stack."""
    return Archive(target.output("ArchiveName"), target.client("s3"))


def lines_of(target: Target) -> AuditLines:
    """The audit table of a stack, as its archive would keep it."""
    return AuditLines(target.table_settings())


def verifier_of(target: Target, public_keys: Sequence[Path]) -> tuple[Verifier, TrustedKeys]:
    """What verifies the archive of a stack.

    Args:
        public_keys: Files; empty means the key that KMS names.
    """
    if public_keys:
        trusted = TrustedKeys(map(_public_key_in, public_keys))
    else:
        trusted = TrustedKeys([SealingKey(target.output("SealingKeyArn"), target.client("kms")).public_key()])
    verifier = Verifier(
        archive=archive_of(target),
        lines=lines_of(target),
        verify_signature=trusted.verify,
        settling_time=DEFAULT_SETTLING_TIME,
    )
    return verifier, trusted


def _public_key_in(path: Path) -> bytes:
    encoded = path.read_bytes()
    try:
        TrustedKeys([encoded])
    except NotAPublicKey as error:
        raise click.UsageError(f"{path} is {error}.") from error
    return encoded


@contextmanager
def verification_bar(run: Run, start: datetime, end: datetime) -> Iterator[Callable[[Verification], None]]:
    """Show how many hours are verified; call what this gives with the verification so far."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[records]:,} records"))
    with run.progress_bar(*columns, TimeElapsedColumn()) as progress:
        task = progress.add_task("Verifying the archive", total=round((end - start) / HOUR), records=0)

        def show(done: Verification) -> None:
            progress.update(task, completed=done.hours + done.open_hours + done.earlier_hours, records=done.records)

        yield show


def verification_document(done: Verification, *, trusted: TrustedKeys, seconds: float) -> dict[str, Any]:
    """A verification with its findings."""
    return {
        "sound": done.is_sound,
        "from": instant(done.start),
        "to": instant(done.end),
        "verified_from": instant(done.verified_from),
        "verified_to": instant(done.verified_to),
        "hours": done.hours,
        "open_hours": done.open_hours,
        "hours_before_the_archive": done.earlier_hours,
        "objects": done.objects,
        "records": done.records,
        "table_records": done.table_records,
        "records_per_second": round(done.records / seconds) if seconds else None,
        "trusted_public_keys": list(trusted.fingerprints),
        "last_digest": done.last_digest and {"key": done.last_digest.key, "sha256": done.last_digest.sha256},
        "first": finding_document(done.findings[0]) if done.findings else None,
        "findings": [finding_document(found) for found in done.findings],
    }


def print_verification(done: Verification, seconds: float, console: Console) -> None:
    """Whether the archive is sound; the findings, the earliest first; and the hours that were not verified."""
    verified = (
        f"{_count(done.hours, 'hour')} from {instant(done.verified_from)} to {instant(done.verified_to)}, "
        f"{_count(done.records, 'record')}"
    )
    if done.is_sound:
        console.print(f"The archive is sound: {verified}.", style="bold green")
    else:
        _print_findings(done.findings, verified, console)
    if unverified := _unverified(done):
        console.print(f"Not verified: {'; '.join(unverified)}.")
    pace = f" ({done.records / max(seconds, 1e-9):,.0f} records a second)" if done.records else ""
    console.print(
        f"  {_count(done.objects, 'object')}, {_count(done.table_records, 'record')} in the audit table{pace}"
    )
    if done.last_digest:
        console.print(f"  newest digest: {done.last_digest.key}, SHA-256 {done.last_digest.sha256}")


def why_nothing_was_verified(done: Verification) -> str:
    """One sentence for a time without a verified hour."""
    if done.beginning is None:
        return "nothing is sealed yet: an hour is sealed some minutes after its end."
    if done.end <= done.beginning:
        return f"the archive begins at {instant(done.beginning)}, after the time that was asked for."
    return "no hour of that time is sealed yet: an hour is sealed some minutes after its end."


def _unverified(done: Verification) -> list[str]:
    are = "is" if done.open_hours == 1 else "are"
    parts = [f"{_count(done.open_hours, 'hour')} that {are} not sealed yet"] if done.open_hours else []
    if done.earlier_hours:
        parts.append(f"{_count(done.earlier_hours, 'hour')} before the archive begins")
    return parts


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _print_findings(findings: Sequence[Finding], verified: str, console: Console) -> None:
    first = findings[0]
    console.print(f"The archive is NOT SOUND: {verified}.", style="bold red")
    console.print("First:", style="bold")
    console.print(f"  {first.kind.meaning}")
    console.print(f"  {place_of(first)}")
    if first.detail:
        console.print(f"  {first.detail}")
    if first.original_version_id:
        console.print(f"  The sealed version still exists: {first.original_version_id}")
    if len(findings) > 1:
        console.print()
        console.print(f"All {len(findings):,} findings, by hour (UTC)", style="bold")
        for found in findings[:_MAX_SHOWN]:
            # Not in a table, which would fold the keys.
            console.print(f"  {found.hour:%Y-%m-%dT%H}  {found.kind.value:<21}  {place_of(found)}")
    if len(findings) > _MAX_SHOWN:
        console.print(f"  ... and {len(findings) - _MAX_SHOWN:,} more: see --json")


def place_of(found: Finding) -> str:
    """The object or the records of a finding."""
    if found.key:
        return found.key
    more = f" and {found.count - len(found.record_ids):,} more" if found.count > len(found.record_ids) else ""
    return f"record {', '.join(found.record_ids)}{more}"


def finding_document(found: Finding) -> dict[str, Any]:
    """One finding."""
    return {
        "code": found.kind.value,
        "meaning": found.kind.meaning,
        "hour": instant(found.hour),
        "key": found.key,
        "records": list(found.record_ids),
        "count": found.count,
        "detail": found.detail or None,
        "original_version_id": found.original_version_id,
    }
