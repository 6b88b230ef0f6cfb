"""Puts together the recorder of outcomes, for the functions that have one."""

from fleetgate.outcomes.note import OutcomeRecorder
from fleetgate.outcomes.store import OutcomeStore
from fleetgate.store.audit_items import make_clock
from fleetgate.store.tables import TableSettings


def recorder(tables: TableSettings, thing_name_prefix: str) -> OutcomeRecorder:
    """The recorder of one stack."""
    return OutcomeRecorder(
        store=OutcomeStore(tables),
        thing_name_prefix=thing_name_prefix,
        clock=make_clock(),
    )
