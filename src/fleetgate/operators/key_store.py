"""Key assignments as stops change them: which stops hold a key, and which of its certificates lost their place."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fleetgate.domain.allow_list import AllowListEntry, KeyAssignment
from fleetgate.domain.audit import AuditRecord
from fleetgate.store.allow_list_items import KeyItem, assignment_key, key_assignment_from
from fleetgate.store.faults import Overtaken, faults_translated, until_written
from fleetgate.store.tables import Cancelled, StackTables, TableSettings

# Stops that stand on the key itself. Those of a device, a manufacturer or an import stand on the entry and the switch.
GATE_STOP = "gate"
SUPERSEDED_STOP = "superseded"


def claim_stop_name(claim_certificate_id: str) -> str:
    """The name of the stop that a claim certificate's block puts on keys."""
    return f"claim#{claim_certificate_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """One change of a key assignment; it makes the assignment where there is none. Once more it changes nothing.

    Attributes:
        stop: A stop that holds the key from now on. released_stop: one that holds it no more.
        deactivated_certificate_id: A certificate of the key that is never let in again.
    """

    fingerprint: str
    serial_number: str
    stop: str | None = None
    released_stop: str | None = None
    deactivated_certificate_id: str | None = None

    def add_to(self, transaction: Any, now: datetime) -> None:
        """Have a transaction make the change."""
        actions: list[Any] = [
            # Whose key it is never changes.
            KeyItem.serial_number.set(KeyItem.serial_number | self.serial_number),
            KeyItem.kind.set(KeyItem),
            KeyItem.is_unused.remove(),
            KeyItem.updated_at.set(now),
        ]
        if self.stop:
            actions.append(KeyItem.stops.add({self.stop}))
        if self.released_stop:
            actions.append(KeyItem.stops.delete({self.released_stop}))
        if self.deactivated_certificate_id:
            actions.append(KeyItem.deactivated_certificates.add({self.deactivated_certificate_id}))
        transaction.update(KeyItem(assignment_key(self.fingerprint)), actions=actions)

    def is_made(self, key: KeyAssignment | None) -> bool:
        """Whether the assignment says so already."""
        return (
            key is not None
            and self.stop in {None, *key.stops}
            and self.released_stop not in key.stops
            and self.deactivated_certificate_id in {None, *key.deactivated_certificates}
        )


def supersession(
    entry: AllowListEntry | None, *, fingerprint: str, serial_number: str, certificate_id: str
) -> KeyChange:
    """What the gate has to know of a certificate that lost its place for good: neither it nor its key is let in again.

    The certificate alone, where the device may go on with the key: it rotates by a CSR, or came back with the key.

    Args:
        entry: The device's; None where it is off the allow-list.
    """
    return KeyChange(
        fingerprint=fingerprint,
        serial_number=serial_number,
        stop=None if entry is not None and _may_hold(entry, fingerprint) else SUPERSEDED_STOP,
        deactivated_certificate_id=certificate_id,
    )


def _may_hold(entry: AllowListEntry, fingerprint: str) -> bool:
    """Whether a certificate that the device may use has a key, or one that is not known."""
    current = entry.device_certificate
    if current is not None and current.fell_back_to is not None:
        return True
    return any(held.key_fingerprint in {None, fingerprint} for held in (entry.reservation, current) if held)


class KeyStore:
    """The key assignments of one stack. Every method raises Fault when the tables cannot answer."""

    def __init__(self, tables: TableSettings | StackTables) -> None:
        self._tables = StackTables.of(tables)

    def key(self, fingerprint: str) -> KeyAssignment | None:
        """Whom a key was given to, and what stops it; strongly consistent."""
        item = self._tables.get(KeyItem, assignment_key(fingerprint))
        if item is None:
            return None
        with faults_translated():
            return key_assignment_from(item)

    def change(self, change: KeyChange, record: AuditRecord) -> None:
        """Make a change with its audit record."""

        def attempt() -> None:
            try:
                with self._tables.transaction(record) as transaction:
                    change.add_to(transaction, record.recorded_at)
            except Cancelled as cancelled:
                raise Overtaken from cancelled

        until_written(attempt)
