"""What a person means by a cell of an Excel workbook, as text; where Excel has lost it, a text that no import takes.

What cannot be said faithfully is written with a space and brackets, or in scientific notation: neither can stand in a
serial number, a MAC address, a date, a template's name or an AWS IoT thing attribute, so the row will be rejected.
"""

import re
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from fleetgate.imports.reading.damage import FORMULA_WITHOUT_RESULT
from fleetgate_cli.imports.spreadsheet_rows import StoredCell

# Microsoft, "Excel specifications and limits": number precision.
_DIGITS_KEPT = 15

# A break would shift the lines below. Excel writes control characters as _x000D_ (ECMA-376 part 1, 22.9.2.19).
_BREAKS = re.compile(r"(?:[\r\n]|_x00[01][0-9A-Fa-f]_)+")
_ZEROS = re.compile(r"0+")
_SCIENTIFIC = re.compile(r"E[+-]")
# In a number format: "text" and \c are shown; [Red], _c and *c are colour, currency and space.
_SHOWN = re.compile(r'"([^"]*)"|\\(.)')
_NOT_SHOWN = re.compile(r"\[[^\]]*\]|_.|\*.")


class CellText(NamedTuple):
    """A cell as text.

    Attributes:
        problem: A sentence for people where the text is not what was meant; the import will reject it.
    """

    text: str
    problem: str = ""


def text_of(cell: StoredCell, *, is_serial_number: bool = False) -> CellText:
    """The text of a cell; empty for an empty one.

    Args:
        is_serial_number: Such a cell is text or a number, whatever Excel made of it.
    """
    problem = ""
    match cell.kind, cell.value:
        case "e", value:
            text, problem = (
                f"{value} (error)",
                f"The cell holds the error {value}. Mend its formula, or enter the value.",
            )
        case "f", value:
            text = FORMULA_WITHOUT_RESULT
            problem = "The formula has no stored result. Open the workbook in Excel and save it, or enter the value."
        case _, None as value:
            text = ""
        case _, str(value):
            text = _BREAKS.sub(" ", value)
        case _, bool(value):
            text = str(value).lower()
        case _, (int() | float()) as value:
            text, problem = _number(value, cell.number_format)
        case _, datetime() as value:
            text = (value if value.time() != time() else value.date()).isoformat()
        case _, (date() | time()) as value:
            text = value.isoformat()
        case _, value:
            text, problem = f"{value} (duration)", "The cell holds a duration. Enter it as text."
    if is_serial_number and isinstance(value, bool | date | time):
        text += " (not text)"
        problem = f"Excel made {value} of the serial number. Format the column as text and enter it again."
    return CellText(text, problem)


def _number(value: float, number_format: str) -> CellText:
    # As many digits as Excel shows; the float may have more.
    number = Decimal(value) if isinstance(value, int) else Decimal(f"{value:.{_DIGITS_KEPT}g}")
    if not number.is_finite():
        return CellText("#NUM! (error)", "The number is larger than Excel's largest. Enter the value as text.")
    if abs(number) >= 10**_DIGITS_KEPT:
        return CellText(
            f"{number:.5E}",
            f"Excel keeps {_DIGITS_KEPT} digits of a number, and this one has {number.adjusted() + 1}. "
            "Format the column as text and enter it again from its source.",
        )
    if _ZEROS.fullmatch(number_format) and number >= 0 and number == number.to_integral_value():
        return CellText(f"{int(number):0{len(number_format)}d}")
    if _is_scientific(number_format) and number == number.to_integral_value():
        return CellText(
            f"{number:.5E}",
            f"Excel shows the number {number:f} in scientific notation, and may have made it of a text such as 12E5. "
            "Format the column as text and enter it again.",
        )
    if _adds_characters(number_format):
        return CellText(
            f"{number:f} (custom format)",
            f"The number is {number:f}, and the format {number_format} shows it with other characters. "
            "Format the column as text and enter what it shows.",
        )
    return CellText(f"{number:f}")


@lru_cache
def _is_scientific(number_format: str) -> bool:
    return _SCIENTIFIC.search(_SHOWN.sub("", _NOT_SHOWN.sub("", number_format))) is not None


@lru_cache
def _adds_characters(number_format: str) -> bool:
    """Whether a number format shows characters of a serial number that the number does not have, as in `"SN-"0000`."""
    positive = _NOT_SHOWN.sub("", number_format.partition(";")[0])
    shown = "".join(quoted + escaped for quoted, escaped in _SHOWN.findall(positive))
    placeholders = _SHOWN.sub("", positive)
    before_the_point = placeholders.partition(".")[0]
    return "00" in before_the_point or "-" in placeholders or any(c.isalnum() or c in "-_:" for c in shown)
