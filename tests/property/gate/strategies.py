"""What devices may send, from well-formed to anything JSON can say."""

import string
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

SERIAL_NUMBER_CHARACTERS = string.ascii_letters + string.digits + ":_-"


def _pairs(separator: str) -> Callable[[bytes], str]:
    return lambda octets: octets.hex(separator) if separator else octets.hex()


def _quads(octets: bytes) -> str:
    return octets.hex(".", 2)


# Each as lower case; `spelled` mixes the cases.
SPELLINGS: dict[str, Callable[[bytes], str]] = {
    "pairs with colons": _pairs(":"),
    "pairs with hyphens": _pairs("-"),
    "quads with dots": _quads,
    "bare": _pairs(""),
}


def _one_device(octets: bytes) -> bytes:
    """Clear the group bit."""
    return bytes([octets[0] & 0xFE]) + octets[1:]


def unicast_octets() -> st.SearchStrategy[bytes]:
    """6 or 8 octets that one device can own."""
    either = st.binary(min_size=6, max_size=6) | st.binary(min_size=8, max_size=8)
    return either.map(_one_device).filter(any)


@st.composite
def spelled(draw: st.DrawFn, octets: bytes) -> str:
    """A spelling of the octets, its letters in either case."""
    text = draw(st.sampled_from(list(SPELLINGS.values())))(octets)
    upper = draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
    return "".join(
        character.upper() if is_upper else character for character, is_upper in zip(text, upper, strict=True)
    )


def almost_mac_addresses() -> st.SearchStrategy[str]:
    """Text out of the characters a MAC address is made of, often of a plausible shape."""
    loose = st.text(alphabet=string.hexdigits + ":-._ \n", min_size=10, max_size=24)
    shaped = st.lists(st.text(alphabet=string.hexdigits, min_size=1, max_size=4), min_size=3, max_size=9).flatmap(
        lambda parts: st.sampled_from([":", "-", ".", "", "_", ";"]).map(lambda separator: separator.join(parts))
    )
    mixed = st.lists(st.sampled_from(["00", "1b", "AB", ":", "-", ".", "4411"]), min_size=6, max_size=15).map("".join)
    return loose | shaped | mixed


def serial_numbers() -> st.SearchStrategy[str]:
    """Text that a thing name allows, often of nearly the greatest length."""
    any_length = st.text(alphabet=SERIAL_NUMBER_CHARACTERS, min_size=1, max_size=128)
    return any_length | st.integers(120, 128).map(lambda length: "A" * length)


def almost_serial_numbers() -> st.SearchStrategy[str]:
    """A serial number with something at its end."""
    ends = st.sampled_from(["", "A", "\n", " ", "/", "#", ".", "\x00", "\N{FULLWIDTH DIGIT ONE}"])
    return st.tuples(serial_numbers(), ends).map("".join)


def json_values() -> st.SearchStrategy[Any]:
    """Anything JSON can say."""
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
        max_leaves=8,
    )
