"""What the hook asks of the tables: one read to find, one write to commit."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.gate_switch import OPEN, GateSwitch
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.gate.decision import Allowed
from fleetgate.store.allow_list_items import (
    AllowListItem,
    ClaimItem,
    DeviceItem,
    claim_from,
    claim_key,
    device_certificate_attribute,
    device_key,
    entry_from,
    reservation_attribute,
)
from fleetgate.store.faults import UnreadableItem
from fleetgate.store.switch_items import SWITCH_KEY, FenceItem, SwitchItem, fence_of, judged_by, switch_from
from fleetgate.store.tables import Cancelled, LostRace, StackTables, TableSettings, lost_race


@dataclass(frozen=True, slots=True)
class Facts:
    """What the allow-list knows about a request."""

    entry: AllowListEntry | None
    claim: ClaimCertificate | None
    switch: GateSwitch


NOTHING_FOUND = Facts(None, None, OPEN)


class GateStore:
    """The hook's view of one stack's tables."""

    def __init__(self, tables: TableSettings | StackTables) -> None:
        self._tables = StackTables.of(tables)

    def prime(self) -> None:
        """Build the client now, so that the first request does not have to."""
        _ = self._tables.connection().client

    def find(self, serial_number: SerialNumber, claim_certificate_id: str) -> Facts:
        """Read the device entry, the claim certificate and the switch, strongly consistent, in one BatchGetItem.

        Raises:
            Fault: The tables could not be asked, or hold something unreadable.
        """
        entry, claim, switch = None, None, OPEN
        with self._tables.asked():
            keys = [device_key(serial_number), claim_key(claim_certificate_id), SWITCH_KEY]
            for item in AllowListItem.batch_get(keys, consistent_read=True):
                match item:
                    case DeviceItem():
                        entry = entry_from(item)
                    case ClaimItem():
                        claim = claim_from(item)
                    case SwitchItem():
                        switch = switch_from(item)
                    case _:
                        raise UnreadableItem("an item of another kind stands under a device's, claim's or switch's key")
        return Facts(entry, claim, switch)

    def commit(self, allowed: Allowed, record: AuditRecord, *, judged_under: GateSwitch) -> LostRace | None:
        """Write an allow and its audit record in one transaction, if nothing was changed or stopped meanwhile.

        Args:
            judged_under: The switch as it was read for this decision.

        Returns:
            None when both are written; LostRace when neither is.

        Raises:
            Fault: The tables could not be asked.
        """
        device = DeviceItem(device_key(allowed.entry.serial_number))
        unchanged = DeviceItem.version == allowed.entry.version
        try:
            with self._tables.transaction(record) as transaction:
                if allowed.reserved is None:
                    transaction.condition_check(DeviceItem, device.pk, condition=unchanged)
                else:
                    transaction.update(
                        device,
                        actions=_changes(allowed.entry, allowed.reserved, record.recorded_at),
                        condition=unchanged,
                        return_values="ALL_OLD",
                    )
                transaction.condition_check(
                    FenceItem, fence_of(allowed.entry.serial_number), condition=judged_by(judged_under)
                )
        except Cancelled as cancelled:
            return lost_race(cancelled)
        return None

    def record(self, record: AuditRecord) -> None:
        """Append one audit record, once.

        Raises:
            Fault: The table could not be asked.
        """
        self._tables.append(record)


def _changes(before: AllowListEntry, reserved: AllowListEntry, now: datetime) -> list[Any]:
    """What an allow changes of an entry; the condition on its version holds the rest in place."""
    held, current = reserved.reservation, reserved.device_certificate
    changes: list[Any] = [DeviceItem.version.set(reserved.version), DeviceItem.updated_at.set(now)]
    if held:
        changes.append(DeviceItem.reservation.set(reservation_attribute(held)))
    if current and current != before.device_certificate:
        changes.append(DeviceItem.device_certificate.set(device_certificate_attribute(current)))
    if reserved.reprovisioning_count != before.reprovisioning_count:
        changes.append(DeviceItem.reprovisioning_count.set(reserved.reprovisioning_count))
    if reserved.state is not before.state:
        changes.append(DeviceItem.state.set(reserved.state.value))
    return changes
