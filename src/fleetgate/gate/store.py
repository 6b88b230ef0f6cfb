"""What the hook asks of the tables: one read to find, one write to commit."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.expressions.condition import Condition

from fleetgate.domain.allow_list import AllowListEntry, KeyAssignment
from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.gate_switch import OPEN, GateSwitch
from fleetgate.gate.decision import Allowed
from fleetgate.gate.request import PresentedIdentity
from fleetgate.store.allow_list_items import (
    SWITCH_KEY,
    AllowListItem,
    ClaimItem,
    DeviceItem,
    KeyItem,
    SwitchItem,
    assignment_key,
    claim_from,
    claim_key,
    device_certificate_attribute,
    device_key,
    entry_from,
    key_assignment_from,
    reservation_attribute,
    switch_from,
)
from fleetgate.store.faults import UnreadableItem
from fleetgate.store.tables import Cancelled, LostRace, StackTables, TableSettings, lost_race


@dataclass(frozen=True, slots=True)
class Facts:
    """What the allow-list knows about a request."""

    entry: AllowListEntry | None
    claim: ClaimCertificate | None
    key: KeyAssignment | None
    switch: GateSwitch


NOTHING_FOUND = Facts(None, None, None, OPEN)


class GateStore:
    """The hook's view of one stack's tables."""

    def __init__(self, tables: TableSettings | StackTables) -> None:
        self._tables = StackTables.of(tables)

    def prime(self) -> None:
        """Build the client now, so that the first request does not have to."""
        _ = self._tables.connection().client

    def find(self, identity: PresentedIdentity) -> Facts:
        """Read the entry, the claim certificate, the key and the switch, strongly consistent, in one BatchGetItem.

        Raises:
            Fault: The tables could not be asked, or hold something unreadable.
        """
        entry, claim, key, switch = None, None, None, OPEN
        with self._tables.asked():
            keys = [
                device_key(identity.serial_number),
                claim_key(identity.claim_certificate_id),
                assignment_key(identity.key_fingerprint),
                SWITCH_KEY,
            ]
            for item in AllowListItem.batch_get(keys, consistent_read=True):
                match item:
                    case DeviceItem():
                        entry = entry_from(item)
                    case ClaimItem():
                        claim = claim_from(item)
                    case KeyItem():
                        key = key_assignment_from(item)
                    case SwitchItem():
                        switch = switch_from(item)
                    case _:
                        raise UnreadableItem("an item of another kind stands under a key that is asked for")
        return Facts(entry, claim, key, switch)

    def commit(self, allowed: Allowed, record: AuditRecord) -> LostRace | None:
        """Write an allow, the key assignment and the audit record in one transaction, if nothing changed meanwhile.

        Returns:
            None when both are written; LostRace when neither is.

        Raises:
            Fault: The tables could not be asked.
        """
        device = DeviceItem(device_key(allowed.entry.serial_number))
        unchanged = DeviceItem.version == allowed.entry.version
        key = KeyItem(assignment_key(allowed.identity.key_fingerprint))
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
                # No assignment also at a retry of what was let in before keys were assigned.
                if allowed.key is None or allowed.key.is_unused:
                    transaction.update(
                        key,
                        actions=_assignment(allowed, record.recorded_at),
                        condition=KeyItem.pk.does_not_exist() | _is_own(allowed),
                    )
                else:
                    transaction.condition_check(KeyItem, key.pk, condition=_is_own(allowed))
        except Cancelled as cancelled:
            return lost_race(cancelled)
        return None

    def record(self, record: AuditRecord) -> None:
        """Append one audit record, once.

        Raises:
            Fault: The table could not be asked.
        """
        self._tables.append(record)


def _assignment(allowed: Allowed, now: datetime) -> list[Any]:
    """What the first allow with a key writes to its assignment."""
    return [
        KeyItem.serial_number.set(allowed.entry.serial_number.value),
        KeyItem.kind.set(KeyItem),
        KeyItem.is_unused.remove(),
        KeyItem.updated_at.set(now),
    ]


def _is_own(allowed: Allowed) -> Condition:
    """The condition on a key assignment that it is the device's, and that nothing stopped it."""
    condition: Condition = KeyItem.serial_number == allowed.entry.serial_number.value
    condition &= KeyItem.stops.does_not_exist()
    condition &= ~KeyItem.deactivated_certificates.contains(allowed.identity.certificate_id)
    return condition


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
