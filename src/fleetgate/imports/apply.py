"""Apply a batch of sound rows to the allow-list, safely beside other imports and devices that are being let in."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, assert_never

from fleetgate.domain.faults import Fault
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.domain.reasons import FaultReason
from fleetgate.imports.plan import Conflict, ConflictReason, NothingToWrite, RowClass, Write, plan_row
from fleetgate.imports.reading.factory_list import ImportRow
from fleetgate.imports.store.rows import ImportStore

# Each round settles all rows but those that somebody else got in the way of, or that wait for an earlier row.
_MAX_ROUNDS = 20


class RowResult(NamedTuple):
    """How one row ended. A tuple for the same reason as `ImportRow`: a list has a million.

    Attributes:
        conflict: Why it must not take effect; only of the class CONFLICT.
    """

    row: ImportRow
    row_class: RowClass
    conflict: ConflictReason | None = None


def apply_rows(
    rows: Sequence[ImportRow], *, manufacturer: str, import_id: str, store: ImportStore, now: Callable[[], datetime]
) -> list[RowResult]:
    """Give every row its effect, once, and say how it ended.

    Repeating it, whole or after it was cut off anywhere, ends in the same state and the same classes.

    Args:
        rows: In the order of the file.
        manufacturer: Who delivers; from the place of delivery.
        import_id: The same for every delivery of the same object.

    Returns:
        One for each row, in the order of the file.

    Raises:
        Fault: The tables could not be asked, or others kept changing the same rows; repeat it later.
    """
    ended: dict[int, RowResult] = {}
    open_rows = list(enumerate(rows))
    for _ in range(_MAX_ROUNDS):
        if not open_rows:
            return [ended[position] for position in range(len(rows))]
        turn, waiting = _one_for_each_identity(open_rows)
        missed = _round(turn, ended, manufacturer=manufacturer, import_id=import_id, store=store, now=now())
        open_rows = sorted([*missed, *waiting], key=lambda numbered: numbered[0])
    raise Fault(FaultReason.STORE_CONTENTION)


_Numbered = tuple[int, ImportRow]


def _one_for_each_identity(rows: Sequence[_Numbered]) -> tuple[list[_Numbered], list[_Numbered]]:
    """The rows that share no serial number or MAC address with an earlier one, and the rest."""
    taken: set[SerialNumber | MacAddress] = set()
    turn: list[_Numbered] = []
    waiting: list[_Numbered] = []
    for numbered in rows:
        _, row = numbered
        is_taken = row.serial_number in taken or not row.mac_addresses.isdisjoint(taken)
        (waiting if is_taken else turn).append(numbered)
        taken.add(row.serial_number)
        taken |= row.mac_addresses
    return turn, waiting


def _round(
    turn: Sequence[_Numbered],
    ended: dict[int, RowResult],
    *,
    manufacturer: str,
    import_id: str,
    store: ImportStore,
    now: datetime,
) -> list[_Numbered]:
    """Judge rows from fresh facts and write; returns those that have to be judged again."""
    mac_addresses = frozenset[MacAddress]().union(*(row.mac_addresses for _, row in turn))
    known = store.known([row.serial_number for _, row in turn], mac_addresses)
    additions: list[tuple[_Numbered, Write]] = []
    missed: list[_Numbered] = []
    for numbered in turn:
        position, row = numbered
        entry = known.entries.get(row.serial_number)
        plan = plan_row(row, entry, known.mac_owners, manufacturer=manufacturer, import_id=import_id)
        match plan:
            case NothingToWrite(row_class):
                ended[position] = RowResult(row, row_class)
            case Conflict(reason):
                own = entry.mac_addresses if entry else frozenset()
                stray = [mac for mac in row.mac_addresses - own if known.mac_owners.get(mac) == row.serial_number]
                store.release_mac_addresses(row.serial_number, stray, import_id=import_id)
                ended[position] = RowResult(row, RowClass.CONFLICT, reason)
            case Write(before=None):
                additions.append((numbered, plan))
            case Write(row_class=row_class):
                if store.replace(plan, now=now):
                    ended[position] = RowResult(row, row_class)
                else:
                    missed.append(numbered)
            case _:
                assert_never(plan)
    again = store.insert([write for _, write in additions], known.mac_owners, now=now)
    for numbered, write in additions:
        position, row = numbered
        if row.serial_number in again:
            missed.append(numbered)
        else:
            ended[position] = RowResult(row, write.row_class)
    return missed
