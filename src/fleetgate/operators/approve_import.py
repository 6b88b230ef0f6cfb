"""Let a second person approve an import that waits."""

from dataclasses import replace

from fleetgate.domain.audit import OperatorAction
from fleetgate.domain.operator_action import Change, Operator
from fleetgate.domain.refusals import Refusal, RefusalCode
from fleetgate.imports.announcement import Announcement
from fleetgate.imports.record import ImportRecord, ImportStatus
from fleetgate.imports.store.drop_box import ImportQueue
from fleetgate.imports.store.reader import known_import
from fleetgate.imports.store.records import ImportRecords
from fleetgate.store.faults import Overtaken, until_written


def approve_import(
    import_id: str, *, records: ImportRecords, queue: ImportQueue, operator: Operator
) -> Change[ImportRecord]:
    """Approve an import, and have it go on. Safe to repeat: an approval that was not heard is announced again.

    Raises:
        Refusal: There is no such import, it does not wait, or whoever approves says to have uploaded it.
        Fault: The tables could not be asked.
    """

    def attempt() -> Change[ImportRecord]:
        record = known_import(import_id, records.reader)
        if record.approved_by is not None:
            if not record.has_ended:
                queue.announce(Announcement.of(record.delivery))
            return Change(record, None)
        if not record.is_waiting:
            raise Refusal(
                RefusalCode.IMPORT_NOT_WAITING,
                f"import {import_id} is {record.status}: only one that waits is approved.",
            )
        if operator.actor == record.delivery.file.presented_uploader:
            raise Refusal(
                RefusalCode.SAME_PERSON,
                f"{operator.actor} uploaded import {import_id}: a second person has to approve it.",
            )
        audit = replace(
            operator.record(OperatorAction.APPROVE_IMPORT),
            import_id=import_id,
            manufacturer=record.delivery.manufacturer,
        )
        approved = record.changed(status=ImportStatus.APPROVED, approved_by=operator.actor)
        if records.change(approved, audit=audit):
            queue.announce(Announcement.of(record.delivery))
            return Change(approved, audit)
        raise Overtaken

    return until_written(attempt)
