"""Where the tables are and how patiently they are asked; binds the models to one shared client."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from botocore.config import Config
from pynamodb.connection import Connection, TableConnection
from pynamodb.models import Model

from fleetgate.store.allow_list_items import AllowListItem
from fleetgate.store.audit_items import AuditItem

DEFAULT_AUDIT_RETENTION = timedelta(days=400)


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
