"""Register manufacturers and change their profiles: who delivers lists, and what those may say."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

from fleetgate.domain.audit import AuditRecord, OperatorAction
from fleetgate.domain.manufacturer import Manufacturer, have_common_serial_numbers
from fleetgate.domain.operator_action import Change, Operator
from fleetgate.domain.refusals import Refusal, RefusalCode
from fleetgate.imports.reading.columns import column_named
from fleetgate.operators.manufacturer_store import ManufacturerStore
from fleetgate.store.faults import Overtaken, until_written
from fleetgate.store.manufacturers import ManufacturerReader


def add_manufacturer(
    manufacturer: Manufacturer, *, store: ManufacturerStore, operator: Operator
) -> Change[Manufacturer]:
    """Register a manufacturer. Safe to repeat: the very same profile changes nothing.

    Args:
        manufacturer: Version 1.

    Raises:
        Refusal: It is registered with another profile, people take its name for another's, or its profile names a
            column that there is not.
        Fault: The tables could not be asked.
    """
    _check_columns(manufacturer)

    def attempt() -> Change[Manufacturer]:
        registered = store.reader.find(manufacturer.name)
        if registered is not None:
            if replace(registered, version=manufacturer.version) == manufacturer:
                return Change(registered, None)
            raise _registered_otherwise(manufacturer.name)
        taken = store.reader.looking_like(manufacturer.name)
        if taken is not None and taken != manufacturer.name:
            raise _looks_like(manufacturer.name, taken)
        record = _about(manufacturer, operator.record(OperatorAction.ADD_MANUFACTURER))
        if store.add(manufacturer, record):
            return Change(manufacturer, record)
        raise Overtaken

    return until_written(attempt)


def change_manufacturer(
    name: str, change: Callable[[Manufacturer], Manufacturer], *, store: ManufacturerStore, operator: Operator
) -> Change[Manufacturer]:
    """Change the profile of a manufacturer. Safe to repeat. Imports that run already keep the profile they began with.

    Args:
        change: From the profile as it stands to the one that is wanted. Called again if somebody else was quicker.

    Raises:
        Refusal: The manufacturer is not registered, or its profile would name a column that there is not.
        Fault: The tables could not be asked.
    """

    def attempt() -> Change[Manufacturer]:
        before = store.reader.known(name)
        wanted = change(before)
        if wanted == before:
            return Change(before, None)
        _check_columns(wanted)
        after = replace(wanted, version=before.version + 1)
        record = _about(after, operator.record(OperatorAction.CHANGE_MANUFACTURER))
        if store.change(after, record):
            return Change(after, record)
        raise Overtaken

    return until_written(attempt)


def warnings_of(manufacturer: Manufacturer, manufacturers: ManufacturerReader) -> list[str]:
    """What a profile leaves open that another manufacturer may suffer from, in sentences."""
    if not manufacturer.serial_numbers:
        return [
            f"{manufacturer.name} may list any serial number, also those of others that are not on the allow-list yet: "
            "give the patterns of its own with --serial-numbers."
        ]
    return [
        f"the serial numbers {mine} of {manufacturer.name} and {theirs} of {other.name} have some in common: whoever "
        "lists one of those first has it."
        for other in manufacturers.all()
        if other.name != manufacturer.name
        for mine, theirs in product(sorted(manufacturer.serial_numbers), sorted(other.serial_numbers))
        if have_common_serial_numbers(mine, theirs)
    ]


def _check_columns(manufacturer: Manufacturer) -> None:
    for heading, column in manufacturer.columns.items():
        if column and column_named(column) is None:
            raise Refusal(
                RefusalCode.UNKNOWN_COLUMN,
                f"there is no column {column}, which {heading} was to be: write the name of a column, such as MAC "
                "Address, or nothing to leave the column out.",
            )


def _about(manufacturer: Manufacturer, record: AuditRecord) -> AuditRecord:
    return replace(record, manufacturer=manufacturer.name, entry_version=manufacturer.version)


def _registered_otherwise(name: str) -> Refusal:
    return Refusal(
        RefusalCode.MANUFACTURER_REGISTERED_OTHERWISE,
        f"{name} is already registered with another profile, which stays: see fleetgate manufacturer show {name}, and "
        "change it with fleetgate manufacturer change.",
    )


def _looks_like(name: str, taken: str) -> Refusal:
    return Refusal(
        RefusalCode.MANUFACTURER_LOOKS_LIKE_ANOTHER,
        f"{name} was not registered: people take it for {taken}, which is registered. Use {taken} if that is who you "
        "mean, else choose a name that differs in more than . _ - or 0 for o and 1 for l.",
    )
