"""Recognises cells that restrict what is allowed, where no heading says so: MAC addresses, dates and operations.

A MAC address with separators, a date and an operation show by themselves. Bare digits do not: many numbers look like
an address or a day now and then.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from fleetgate.imports.reading.heading_words import OPERATION_CELLS

_SPACE = r"[^\S\n]"
_HEX, _DIGITS, _YEAR = "[0-9a-f]{2}", "[0-9]{1,2}", "(?:19|20)[0-9]{2}"
_SEPARATED = "|".join(
    f"{_HEX}(?:{mark}{_HEX}){{5}}(?:(?:{mark}{_HEX}){{2}})?" for mark in (":", "-", "[.]", "_", "/", " ")
)
_GROUPED = r"[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}(?:\.[0-9a-f]{4})?"
_BARE = r"(?=[0-9]*[a-f])[0-9a-f]{12}(?:[0-9a-f]{4})?"
_BARE_DAY = "20[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_MONTH = (
    "(?:jan|feb|fev|fév|f[ée]vr|ene|gen|mar|mär|maer|apr|avr|abr|may|mai|mag|jun|jui|giu|jul|lug|aug|aou|aoû|ago|sep|"
    r"set|oct|okt|ott|out|nov|dec|dez|dic|déc)[^\W\d_]*"
)
_DAY = (
    rf"(?:{_YEAR}[-/.]{_DIGITS}[-/.]{_DIGITS}|{_DIGITS}[-/.]{_DIGITS}[-/.]{_YEAR}|{_DIGITS}/{_DIGITS}/[0-9]{{2}}"
    rf"|{_YEAR}{_SPACE}?[年년]{_SPACE}?{_DIGITS}{_SPACE}?[月월]{_SPACE}?{_DIGITS}{_SPACE}?[日일]?"
    rf"|{_DIGITS}[-. ]{{1,2}}(?:de )?{_MONTH}[-., ]{{1,2}}(?:de )?(?:{_YEAR}|[0-9]{{2}})"
    rf"|{_MONTH}[. ]{{1,2}}{_DIGITS}[, ]{{1,2}}{_YEAR})"
)
_TIME = rf"(?:t|,?{_SPACE}+){_DIGITS}:[0-9]{{2}}[0-9:.,]*{_SPACE}?(?:z|utc|gmt|[ap]\.?m\.?|[-+][0-9:]{{2,5}})?"


# Around a cell: space, and the marks that make it text in a spreadsheet.
_MARKS = "[ \\t\\r\\f\\v\\xa0\\u2000-\\u200b\\u3000\\ufeff'\"=]*+"


def _cells(pattern: str) -> re.Pattern[str]:
    """A pattern for whole cells, or whole lines of cells, in a text that `_lines` makes."""
    return re.compile(rf"\n{_MARKS}(?:{pattern}){_MARKS}(?=\n)")


def _by_first_letter(words: Iterable[str]) -> str:
    groups = groupby(sorted(words), key=itemgetter(0))
    return "|".join(f"{first}(?:{'|'.join(re.escape(word[1:]) for word in group)})" for first, group in groups)


# More than one may be in a cell.
_MORE = r"(?:[;,|\t ]+[0-9a-f][-0-9a-f:._/]+)*"
_MAC_ADDRESS = f"(?:0x)?(?:{_SEPARATED}|{_GROUPED}){_MORE}"
_OPERATION = _by_first_letter(OPERATION_CELLS.lower().split())
_PATTERNS = {
    "MAC Address": _cells(_MAC_ADDRESS),
    "Operation": _cells(_OPERATION),
    "Public Key": re.compile(r"\n-----begin [a-z ]*(?:certificate|key)"),
    "Valid Until": _cells(f"{_DAY}(?:{_TIME})?"),
}
_BARE_PATTERNS = {"MAC Address": _cells(f"(?:0x)?{_BARE}"), "Valid Until": _cells(_BARE_DAY)}
BARE = tuple(_BARE_PATTERNS)
# The same and a little more, in an order that fails early: nearly no cell restricts.
_QUICK = (
    f"(?:0x)?+{_HEX}(?:(?:[-:._/ ]{_HEX}){{5,7}}|{_HEX}[.]{_HEX}{_HEX}[.][0-9a-f.]+|(?:{_HEX}){{5}}(?:{_HEX}{_HEX})?)"
    f"{_MORE}|{_OPERATION}|-----begin[^\\n]*"
)
_QUICK_DATE = (
    rf"[0-9](?:[0-9]{{3}}[-/.年년 ]|[0-9]?[-/.]{_DIGITS}[-/.]{_DIGITS}|[0-9]?[-. ]{{1,2}}(?:de )?{_MONTH})[^\n]*"
    rf"|20[0-9]{{6}}|{_MONTH}[. ]{{1,2}}{_DIGITS}[, ]{{1,2}}{_YEAR}[^\n]*"
)
_ANY, _ANY_BUT_DATES = _cells(f"{_QUICK}|{_QUICK_DATE}"), _cells(_QUICK)
_CALLED = {
    "MAC Address": "a MAC address",
    "Operation": "an operation",
    "Public Key": "a key",
    "Valid Until": "a date",
}


@dataclass(frozen=True, slots=True)
class Restricting:
    """A cell that restricts.

    Attributes:
        name: Of the column that such a cell belongs under.
    """

    name: str
    cell: str

    def told(self, line_number: int) -> str:
        """The end of a sentence about the column of the cell."""
        shown = " ".join(self.cell.split())[:40]
        return f"says {shown!r} in line {line_number:,}, which is {_CALLED[self.name]}"


def may_restrict(cells: Collection[str], *, with_dates: bool) -> bool:
    """Whether one of some cells restricts, or is bare digits that look so; quickly."""
    return (_ANY if with_dates else _ANY_BUT_DATES).search(_lines(cells)) is not None


def restricting_in(cells: Collection[str], *, with_dates: bool) -> Restricting | None:
    """One of some cells that restricts by itself."""
    patterns = {name: pattern for name, pattern in _PATTERNS.items() if with_dates or name != "Valid Until"}
    return next(_each(cells, patterns), None)


def bare_in(cells: Collection[str], name: str) -> list[Restricting]:
    """The cells that are bare digits that look like the cells of a column.

    Args:
        name: One of `BARE`.
    """
    return list(_each(cells, {name: _BARE_PATTERNS[name]}))


def _lines(cells: Iterable[str]) -> str:
    return "\n" + "\n".join(cells).lower() + "\n"


def _each(cells: Iterable[str], patterns: Mapping[str, re.Pattern[str]]) -> Iterator[Restricting]:
    for cell in cells:
        text = _lines([cell])
        yield from (Restricting(name, cell) for name, pattern in patterns.items() if pattern.search(text))
