"""Makes the text of an attribute fit for AWS IoT, which takes no spaces and few special characters."""

import re
import unicodedata

# AWS IoT, AttributePayload: value pattern and length.
_MAX_LENGTH = 800
_FIT = re.compile(rf"[a-zA-Z0-9_.,@/:#-]{{1,{_MAX_LENGTH}}}")
_TAKEN = re.compile(r"[a-zA-Z0-9_.,@/:#-]")
_SPACES = re.compile(r"\s+")
# Letters that Unicode does not take apart.
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
)
_SHOWN = 40


def fitted(text: str) -> tuple[str, tuple[str, ...]]:
    """A text that AWS IoT takes as the value of an attribute, and what became of the one that was delivered.

    Returns:
        Empty if no letter and no digit of it can be kept; no changes if it is fit as it is.
    """
    if _FIT.fullmatch(text):
        return text, ()
    changes: list[str] = []
    spaced = _SPACES.sub("_", text)
    if spaced != text:
        changes.append("spaces became _")
    lettered = "".join(map(_lettered, spaced))
    if lettered != spaced:
        changes.append("letters became those of ASCII")
    value = "".join(character if _TAKEN.match(character) else "_" for character in lettered)
    if value != lettered:
        changes.append("other characters became _")
    if len(value) > _MAX_LENGTH:
        value = value[:_MAX_LENGTH]
        changes.append(f"it was cut to {_MAX_LENGTH} characters")
    if not any(map(str.isalnum, value)):
        return "", ("it was left out, since AWS IoT takes none of its characters",)
    return value, tuple(changes)


def sentence_of(name: str, text: str, value: str, changes: tuple[str, ...]) -> str:
    """How an attribute was made fit, with an example."""
    example = f"{_shown(text)} -> {value[:_SHOWN]}" if value else _shown(text)
    return f"{name}: {', '.join(changes)}, as in {example}."


def _lettered(character: str) -> str:
    """A letter or digit in ASCII, if it has one."""
    if character.isascii():
        return character
    base = unicodedata.normalize("NFKD", character.translate(_LETTERS))
    kept = "".join(one for one in base if not unicodedata.combining(one))
    return kept if kept.isascii() and kept.isalnum() else character


def _shown(text: str) -> str:
    # repr() escapes what cannot be seen.
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
