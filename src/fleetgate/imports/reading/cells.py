"""A cell's text, without what a spreadsheet puts around it."""

import re

# A formula that makes a cell text: ="0012".
_TEXT_FORMULA = re.compile(r'="(.*)"', re.DOTALL)


def cleaned(cell: str) -> str:
    """A cell without the space around it, and without the marks that make it text in a spreadsheet."""
    text = cell.strip()
    formula = _TEXT_FORMULA.fullmatch(text)
    return (formula[1] if formula else text.removeprefix("'")).strip()
