"""Recognises headings in the languages of the factories, with units and marks, and in two languages at once."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from fleetgate.imports.reading import heading_words as words

# Characters of a heading that are looked at, and words: nobody writes more, and the patterns below stay quick.
_MAX_CHARACTERS = 200
_MAX_WORDS = 16
_MAX_REMEMBERED = 4_096

# A word of one script: MACアドレス is two.
_WORD = re.compile(r"[a-z0-9]+|[^\W_a-z0-9]+")
_CAMEL_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ACCENTS = re.compile("[\u0300-\u036f]")


def words_of(heading: str) -> list[str]:
    """The words of a heading, without case, width, accents and punctuation."""
    text = heading[:_MAX_CHARACTERS]
    if not text.isascii():
        text = "".join(one for one in unicodedata.normalize("NFKC", text) if unicodedata.category(one) != "Cf")
    text = _CAMEL_CASE.sub(" ", text).casefold()
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text)))
    return _WORD.findall(text)


def heading_key(heading: str) -> str:
    """What two headings are compared by."""
    return "".join(words_of(heading))


@lru_cache(_MAX_REMEMBERED)
def name_of(heading: str) -> str | None:
    """The column that a heading names, one of `HEADINGS`; None if it is not known."""
    if len(heading) > _MAX_CHARACTERS:
        return None
    found = words_of(heading)[: _MAX_WORDS + 1]
    for marks in (frozenset(), _MARKS, _MARKS | _DATE_WORDS):
        kept = [word for word in found if word not in marks]
        if name := _named(kept):
            return name
    return None


@lru_cache(_MAX_REMEMBERED)
def hint_of(heading: str) -> str | None:
    """The restricting column that the heading of an unknown one hints at, one of `HINTS`."""
    found = words_of(heading)[: _MAX_WORDS + 1]
    if name := _named_within(found):
        return name
    spaced = f" {' '.join(found)} "
    for harmless in _HARMLESS:
        spaced = spaced.replace(harmless, "")
    return next((name for name, hints in _HINTS.items() if hints.search(spaced)), None)


def tells_past_events(heading: str) -> bool:
    """Whether dates under a heading tell when something was done, or are versions that look like dates."""
    return _PAST_EVENTS.search(f" {' '.join(words_of(heading))} ") is not None


def _named(found: Sequence[str]) -> str | None:
    if not found or len(found) > _MAX_WORDS:
        return None
    if name := _one_name("".join(found)):
        return name
    # In two languages: `Serial Number / 序列号`, `S/N (Seriennummer)`.
    for end in range(1, len(found)):
        name = _one_name("".join(found[:end]))
        if name and name == _one_name("".join(found[end:])):
            return name
    return None


def _one_name(key: str) -> str | None:
    return _NAMES.get(key) or ("MAC Address" if _MAC_ADDRESS.fullmatch(key) else None)


def _named_within(found: Sequence[str]) -> str | None:
    """A restricting column that some words of a heading name, one after the other."""
    for start in range(len(found)):
        for end in range(len(found), start, -1):
            name = _NAMES.get("".join(found[start:end]))
            if name in _HINTS:
                return name
    return "MAC Address" if any(map(_MAC_ADDRESS.fullmatch, found)) else None


def _key_list(table: str) -> Iterable[str]:
    return map(heading_key, table.split())


def _beginnings(table: str) -> re.Pattern[str]:
    """A pattern for texts of words with a space before and behind each."""
    anywhere: list[str] = []
    first: list[str] = []
    for word in table.split():
        ended, stem = word.endswith("$"), re.escape(heading_key(word))
        (first if stem.isascii() else anywhere).append(stem + " " if ended else stem)
    return re.compile(f" (?:{'|'.join(first)})" + "".join(f"|{one}" for one in anywhere))


_MARKS = frozenset(_key_list(words.MARKS))
_DATE_WORDS = frozenset(_key_list(words.DATE_WORDS))
_HARMLESS = tuple(_key_list(words.HARMLESS))
_NAMES = {heading_key(heading): name for name, table in words.HEADINGS.items() for heading in words.headings_of(table)}
_INTERFACES = f"(?:(?:{'|'.join(_key_list(words.INTERFACES))})[0-9]{{0,2}})*"
_MACS = "|".join(key for key, name in _NAMES.items() if name == "MAC Address")
_MAC_ADDRESS = re.compile(rf"{_INTERFACES}(?:{_MACS})[0-9]{{0,2}}{_INTERFACES}")
_HINTS = {name: _beginnings(table) for name, table in words.HINTS.items()}
_PAST_EVENTS = _beginnings(words.PAST_EVENTS)
