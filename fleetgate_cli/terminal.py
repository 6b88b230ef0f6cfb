"""What others wrote, made harmless for a terminal: it must not move the cursor, colour, hide or reverse anything."""

import re

# Control characters but tab and line end, the format characters that reverse text, and bytes that are no text.
_HARMFUL = re.compile(
    r"\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
# Unicode has a picture of each control character of ASCII.
_PICTURES, _DELETE, _PICTURE_OF_DELETE, _NO_PICTURE = 0x2400, 0x7F, "\u2421", "\ufffd"


def harmless(text: str) -> str:
    """The text with a picture in place of each character that would control the terminal."""
    return _HARMFUL.sub(_picture, text)


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < ord(" "):
        return chr(_PICTURES + code)
    return _PICTURE_OF_DELETE if code == _DELETE else _NO_PICTURE
