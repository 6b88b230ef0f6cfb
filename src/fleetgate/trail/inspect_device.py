"""Everything an operator wants to know of one device: where it stands, what happened, why it was denied."""

from dataclasses import dataclass
from datetime import datetime

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord, NoticeAction, device_subject
from fleetgate.domain.gate_switch import GateSwitch
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.reasons import DenialReason
from fleetgate.domain.refusals import unknown_device
from fleetgate.store.allow_list import AllowList, Page
from fleetgate.trail.records import SubjectRecords
from fleetgate.trail.story import DeviceStory


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReport:
    """What is known of a device.

    Attributes:
        entry: None when it is not on the allow-list, but asked to be let in.
        history: Audit records, newest first.
        last_denial: None when it was never denied.
        last_misuse: The newest notice that its certificate asked for another device, or another's for it; or None.
        stops: Why the gate would deny it now, whatever it presents; empty if it depends on that.
    """

    serial_number: SerialNumber
    entry: AllowListEntry | None
    history: Page[AuditRecord]
    last_denial: AuditRecord | None
    last_misuse: AuditRecord | None
    stops: tuple[DenialReason, ...]


def inspect_device(
    serial_number: SerialNumber, *, allow_list: AllowList, records: SubjectRecords, limit: int, now: datetime
) -> DeviceReport:
    """Gather what is known of a device.

    Args:
        limit: Of the history.
        now: Aware UTC; tells what stops the device.

    Raises:
        Refusal: The device is not on the allow-list and never asked to be let in.
        Fault: The tables could not be asked.
    """
    entry = allow_list.device(serial_number)
    history = records.of_device(serial_number, limit=limit)
    if entry is None and not history.items:
        raise unknown_device(serial_number)
    return DeviceReport(
        serial_number=serial_number,
        entry=entry,
        history=history,
        last_denial=records.last_denial(serial_number),
        last_misuse=records.last_action(
            device_subject(serial_number.value), NoticeAction.ASKED_FOR_ANOTHER_DEVICE.value
        ),
        stops=_story(entry, history, serial_number=serial_number, switch=allow_list.switch()).stops(now),
    )


def _story(
    entry: AllowListEntry | None, history: Page[AuditRecord], *, serial_number: SerialNumber, switch: GateSwitch
) -> DeviceStory:
    """As much of the device's story as tells what stops it."""
    return DeviceStory(
        serial_number=serial_number,
        entry=entry,
        records=history.items[::-1],
        is_complete=not history.more,
        imports={},
        claims={},
        switch=switch,
    )
