"""Puts together the recorder of outcomes, for the functions that have one."""

from datetime import UTC, datetime

from ulid import ULID

from fleetgate.outcomes.note import OutcomeRecorder
from fleetgate.outcomes.store import OutcomeStore
from fleetgate.store.tables import TableSettings


def recorder(tables: TableSettings, thing_name_prefix: str) -> OutcomeRecorder:
    """The recorder of one stack."""
    return OutcomeRecorder(
        store=OutcomeStore(tables),
        thing_name_prefix=thing_name_prefix,
        now=lambda: datetime.now(UTC),
        new_record_id=lambda moment: str(ULID.from_datetime(moment)),
    )
