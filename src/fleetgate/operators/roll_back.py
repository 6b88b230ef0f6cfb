"""Take back what an import added, as far as nobody used it; say what stays, and why."""

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import OperatorAction
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.operator_action import Operator
from fleetgate.domain.refusals import Refusal, RefusalCode
from fleetgate.imports.delivery import DeliveryMode
from fleetgate.imports.record import ImportRecord, ImportStatus
from fleetgate.imports.store.reader import known_import
from fleetgate.imports.store.records import ImportRecords
from fleetgate.operators.device_store import DeviceStore
from fleetgate.operators.kept import KeptReason, kept_because
from fleetgate.store.allow_list import AllowList, entries_in
from fleetgate.store.faults import Overtaken, until_written

# After that long nobody is working on it any more: five receives of 16 minutes each have passed.
_RUNNING = timedelta(hours=2)
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
    operator: Operator,
    progress: Callable[[int], None] = lambda _removed: None,
) -> RolledBack:
    """Roll an import back. Safe to repeat, also after it was cut off.

    Reads the whole allow-list once, since that alone tells for certain what an import added.

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
    with ThreadPoolExecutor(_THREADS) as pool:
        entries = entries_in(allow_list.devices_of_import(import_id))
        while some := list(islice(entries, _AT_ONCE)):
            reasons = list(pool.map(lambda entry: _remove(entry, import_id, devices, operator), some))
            stay = [(entry.serial_number, reason) for entry, reason in zip(some, reasons, strict=True) if reason]
            kept.update(reason for _, reason in stay)
            examples = [*examples, *stay][:_MAX_NAMED]
            removed += len(some) - len(stay)
            progress(removed)
    for assigned, owner in allow_list.assignments_of_import(import_id):
        devices.release(assigned, owner, import_id=import_id)
    return RolledBack(
        record=_counted(record, removed, records), removed=removed, kept=dict(kept), examples=tuple(examples)
    )


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
