"""Stop a device, and let it go again: an operator's hold on an allow-list entry."""

from collections.abc import Callable
from dataclasses import replace

from fleetgate.domain.allow_list import AllowListEntry, Hold
from fleetgate.domain.faults import Fault
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.reasons import FaultReason
from fleetgate.store.operators import OperatorStore
from fleetgate.workflows.operator_action import MOST_TRIES, Action, Change, Operator
from fleetgate.workflows.refusals import Refusal, RefusalCode


def quarantine_device(
    serial_number: SerialNumber, *, store: OperatorStore, operator: Operator
) -> Change[AllowListEntry]:
    """Have the gate deny a device until it is released. Safe to repeat.

    Raises:
        Refusal: The device is not on the allow-list, or retired.
        Fault: The tables could not be asked.
    """
    return _hold(
        serial_number, Hold.QUARANTINED, Action.QUARANTINE, AllowListEntry.quarantined, store=store, operator=operator
    )


def release_device(serial_number: SerialNumber, *, store: OperatorStore, operator: Operator) -> Change[AllowListEntry]:
    """End a quarantine; the device stands where it stood before. Safe to repeat.

    Raises:
        Refusal: The device is not on the allow-list, or retired.
        Fault: The tables could not be asked.
    """
    return _hold(serial_number, Hold.NONE, Action.RELEASE, AllowListEntry.released, store=store, operator=operator)


def _hold(
    serial_number: SerialNumber,
    wanted: Hold,
    action: Action,
    transition: Callable[[AllowListEntry], AllowListEntry],
    *,
    store: OperatorStore,
    operator: Operator,
) -> Change[AllowListEntry]:
    entry = store.device(serial_number)
    for _ in range(MOST_TRIES):
        if entry is None:
            raise Refusal(
                RefusalCode.UNKNOWN_DEVICE,
                f"{serial_number} is not on the allow-list, so the gate denies it anyway: "
                "check the serial number, or approve it first with fleetgate allow-list add.",
            )
        if entry.hold is Hold.RETIRED:
            raise Refusal(
                RefusalCode.DEVICE_RETIRED,
                f"{serial_number} is retired, so the gate denies it for good: there is nothing to {action}.",
            )
        if entry.hold is wanted:
            return Change(entry, None)
        changed = transition(entry)
        record = replace(
            operator.record(action),
            serial_number=serial_number.value,
            manufacturer=entry.manufacturer,
            entry_version=changed.version,
        )
        lost = store.change_hold(changed, record)
        if lost is None:
            return Change(changed, record)
        entry = lost.entry or store.device(serial_number)
    raise Fault(FaultReason.STORE_CONTENTION)
