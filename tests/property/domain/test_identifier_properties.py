"""Parsing identifiers: every spelling means one value, and anything else is one error."""

from hypothesis import given
from hypothesis import strategies as st

from fleetgate.domain.audit import printable
from fleetgate.domain.identifiers import InvalidIdentifier, MacAddress, SerialNumber
from tests.property.gate.strategies import (
    SERIAL_NUMBER_CHARACTERS,
    SPELLINGS,
    almost_mac_addresses,
    almost_serial_numbers,
    json_values,
    serial_numbers,
    spelled,
    unicast_octets,
)


@given(octets=unicast_octets(), data=st.data())
def test_any_spelling_of_the_same_octets_is_the_same_mac_address(octets: bytes, data: st.DataObject) -> None:
    one, other = data.draw(spelled(octets)), data.draw(spelled(octets))
    assert MacAddress.parse(one) == MacAddress.parse(other)
    assert bytes.fromhex(MacAddress.parse(one).value.replace(":", "")) == octets


@given(octets=unicast_octets(), data=st.data())
def test_a_mac_address_reads_its_own_output_as_itself(octets: bytes, data: st.DataObject) -> None:
    parsed = MacAddress.parse(data.draw(spelled(octets)))
    assert MacAddress.parse(str(parsed)) == parsed


@given(octets=unicast_octets())
def test_the_second_bit_tells_a_made_up_address(octets: bytes) -> None:
    assert MacAddress.parse(octets.hex()).is_locally_administered == bool(octets[0] & 2)


@given(octets=unicast_octets(), data=st.data())
def test_a_group_address_is_refused_in_any_spelling(octets: bytes, data: st.DataObject) -> None:
    group = bytes([octets[0] | 1]) + octets[1:]
    assert _mac_address(data.draw(spelled(group))) is None


@given(text=almost_mac_addresses() | st.text())
def test_what_is_taken_for_a_mac_address_is_a_spelling_of_it(text: str) -> None:
    parsed = _mac_address(text)
    if parsed is not None:
        octets = bytes.fromhex(parsed.value.replace(":", ""))
        assert len(octets) in (6, 8)
        assert text.lower() in [spelling(octets) for spelling in SPELLINGS.values()]


@given(octets=unicast_octets(), data=st.data())
def test_one_foreign_character_spoils_a_mac_address(octets: bytes, data: st.DataObject) -> None:
    text = data.draw(spelled(octets))
    place = data.draw(st.integers(0, len(text)))
    foreign = data.draw(st.characters(exclude_characters="0123456789abcdefABCDEF"))
    assert _mac_address(text[:place] + foreign + text[place:]) is None


@given(text=serial_numbers())
def test_a_serial_number_is_kept_as_it_is(text: str) -> None:
    parsed = SerialNumber.parse(text)
    assert parsed.value == text
    assert SerialNumber.parse(str(parsed)) == parsed


@given(text=st.text(max_size=140) | almost_serial_numbers())
def test_a_serial_number_is_1_to_128_characters_of_a_thing_name_and_nothing_else(text: str) -> None:
    fits = 1 <= len(text) <= 128 and set(text) <= set(SERIAL_NUMBER_CHARACTERS)
    try:
        SerialNumber.parse(text)
    except InvalidIdentifier:
        assert not fits
    else:
        assert fits


@given(value=json_values())
def test_whatever_was_presented_a_record_holds_short_printable_ascii_of_it(value: object) -> None:
    written = printable(value)
    if value is None:
        assert written is None
    else:
        assert written is not None
        assert len(written) <= 128
        assert all(" " <= character <= "~" for character in written)


def _mac_address(text: str) -> MacAddress | None:
    try:
        return MacAddress.parse(text)
    except InvalidIdentifier:
        return None
