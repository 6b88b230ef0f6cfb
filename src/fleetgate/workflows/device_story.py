"""Gather a device's story: what the audit trail, the allow-list, the imports and the claim certificates say of it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.audit_query import EVER, AuditQuery, Place
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.story import DeviceStory
from fleetgate.store.audit_trail import AuditTrail
from fleetgate.store.import_records import ImportRecords
from fleetgate.store.stops import StopStore
from fleetgate.workflows.refusals import unknown_device

# Of one story. A device that has more is not a device any more but an attack, and `audit list` shows it page by page.
MOST_RECORDS = 1_000
# Of what is looked for behind an attack; some hundred thousand records.
_MOST_PAGES = 20
# The clocks of the functions that record differ a little.
_SOON = timedelta(days=1)


def device_story(
    serial_number: SerialNumber, *, store: StopStore, trail: AuditTrail, imports: ImportRecords, now: datetime
) -> DeviceStory:
    """Tell a device's story.

    Raises:
        Refusal: The device is not on the allow-list and never asked to be let in.
        Fault: The tables could not be asked.
    """
    entry = store.device(serial_number)
    records, is_complete = _records(trail, AuditQuery(start=EVER, end=now + _SOON, serial_number=serial_number))
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
        claims={claim_id: store.claim(claim_id) for claim_id in sorted(filter(None, claim_ids))},
        switch=store.switch(),
    )


def _records(trail: AuditTrail, query: AuditQuery) -> tuple[tuple[AuditRecord, ...], bool]:
    """The newest records and, where there are too many, what lies behind the denials; oldest first."""
    found = list(islice(_newest(trail, query), MOST_RECORDS + 1))
    is_complete = len(found) <= MOST_RECORDS
    if is_complete:
        return _oldest_first(found), True
    # A denial costs whoever asks for it nothing: many of them must not hide who let the device in.
    allows = replace(query, verdict=Verdict.ALLOWED)
    rest = replace(query, kinds=frozenset(RecordKind) - {RecordKind.DECISION})
    behind = [record for one in (allows, rest) for record in islice(_newest(trail, one), MOST_RECORDS)]
    return _oldest_first([*found[:MOST_RECORDS], *behind]), False


def _newest(trail: AuditTrail, query: AuditQuery) -> Iterator[AuditRecord]:
    place: Place | None = None
    for _ in range(_MOST_PAGES):
        page = trail.page(query, limit=MOST_RECORDS, place=place)
        yield from page.records
        place = page.next_place
        if place is None:
            return


def _oldest_first(records: Iterable[AuditRecord]) -> tuple[AuditRecord, ...]:
    # By the time of recording: the ID of an outcome has the time of the decision that it is about.
    once = {record.record_id: record for record in records}
    return tuple(sorted(once.values(), key=lambda record: (record.recorded_at, record.record_id)))
