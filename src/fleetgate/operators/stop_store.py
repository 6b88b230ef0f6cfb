"""What operators ask and change for many devices at once: the switch, its fences, and whom they concern."""

import random
import time
from collections.abc import Callable, Iterator

from pynamodb.exceptions import DoesNotExist, UpdateError

from fleetgate.domain.audit import GATE_SUBJECT, AuditRecord, Verdict, import_subject, manufacturer_subject
from fleetgate.domain.faults import Fault
from fleetgate.domain.gate_switch import OPEN, GateSwitch
from fleetgate.domain.reasons import FaultReason
from fleetgate.operators.store import Cancelled, OperatorStore
from fleetgate.store.audit_items import AuditItem, record_from
from fleetgate.store.audit_lines import decisions_in
from fleetgate.store.faults import faults_translated, response_code
from fleetgate.store.queries import SCAN_PAGE_ITEMS, Page, page_of
from fleetgate.store.switch_items import FENCES, SWITCH_KEY, FenceItem, SwitchItem, fence_key, switch_from
from fleetgate.store.tables import TableSettings

# A fence is busy for the milliseconds of an allow's transaction.
_MOST_TRIES_A_FENCE = 20
_LONGEST_PAUSE_SECONDS = 0.5


class StopStore(OperatorStore):
    """An operator's view of one stack's tables, with what stops many devices. Every method raises Fault."""

    def __init__(self, settings: TableSettings, *, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__(settings)
        self._sleep = sleep

    def switch(self) -> GateSwitch:
        """The switch, strongly consistent."""
        self._tables.connection()
        with faults_translated():
            try:
                return switch_from(SwitchItem.get(SWITCH_KEY, consistent_read=True))
            except DoesNotExist:
                return OPEN

    def change_switch(self, changed: GateSwitch, record: AuditRecord) -> bool:
        """Write the switch with its audit record, if it is still the one before this change.

        Returns:
            Whether it was written; False when nothing was.
        """
        is_first = changed.version == OPEN.version + 1
        before = SwitchItem.pk.does_not_exist() if is_first else SwitchItem.version == changed.version - 1
        try:
            with self._transaction(record) as transaction:
                transaction.save(
                    SwitchItem(
                        pk=SWITCH_KEY,
                        is_stopped=changed.is_stopped,
                        manufacturers=set(changed.manufacturers) or None,
                        imports=set(changed.imports) or None,
                        version=changed.version,
                        updated_at=record.recorded_at,
                    ),
                    condition=before,
                )
        except Cancelled:
            return False
        return True

    def raise_fences(self, switch: GateSwitch) -> None:
        """Let nothing be committed any more that was judged by an earlier version of the switch. Safe to repeat."""
        self._tables.connection()
        for number in range(FENCES):
            self._raise_fence(FenceItem(fence_key(number)), switch.version)

    def allows_through(self, certificate_id: str, *, after: str = "") -> Iterator[AuditRecord]:
        """The decisions on record that let a device in with this claim certificate, or with this one of its own.

        They come from an index, in which anything may be that lies elsewhere in the table: that is passed over.

        Args:
            after: A record ID; only what is newer.
        """
        self._tables.connection()
        with faults_translated():
            found = AuditItem.by_claim_certificate.query(
                certificate_id,
                range_key_condition=AuditItem.record_id > after if after else None,
                filter_condition=AuditItem.verdict == Verdict.ALLOWED.value,
                page_size=SCAN_PAGE_ITEMS,
            )
            for page in found.page_iter:
                yield from decisions_in(page["Items"])

    def records_of_gate(self, *, limit: int) -> Page[AuditRecord]:
        """The audit records about the gate as a whole, newest first."""
        self._tables.connection()
        with faults_translated():
            found = AuditItem.query(GATE_SUBJECT, consistent_read=True, scan_index_forward=False, limit=limit + 1)
            return page_of(found, record_from, limit)

    def last_record_of_manufacturer(self, name: str, *, action: str) -> AuditRecord | None:
        """The newest audit record of what an operator did with a manufacturer as a whole."""
        return self._last_record(manufacturer_subject(name), action)

    def last_record_of_import(self, import_id: str, *, action: str) -> AuditRecord | None:
        """The newest audit record of what an operator did with an import as a whole."""
        return self._last_record(import_subject(import_id), action)

    def append(self, record: AuditRecord) -> None:
        """Append an audit record of something that changed no table."""
        self._tables.append(record)

    def _last_record(self, subject: str, action: str) -> AuditRecord | None:
        self._tables.connection()
        with faults_translated():
            found = AuditItem.query(
                subject,
                filter_condition=AuditItem.action == action,
                consistent_read=True,
                scan_index_forward=False,
                limit=1,
                page_size=SCAN_PAGE_ITEMS,
            )
            return next(map(record_from, found), None)

    def _raise_fence(self, fence: FenceItem, version: int) -> None:
        for attempt in range(_MOST_TRIES_A_FENCE):
            with faults_translated():
                try:
                    fence.update(
                        actions=[FenceItem.version.set(version), FenceItem.kind.set(FenceItem)],
                        condition=FenceItem.version.does_not_exist() | (FenceItem.version < version),
                    )
                except UpdateError as error:
                    match response_code(error):
                        case "ConditionalCheckFailedException":
                            return  # it is as high already
                        case "TransactionConflictException":
                            pass
                        case _:
                            raise
                else:
                    return
            self._sleep(min(0.01 * 2**attempt, _LONGEST_PAUSE_SECONDS) * random.uniform(0.5, 1.0))  # noqa: S311
        raise Fault(FaultReason.STORE_CONTENTION)
