"""Manufacturers: their names, and what their profiles may hold."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetgate.domain.likeness import as_people_see, did_you_mean
from fleetgate.domain.manufacturer import (
    InvalidManufacturer,
    Manufacturer,
    have_common_serial_numbers,
    is_manufacturer_name,
    mac_prefix,
    serial_numbers_expression,
)


@pytest.mark.parametrize("name", ["acme", "a", "4711", "factory-1a2b", "acme.de", "a" * 63])
def test_a_name_is_small_letters_digits_and_few_marks(name: str) -> None:
    assert is_manufacturer_name(name)
    assert Manufacturer(name=name).name == name


@pytest.mark.parametrize(
    "name",
    ["", "-", "-acme", ".", "..", ".acme", "_a", "Acme", "ac me", "acme ", "a/b", "acme\n", "*", "a" * 64],
)
def test_what_cannot_be_a_folder_or_a_second_spelling_is_no_name(name: str) -> None:
    assert not is_manufacturer_name(name)
    with pytest.raises(InvalidManufacturer, match="is no manufacturer's name"):
        Manufacturer(name=name)


@pytest.mark.parametrize(
    "letter",
    ["\N{CYRILLIC SMALL LETTER A}", "\N{FULLWIDTH LATIN SMALL LETTER A}", "\u00e1", "a\u0301", "a\u200b", "\u0663"],
)
def test_no_name_has_letters_that_look_like_others(letter: str) -> None:
    assert not is_manufacturer_name(f"{letter}cme")
    with pytest.raises(InvalidManufacturer):
        Manufacturer(name="acme", serial_numbers=frozenset({f"{letter}-*"}))


@pytest.mark.parametrize(
    "profile",
    [
        {"serial_numbers": {""}},
        {"serial_numbers": {"A*B*"}},
        {"serial_numbers": {"ACME 1"}},
        {"serial_numbers": {"ACME.*"}},
        {"mac_prefixes": {"00-1B-44"}},
        {"mac_prefixes": {"00:1b"}},
        {"templates": {"no template"}},
        {"thing_groups": {""}},
        {"rows_per_day": 0},
        {"columns": {"": "MAC Address"}},
        {"columns": {"a\nb": ""}},
        {"serial_numbers": {f"A{number}" for number in range(101)}},
    ],
    ids=lambda profile: repr(profile)[:30] if len(repr(profile)) < 60 else "too many",
)
def test_a_profile_that_cannot_be_is_refused(profile: dict[str, Any]) -> None:
    with pytest.raises(InvalidManufacturer):
        Manufacturer(name="acme", **profile)


def test_the_first_digits_of_mac_addresses_are_read_in_any_spelling() -> None:
    assert {mac_prefix(text) for text in ("001B44", "00-1b-44", "00:1B:44", "001b.44")} == {"00:1b:44"}
    assert mac_prefix("70B3D57ED") == "70:b3:d5:7e:d"
    for text in ("", "00:1b", "00:1b:4g", "00:1b:44:11:3a:b7:00"):
        with pytest.raises(InvalidManufacturer):
            mac_prefix(text)


@pytest.mark.parametrize(
    ("one", "other", "is_common"),
    [
        ("ACME-*", "ACME-1###", True),
        ("ACME-*", "AX*", False),
        ("A#", "A?", True),
        ("A#", "AB", False),
        ("A#", "A5", True),
        ("*9", "8*", True),
        ("*9", "*8", False),
        ("A?", "A", False),
        ("*", "X", True),
    ],
)
def test_patterns_have_serial_numbers_in_common(one: str, other: str, is_common: bool) -> None:
    assert have_common_serial_numbers(one, other) is have_common_serial_numbers(other, one) is is_common


PATTERNS = st.from_regex(r"[aA1?#]{0,3}\*?[aA1?#]{0,3}", fullmatch=True).filter(bool)


@given(PATTERNS, PATTERNS, st.text("aA1", min_size=1, max_size=6))
def test_a_serial_number_that_two_patterns_mean_is_found_before_anybody_lists_it(
    one: str, other: str, serial_number: str
) -> None:
    means = [bool(re.fullmatch(serial_numbers_expression([pattern]), serial_number)) for pattern in (one, other)]
    assert bool(re.fullmatch(serial_numbers_expression([one, other]), serial_number)) is any(means)
    if all(means):
        assert have_common_serial_numbers(one, other)


def test_names_that_people_take_for_one_look_the_same() -> None:
    assert len({as_people_see(name) for name in ("acme1", "acme-1", "Acme_1", "acmel", "ac.me.1")}) == 1
    assert as_people_see("acme") != as_people_see("acne")


@pytest.mark.parametrize("written", ["acmee", "amce", "Acme", "acm", "ACME-"])
def test_a_name_with_a_typing_error_is_pointed_out(written: str) -> None:
    assert did_you_mean(written, ["globex", "acme"]) == "Is the name right? Did you mean acme?"


def test_nobody_is_pointed_out_where_no_name_is_like_it() -> None:
    assert did_you_mean("initech", ["globex", "acme"]) == "Is the name right?"
