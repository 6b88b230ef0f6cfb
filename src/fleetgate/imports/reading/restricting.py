"""Recognises cells that restrict what is allowed, where no heading says so: MAC addresses, dates and operations.

A MAC address with separators, a date and an operation show by themselves. Bare digits do not: many numbers look like
an address or a day now and then.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

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


def _cells(pattern: str) -> re.Pattern[str]:
    """A pattern for whole cells, or whole lines of cells, in a text that `_lines` makes."""
    return re.compile(rf"\n{_SPACE}*(?:'|=?\")?{_SPACE}*(?:{pattern})[\"']?{_SPACE}*(?=\n)")


# More than one may be in a cell.
_MAC_ADDRESS = rf"(?:0x)?(?:{_SEPARATED}|{_GROUPED})(?:[;,|\t ]+[0-9a-f][-0-9a-f:._/]+)*"
_OPERATION = "|".join(re.escape(word.lower()) for word in OPERATION_CELLS.split())
_PATTERNS = {
    "MAC Address": _cells(_MAC_ADDRESS),
    "Operation": _cells(_OPERATION),
    "Public Key": re.compile(r"\n-----begin [a-z ]*(?:certificate|key)"),
    "Valid Until": _cells(f"{_DAY}(?:{_TIME})?"),
}
_BARE_PATTERNS = {"MAC Address": _cells(f"(?:0x)?{_BARE}"), "Valid Until": _cells(_BARE_DAY)}
_ANY_BUT_DATES = _cells(f"(?:{_MAC_ADDRESS})|(?:0x)?{_BARE}|(?:{_OPERATION})|-----begin [a-z -]*")
_ANY = _cells(f"(?:{_MAC_ADDRESS})|(?:0x)?{_BARE}|(?:{_OPERATION})|-----begin [a-z -]*|{_DAY}(?:{_TIME})?|{_BARE_DAY}")
BARE = tuple(_BARE_PATTERNS)
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
