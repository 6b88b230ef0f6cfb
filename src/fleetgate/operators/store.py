"""What operators change: each change and its audit record are one transaction."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.transactions import TransactWrite

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.claim import ClaimCertificate, ClaimStatus
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.store.allow_list_items import (
    AllowListItem,
    ClaimItem,
    DeviceItem,
    MacAssignmentItem,
    claim_item_from,
    claim_key,
    device_key,
    entry_from,
    item_from,
    mac_key,
)
from fleetgate.store.audit_items import AuditItem
from fleetgate.store.faults import cancellation_codes, faults_translated
from fleetgate.store.lost_race import LostRace, lost_race
from fleetgate.store.queries import Queries

# DynamoDB, TransactWriteItems: 100 items at most; the device entry and the audit record take two of them.
MOST_MAC_ADDRESSES = 98


@dataclass(frozen=True, slots=True)
class InTheWay:
    """What kept a device from being approved; nothing was written.

    Attributes:
        entry: The entry that the serial number has already.
        mac_owners: MAC addresses that belong to another serial number, and to which.
    """

    entry: AllowListEntry | None = None
    mac_owners: Mapping[MacAddress, SerialNumber] = field(default_factory=dict)

    @property
    def was_passing(self) -> bool:
        """Whether only another transaction was in the way, so that trying again helps."""
        return self.entry is None and not self.mac_owners


class OperatorStore(Queries):
    """An operator's view of one stack's tables: every question, and the changes operators make."""

    def approve(self, entry: AllowListEntry, record: AuditRecord) -> InTheWay | None:
        """Put a new device on the allow-list, with its MAC addresses, if nothing of it is taken.

        Returns:
            None when everything is written; what was in the way when nothing is.

        Raises:
            Fault: The tables could not be asked.
        """
        try:
            with self._transaction(record) as transaction:
                transaction.save(
                    item_from(entry, now=record.recorded_at),
                    condition=DeviceItem.pk.does_not_exist(),
                    return_values="ALL_OLD",
                )
                for mac_address in sorted(entry.mac_addresses):
                    own = MacAssignmentItem.serial_number == entry.serial_number.value
                    transaction.save(
                        MacAssignmentItem(
                            pk=mac_key(mac_address),
                            serial_number=entry.serial_number.value,
                            manufacturer=entry.manufacturer,
                        ),
                        condition=MacAssignmentItem.pk.does_not_exist() | own,
                        return_values="ALL_OLD",
                    )
        except Cancelled as cancelled:
            return _in_the_way(cancelled.error)
        return None

    def change_device(self, changed: AllowListEntry, record: AuditRecord) -> LostRace | None:
        """Write what operators set on a device, if the entry is still the one before this change.

        That is its hold, its repair window, and which certificates a quarantine deactivated.

        Args:
            changed: The entry after one transition, so its version is the read one plus 1.

        Returns:
            None when it is written; LostRace when nothing is.

        Raises:
            Fault: The tables could not be asked.
        """
        window, deactivated = changed.repair_window_until, changed.deactivated_certificates
        try:
            with self._transaction(record) as transaction:
                transaction.update(
                    DeviceItem(device_key(changed.serial_number)),
                    actions=[
                        DeviceItem.hold.set(changed.hold.value),
                        DeviceItem.state.set(changed.state.value),
                        DeviceItem.repair_window_until.set(window)
                        if window
                        else DeviceItem.repair_window_until.remove(),
                        DeviceItem.deactivated_certificates.set(set(deactivated))
                        if deactivated
                        else DeviceItem.deactivated_certificates.remove(),
                        DeviceItem.version.set(changed.version),
                        DeviceItem.updated_at.set(record.recorded_at),
                    ],
                    condition=DeviceItem.version == changed.version - 1,
                    return_values="ALL_OLD",
                )
        except Cancelled as cancelled:
            with faults_translated():
                return lost_race(cancelled.error)
        return None

    def take_off(self, entry: AllowListEntry, record: AuditRecord) -> bool:
        """Take a device off the allow-list with its MAC addresses, if the entry is still this one.

        Returns:
            Whether it was done; False when nothing was.

        Raises:
            Fault: The tables could not be asked.
        """
        try:
            with self._transaction(record) as transaction:
                transaction.delete(
                    DeviceItem(device_key(entry.serial_number)), condition=DeviceItem.version == entry.version
                )
                for mac_address in sorted(entry.mac_addresses):
                    transaction.delete(
                        MacAssignmentItem(mac_key(mac_address)),
                        condition=MacAssignmentItem.serial_number == entry.serial_number.value,
                    )
        except Cancelled:
            return False
        return True

    def free_without_device(self, mac_address: MacAddress, owner: SerialNumber, *, import_id: str) -> None:
        """Free a MAC address that an import assigned to a device which is not on the allow-list.

        Raises:
            Fault: The tables could not be asked.
        """
        connection = self._tables.connection()
        with faults_translated():
            try:
                with TransactWrite(connection=connection) as transaction:
                    transaction.condition_check(DeviceItem, device_key(owner), condition=DeviceItem.pk.does_not_exist())
                    transaction.delete(
                        MacAssignmentItem(mac_key(mac_address)),
                        condition=(MacAssignmentItem.serial_number == owner.value)
                        & (MacAssignmentItem.import_id == import_id),
                    )
            except TransactWriteError as error:
                if not cancellation_codes(error) & {"ConditionalCheckFailed", "TransactionConflict"}:
                    raise

    def register_claim(
        self, claim: ClaimCertificate, record: AuditRecord, *, replacing: ClaimCertificate | None = None
    ) -> bool:
        """Register a claim certificate that is not registered, or in place of an active registration that was read.

        Returns:
            Whether it was written; False when the registration is not the one that was read.

        Raises:
            Fault: The tables could not be asked.
        """
        condition: Condition = ClaimItem.pk.does_not_exist()
        if replacing is not None:
            condition = ClaimItem.status == ClaimStatus.ACTIVE.value
            condition &= (
                ClaimItem.expires_at.does_not_exist()
                if replacing.expires_at is None
                else ClaimItem.expires_at == replacing.expires_at
            )
        try:
            with self._transaction(record) as transaction:
                transaction.save(claim_item_from(claim, now=record.recorded_at), condition=condition)
        except Cancelled:
            return False
        return True

    def block_claim(self, certificate_id: str, record: AuditRecord) -> bool:
        """Block a registered, active claim certificate.

        Returns:
            Whether it was written; False when the claim certificate is not there or not active.

        Raises:
            Fault: The tables could not be asked.
        """
        return self._change_claim(certificate_id, ClaimStatus.ACTIVE, ClaimStatus.BLOCKED, record)

    def release_claim(self, certificate_id: str, record: AuditRecord) -> bool:
        """Make a blocked claim certificate active again.

        Returns:
            Whether it was written; False when the claim certificate is not there or not blocked.

        Raises:
            Fault: The tables could not be asked.
        """
        return self._change_claim(certificate_id, ClaimStatus.BLOCKED, ClaimStatus.ACTIVE, record)

    def _change_claim(self, certificate_id: str, before: ClaimStatus, after: ClaimStatus, record: AuditRecord) -> bool:
        try:
            with self._transaction(record) as transaction:
                transaction.update(
                    ClaimItem(claim_key(certificate_id)),
                    actions=[
                        ClaimItem.status.set(after.value),
                        ClaimItem.updated_at.set(record.recorded_at),
                    ],
                    condition=ClaimItem.status == before.value,
                )
        except Cancelled:
            return False
        return True

    @contextmanager
    def _transaction(self, record: AuditRecord) -> Iterator[TransactWrite]:
        """One transaction that ends in its audit record.

        Raises:
            Cancelled: A condition failed, or another transaction was at the same item.
            Fault: The tables could not be asked.
        """
        connection = self._tables.connection()
        with faults_translated():
            try:
                # botocore gives it a token, so that its own retry of a lost answer is still one transaction.
                with TransactWrite(connection=connection) as transaction:
                    yield transaction
                    transaction.save(self._tables.audit_item(record), condition=AuditItem.record_id.does_not_exist())
            except TransactWriteError as error:
                if not cancellation_codes(error) & {"ConditionalCheckFailed", "TransactionConflict"}:
                    raise
                raise Cancelled(error) from error


class Cancelled(Exception):
    """A transaction was cancelled because of what the items hold, and not for a fault."""

    def __init__(self, error: TransactWriteError) -> None:
        super().__init__(str(error))
        self.error = error


def _in_the_way(error: TransactWriteError) -> InTheWay:
    entry: AllowListEntry | None = None
    mac_owners: dict[MacAddress, SerialNumber] = {}
    with faults_translated():
        for reason in error.cancellation_reasons:
            if reason is None or reason.code != "ConditionalCheckFailed" or not reason.raw_item:
                continue
            match AllowListItem.from_raw_data(reason.raw_item):
                case DeviceItem() as device:
                    entry = entry_from(device)
                case MacAssignmentItem(pk=pk, serial_number=owner):
                    mac_owners[MacAddress.parse(pk.removeprefix("mac#"))] = SerialNumber.parse(owner)
    return InTheWay(entry, mac_owners)
