"""The switch of the gate as operators change it, and the fences that keep a stop from being lost to a race."""

import time
from collections.abc import Callable

from pynamodb.exceptions import UpdateError

from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.gate_switch import OPEN, GateSwitch
from fleetgate.store.allow_list import AllowList
from fleetgate.store.faults import Overtaken, condition_failed, response_code, until_written
from fleetgate.store.switch_items import FENCES, SWITCH_KEY, FenceItem, SwitchItem, fence_key
from fleetgate.store.tables import Cancelled, StackTables, TableSettings

# A fence is busy for the milliseconds of an allow's transaction.
_MAX_TRIES_PER_FENCE = 20


class SwitchStore:
    """The switch of one stack. Every method raises Fault when the tables cannot answer."""

    def __init__(self, tables: TableSettings | StackTables, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._tables = StackTables.of(tables)
        self._allow_list = AllowList(self._tables)
        self._sleep = sleep

    def switch(self) -> GateSwitch:
        """The switch, strongly consistent."""
        return self._allow_list.switch()

    def change(self, changed: GateSwitch, record: AuditRecord) -> bool:
        """Write the switch with its audit record, if it is still the one before this change.

        Returns:
            Whether it was written; False when nothing was.
        """
        is_first = changed.version == OPEN.version + 1
        before = SwitchItem.pk.does_not_exist() if is_first else SwitchItem.version == changed.version - 1
        try:
            with self._tables.transaction(record) as transaction:
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
        for number in range(FENCES):
            self._raise_fence(FenceItem(fence_key(number)), switch.version)

    def _raise_fence(self, fence: FenceItem, version: int) -> None:
        def attempt() -> None:
            with self._tables.asked():
                try:
                    fence.update(
                        actions=[FenceItem.version.set(version), FenceItem.kind.set(FenceItem)],
                        condition=FenceItem.version.does_not_exist() | (FenceItem.version < version),
                    )
                except UpdateError as error:
                    if condition_failed(error):
                        return  # it is as high already
                    if response_code(error) != "TransactionConflictException":
                        raise
                    raise Overtaken from error

        until_written(attempt, max_tries=_MAX_TRIES_PER_FENCE, sleep=self._sleep)
