"""Approve one device: its allow-list entry, its MAC addresses, its key and the audit record, or nothing."""

from collections.abc import Callable
from dataclasses import replace

from fleetgate.domain.allow_list import AllowListEntry, Hold
from fleetgate.domain.audit import OperatorAction
from fleetgate.domain.operator_action import Change, Operator
from fleetgate.domain.refusals import Refusal, RefusalCode
from fleetgate.domain.things import THING_GROUP, ThingRules, group_not_allowed
from fleetgate.operators.device_store import MAX_MAC_ADDRESSES, ApprovalConflict, DeviceStore
from fleetgate.store.faults import Overtaken, until_written


def approve_device(
    entry: AllowListEntry,
    *,
    rules: ThingRules,
    check_manufacturer: Callable[[str], object],
    group_exists: Callable[[str], bool],
    store: DeviceStore,
    operator: Operator,
) -> Change[AllowListEntry]:
    """Put a new device on the allow-list. Safe to repeat: the very same approval changes nothing.

    Args:
        entry: A fresh entry, version 1.
        rules: What the stack wants of the thing that the device becomes.
        check_manufacturer: Raises Refusal for the name of a manufacturer that the stack does not know.
        group_exists: Tells whether AWS IoT has a thing group of a name.

    Returns:
        The entry as it stands, with the state that the device has reached since.

    Raises:
        Refusal: The manufacturer is not registered, the serial number is listed otherwise, a MAC address or the public
            key belongs to another serial number, or the device could not become a thing of this stack.
        Fault: The tables could not be asked.
    """
    if len(entry.mac_addresses) > MAX_MAC_ADDRESSES:
        raise Refusal(
            RefusalCode.TOO_MANY_MAC_ADDRESSES,
            f"{entry.serial_number} would have {len(entry.mac_addresses)} MAC addresses: "
            f"one device can have {MAX_MAC_ADDRESSES} at most, so approve it with fewer.",
        )
    check_manufacturer(entry.manufacturer)
    _check_thing(entry, rules, group_exists)

    def attempt() -> Change[AllowListEntry]:
        record = replace(
            operator.record(OperatorAction.APPROVE),
            serial_number=entry.serial_number.value,
            mac_address=", ".join(mac.value for mac in sorted(entry.mac_addresses)) or None,
            manufacturer=entry.manufacturer,
            entry_version=entry.version,
        )
        conflict = store.approve(entry, record)
        if conflict is None:
            return Change(entry, record)
        if conflict.is_transient:
            raise Overtaken
        listed = conflict.entry
        is_taken = bool(conflict.mac_owners) or conflict.key_owner is not None
        if listed is not None and not is_taken and _is_same_approval(listed, entry):
            return Change(listed, None)
        raise _refusal(entry, conflict)

    return until_written(attempt)


def _check_thing(entry: AllowListEntry, rules: ThingRules, group_exists: Callable[[str], bool]) -> None:
    if why := rules.names.why_not(entry.serial_number):
        raise Refusal(
            RefusalCode.SERIAL_NUMBER_UNUSABLE,
            f"{entry.serial_number} can be no device of this stack: {why}. Check the serial number.",
        )
    if why := group_not_allowed(entry.attributes, rules.groups):
        raise Refusal(
            RefusalCode.THING_GROUP_NOT_ALLOWED,
            f"{entry.serial_number} was not approved: {why}. Name one of these, or add yours to the stack's "
            "AllowedThingGroups.",
        )
    group = entry.attributes.get(THING_GROUP)
    if group is not None and not group_exists(group):
        raise Refusal(
            RefusalCode.THING_GROUP_MISSING,
            f"{entry.serial_number} was not approved: AWS IoT has no thing group {group}. Create it first.",
        )


def _refusal(entry: AllowListEntry, conflict: ApprovalConflict) -> Refusal:
    sentences = []
    code = RefusalCode.MAC_ADDRESS_TAKEN if conflict.mac_owners else RefusalCode.KEY_OF_ANOTHER_DEVICE
    if conflict.entry is not None:
        code = RefusalCode.ALREADY_ON_ALLOW_LIST
        sentences.append(_already_listed(conflict.entry, entry))
    sentences.extend(
        f"MAC address {mac_address} already belongs to serial number {owner}: compare the labels of both devices."
        for mac_address, owner in sorted(conflict.mac_owners.items())
    )
    if conflict.key_owner is not None:
        sentences.append(
            f"The public key already belongs to serial number {conflict.key_owner}: read the keys of both devices "
            "again; each device has its own."
        )
    return Refusal(code, " ".join(sentences))


def _already_listed(listed: AllowListEntry, asked: AllowListEntry) -> str:
    serial_number = listed.serial_number
    if listed.hold is Hold.RETIRED:
        return (
            f"{serial_number} is retired for good: a retired serial number never comes back, so look into who has it."
        )
    differences = _differences(listed, asked)
    how = f" with {_listed(differences)}" if differences else ""
    return (
        f"{serial_number} is already on the allow-list{how}, and an approval never overwrites another: "
        f"compare it with fleetgate allow-list show {serial_number}."
    )


def _is_same_approval(listed: AllowListEntry, asked: AllowListEntry) -> bool:
    return listed.hold is not Hold.RETIRED and not _differences(listed, asked)


def _differences(listed: AllowListEntry, asked: AllowListEntry) -> list[str]:
    """In what an entry was approved otherwise, whatever the device has done since."""
    compared = [
        ("another manufacturer", listed.manufacturer == asked.manufacturer),
        ("other MAC addresses", listed.mac_addresses == asked.mac_addresses),
    ]
    return [*(difference for difference, is_same in compared if not is_same), *listed.differing_terms(asked)]


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
