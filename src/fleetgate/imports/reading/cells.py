"""A cell's text: without what a spreadsheet puts around it, and safe for a spreadsheet to open and to save.

A spreadsheet runs a cell that starts like a formula, and saves what it takes for a number or a date as it shows it. So
reports write such cells as text: ="00077" where the text is plain, and with an apostrophe in front where it is not.
`cleaned` reads both, also after the spreadsheet has saved them.
"""

import re

# A formula that makes a cell text: ="0012".
_TEXT_FORMULA = re.compile(r'="(.*)"', re.DOTALL)
# The last four are of full width, which spreadsheets in East Asia take for the same.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# Nothing that could end a text in a formula, and no separator that starts a cell of its own with a formula.
_PLAIN = re.compile(r"[A-Za-z0-9 :._/,-]+")
# The number that a spreadsheet saves as it was.
_WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,10}")
_NUMBER_WITH_EXPONENT = re.compile(r"[0-9]+(?:[.,][0-9]*)?e[+-]?[0-9]+", re.IGNORECASE)
_HALF_DAY = re.compile(r"[0-9][0-9:. ]*[ap]m?", re.IGNORECASE)
# In the languages of factories' spreadsheets.
_TRUTH = re.compile(r"true|false|wahr|falsch|vrai|faux|verdadero|falso|vero|verdadeiro", re.IGNORECASE)
_MONTH = re.compile(
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mrz|m.r|mai|okt|dez|f.v|avr|jui|ao.|d.c|ene|abr|ago|dic|gen|"
    r"mag|giu|lug|set|ott|fev|out)[^\W\d_]*",
    re.IGNORECASE,
)
# Text at once, as nearly all cells are.
_TEXT = re.compile(rf"(?!{_MONTH.pattern}|{_TRUTH.pattern})[A-Z][\x20-\x7e]*", re.IGNORECASE | re.ASCII)
_LETTERS = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile(r"\d")
_NO_TEXT = re.compile("[\ud800-\udfff]")


def cleaned(cell: str) -> str:
    """A cell without the space around it, and without the marks that make it text in a spreadsheet."""
    text = cell.strip()
    formula = _TEXT_FORMULA.fullmatch(text)
    return (formula[1] if formula else text.removeprefix("'")).strip()


def as_text(cell: str) -> str:
    """A cell as a report writes it, so that it means the same once a spreadsheet has opened and saved it.

    It starts no formula. A place that is no text, such as a byte that could not be decoded, is U+FFFD.
    """
    if _TEXT.fullmatch(cell):
        return cell
    cell = _NO_TEXT.sub("\ufffd", cell)
    text = cell.strip()
    if cell.startswith(_FORMULA_STARTS) or text.startswith(_FORMULA_STARTS):
        text = cleaned(cell)
        if not text:
            return ""
    elif not _is_taken_for_a_value(text):
        return cell
    return f'="{text}"' if _PLAIN.fullmatch(text) else f"'{text}"


def _is_taken_for_a_value(text: str) -> bool:
    """Whether a spreadsheet takes a text for a number, a date, a time or a truth, and may save it otherwise."""
    if _WHOLE_NUMBER.fullmatch(text):
        return False
    if _DIGIT.search(text) is None:
        return _TRUTH.fullmatch(text) is not None
    if words := _LETTERS.findall(text):
        is_date = len(words) == 1 and _MONTH.fullmatch(words[0]) is not None
        return is_date or any(known.fullmatch(text) for known in (_NUMBER_WITH_EXPONENT, _HALF_DAY))
    return not text.startswith("'")
