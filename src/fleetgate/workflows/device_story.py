"""Gather a device's story: what the audit trail, the allow-list, the imports and the claim certificates say of it."""

from datetime import UTC, datetime, timedelta

from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.audit_query import AuditQuery, Place
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.story import DeviceStory
from fleetgate.store.audit_trail import AuditTrail
from fleetgate.store.import_records import ImportRecords
from fleetgate.store.stops import StopStore
from fleetgate.workflows.refusals import unknown_device

# Of one story. A device that has more is not a device any more but an attack, and `audit list` shows it page by page.
MOST_RECORDS = 1_000
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
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
    records, is_complete = _newest(trail, AuditQuery(start=_EVER, end=now + _SOON, serial_number=serial_number))
    if entry is None and not records:
        raise unknown_device(serial_number)
    import_ids = (entry.first_import_id, entry.import_id) if entry else ()
    claim_ids = {record.claim_certificate_id for record in records}
    return DeviceStory(
        serial_number=serial_number,
        entry=entry,
        records=tuple(reversed(records)),
        is_complete=is_complete,
        imports={import_id: imports.find(import_id) for import_id in dict.fromkeys(import_ids) if import_id},
        claims={claim_id: store.claim(claim_id) for claim_id in sorted(filter(None, claim_ids))},
        switch=store.switch(),
    )


def _newest(trail: AuditTrail, query: AuditQuery) -> tuple[list[AuditRecord], bool]:
    found: list[AuditRecord] = []
    place: Place | None = None
    while len(found) < MOST_RECORDS:
        page = trail.page(query, limit=MOST_RECORDS - len(found), place=place)
        found += page.records
        place = page.next_place
        if place is None:
            return found, True
    return found, False
