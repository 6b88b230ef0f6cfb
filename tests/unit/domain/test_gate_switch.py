"""The switch: what it stops, how it changes, and how much it can hold."""

from collections.abc import Callable

import pytest

from fleetgate.domain.gate_switch import MAX_NAMES, OPEN, GateSwitch, TooManyNames
from fleetgate.domain.reasons import DenialReason
from harness.builders import entry

CHANGES: list[Callable[[GateSwitch], GateSwitch]] = [
    GateSwitch.stopped,
    lambda switch: switch.stopping_manufacturer("acme"),
    lambda switch: switch.stopping_import("import-1"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_shows_in_the_version_and_a_repeated_one_is_none(
    change: Callable[[GateSwitch], GateSwitch],
) -> None:
    once = change(OPEN)
    assert once.version == 1
    assert change(once) == once


def test_what_was_not_stopped_can_be_let_go_without_a_change() -> None:
    assert OPEN.started() == OPEN.releasing_manufacturer("acme") == OPEN.releasing_import("import-1") == OPEN


def test_letting_one_go_leaves_the_others_stopped() -> None:
    everything = OPEN.stopped().stopping_manufacturer("acme").stopping_manufacturer("globex").stopping_import("i-1")
    left = everything.started().releasing_manufacturer("acme")
    assert left == GateSwitch(manufacturers=frozenset({"globex"}), imports=frozenset({"i-1"}), version=6)


def test_a_device_without_an_import_is_stopped_by_none() -> None:
    assert OPEN.stopping_import("import-1").stop_of(entry()) is None
    assert OPEN.stopping_import("import-1").stop_of(entry(import_id="import-1")) is DenialReason.IMPORT_STOPPED


def test_the_switch_holds_so_many_names_and_no_more() -> None:
    switch = OPEN
    for number in range(MAX_NAMES // 2):
        switch = switch.stopping_manufacturer(f"m-{number}").stopping_import(f"i-{number}")
    assert switch.stopping_manufacturer("m-0") == switch
    assert switch.stopped().is_stopped
    with pytest.raises(TooManyNames):
        switch.stopping_manufacturer("one-more")
    with pytest.raises(TooManyNames):
        switch.stopping_import("one-more")
    assert switch.releasing_import("i-0").stopping_manufacturer("one-more").version == switch.version + 2
