"""One stack's tables as every store asks them: bound when first asked, every failure a Fault."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock
from typing import Any, TypeVar

from botocore.config import Config
from pynamodb.connection import Connection, TableConnection
from pynamodb.exceptions import DeleteError, DoesNotExist, PutError, TransactWriteError
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord
from fleetgate.store.allow_list_items import AllowListItem, DeviceItem, entry_from
from fleetgate.store.audit_items import AuditItem, audit_item_from
from fleetgate.store.faults import condition_failed, faults_translated, is_lost_race

DEFAULT_AUDIT_RETENTION = timedelta(days=400)

_Item = TypeVar("_Item", bound=Model)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCredentials:
    """AWS credentials for the tables, where the ones that botocore finds by itself are not the ones that are meant."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSettings:
    """The two tables of a stack.

    Attributes:
        region: AWS region name; None takes botocore's.
        endpoint_url: None asks AWS, or what AWS_ENDPOINT_URL says.
        total_attempts: Of one call, the first included; the waits between them are botocore's.
        audit_retention: How long a record stays in the table.
        credentials: None takes botocore's.
    """

    allow_list_table: str
    audit_table: str
    region: str | None = None
    endpoint_url: str | None = None
    connect_timeout_seconds: float = 5.0
    read_timeout_seconds: float = 10.0
    total_attempts: int = 5
    audit_retention: timedelta = DEFAULT_AUDIT_RETENTION
    credentials: TableCredentials | None = None


@dataclass(frozen=True, slots=True)
class LostRace:
    """Somebody changed the device entry between the read and the write, and nothing was written.

    Attributes:
        entry: The entry as it stands now; None where DynamoDB did not return it and it has to be read again.
    """

    entry: AllowListEntry | None


class Cancelled(Exception):
    """A transaction was cancelled because of what the items hold, and not for a fault; nothing was written."""

    def __init__(self, error: TransactWriteError) -> None:
        super().__init__(str(error))
        self.error = error


class StackTables:
    """The two tables of one stack; building it opens no client. Every method raises Fault when they cannot answer."""

    def __init__(self, settings: TableSettings) -> None:
        self._settings = settings
        self._connection: Connection | None = None
        self._lock = Lock()

    @classmethod
    def of(cls, tables: "TableSettings | StackTables") -> "StackTables":
        """The tables that the settings tell of; tables stay as they are, so that stores can share one client."""
        return tables if isinstance(tables, StackTables) else cls(tables)

    @property
    def audit_table(self) -> str:
        """The name of the audit table."""
        return self._settings.audit_table

    def connection(self) -> Connection:
        """The one client of this stack's tables, to which the models are bound."""
        with self._lock:
            if self._connection is None:
                self._connection = bind(self._settings)
            return self._connection

    @contextmanager
    def asked(self) -> Iterator[Connection]:
        """Ask the tables inside; whatever fails is a Fault."""
        connection = self.connection()
        with faults_translated():
            yield connection

    def get(self, model: type[_Item], key: str) -> _Item | None:
        """One item of the allow-list table, strongly consistent."""
        with self.asked():
            try:
                return model.get(key, consistent_read=True)
            except DoesNotExist:
                return None

    def put_if(self, item: Model, condition: Any) -> bool:
        """Write one item if a condition holds of the one that is there; whether it was written."""
        with self.asked():
            try:
                item.save(condition=condition)
            except PutError as error:
                if not condition_failed(error):
                    raise
                return False
        return True

    def delete_if(self, item: Model, condition: Any) -> bool:
        """Delete one item if a condition holds of it; whether it was deleted."""
        with self.asked():
            try:
                item.delete(condition=condition)
            except DeleteError as error:
                if not condition_failed(error):
                    raise
                return False
        return True

    def append(self, record: AuditRecord) -> bool:
        """Append an audit record that stands alone; False where this very record is there already.

        That is so after a call whose answer was lost, or where the ID follows from what the record is about.
        """
        return self.put_if(self.audit_item(record), AuditItem.record_id.does_not_exist())

    @contextmanager
    def transaction(self, record: AuditRecord | None) -> Iterator[TransactWrite]:
        """One transaction that ends in its audit record, where there is one.

        Raises:
            Cancelled: A condition failed, or another transaction was at the same item.
        """
        with self.asked() as connection:
            try:
                # botocore gives it a token, so that its own retry of a lost answer is still one transaction.
                with TransactWrite(connection=connection) as transaction:
                    yield transaction
                    if record is not None:
                        transaction.save(self.audit_item(record), condition=AuditItem.record_id.does_not_exist())
            except TransactWriteError as error:
                if not is_lost_race(error):
                    raise
                raise Cancelled(error) from error

    def audit_item(self, record: AuditRecord) -> AuditItem:
        """The item of an audit record, with the stack's retention."""
        return audit_item_from(record, retention=self._settings.audit_retention)


def bind(settings: TableSettings) -> Connection:
    """Point the models at a stack's tables and build the one client they share.

    PynamoDB keeps table names on the model classes, so a process works with one stack at a time.
    """
    connection = _bind(AllowListItem, settings.allow_list_table, settings)
    audit = _bind(AuditItem, settings.audit_table, settings)
    shared = connection.connection
    shared.add_meta_table(audit.connection.get_meta_table(settings.audit_table))
    audit.connection = shared
    # botocore puts its own user agent together anew for every call, which is a tenth of what a call costs.
    shared.session.set_default_client_config(Config(user_agent="fleetgate"))
    return shared


def _bind(model: type[Model], table_name: str, settings: TableSettings) -> TableConnection:
    meta: Any = model.Meta
    meta.table_name = table_name
    meta.region = settings.region
    meta.host = settings.endpoint_url
    meta.connect_timeout_seconds = settings.connect_timeout_seconds
    meta.read_timeout_seconds = settings.read_timeout_seconds
    meta.max_retry_attempts = settings.total_attempts - 1
    meta.aws_access_key_id = settings.credentials and settings.credentials.access_key_id
    meta.aws_secret_access_key = settings.credentials and settings.credentials.secret_access_key
    meta.aws_session_token = settings.credentials and settings.credentials.session_token
    model._connection = None
    return model._get_connection()


def lost_race(cancelled: Cancelled) -> LostRace:
    """What a cancelled transaction says about the device entry.

    Raises:
        Fault: The entry cannot be read.
    """
    with faults_translated():
        for reason in cancelled.error.cancellation_reasons:
            if reason is not None and reason.code == "ConditionalCheckFailed" and reason.raw_item:
                return LostRace(entry_from(DeviceItem.from_raw_data(reason.raw_item)))
    return LostRace(None)
