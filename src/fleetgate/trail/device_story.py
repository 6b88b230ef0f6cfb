"""Gather a device's story: what the audit trail, the allow-list, the imports and the claim certificates say of it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.refusals import unknown_device
from fleetgate.imports.store.reader import ImportReader
from fleetgate.store.allow_list import AllowList
from fleetgate.trail.query import EVER, AuditQuery, Place
from fleetgate.trail.store import AuditTrail
from fleetgate.trail.story import DeviceStory

# Of one story. A device that has more is not a device any more but an attack, and `audit list` shows it page by page.
MAX_RECORDS = 1_000
# Of one walk. A page is ten queries of a thousand records at most, and the API has 29 s for everything.
_MAX_PAGES = 2
# Of what has an ID of one and the same millisecond.
_MAX_BESIDE_A_DECISION = 100
# ULID specification: ten characters of time, then chance.
_TIME_IN_ID = 10
# The clocks of the functions that record differ a little.
_SOON = timedelta(days=1)


def device_story(
    serial_number: SerialNumber, *, allow_list: AllowList, trail: AuditTrail, imports: ImportReader, now: datetime
) -> DeviceStory:
    """Tell a device's story.

    Raises:
        Refusal: The device is not on the allow-list and never asked to be let in.
        Fault: The tables could not be asked.
    """
    entry = allow_list.device(serial_number)
    query = AuditQuery(start=EVER, end=now + _SOON, serial_number=serial_number)
    records, is_complete = _records(trail, query, entry)
    if entry is None and not records:
        raise unknown_device(serial_number)
    of_entry = (entry.first_import_id, entry.import_id) if entry else ()
    import_ids = dict.fromkeys([*of_entry, *(record.import_id for record in records)])
    claim_ids = {record.claim_certificate_id for record in records}
    return DeviceStory(
        serial_number=serial_number,
        entry=entry,
        records=records,
        is_complete=is_complete,
        imports={import_id: imports.find(import_id) for import_id in import_ids if import_id},
        claims={claim_id: allow_list.claim(claim_id) for claim_id in sorted(filter(None, claim_ids))},
        switch=allow_list.switch(),
    )


def _records(
    trail: AuditTrail, query: AuditQuery, entry: AllowListEntry | None
) -> tuple[tuple[AuditRecord, ...], bool]:
    """The newest records and, where there are too many, what lies behind the denials; oldest first."""
    newest, is_complete = _newest(trail, query)
    if is_complete:
        return _oldest_first(newest), True
    # A denial costs whoever asks for it nothing: many of them must not hide who let the device in. However many there
    # are, what it holds now is looked up.
    held = (entry.device_certificate, entry.reservation) if entry else ()
    behind = [record for one in held if one for record in _of_decision(trail, query, one.decision_id)]
    for one in (
        replace(query, verdict=Verdict.ALLOWED),
        replace(query, kinds=frozenset(RecordKind) - {RecordKind.DECISION}),
    ):
        behind += _newest(trail, one)[0]
    return _oldest_first([*newest, *behind]), False


def _of_decision(trail: AuditTrail, query: AuditQuery, decision_id: str) -> Iterator[AuditRecord]:
    """A decision and what was seen of it, which stands beside it: record IDs begin with the time of the decision."""
    behind_it = f"{decision_id[:_TIME_IN_ID]}~"  # sorts after every ID of this time
    page = trail.page(query, limit=_MAX_BESIDE_A_DECISION, place=Place(behind_it))
    return (record for record in page.records if record.decision_id == decision_id)


def _newest(trail: AuditTrail, query: AuditQuery) -> tuple[list[AuditRecord], bool]:
    """The newest records, no more than fit, and whether these are all."""
    found: list[AuditRecord] = []
    place: Place | None = None
    for _ in range(_MAX_PAGES):
        page = trail.page(query, limit=MAX_RECORDS + 1 - len(found), place=place)
        found += page.records
        place = page.next_place
        if place is None or len(found) > MAX_RECORDS:
            break
    return found[:MAX_RECORDS], place is None and len(found) <= MAX_RECORDS


def _oldest_first(records: Iterable[AuditRecord]) -> tuple[AuditRecord, ...]:
    # By the time of recording: the ID of an outcome has the time of the decision that it is about.
    once = {record.record_id: record for record in records}
    return tuple(sorted(once.values(), key=lambda record: (record.recorded_at, record.record_id)))
