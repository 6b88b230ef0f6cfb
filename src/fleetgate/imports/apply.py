"""Applies a batch of sound rows to the allow-list, or says how each would end.

Other imports may write at the same time, and devices may be provisioned.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, assert_never

from fleetgate.domain.faults import Fault
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.domain.reasons import FaultReason
from fleetgate.imports.changes import FieldChange
from fleetgate.imports.plan import Conflict, ConflictReason, KnownRows, NothingToWrite, RowClass, Write, plan_row
from fleetgate.imports.reading.factory_list import ImportRow
from fleetgate.imports.store.rows import ImportStore

# A round leaves over only the rows that somebody else overtook, and the rows that wait for an earlier one.
_MAX_ROUNDS = 20


class RowResult(NamedTuple):
    """How one row ended. A tuple for the same reason as `ImportRow`: a list has a million.

    Attributes:
        conflict: Why the row was not applied; None in every class but CONFLICT.
        detail: Of the conflict, a sentence for people where it says more than the conflict's meaning.
        changes: What the row changes of a known device.
    """

    row: ImportRow
    row_class: RowClass
    conflict: ConflictReason | None = None
    detail: str = ""
    changes: tuple[FieldChange, ...] = ()


def apply_rows(
    rows: Sequence[ImportRow], *, manufacturer: str, import_id: str, store: ImportStore, now: Callable[[], datetime]
) -> list[RowResult]:
    """Apply every row once, and say how it ended.

    A repeat ends in the same state and the same classes, wherever the first run was cut off.

    Args:
        rows: In the order of the file.
        manufacturer: Who delivers; from the place of delivery.
        import_id: The same for every announcement of the same file.

    Returns:
        One for each row, in the order of the file.

    Raises:
        Fault: The tables did not answer, or others kept changing the same rows; repeat it later.
    """
    results: dict[int, RowResult] = {}
    open_rows = list(enumerate(rows))
    for _ in range(_MAX_ROUNDS):
        if not open_rows:
            return [results[position] for position in range(len(rows))]
        turn, waiting = _without_shared_identities(open_rows)
        missed = _round(turn, results, manufacturer=manufacturer, import_id=import_id, store=store, now=now())
        open_rows = sorted([*missed, *waiting], key=lambda numbered: numbered[0])
    raise Fault(FaultReason.STORE_CONTENTION)


def preview_rows(
    rows: Sequence[ImportRow], *, manufacturer: str, import_id: str, store: ImportStore
) -> list[RowResult]:
    """Say how each row would end if it were applied now. Nothing is written.

    Each row is planned from what the tables hold now. So a row conflicts here where `apply_rows` would wait until an
    earlier row of the file has released the MAC address.

    Raises:
        Fault: The tables did not answer.
    """
    if not rows:
        return []
    known = _known(rows, store)
    results = []
    for row in rows:
        plan = plan_row(row, known, manufacturer=manufacturer, import_id=import_id)
        match plan:
            case NothingToWrite(row_class, changes) | Write(row_class=row_class, changes=changes):
                results.append(RowResult(row, row_class, changes=changes))
            case Conflict(reason, detail):
                results.append(RowResult(row, RowClass.CONFLICT, reason, detail))
            case _:
                assert_never(plan)
    return results


_Numbered = tuple[int, ImportRow]


def _without_shared_identities(rows: Sequence[_Numbered]) -> tuple[list[_Numbered], list[_Numbered]]:
    """The rows that share no serial number, MAC address or public key with an earlier row, and the others."""
    # Told of a whole batch at once, since nearly always nobody waits.
    serial_numbers = [row.serial_number.value for _, row in rows]
    mac_addresses = [mac.value for _, row in rows for mac in row.mac_addresses]
    keys = [key for _, row in rows for key in _key_of(row)]
    if all(len(set(each)) == len(each) for each in (serial_numbers, mac_addresses, keys)):
        return list(rows), []
    taken: set[SerialNumber | MacAddress | str] = set()
    turn: list[_Numbered] = []
    waiting: list[_Numbered] = []
    for numbered in rows:
        _, row = numbered
        identities: set[SerialNumber | MacAddress | str] = {row.serial_number, *row.mac_addresses, *_key_of(row)}
        (turn if identities.isdisjoint(taken) else waiting).append(numbered)
        taken |= identities
    return turn, waiting


def _key_of(row: ImportRow) -> tuple[str, ...]:
    """The fingerprint of the public key that a row names, if it names one."""
    return (row.terms.key_fingerprint,) if row.terms.key_fingerprint else ()


def _known(rows: Sequence[ImportRow], store: ImportStore) -> KnownRows:
    """What the tables hold of some rows."""
    return store.known(
        (row.serial_number for row in rows),
        {mac for row in rows for mac in row.mac_addresses},
        {key for row in rows for key in _key_of(row)},
    )


def _release_strays(row: ImportRow, known: KnownRows, store: ImportStore, *, import_id: str) -> None:
    """Release what an earlier try assigned to the device of a row that is not applied, and its entry does not name."""
    entry, key_fingerprint = known.entries.get(row.serial_number), row.terms.key_fingerprint
    own = entry.mac_addresses if entry else frozenset()
    stray = [mac for mac in row.mac_addresses - own if known.mac_owners.get(mac) == row.serial_number]
    key = known.keys.get(key_fingerprint) if key_fingerprint else None
    is_stray = key is not None and key.is_unused and key.serial_number == row.serial_number
    is_named = entry is not None and entry.key_fingerprint == key_fingerprint
    store.release(row.serial_number, stray, key_fingerprint if is_stray and not is_named else None, import_id=import_id)


def _round(
    turn: Sequence[_Numbered],
    results: dict[int, RowResult],
    *,
    manufacturer: str,
    import_id: str,
    store: ImportStore,
    now: datetime,
) -> list[_Numbered]:
    """Plan rows from fresh facts and write them; returns the rows that have to be planned again."""
    known = _known([row for _, row in turn], store)
    additions: list[tuple[_Numbered, Write]] = []
    changed: list[tuple[_Numbered, Write]] = []
    missed: list[_Numbered] = []
    for numbered in turn:
        position, row = numbered
        plan = plan_row(row, known, manufacturer=manufacturer, import_id=import_id)
        match plan:
            case NothingToWrite(row_class, changes):
                results[position] = RowResult(row, row_class, changes=changes)
            case Conflict(reason, detail):
                _release_strays(row, known, store, import_id=import_id)
                results[position] = RowResult(row, RowClass.CONFLICT, reason, detail)
            case Write(before=None):
                additions.append((numbered, plan))
            case Write():
                changed.append((numbered, plan))
            case _:
                assert_never(plan)
    again = store.insert([write for _, write in additions], known, now=now)
    again |= store.replace([write for _, write in changed], known, now=now)
    for numbered, write in (*additions, *changed):
        position, row = numbered
        if row.serial_number in again:
            missed.append(numbered)
        else:
            results[position] = RowResult(row, write.row_class, None, "", write.changes)
    return missed
