"""Tells what a batch of sound rows would do to the allow-list, and does nothing."""

from collections.abc import Sequence
from typing import assert_never

from fleetgate.imports.apply import RowResult
from fleetgate.imports.plan import Conflict, NothingToWrite, RowClass, Write, plan_row
from fleetgate.imports.reading.factory_list import ImportRow
from fleetgate.imports.store.rows import ImportStore


def preview_rows(
    rows: Sequence[ImportRow], *, manufacturer: str, import_id: str, store: ImportStore
) -> list[RowResult]:
    """Say how each row would end if it were applied now.

    Each is judged by what the tables hold now. A row that only finds its place once an earlier one of the same file has
    freed a MAC address is a conflict here.

    Raises:
        Fault: The tables could not be asked.
    """
    if not rows:
        return []
    known = store.known((row.serial_number for row in rows), {mac for row in rows for mac in row.mac_addresses})
    ended = []
    for row in rows:
        entry = known.entries.get(row.serial_number)
        plan = plan_row(row, entry, known.mac_owners, manufacturer=manufacturer, import_id=import_id)
        match plan:
            case NothingToWrite(row_class) | Write(row_class=row_class):
                ended.append(RowResult(row, row_class))
            case Conflict(reason):
                ended.append(RowResult(row, RowClass.CONFLICT, reason))
            case _:
                assert_never(plan)
    return ended
