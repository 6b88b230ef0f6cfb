"""Manufacturers as operators change them: each change and its audit record are one transaction."""

from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.manufacturer import Manufacturer
from fleetgate.store.manufacturers import (
    ManufacturerItem,
    ManufacturerLookItem,
    ManufacturerReader,
    look_item_of,
    manufacturer_item_from,
)
from fleetgate.store.tables import Cancelled, StackTables, TableSettings


class ManufacturerStore:
    """The manufacturers of one stack. Every method raises Fault when the tables cannot answer."""

    def __init__(self, tables: TableSettings | StackTables) -> None:
        self._tables = StackTables.of(tables)
        self.reader = ManufacturerReader(self._tables)

    def add(self, manufacturer: Manufacturer, record: AuditRecord) -> bool:
        """Register a manufacturer whose name nobody has, and none that people take for it.

        Returns:
            Whether it was written.
        """
        item = manufacturer_item_from(manufacturer, now=record.recorded_at)
        try:
            with self._tables.transaction(record) as transaction:
                transaction.save(item, condition=ManufacturerItem.pk.does_not_exist())
                transaction.save(look_item_of(manufacturer), condition=ManufacturerLookItem.pk.does_not_exist())
        except Cancelled:
            return False
        return True

    def change(self, after: Manufacturer, record: AuditRecord) -> bool:
        """Write a changed manufacturer.

        Returns:
            Whether it was written; False when somebody else changed it meanwhile.
        """
        item = manufacturer_item_from(after, now=record.recorded_at)
        try:
            with self._tables.transaction(record) as transaction:
                transaction.save(item, condition=ManufacturerItem.version == after.version - 1)
        except Cancelled:
            return False
        return True
