"""Everything an operator wants to know of one device: where it stands, what happened, why it was denied."""

from dataclasses import dataclass

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.store.queries import Page, Queries
from fleetgate.workflows.refusals import unknown_device


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReport:
    """What is known of a device.

    Attributes:
        entry: None when it is not on the allow-list, but asked to be let in.
        history: Audit records, newest first.
        last_denial: None when it was never denied.
    """

    serial_number: SerialNumber
    entry: AllowListEntry | None
    history: Page[AuditRecord]
    last_denial: AuditRecord | None


def inspect_device(serial_number: SerialNumber, *, queries: Queries, limit: int) -> DeviceReport:
    """Gather what is known of a device.

    Args:
        limit: Of the history.

    Raises:
        Refusal: The device is not on the allow-list and never asked to be let in.
        Fault: The tables could not be asked.
    """
    entry = queries.device(serial_number)
    history = queries.records_of_device(serial_number, limit=limit)
    if entry is None and not history.items:
        raise unknown_device(serial_number)
    return DeviceReport(
        serial_number=serial_number,
        entry=entry,
        history=history,
        last_denial=queries.last_denial_of_device(serial_number),
    )
