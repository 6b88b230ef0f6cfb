"""One stack's tables as the stores share them: bound when first asked, audit records with their retention."""

from pynamodb.connection import Connection

from fleetgate.domain.audit import AuditRecord
from fleetgate.store.audit_items import AuditItem, audit_item_from
from fleetgate.store.tables import TableSettings, bind


class StackTables:
    """The two tables of one stack; building it opens no client."""

    def __init__(self, settings: TableSettings) -> None:
        self._settings = settings
        self._connection: Connection | None = None

    def connection(self) -> Connection:
        """The one client of this stack's tables, to which the models are bound."""
        if self._connection is None:
            self._connection = bind(self._settings)
        return self._connection

    def audit_item(self, record: AuditRecord) -> AuditItem:
        """The item of an audit record, with the stack's retention."""
        return audit_item_from(record, retention=self._settings.audit_retention)
