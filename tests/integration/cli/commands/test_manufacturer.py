"""`fleetgate manufacturer`: registered, shown, listed and changed."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from fleetgate.domain.manufacturer import Manufacturer
from fleetgate.domain.operator_action import Operator
from fleetgate.domain.refusals import Refusal, RefusalCode
from fleetgate.operators.manufacturer_store import ManufacturerStore
from fleetgate.operators.manufacturers import add_manufacturer, change_manufacturer
from fleetgate.store.tables import TableSettings
from fleetgate_cli.errors import ExitCode
from harness.command import Fleetgate
from harness.embedded import Embedded
from tests.integration.cli.commands.devices import ROOT_ARN

WHY = ("--reason", "a test")


@pytest.fixture
def name() -> str:
    """A name that nobody used before."""
    return f"maker-{secrets.token_hex(4)}"


@pytest.fixture
def store(table_settings: TableSettings) -> ManufacturerStore:
    """The store as the command builds it."""
    return ManufacturerStore(table_settings)


def recorded(embedded: Embedded, name: str) -> list[tuple[str | None, str | None, str, int | None]]:
    """What is on record of a manufacturer, oldest first: action, who, why, version."""
    records = embedded.records(f"manufacturer#{name}")
    return [(record.action, record.actor, record.reason, record.entry_version) for record in records]


def test_a_manufacturer_is_registered_with_its_profile_shown_and_listed(
    fleetgate: Fleetgate, embedded: Embedded, name: str
) -> None:
    profile = ("--serial-numbers", f"{name}-*", "--mac-prefix", "00-1B-44", "--template", "fleetgate")
    more = ("--thing-group", "line-4", "--rows-per-day", "20000", "--map", "Geräte-Nr=Serial Number", "--map", "Farbe=")
    answer = fleetgate("manufacturer", "add", name, *profile, *more, *WHY, "--json")

    assert answer.exit_code == ExitCode.DONE
    assert answer.document["result"] == "added"
    assert answer.document["warnings"] == []
    assert answer.document["manufacturer"] == {
        "name": name,
        "serial_numbers": [f"{name}-*"],
        "mac_prefixes": ["00:1b:44"],
        "templates": ["fleetgate"],
        "thing_groups": ["line-4"],
        "rows_per_day": 20000,
        "columns": {"Farbe": "", "Geräte-Nr": "Serial Number"},
        "version": 1,
    }
    assert fleetgate("manufacturer", "show", name, "--json").document == answer.document["manufacturer"]
    listed = fleetgate("manufacturer", "list", "--limit", "1000", "--json").document["manufacturers"]
    assert answer.document["manufacturer"] in listed
    assert f"{name}-*" in fleetgate("manufacturer", "list", "--limit", "1000").stdout
    shown = fleetgate("manufacturer", "show", name).stdout
    assert "Farbe = (left out), Geräte-Nr = Serial Number" in shown
    assert recorded(embedded, name) == [("add_manufacturer", ROOT_ARN, "a test", 1)]


def test_the_same_again_changes_nothing_and_another_profile_is_no_second_registration(
    fleetgate: Fleetgate, embedded: Embedded, name: str
) -> None:
    adding = ("manufacturer", "add", name, "--serial-numbers", f"{name}-*")
    assert fleetgate(*adding).stdout.startswith(f"{name} is registered.")
    again = fleetgate(*adding, "--json")
    assert (again.exit_code, again.document["result"]) == (ExitCode.DONE, "unchanged")
    other = fleetgate(*adding, "--mac-prefix", "001b44", "--json")
    assert other.exit_code == ExitCode.REFUSED
    assert other.error["code"] == RefusalCode.MANUFACTURER_REGISTERED_OTHERWISE
    assert len(recorded(embedded, name)) == 1


def test_a_change_replaces_what_it_names_and_is_on_record(fleetgate: Fleetgate, embedded: Embedded, name: str) -> None:
    fleetgate("manufacturer", "add", name, "--serial-numbers", f"{name}-*", "--mac-prefix", "001b44", *WHY)
    changing = ("manufacturer", "change", name, "--rows-per-day", "5", "--unlimited", "mac-prefixes")
    changed = fleetgate(*changing, "--reason", "line 5", "--json").document
    assert changed["result"] == "changed"
    profile = changed["manufacturer"]
    assert (profile["serial_numbers"], profile["mac_prefixes"]) == ([f"{name}-*"], [])
    assert (profile["rows_per_day"], profile["version"]) == (5, 2)
    assert fleetgate(*changing, *WHY, "--json").document["result"] == "unchanged"
    assert recorded(embedded, name)[1:] == [("change_manufacturer", ROOT_ARN, "line 5", 2)]


def test_a_name_that_people_take_for_anothers_is_refused(fleetgate: Fleetgate, embedded: Embedded) -> None:
    digits = secrets.token_hex(3)
    name = embedded.register_manufacturer(f"look-{digits}0")
    for alike in (f"look.{digits}0", f"look-{digits}0_", f"l-o-o-k-{digits}0", f"look-{digits}o", f"l0ok-{digits}0"):
        answer = fleetgate("manufacturer", "add", alike, "--json")
        assert answer.exit_code == ExitCode.REFUSED
        assert answer.error["code"] == RefusalCode.MANUFACTURER_LOOKS_LIKE_ANOTHER
        assert f"people take it for {name}" in answer.error["message"]


@pytest.mark.parametrize(
    "arguments",
    [["show"], ["change", "--rows-per-day", "1", *WHY]],
    ids=lambda arguments: arguments[0],
)
def test_a_manufacturer_that_is_not_registered_is_unknown_and_a_typing_error_is_pointed_out(
    arguments: list[str], fleetgate: Fleetgate, embedded: Embedded, name: str
) -> None:
    embedded.register_manufacturer(name)
    command, *more = arguments
    answer = fleetgate("manufacturer", command, f"{name}z", *more, "--json")
    assert answer.exit_code == ExitCode.REFUSED
    assert answer.error["code"] == RefusalCode.UNKNOWN_MANUFACTURER
    assert f"Did you mean {name}?" in answer.error["message"]


def test_no_device_is_approved_of_a_manufacturer_that_is_not_registered(
    fleetgate: Fleetgate, embedded: Embedded, serial_number: str, name: str
) -> None:
    adding = ("allow-list", "add", serial_number, "--manufacturer", name, "--json")
    refused = fleetgate(*adding)
    assert (refused.exit_code, refused.error["code"]) == (ExitCode.REFUSED, RefusalCode.UNKNOWN_MANUFACTURER)
    assert embedded.device_item(serial_number) is None
    embedded.register_manufacturer(name)
    assert fleetgate(*adding).exit_code == ExitCode.DONE


def test_a_profile_that_lets_others_suffer_is_warned_about(fleetgate: Fleetgate, embedded: Embedded, name: str) -> None:
    (warning,) = fleetgate("manufacturer", "add", name, "--json").document["warnings"]
    assert f"{name} may list any serial number" in warning
    assert "Warning:" in fleetgate("manufacturer", "add", name).stdout
    fleetgate("manufacturer", "change", name, "--serial-numbers", f"{name}-##", *WHY)
    (warning,) = fleetgate("manufacturer", "add", f"{name}b", "--serial-numbers", f"{name}-1?", "--json").document[
        "warnings"
    ]
    assert f"{name}-1?" in warning
    assert f"{name}-##" in warning


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["add", "Acme GmbH"], "1 to 63 characters"),
        (["add", "x", "--serial-numbers", "A*B*"], "no pattern of serial numbers"),
        (["add", "x", "--mac-prefix", "00:1b"], "no beginning of MAC addresses"),
        (["add", "x", "--map", "Farbe"], "HEADING=COLUMN"),
        (["add", "x", "--map", "Farbe=", "--map", "Farbe=Model"], "twice"),
        (["change", "acme", *WHY], "name what is to be changed"),
        (["change", "acme", "--unlimited", "rows-per-day", "--rows-per-day", "1", *WHY], "contradicts"),
        (["change", "acme", "--rows-per-day", "1"], "--reason"),
    ],
)
def test_what_cannot_be_a_profile_is_a_wrong_command_line(
    arguments: list[str], says: str, fleetgate: Fleetgate
) -> None:
    answer = fleetgate("manufacturer", *arguments)
    assert answer.exit_code == ExitCode.USAGE
    assert says in answer.stderr


def test_a_heading_can_mean_a_column_that_there_is_only(fleetgate: Fleetgate, name: str) -> None:
    answer = fleetgate("manufacturer", "add", name, "--map", "MAC-Adresse=Colour")
    assert answer.exit_code == ExitCode.USAGE
    assert "is none of the columns" in answer.stderr


def test_of_two_names_that_look_the_same_one_wins(store: ManufacturerStore, operator: Operator, name: str) -> None:
    together = Barrier(2)

    def add(spelling: str) -> str:
        together.wait()
        try:
            return add_manufacturer(Manufacturer(name=spelling), store=store, operator=operator).subject.name
        except Refusal as refused:
            return refused.code

    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(add, [f"{name}-x", f"{name}.x"]))
    assert RefusalCode.MANUFACTURER_LOOKS_LIKE_ANOTHER in ended
    assert len({f"{name}-x", f"{name}.x"} & set(ended)) == 1


def test_a_change_that_was_overtaken_is_made_of_what_stands_then(
    store: ManufacturerStore, operator: Operator, name: str
) -> None:
    add_manufacturer(Manufacturer(name=name), store=store, operator=operator)
    others = iter([7])

    def change(before: Manufacturer) -> Manufacturer:
        for _ in others:
            change_manufacturer(name, lambda found: replace(found, rows_per_day=7), store=store, operator=operator)
        return replace(before, templates=frozenset({"fleetgate"}))

    after = change_manufacturer(name, change, store=store, operator=operator).subject
    assert after == Manufacturer(name=name, rows_per_day=7, templates=frozenset({"fleetgate"}), version=3)
