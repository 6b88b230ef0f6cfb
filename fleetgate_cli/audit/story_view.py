"""A device's story as people read it: its state, its approval, its admissions and denials, and their proofs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fleetgate.archive.prove import Proof, Proofs
from fleetgate.domain.audit import AuditRecord, OperatorAction, RecordKind, Verdict
from fleetgate.domain.documents import instant
from fleetgate.domain.reasons import DenialReason
from fleetgate.imports.changes import changes_of_last_import, in_words
from fleetgate.imports.delivery import NOBODY
from fleetgate.imports.record import ImportRecord
from fleetgate.outcomes.outcome import OutcomeReason
from fleetgate.trail.story import Admission, AdmissionEnding, DeviceStory
from fleetgate_cli.reasons import allow_rule, denial_reason, outcome_reason
from fleetgate_cli.run import hint
from fleetgate_cli.tables import caller, plain_table, print_table, short, word

_ENDINGS = {
    AdmissionEnding.IN_USE: ("in use", "green"),
    AdmissionEnding.SUPERSEDED: ("superseded: it was in use until the device got a later certificate", "yellow"),
    AdmissionEnding.REGISTERED: ("registered: AWS IoT provisioned it; the device has not connected yet", "yellow"),
    AdmissionEnding.NEVER_COMPLETED: ("never completed: AWS IoT did not activate the certificate in time", "yellow"),
    AdmissionEnding.FAILED: ("failed: AWS IoT could not provision the certificate", "red"),
    AdmissionEnding.NOT_SEEN: ("no outcome was seen", "yellow"),
}
_PROOFS = {
    Proof.SEALED: Text("sealed", style="green"),
    Proof.NOT_SEALED_YET: Text("not yet", style="yellow"),
    Proof.NOT_PROVEN: Text("NOT PROVEN", style="bold red"),
}
_LABEL_COLUMNS = 15
# The operator actions that stop a device.
_STOPPING = {DenialReason.QUARANTINED: OperatorAction.QUARANTINE, DenialReason.RETIRED: OperatorAction.RETIRE}


def print_story(story: DeviceStory, proofs: Proofs | None, console: Console, *, now: datetime) -> None:
    """Print it, within the width of the console; without the column of proofs where no proof was asked for."""
    _print_standing(story, console, now)
    _heading("From which list?", console)
    print_table(console, _labelled(_lists(story)))
    _heading("Who let it in?", console)
    if not story.admissions:
        console.print("  The gate never allowed it, according to the audit trail.")
    for number, admission in enumerate(story.admissions):
        if number:
            console.print()
        print_table(console, _labelled(_admission(admission, story)))
    if story.denials:
        _heading("Why was it denied?", console)
        print_table(console, _labelled(_denials(story.denials)))
    _heading("What happened, oldest first", console)
    print_table(console, _timeline(story, proofs))
    if not story.is_complete:
        console.print(f"  There are more records: {hint(f'audit export --serial-number {story.serial_number}')}")


def _heading(text: str, console: Console) -> None:
    console.print()
    console.print(text, style="bold")


def _print_standing(story: DeviceStory, console: Console, now: datetime) -> None:
    entry = story.entry
    console.print(Text.assemble((story.serial_number.value, "bold"), "  ", word(entry.state if entry else "unknown")))
    lines: list[tuple[str, str | Text]] = []
    if entry:
        lines += [("Manufacturer", entry.manufacturer)]
        lines += [("MAC addresses", ", ".join(mac.value for mac in sorted(entry.mac_addresses)) or "none")]
        if entry.device_certificate:
            lines.append(("Certificate", entry.device_certificate.certificate_id))
            lines += _public_key(entry.device_certificate.key_fingerprint)
        if entry.reservation:
            until = f"reserved until {instant(entry.reservation.deadline)}"
            lines.append(("Reserved for", f"{entry.reservation.certificate_id}, {until}"))
            lines += _public_key(entry.reservation.key_fingerprint)
        if entry.key_fingerprint:
            lines.append(("Approved key", entry.key_fingerprint))
    if any(record.reason == OutcomeReason.UNAPPROVED_THING for record in story.records):
        beware = f"{OutcomeReason.UNAPPROVED_THING.value}: {OutcomeReason.UNAPPROVED_THING.meaning}"
        lines += [("Beware", Text(beware, style="bold red")), ("", OutcomeReason.UNAPPROVED_THING.remedy)]
    for notice in dict.fromkeys(notice.reason for notice in story.notices):
        lines.append(("Beware", Text(notice, style="bold red")))
    stops = story.stops(now)
    if not stops:
        lines.append(("Stopped by", Text("nothing", style="green")))
    for stop in stops:
        lines.append(("Stopped by", Text(f"{stop.value}: {stop.meaning}", style="red")))
        action = _last_action(story, _STOPPING.get(stop))
        lines.append(("", _said(action) if action else stop.remedy))
    print_table(console, _labelled(lines))


def _last_action(story: DeviceStory, action: OperatorAction | None) -> AuditRecord | None:
    return next((record for record in reversed(story.actions) if action and record.action == action), None)


def _lists(story: DeviceStory) -> Iterator[tuple[str, str | Text]]:
    entry = story.entry
    for import_id, record in story.imports.items():
        line = f", line {entry.import_line}" if entry and entry.import_id == import_id and entry.import_line else ""
        yield "Import", f"{import_id}{line}"
        if entry and entry.import_id == import_id and entry.changed_from:
            yield "Changed", in_words(changes_of_last_import(entry))
        if record is None:
            yield "", Text("The record of this import has expired.", style="yellow")
        else:
            yield from _import(record)
    by_hand = _last_action(story, OperatorAction.APPROVE)
    if by_hand:
        yield "By hand", f"{instant(by_hand.recorded_at)}  {_said(by_hand)}"
    elif not story.imports:
        yield "", "No list and no operator approved it, according to the audit trail."


def _import(record: ImportRecord) -> Iterator[tuple[str, str | Text]]:
    delivery = record.delivery
    manufacturer = "no manufacturer" if delivery.manufacturer == NOBODY else delivery.manufacturer
    yield "File", f"{delivery.file_name} of {manufacturer}, uploaded {instant(delivery.file.stored_at)}"
    yield "Uploaded by", delivery.file.presented_uploader or delivery.requester or "an unknown person"
    if record.approved_by:
        yield "Approved by", record.approved_by
    if record.rolled_back_by:
        yield "Rolled back by", record.rolled_back_by


def _admission(admission: Admission, story: DeviceStory) -> Iterator[tuple[str, str | Text]]:
    decision = admission.decision
    rule = allow_rule(decision.reason)
    yield "Let in", Text.assemble(str(instant(decision.recorded_at)), "  ", (decision.reason, "green"))
    if rule:
        yield "", rule.meaning
    if decision.path:
        yield "By path", decision.path.value
    if decision.import_id:
        yield "By import", decision.import_id
    yield "With claim", _claim(decision, story)
    yield "Certificate", decision.certificate_id or "none"
    yield from _public_key(decision.key_fingerprint)
    if decision.taken_over:
        yield "", Text("It took over an unfinished reservation of another certificate.", style="yellow")
    if admission.repeats:
        times = "once" if admission.repeats == 1 else f"{admission.repeats:,} times"
        yield "Asked again", f"{times}, with the same answer"
    words, style = _ENDINGS[admission.ending]
    yield "Outcome", Text(words, style=style)
    for outcome in admission.outcomes:
        yield "", f"{instant(outcome.recorded_at)}  {outcome.reason}"
    for other in story.admissions:
        if decision.certificate_id and other.decision.superseded_certificate_id == decision.certificate_id:
            heir = f"superseded by {short(other.decision.certificate_id)}: {other.decision.reason}"
            yield "", f"{instant(other.decision.recorded_at)}  {heir}"


def _public_key(fingerprint: str | None) -> list[tuple[str, str | Text]]:
    """Records and certificates of earlier versions have no fingerprint."""
    return [("Public key", fingerprint)] if fingerprint else []


def _claim(decision: AuditRecord, story: DeviceStory) -> str:
    certificate_id = decision.claim_certificate_id or ""
    if any(certificate_id == other.decision.certificate_id for other in story.admissions):
        return f"{certificate_id}, its own certificate until then"
    claim = story.claims.get(certificate_id)
    if claim is None:
        return f"{certificate_id}, not registered with the gate"
    return f"{certificate_id}, of {claim.manufacturer or 'any manufacturer'}, {claim.status.value}"


def _denials(denials: Sequence[AuditRecord]) -> Iterator[tuple[str, str | Text]]:
    last = {record.reason: record for record in denials}
    for code, number in Counter(record.reason for record in denials).most_common():
        reason = denial_reason(code)
        yield f"{number:,} x", Text.assemble((code, "red"), f"  last {instant(last[code].recorded_at)}")
        if reason:
            yield "", reason.meaning
            yield "", reason.remedy


def _timeline(story: DeviceStory, proofs: Proofs | None) -> Table:
    table = plain_table("Time (UTC)", "What", "Why", "Certificate", *(["Proof"] if proofs else []))
    for _, alike in groupby(story.records, key=lambda record: _alike(record, proofs)):
        records = list(alike)
        record, more = records[0], len(records) - 1
        why = f"{_why(record)} ({more:,} more until {instant(records[-1].recorded_at)})" if more else _why(record)
        row = [instant(record.recorded_at), word(_what(record)), why, short(record.certificate_id)]
        table.add_row(*row, *([_PROOFS[_proof(record, proofs)]] if proofs else []))
    return table


def _alike(record: AuditRecord, proofs: Proofs | None) -> object:
    """The key by which denials are grouped; every other record is shown by itself."""
    if record.verdict is not Verdict.DENIED:
        return record.record_id
    return record.reason, record.certificate_id, proofs and _proof(record, proofs)


def _proof(record: AuditRecord, proofs: Proofs) -> Proof:
    return proofs.by_record[record.record_id]


def _what(record: AuditRecord) -> str:
    if record.verdict:
        return record.verdict.value
    return "seen" if record.kind is RecordKind.OUTCOME else record.action or record.kind.value


def _why(record: AuditRecord) -> str:
    if record.kind is RecordKind.OPERATOR_ACTION:
        return _said(record)
    if record.kind is RecordKind.IMPORT:
        return f"import {record.import_id}: {record.reason}"
    if record.verdict is Verdict.DENIED and record.presented_mac_address:
        return f"{record.reason}, with MAC address {record.presented_mac_address}"
    known = outcome_reason(record.reason) if record.kind is RecordKind.OUTCOME else None
    return f"{record.reason}: {known.meaning}" if known else record.reason


def _said(record: AuditRecord) -> str:
    return f"{caller(record.actor)}: {record.reason}"


def _labelled(lines: Iterator[tuple[str, str | Text]] | Sequence[tuple[str, str | Text]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True, min_width=_LABEL_COLUMNS)
    table.add_column(overflow="fold")
    for label, text in lines:
        table.add_row(f"  {label}", text)
    return table
