"""Recognises lines of a table that are no device: the heading again, a total, a footer, a line of dashes."""

import re
from collections.abc import Sequence

from fleetgate.imports.reading.columns import Column, Meaning, column_of
from fleetgate.imports.reading.errors import FileError, RowError, UnreadableFile

_RULE = re.compile(r"[\s\-=_*+|#~.\u2013\u2014\u2500\u2550]+")
_DRAWN = re.compile(r"[-=_*+#~\u2013\u2014\u2500\u2550]{2}")
# At the start of the first cell that is not empty: what exports and people write below a table.
_TOTAL = re.compile(
    r"""[\W_]*(?:
        (?:grand|sub)?[ -]?totals?\b | totale?s?\b | totaa?l\b | sum\b | summe\b | summary\b | gesamt | insgesamt
        | anzahl\b | count\b | number\ of\ | somme\b | suma\b | soma\b | quantity\b
        | \u5408\u8ba1 | \u5408\u8a08 | \u603b\u8ba1 | \u7e3d\u8a08 | \u5c0f\u8ba1 | \u5c0f\u8a08 | \u5171
        | \ud569\uacc4 | \ucd1d\uacc4
        | end\ of\b | end\b$ | ende\b | fin\b | page\ \d | seite\ \d | printed\b | generated\b | exported\b | signed\b
        | \d+\ (?:rows?|records?|devices?|units?|pieces|pcs|lines?|zeilen|lignes|filas|righe)\b
        | rows?\ (?:affected|selected)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
# A footer is a sentence or a number or two; a device has more cells.
_MAX_CELLS = 2
# A line may have thousands, and each line of a hostile file is looked at.
_MAX_CELLS_LOOKED_AT = 100


def is_rule(cells: Sequence[str]) -> bool:
    """Whether the cells only draw a line, as below a heading."""
    drawn = [cell for cell in map(str.strip, cells) if cell]
    return bool(drawn) and all(map(_RULE.fullmatch, drawn)) and any(map(_DRAWN.search, drawn))


def no_device(cells: Sequence[str], columns: Sequence[Column], line_number: int) -> RowError | None:
    """What a line is that says no device; None for a row, be it right or wrong.

    Raises:
        UnreadableFile: It is a heading with other columns than those of the file.
    """
    if len(cells) > _MAX_CELLS_LOOKED_AT:
        return None
    if _is_heading(cells, columns):
        return RowError.HEADING_AGAIN
    found = [column_of(cell, position) for position, cell in enumerate(cells, 1)]
    known = [column.meaning for column in found if column.meaning is not Meaning.UNKNOWN]
    if Meaning.SERIAL_NUMBER in known and len(known) > 1:
        if _said(found) == _said(columns):
            return RowError.HEADING_AGAIN
        raise UnreadableFile(FileError.HEADING_CHANGES, f"It is in line {line_number}.")
    if is_rule(cells):
        return RowError.RULE_LINE
    filled = [cell for cell in map(str.strip, cells) if cell]
    if 0 < len(filled) <= _MAX_CELLS and _TOTAL.match(filled[0]):
        return RowError.TOTAL_LINE
    return None


def spellings_again(columns: Sequence[Column]) -> frozenset[str]:
    """What stands in the serial number's column where a line is the heading again."""
    heading = next((column.heading for column in columns if column.meaning is Meaning.SERIAL_NUMBER), "")
    words = (heading, heading.strip())
    return frozenset(change(word) for word in words for change in (str, str.lower, str.upper, str.title)) - {""}


def _is_heading(cells: Sequence[str], columns: Sequence[Column]) -> bool:
    return _words(cells) == _words([column.heading for column in columns])


def _words(cells: Sequence[str]) -> list[str]:
    words = [cell.strip().casefold() for cell in cells]
    while words and not words[-1]:
        words.pop()
    return words


def _said(columns: Sequence[Column]) -> list[tuple[Meaning, str]]:
    return [(column.meaning, column.attribute) for column in columns]
