"""One stack's tables as the stores share them: bound when first asked, audit records with their retention."""

from pynamodb.connection import Connection
from pynamodb.exceptions import PutError

from fleetgate.domain.audit import AuditRecord
from fleetgate.store.audit_items import AuditItem, audit_item_from
from fleetgate.store.faults import faults_translated, response_code
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

    def append(self, record: AuditRecord) -> bool:
        """Append an audit record that stands alone; False where this very record is there already.

        That is so after a call whose answer was lost, or where the ID follows from what the record is about.

        Raises:
            Fault: The table could not be asked.
        """
        self.connection()
        with faults_translated():
            try:
                self.audit_item(record).save(condition=AuditItem.record_id.does_not_exist())
            except PutError as error:
                if response_code(error) != "ConditionalCheckFailedException":
                    raise
                return False
        return True
