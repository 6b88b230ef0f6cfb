"""What operators set on one device: stop it, let it go again, expect it back, or retire it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from fleetgate.domain.allow_list import AllowListEntry, Hold
from fleetgate.domain.audit import OperatorAction, device_subject
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.operator_action import Change, Operator
from fleetgate.domain.refusals import Refusal, RefusalCode
from fleetgate.operators.device_store import DeviceStore
from fleetgate.operators.key_store import SUPERSEDED_STOP, KeyChange, KeyStore
from fleetgate.operators.stop_store import StopStore
from fleetgate.store.faults import Overtaken, until_written

# The entry after an action; None where it is as asked already.
_Transition = Callable[[AllowListEntry], AllowListEntry | None]


def quarantine_device(serial_number: SerialNumber, *, store: DeviceStore, operator: Operator) -> Change[AllowListEntry]:
    """Have the gate deny a device until it is released. Safe to repeat.

    Raises:
        Refusal: The device is not on the allow-list, or retired.
        Fault: The tables could not be asked.
    """

    def transition(entry: AllowListEntry) -> AllowListEntry | None:
        _must_not_be_retired(entry, OperatorAction.QUARANTINE)
        return None if entry.hold is Hold.QUARANTINED else entry.quarantined()

    return _change(serial_number, OperatorAction.QUARANTINE, transition, store=store, operator=operator)


def release_device(serial_number: SerialNumber, *, store: DeviceStore, operator: Operator) -> Change[AllowListEntry]:
    """End a quarantine; the device stands where it stood before. Safe to repeat.

    Raises:
        Refusal: The device is not on the allow-list, or retired.
        Fault: The tables could not be asked.
    """

    def transition(entry: AllowListEntry) -> AllowListEntry | None:
        _must_not_be_retired(entry, OperatorAction.RELEASE)
        return None if entry.hold is Hold.NONE else entry.released()

    return _change(serial_number, OperatorAction.RELEASE, transition, store=store, operator=operator)


def reopen_device(
    serial_number: SerialNumber,
    *,
    duration: timedelta,
    store: DeviceStore,
    keys: KeyStore,
    stops: StopStore,
    operator: Operator,
) -> Change[AllowListEntry]:
    """Let a device come back through a claim certificate for a while, however often it did. Safe to repeat.

    Also with a key that it had before: supersession holds it no more. Its superseded certificates stay inactive. A
    window that is open already is replaced, so that it can also be shortened.

    Args:
        duration: From now on.
        stops: Knows which keys the device had.

    Raises:
        Refusal: The device is not on the allow-list, in quarantine, or retired.
        Fault: The tables could not be asked.
    """
    until = (operator.clock.now() + duration).replace(microsecond=0)

    def transition(entry: AllowListEntry) -> AllowListEntry | None:
        _must_not_be_retired(entry, OperatorAction.REOPEN)
        if entry.hold is Hold.QUARANTINED:
            raise Refusal(
                RefusalCode.DEVICE_QUARANTINED,
                f"{serial_number} is in quarantine, which a repair window does not lift: "
                "release it first with fleetgate device release.",
            )
        return None if entry.repair_window_until == until else entry.reopened(until)

    change = _change(serial_number, OperatorAction.REOPEN, transition, store=store, operator=operator)
    _release_superseded_keys(change.subject, keys=keys, stops=stops, operator=operator)
    return change


def retire_device(serial_number: SerialNumber, *, store: DeviceStore, operator: Operator) -> Change[AllowListEntry]:
    """Have the gate deny a device for good, whatever later lists say. Safe to repeat.

    Raises:
        Refusal: The device is not on the allow-list.
        Fault: The tables could not be asked.
    """

    def transition(entry: AllowListEntry) -> AllowListEntry | None:
        return None if entry.hold is Hold.RETIRED else entry.retired()

    return _change(serial_number, OperatorAction.RETIRE, transition, store=store, operator=operator)


def _change(
    serial_number: SerialNumber,
    action: OperatorAction,
    transition: _Transition,
    *,
    store: DeviceStore,
    operator: Operator,
) -> Change[AllowListEntry]:
    entry = store.device(serial_number)

    def attempt() -> Change[AllowListEntry]:
        nonlocal entry
        if entry is None:
            raise Refusal(
                RefusalCode.UNKNOWN_DEVICE,
                f"{serial_number} is not on the allow-list, so the gate denies it anyway: "
                "check the serial number (case matters).",
            )
        changed = transition(entry)
        if changed is None:
            return Change(entry, None)
        record = replace(
            operator.record(action),
            serial_number=serial_number.value,
            manufacturer=entry.manufacturer,
            entry_version=changed.version,
        )
        lost = store.change(changed, record)
        if lost is None:
            return Change(changed, record)
        entry = lost.entry or store.device(serial_number)
        raise Overtaken

    return until_written(attempt)


def _release_superseded_keys(entry: AllowListEntry, *, keys: KeyStore, stops: StopStore, operator: Operator) -> None:
    serial_number = entry.serial_number.value
    for fingerprint in sorted(stops.keys_of(device_subject(serial_number))):
        key = keys.key(fingerprint)
        if key is None or SUPERSEDED_STOP not in key.stops:
            continue
        record = replace(
            operator.record(OperatorAction.RELEASE_KEY),
            serial_number=serial_number,
            manufacturer=entry.manufacturer,
            key_fingerprint=fingerprint,
        )
        change = KeyChange(fingerprint=fingerprint, serial_number=serial_number, released_stop=SUPERSEDED_STOP)
        keys.change(change, record)


def _must_not_be_retired(entry: AllowListEntry, action: OperatorAction) -> None:
    if entry.hold is Hold.RETIRED:
        raise Refusal(
            RefusalCode.DEVICE_RETIRED,
            f"{entry.serial_number} is retired, so the gate denies it for good: there is nothing to {action}.",
        )
