"""What is a serial number, and what is not."""

import re

import pytest

from fleetgate.domain.identifiers import InvalidIdentifier, SerialNumber


@pytest.mark.parametrize("text", ["A", "a" * 128, "FG-0001", "00:1b:44:11:3a:b7", "0", "_", "-", "a_b-c:D9"])
def test_what_a_thing_name_allows_is_a_serial_number(text: str) -> None:
    assert SerialNumber.parse(text).value == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("a" * 129, id="129 characters"),
        pytest.param("FG 0001", id="space inside"),
        pytest.param(" FG-0001", id="space before"),
        pytest.param("FG-0001\n", id="trailing newline"),
        pytest.param("FG-0001\x00", id="trailing NUL"),
        pytest.param("FG/0001", id="slash, which would split a topic"),
        pytest.param("FG+0001", id="plus, a topic wildcard"),
        pytest.param("FG#0001", id="hash, a topic wildcard"),
        pytest.param("FG.0001", id="dot"),
        pytest.param("FG${x}", id="policy variable"),
        pytest.param("FG-000\N{ARABIC-INDIC DIGIT ONE}", id="Arabic-Indic digit"),
        pytest.param("FG-000\N{FULLWIDTH DIGIT ONE}", id="full-width digit"),
        pytest.param("FG-0001\N{ZERO WIDTH SPACE}", id="zero-width space"),
        pytest.param("\N{LATIN SMALL LETTER LONG S}", id="long s, which folds to s"),
        pytest.param("\N{KELVIN SIGN}", id="Kelvin sign, which folds to k"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentifier, match="1 to 128 characters"):
        SerialNumber.parse(text)


@pytest.mark.parametrize("character", [chr(code) for code in range(ord(":") + 1, ord("_")) if not chr(code).isalpha()])
def test_a_character_that_lies_between_colon_and_underscore_in_ascii_is_refused(character: str) -> None:
    with pytest.raises(InvalidIdentifier):
        SerialNumber.parse(f"FG{character}0001")


def test_case_is_kept_and_matters() -> None:
    assert SerialNumber.parse("fg-0001") != SerialNumber.parse("FG-0001")


def test_it_prints_as_it_stands_in_the_thing_name() -> None:
    assert str(SerialNumber.parse("FG-0001")) == "FG-0001"


def test_an_operators_pattern_narrows_what_is_accepted() -> None:
    pattern = re.compile(r"FG-[0-9]{4}", re.ASCII)
    assert SerialNumber.parse("FG-0001", pattern).value == "FG-0001"
    with pytest.raises(InvalidIdentifier, match=re.escape("does not match the pattern FG-[0-9]{4}")):
        SerialNumber.parse("FG-00011", pattern)


@pytest.mark.parametrize("text", ["FG 0001", "FG-0001\n", "x" * 129])
def test_an_operators_pattern_cannot_widen_what_a_thing_name_allows(text: str) -> None:
    with pytest.raises(InvalidIdentifier, match="1 to 128 characters"):
        SerialNumber.parse(text, re.compile(r".*", re.DOTALL))


def test_an_operators_pattern_has_to_match_the_whole_serial_number() -> None:
    with pytest.raises(InvalidIdentifier):
        SerialNumber.parse("XFG-0001X", re.compile(r"FG-0001"))


def test_an_error_does_not_repeat_what_was_presented() -> None:
    with pytest.raises(InvalidIdentifier) as caught:
        SerialNumber.parse("secret token")
    assert "secret" not in str(caught.value)
