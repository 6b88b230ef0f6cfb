"""A cell of a workbook as text: what its reader sees, or a mark that it cannot be said faithfully.

A marked cell rejects its row wherever the row needs it (`UNCLEAR_CELL`).
"""

import re
from datetime import datetime, time, timedelta
from decimal import Context, Decimal, DecimalException
from typing import NamedTuple

from fleetgate.imports.reading.columns import Meaning
from fleetgate.imports.reading.factory_list import UNCLEAR_CELL
from fleetgate.imports.reading.workbook_formats import Shows, section_of, shown_number, shown_text

# Microsoft, "Excel specifications and limits": number precision.
_DIGITS_KEPT = 15
_PRECISION = Context(prec=_DIGITS_KEPT)
# Smaller numbers come from arithmetic, not from a list.
_SMALLEST = Decimal("1E-15")
# A day after the last of the year 9999.
_MAX_DAYS = 2_958_466
_DAY_ONE_1900, _DAY_ONE_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 - Excel has no zones
# Excel counts a 29 February 1900.
_DAYS_BEFORE_MARCH_1900 = 60

# A break would shift the lines below.
_BREAKS = re.compile(r"[\r\n\x0b\x0c\x85\u2028\u2029]+")
# ECMA-376 part 1, 22.9.2.19: characters that XML cannot hold.
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_SURROGATES = range(0xD800, 0xE000)

_DATES = frozenset({Meaning.VALID_FROM, Meaning.VALID_UNTIL})
_ANYTHING = frozenset({None, Meaning.UNKNOWN, Meaning.REPORT})
_WHOLE_DAY = frozenset({"year", "month", "day"})


class StoredCell(NamedTuple):
    """A cell that a sheet stores.

    Attributes:
        column: The first is 1.
        kind: `s` text, `n` number, `b` truth value, `e` error, `d` date in ISO 8601, `f` formula without a result.
        value: As stored; of a formula, its stored result.
        number_format: The code by which Excel shows it.
    """

    column: int
    kind: str
    value: str
    number_format: str


class CellText(NamedTuple):
    """A cell as text.

    Attributes:
        text: What its reader sees; if that is nothing, what it holds.
        problem: Why its text is not what was meant, as the rest of a sentence; empty if it is.
        is_invisible: Whether it holds something and shows nothing.
    """

    text: str
    problem: str = ""
    is_invisible: bool = False


def text_of(cell: StoredCell, meaning: Meaning | None = None, *, is_1904: bool = False) -> CellText:  # noqa: PLR0911 - a table
    """The text of a cell; empty for an empty one.

    Args:
        meaning: Of the cell's column; None where that is not known, as in a heading.
        is_1904: Whether the workbook counts days from 1904.
    """
    match cell.kind:
        case "s":
            return _of_text(cell)
        case "n" | "d" if not cell.value.strip():
            return CellText("")
        case "n":
            return _of_number(cell, meaning, is_1904=is_1904)
        case "b":
            if meaning is Meaning.SERIAL_NUMBER:
                return _unclear("it shows TRUE or FALSE, which Excel may have made of it")
            return CellText("true" if cell.value.strip() == "1" else "false")
        case "d":
            return _of_iso_date(cell.value.strip(), meaning)
        case "f":
            return _unclear("it is a formula without a result; open the workbook in Excel and save it")
        case _:
            return _unclear(f"it shows the error {cell.value[:20]}")


def _of_text(cell: StoredCell) -> CellText:
    text = cell.value
    if "_x" in text:
        text = _ESCAPED.sub(_unescaped, text)
    text = _BREAKS.sub(" ", text)
    if cell.number_format in {"General", "@"} or not text.strip():
        return CellText(text)
    shown = shown_text(text, cell.number_format)
    return CellText(shown) if shown.strip() else CellText(text, is_invisible=True)


def _of_number(cell: StoredCell, meaning: Meaning | None, *, is_1904: bool) -> CellText:  # noqa: PLR0911 - a table
    try:
        number = _PRECISION.create_decimal(cell.value.strip())
    except DecimalException:
        return _unclear(f"it holds {cell.value[:20]!r}, which is no number")
    if not number.is_finite():
        return _unclear("its number is larger than Excel's largest")
    number = Decimal() if number == 0 else number.normalize()
    section, has_own_sign = section_of(number, cell.number_format)
    match section.shows:
        case Shows.DATE:
            return _of_days(number, section.date_parts, meaning, is_1904=is_1904)
        case Shows.DURATION:
            return _unclear("it holds a duration")
        case _ if abs(number) >= 10**_DIGITS_KEPT:
            return _unclear(
                f"Excel keeps {_DIGITS_KEPT} digits of a number, and {number:.5E} has {number.adjusted() + 1}"
            )
        case _ if 0 < abs(number) < _SMALLEST:
            return _unclear(f"its number is {number:.5E}")
        case Shows.NOTHING:
            return CellText(f"{number:f}", is_invisible=True)
        case Shows.GENERAL | Shows.TEXT if len(section.tokens) == 1:
            return CellText(f"{number:f}")
        case Shows.SCIENTIFIC:
            return _unclear(
                f"it shows the number {number:f} in scientific notation, and may have been a text such as 12E5"
            )
        case Shows.NUMBER:
            shown = shown_number(number, section, has_own_sign=has_own_sign)
            if shown.is_rounded and meaning in {Meaning.SERIAL_NUMBER, Meaning.MAC_ADDRESS}:
                return _unclear(f"it shows {shown.text} and holds {number:f}")
            return CellText(shown.text) if shown.text else CellText(f"{number:f}", is_invisible=True)
        case _:
            return _unclear(f"it holds the number {number:f}, and its format {cell.number_format[:40]} is not known")


def _of_days(days: Decimal, parts: frozenset[str], meaning: Meaning | None, *, is_1904: bool) -> CellText:
    if not 0 <= days < _MAX_DAYS:
        return _unclear(f"it is formatted as a date and holds {days:.5g}")
    shift = timedelta(days=1) if not is_1904 and days < _DAYS_BEFORE_MARCH_1900 else timedelta()
    # To the second: a moment is a fraction of a day.
    moment = (_DAY_ONE_1904 if is_1904 else _DAY_ONE_1900) + shift + timedelta(seconds=round(float(days) * 86_400))
    if not parts & _WHOLE_DAY:
        return _of_moment(moment.time().isoformat(), meaning, is_whole=False)
    shows_time = "hour" in parts and moment.time() != time()
    return _of_moment(
        moment.isoformat() if shows_time else moment.date().isoformat(), meaning, is_whole=parts >= _WHOLE_DAY
    )


def _of_iso_date(text: str, meaning: Meaning | None) -> CellText:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _unclear(f"it holds {text[:20]!r}, which is no date")
    return _of_moment(text if moment.time() != time() else text[:10], meaning, is_whole=True)


def _of_moment(text: str, meaning: Meaning | None, *, is_whole: bool) -> CellText:
    if meaning in _DATES and not is_whole:
        return _unclear(f"it shows only a part of {text}")
    if meaning not in _DATES and meaning not in _ANYTHING:
        return _unclear(f"it holds the date {text}, which Excel may have made of something else")
    return CellText(text)


def _unclear(why: str) -> CellText:
    return CellText(f"{UNCLEAR_CELL}{why}", why)


def _unescaped(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return found[0] if code in _SURROGATES else chr(code)
