"""What is a MAC address of one device, and what is not."""

import pytest

from fleetgate.domain.identifiers import InvalidIdentifier, MacAddress


@pytest.mark.parametrize(
    "text",
    [
        "00:1b:44:11:3a:b7",
        "00:1B:44:11:3A:B7",
        "00:1b:44:11:3A:B7",
        "00-1b-44-11-3a-b7",
        "00-1B-44-11-3A-B7",
        "001b.4411.3ab7",
        "001B.4411.3AB7",
        "001b44113ab7",
        "001B44113AB7",
    ],
)
def test_every_common_spelling_of_an_eui_48_is_one_address(text: str) -> None:
    assert MacAddress.parse(text).value == "00:1b:44:11:3a:b7"


@pytest.mark.parametrize(
    "text",
    [
        "00:1b:44:ff:fe:11:3a:b7",
        "00:1B:44:FF:FE:11:3A:B7",
        "00-1b-44-ff-fe-11-3a-b7",
        "00-1B-44-FF-FE-11-3A-B7",
        "001b.44ff.fe11.3ab7",
        "001B.44FF.FE11.3AB7",
        "001b44fffe113ab7",
        "001B44FFFE113AB7",
    ],
)
def test_every_common_spelling_of_an_eui_64_is_one_address(text: str) -> None:
    assert MacAddress.parse(text).value == "00:1b:44:ff:fe:11:3a:b7"


@pytest.mark.parametrize(
    "text",
    [
        "00:1b-44-11-3a-b7",
        "00:1b:44:11:3a-b7",
        "00-1b:44-11:3a-b7",
        "00-1b-44-11-3a:b7",
        "001b.4411:3ab7",
        "001b.44113ab7",
        "001b:4411:3ab7",
        "001b-4411-3ab7",
        "00.1b.44.11.3a.b7",
        "00_1b_44_11_3a_b7",
        "001b44:113ab7",
        "001b44-113ab7",
        "00:1b4411:3ab7",
        "00:1b:44:ff:fe-11-3a-b7",
        "00:1b:44:11:3a:b7:fe11",
    ],
)
def test_mixed_or_foreign_separators_are_refused(text: str) -> None:
    with pytest.raises(InvalidIdentifier, match="one separator throughout"):
        MacAddress.parse(text)


@pytest.mark.parametrize("separator", [chr(code) for code in range(0x80) if chr(code) not in ":-"])
def test_only_colons_and_hyphens_separate_pairs(separator: str) -> None:
    # The sample of the original blog post wrote [:-_], a range that lets through every character from : to _.
    with pytest.raises(InvalidIdentifier):
        MacAddress.parse(separator.join(("00", "1b", "44", "11", "3a", "b7")))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("00:1b:44:11:3a", id="5 octets"),
        pytest.param("00:1b:44:11:3a:b7:01", id="7 octets"),
        pytest.param("00:1b:44:11:3a:b7:01:02:03", id="9 octets"),
        pytest.param("001b44113ab", id="11 digits"),
        pytest.param("001b44113ab70", id="13 digits"),
        pytest.param("001b44113ab701", id="14 digits"),
        pytest.param("0:1b:44:11:3a:b7", id="one digit for an octet"),
        pytest.param("00:1b:44:11:3a:g7", id="not hexadecimal"),
        pytest.param("0x1b44113ab7", id="0x"),
        pytest.param("00:1b:44:11:3a:b7\n", id="trailing newline"),
        pytest.param("001b44113ab7\n", id="bare with trailing newline"),
        pytest.param("\n00:1b:44:11:3a:b7", id="leading newline"),
        pytest.param(" 00:1b:44:11:3a:b7", id="leading space"),
        pytest.param("00:1b:44:11:3a:b7 ", id="trailing space"),
        pytest.param("00 1b 44 11 3a b7", id="spaces between"),
        pytest.param("00:1b:44:11:3a:b7:", id="trailing separator"),
        pytest.param(":00:1b:44:11:3a:b7", id="leading separator"),
        pytest.param("00::1b:44:11:3a:b7", id="doubled separator"),
        pytest.param("0\N{ARABIC-INDIC DIGIT ONE}:1b:44:11:3a:b7", id="Arabic-Indic digit"),
        pytest.param("00:1b:44:11:3a:b\N{FULLWIDTH DIGIT SEVEN}", id="full-width digit"),
        pytest.param("00:1b:44:11:3\N{CYRILLIC SMALL LETTER A}:b7", id="Cyrillic a"),
        pytest.param("00:1b:44:11:3a\N{FULLWIDTH COLON}b7", id="full-width colon"),
        pytest.param("00-1b-44-11-3a\N{HYPHEN}b7", id="typographic hyphen"),
        pytest.param("00:1b:44:11:3a:b7\x00", id="trailing NUL"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentifier, match="6 or 8 octets"):
        MacAddress.parse(text)


@pytest.mark.parametrize("text", ["01:00:5e:00:00:fb", "33:33:00:00:00:01", "ff:ff:ff:ff:ff:ff", "0100.5e00.00fb.0001"])
def test_a_multicast_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentifier, match="multicast"):
        MacAddress.parse(text)


@pytest.mark.parametrize(
    "text", ["00:00:00:00:00:00", "000000000000", "0000.0000.0000.0000", "00-00-00-00-00-00-00-00"]
)
def test_an_all_zero_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentifier, match="all-zero"):
        MacAddress.parse(text)


@pytest.mark.parametrize("text", ["02:1b:44:11:3a:b7", "06-00-00-00-00-01", "0A0000000001", "fe80.0000.0000.0001"])
def test_a_locally_administered_address_is_parsed_and_flagged(text: str) -> None:
    assert MacAddress.parse(text).is_locally_administered


@pytest.mark.parametrize("text", ["00:1b:44:11:3a:b7", "04:00:00:00:00:02", "fc:02:02:02:02:02", "001b44fffe113ab7"])
def test_a_vendors_address_is_not_flagged(text: str) -> None:
    assert not MacAddress.parse(text).is_locally_administered


def test_it_prints_in_its_canonical_form() -> None:
    assert str(MacAddress.parse("001B44113AB7")) == "00:1b:44:11:3a:b7"


def test_an_eui_48_is_not_the_eui_64_made_from_it() -> None:
    assert MacAddress.parse("00:1b:44:11:3a:b7") != MacAddress.parse("00:1b:44:ff:fe:11:3a:b7")


def test_an_error_does_not_repeat_what_was_presented() -> None:
    with pytest.raises(InvalidIdentifier) as caught:
        MacAddress.parse("secret token")
    assert "secret" not in str(caught.value)
