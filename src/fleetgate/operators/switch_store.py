"""The kill switch as operators change it, with its audit record in one transaction."""

from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.gate_switch import OPEN, GateSwitch
from fleetgate.store.allow_list import AllowList
from fleetgate.store.allow_list_items import SWITCH_KEY, SwitchItem
from fleetgate.store.tables import Cancelled, StackTables, TableSettings


class SwitchStore:
    """The switch of one stack. Every method raises Fault when the tables cannot answer."""

    def __init__(self, tables: TableSettings | StackTables) -> None:
        self._tables = StackTables.of(tables)
        self._allow_list = AllowList(self._tables)

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
