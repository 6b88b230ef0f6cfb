"""Take back what an import added, as far as nobody used it; say what stays, and why."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import islice

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import OperatorAction
from fleetgate.domain.faults import Fault
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.operator_action import Operator
from fleetgate.domain.refusals import Refusal, RefusalCode
from fleetgate.imports.delivery import DeliveryMode
from fleetgate.imports.identities import Identities, identities_in
from fleetgate.imports.plan import RowClass
from fleetgate.imports.reading.errors import UnreadableFile
from fleetgate.imports.record import ImportRecord, ImportStatus
from fleetgate.imports.store.drop_box import DropBox
from fleetgate.imports.store.reader import known_import
from fleetgate.imports.store.records import ImportRecords
from fleetgate.operators.device_store import DeviceStore
from fleetgate.operators.kept import KeptReason, kept_because
from fleetgate.store.allow_list import AllowList, entries_in
from fleetgate.store.faults import Overtaken, until_written

# After that long nobody is working on it any more: five receives of 16 minutes each have passed.
_RUNNING = timedelta(hours=2)
# Rows of an import whose devices are looked up one by one. Each takes two read units or three, and a scan takes one
# for six devices of the table, twice.
MAX_LOOKED_UP = 100_000
_THREADS = 8
_AT_ONCE = 200
# Devices that stay, of which the result names each.
_MAX_NAMED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack:
    """How rolling back ended.

    Attributes:
        removed: Devices that were taken off the allow-list by this run.
        kept: How many of the import's devices stay, and why. examples: some of them.
    """

    record: ImportRecord
    removed: int
    kept: Mapping[KeptReason, int]
    examples: tuple[tuple[SerialNumber, KeptReason], ...]


def roll_back_import(
    import_id: str,
    *,
    records: ImportRecords,
    allow_list: AllowList,
    devices: DeviceStore,
    drop_box: DropBox,
    operator: Operator,
    progress: Callable[[int], None] = lambda _removed: None,
) -> RolledBack:
    """Roll an import back. Safe to repeat, also after it was cut off.

    Looks at what its file names, if that is not too much and accounts for all that the import added; else reads the
    whole allow-list.

    Args:
        progress: Told how many devices were removed so far.

    Raises:
        Refusal: There is no such import, it was a dry run, or it is still running.
        Fault: The tables could not be asked; repeat it later.
    """
    record = _fenced(import_id, records, operator)
    kept: Counter[KeptReason] = Counter()
    examples: list[tuple[SerialNumber, KeptReason]] = []
    removed = 0
    named = _named_by_file(record, drop_box, allow_list)
    entries = iter(named.entries) if named else entries_in(allow_list.devices_of_import(import_id))
    with ThreadPoolExecutor(_THREADS) as pool:
        while some := list(islice(entries, _AT_ONCE)):
            reasons = list(pool.map(lambda entry: _remove(entry, import_id, devices, operator), some))
            stay = [(entry.serial_number, reason) for entry, reason in zip(some, reasons, strict=True) if reason]
            kept.update(reason for _, reason in stay)
            examples = [*examples, *stay][:_MAX_NAMED]
            removed += len(some) - len(stay)
            progress(removed)
    assignments = (
        allow_list.assignments_named(import_id, named.identities.mac_addresses, named.identities.key_fingerprints)
        if named
        else allow_list.assignments_of_import(import_id)
    )
    for assigned, owner in assignments:
        devices.release(assigned, owner, import_id=import_id)
    return RolledBack(
        record=_counted(record, removed, records), removed=removed, kept=dict(kept), examples=tuple(examples)
    )


@dataclass(frozen=True, slots=True)
class _Named:
    """What the file of an import names.

    Attributes:
        entries: Those of the devices that the import added or changed last.
    """

    identities: Identities
    entries: Sequence[AllowListEntry]


def _named_by_file(record: ImportRecord, drop_box: DropBox, allow_list: AllowList) -> _Named | None:
    """What the file of an import names, or None where that is no help.

    So it is where the file is long or gone, cannot be read any more, or does not name as many devices as were added.
    """
    rows, import_id = record.findings.rows, record.import_id
    if record.total is None or record.total > MAX_LOOKED_UP or sum(rows.values()) != record.total:
        return None
    try:
        identities = identities_in(partial(drop_box.open, record.delivery.file), record.delivery)
    except (Fault, UnreadableFile):
        return None
    found = [
        entry
        for entry in allow_list.devices_named(identities.serial_numbers)
        if import_id in {entry.first_import_id, entry.import_id}
    ]
    added = 0 if record.is_held and record.approved_by is None else rows.get(RowClass.ADDED, 0)
    is_all = sum(entry.first_import_id == import_id for entry in found) >= added - record.removed
    return _Named(identities, found) if is_all else None


def _fenced(import_id: str, records: ImportRecords, operator: Operator) -> ImportRecord:
    """Mark the import as rolled back first, so that an announcement that comes late does not run it again."""

    def attempt() -> ImportRecord:
        record = known_import(import_id, records.reader)
        if record.delivery.mode is DeliveryMode.DRY_RUN:
            raise Refusal(RefusalCode.IMPORT_WAS_DRY_RUN, f"import {import_id} was a dry run: it wrote nothing.")
        if record.status is ImportStatus.ROLLED_BACK:
            return record
        is_over = record.has_ended or record.status in {ImportStatus.FAILED, ImportStatus.WAITING}
        if not is_over and operator.clock.now() - record.started_at < _RUNNING:
            raise Refusal(
                RefusalCode.IMPORT_STILL_RUNNING, f"import {import_id} is {record.status}: wait until it has ended."
            )
        audit = replace(
            operator.record(OperatorAction.ROLL_BACK_IMPORT),
            import_id=import_id,
            manufacturer=record.delivery.manufacturer,
        )
        fenced = record.changed(status=ImportStatus.ROLLED_BACK, rolled_back_by=operator.actor)
        if records.change(fenced, audit=audit):
            return fenced
        raise Overtaken

    return until_written(attempt)


def _remove(
    entry: AllowListEntry | None, import_id: str, devices: DeviceStore, operator: Operator
) -> KeptReason | None:
    """Take one device off the allow-list, with its MAC addresses, its key and an audit record; or say why not."""

    def attempt() -> KeptReason | None:
        nonlocal entry
        if entry is None:  # somebody else took it off
            return None
        if reason := kept_because(entry, import_id=import_id):
            return reason
        audit = replace(
            operator.record(OperatorAction.ROLL_BACK_IMPORT),
            serial_number=entry.serial_number.value,
            mac_address=", ".join(mac.value for mac in sorted(entry.mac_addresses)) or None,
            manufacturer=entry.manufacturer,
            import_id=import_id,
            entry_version=entry.version,
        )
        if devices.remove(entry, audit):
            return None
        entry = devices.device(entry.serial_number)
        raise Overtaken

    return until_written(attempt)


def _counted(record: ImportRecord, removed: int, records: ImportRecords) -> ImportRecord:
    counted = record.changed(removed=record.removed + removed)
    return counted if removed and records.change(counted) else record
