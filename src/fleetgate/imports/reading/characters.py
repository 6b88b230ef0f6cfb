"""Names the characters of a cell for people: what cannot be seen, or looks like another character, has a name."""

import re
import unicodedata

# Unicode gives control characters no name; these are the ones that lists have.
_CONTROLS = {0: "NULL", 9: "TAB", 10: "LINE FEED", 13: "CARRIAGE RETURN", 26: "SUBSTITUTE", 27: "ESCAPE", 127: "DELETE"}
NOT_ASCII = re.compile(r"[^\x20-\x7e]")


def name_at(text: str, at: int) -> str:
    """A character and its place, without the character itself where it cannot be seen.

    Args:
        at: Position in the text; the first is 0. People count from 1.
    """
    character, place = text[at], f"at character {at + 1}"
    if character == " ":
        return f"a space {place}"
    if " " < character <= "~":
        return f"{character} {place}"
    return f"{_name_of(character)} {place} (U+{ord(character):04X})"


def _name_of(character: str) -> str:
    known = unicodedata.name(character, "") or _CONTROLS.get(ord(character))
    if known:
        return known
    return "CONTROL CHARACTER" if unicodedata.category(character) == "Cc" else "CHARACTER WITHOUT A NAME"
