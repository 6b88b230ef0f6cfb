"""Number formats of Excel: what a person sees of a number, a date or a text.

Source: ECMA-376 part 1, 18.8.30 and 18.8.31.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from enum import Enum, auto
from functools import lru_cache
from types import MappingProxyType

GENERAL = "General"
# Microsoft, "Excel specifications and limits".
_MAX_CHARACTERS = 255
# A format has at most as many places as characters.
_ROUNDING = Context(prec=2 * _MAX_CHARACTERS, rounding=ROUND_HALF_UP)

_DATES = dict.fromkeys((*range(27, 37), *range(50, 59)), "yyyy-mm-dd")  # East Asian; their words differ by language
# Formats that a workbook names by number only.
BUILT_IN: Mapping[int, str] = MappingProxyType(
    {
        **_DATES,
        0: GENERAL,
        1: "0",
        2: "0.00",
        3: "#,##0",
        4: "#,##0.00",
        **dict.fromkeys((5, 6), '"$"#,##0_);("$"#,##0)'),
        **dict.fromkeys((7, 8), '"$"#,##0.00_);("$"#,##0.00)'),
        9: "0%",
        10: "0.00%",
        11: "0.00E+00",
        12: "# ?/?",
        13: "# ??/??",
        14: "mm-dd-yy",
        15: "d-mmm-yy",
        16: "d-mmm",
        17: "mmm-yy",
        18: "h:mm AM/PM",
        19: "h:mm:ss AM/PM",
        20: "h:mm",
        21: "h:mm:ss",
        22: "m/d/yy h:mm",
        **dict.fromkeys((37, 38), "#,##0_);(#,##0)"),
        **dict.fromkeys((39, 40), "#,##0.00_);(#,##0.00)"),
        41: '_(* #,##0_);_(* (#,##0);_(* "-"_);_(@_)',
        42: '_("$"* #,##0_);_("$"* (#,##0);_("$"* "-"_);_(@_)',
        43: '_(* #,##0.00_);_(* (#,##0.00);_(* "-"??_);_(@_)',
        44: '_("$"* #,##0.00_);_("$"* (#,##0.00);_("$"* "-"??_);_(@_)',
        45: "mm:ss",
        46: "[h]:mm:ss",
        47: "mm:ss.0",
        48: "##0.0E+0",
        49: "@",
    }
)

_TOKEN = re.compile(
    r"""
    "(?P<quoted>[^"]*)"? | [\\!](?P<escaped>.) | (?P<space>_.?|\*.?)
    | \[(?P<bracket>[^\]]*)\]
    | (?P<general>general) | (?P<half>am/pm|a/p) | (?P<era>[bg]+|e(?![+-]))
    | (?P<date>y+|m+|d+|h+|s+) | (?P<digit>[0#?]) | (?P<point>\.) | (?P<comma>,) | (?P<percent>%)
    | (?P<science>e[+-]) | (?P<slash>/) | (?P<text>@) | (?P<plain>.)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_SECTION_END = re.compile(r'"[^"]*"?|[\\!_*].|\[[^\]]*\]|(;)', re.DOTALL)
_COLOUR = re.compile(r"black|blue|cyan|green|magenta|red|white|yellow|colou?r\s*\d+", re.IGNORECASE)
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)


class Shows(Enum):
    """What a section of a format shows."""

    NOTHING = auto()
    GENERAL = auto()
    NUMBER = auto()
    SCIENTIFIC = auto()
    DATE = auto()
    DURATION = auto()
    TEXT = auto()
    UNCLEAR = auto()


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a format.

    Attributes:
        tokens: Kind and text of each part.
        date_parts: Out of year, month, day, hour, minute and second: those that it shows.
    """

    shows: Shows
    tokens: tuple[tuple[str, str], ...] = ()
    date_parts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ShownNumber:
    """A number as it is shown.

    Attributes:
        is_rounded: Whether the number has more digits than are shown.
    """

    text: str
    is_rounded: bool


@lru_cache(maxsize=1_000)
def sections_of(number_format: str) -> tuple[Section, ...]:
    """The sections of a format: for positive numbers, negative ones, zero and text, as far as there are so many."""
    if len(number_format) > _MAX_CHARACTERS:
        return (Section(Shows.UNCLEAR),)
    starts = [0, *(found.end() for found in _SECTION_END.finditer(number_format) if found[1])]
    ends = [*(start - 1 for start in starts[1:]), len(number_format)]
    return tuple(_section(number_format[start:end]) for start, end in zip(starts, ends, strict=True))


def section_of(number: Decimal, number_format: str) -> tuple[Section, bool]:
    """The section that shows a number, and whether it shows the sign of a negative one by itself."""
    sections = sections_of(number_format)
    if number < 0:
        return (sections[1], True) if len(sections) > 1 else (sections[0], False)
    return (sections[2] if number == 0 and len(sections) > 2 else sections[0]), False


def shown_text(text: str, number_format: str) -> str:
    """A text as it is shown."""
    sections = sections_of(number_format)
    section = sections[3] if len(sections) > 3 else sections[-1]
    if len(sections) <= 3 and section.shows is not Shows.TEXT:
        return text
    return "".join(text if kind == "text" else said for kind, said in section.tokens)


def shown_number(number: Decimal, section: Section, *, has_own_sign: bool) -> ShownNumber:
    """A number as a section of the kind `Shows.NUMBER` shows it, with a point and without separators of thousands."""
    tokens = section.tokens
    scale = 2 * sum(kind == "percent" for kind, _ in tokens)
    point = next((at for at, (kind, _) in enumerate(tokens) if kind == "point"), len(tokens))
    decimals = [said for kind, said in tokens[point:] if kind == "digit"]
    exact = abs(number).scaleb(scale)
    rounded = exact.quantize(Decimal(1).scaleb(-len(decimals)), context=_ROUNDING)
    whole, _, fraction = f"{rounded:f}".partition(".")
    left = _whole_part(tokens[:point], whole.lstrip("0"))
    right = _fraction(tokens[point:], fraction)
    sign = "-" if number < 0 and not has_own_sign and rounded else ""
    return ShownNumber(f"{sign}{left}{right}".strip(), is_rounded=rounded != exact)


def _whole_part(tokens: Sequence[tuple[str, str]], digits: str) -> str:
    parts: list[str] = []
    missing = sum(kind == "digit" for kind, _ in tokens)
    for kind, said in reversed(tokens):
        if kind == "digit":
            missing -= 1
            # The first place takes all digits that are left.
            take = len(digits) if missing == 0 else min(1, len(digits))
            parts.append(digits[len(digits) - take :] if take else ("0" if said == "0" else ""))
            digits = digits[: len(digits) - take]
        elif kind in {"literal", "percent"}:
            parts.append(said)
    return "".join(reversed(parts))


def _fraction(tokens: Sequence[tuple[str, str]], digits: str) -> str:
    places = [said for kind, said in tokens if kind == "digit"]
    shown = list(digits[: len(places)])
    while shown and shown[-1] == "0" and places[len(shown) - 1] != "0":
        shown.pop()
    parts = ["." if shown else ""]
    for kind, said in tokens:
        if kind == "digit":
            parts.append(shown.pop(0) if shown else "")
        elif kind in {"literal", "percent"}:
            parts.append(said)
    return "".join(parts)


def _section(code: str) -> Section:
    tokens: list[tuple[str, str]] = []
    is_unclear = is_duration = False
    for found in _TOKEN.finditer(code):
        kind, said = str(found.lastgroup), found[str(found.lastgroup)]
        if kind == "bracket":
            if said.startswith("$"):
                tokens.append(("literal", said[1:].partition("-")[0]))
            elif _ELAPSED.fullmatch(said):
                is_duration = True
            else:
                # A condition, or digits of another script.
                is_unclear |= _COLOUR.fullmatch(said.strip()) is None
        elif kind in {"quoted", "escaped", "plain"}:
            tokens.append(("literal", said))
        elif kind != "space":
            tokens.append((kind, said.lower()))
    if is_unclear:
        return Section(Shows.UNCLEAR)
    if is_duration:
        return Section(Shows.DURATION)
    return _classified(tokens)


def _classified(tokens: list[tuple[str, str]]) -> Section:  # noqa: PLR0911 - the first that fits
    kinds = {kind for kind, said in tokens if kind != "literal" or said}
    if kinds & {"date", "era"}:
        return Section(Shows.DATE, date_parts=_date_parts(tokens))
    if not kinds:
        return Section(Shows.NOTHING)
    if "general" in kinds or kinds == {"text"}:
        is_alone = len(kinds) == 1
        kind = Shows.GENERAL if "general" in kinds else Shows.TEXT
        return Section(kind if is_alone else Shows.UNCLEAR, tuple(tokens))
    if "text" in kinds:
        return Section(Shows.TEXT, tuple(tokens)) if kinds <= {"text", "literal"} else Section(Shows.UNCLEAR)
    if "science" in kinds:
        return Section(Shows.SCIENTIFIC)
    if "half" in kinds or ("slash" in kinds and "digit" in kinds) or _scales_by_thousands(tokens):
        return Section(Shows.UNCLEAR)
    return Section(Shows.NUMBER, tuple(("literal", said) if kind == "slash" else (kind, said) for kind, said in tokens))


def _scales_by_thousands(tokens: Sequence[tuple[str, str]]) -> bool:
    """Whether a comma follows the last digit before the point, and so stands for three places."""
    places = [kind for kind, _ in tokens if kind in {"digit", "comma", "point"}]
    return any(kind == "comma" and places[at : at + 1] != ["digit"] for at, kind in enumerate(places, 1))


def _date_parts(tokens: Sequence[tuple[str, str]]) -> frozenset[str]:
    runs = [said for kind, said in tokens if kind == "date"]
    parts = {"year"} if any(kind == "era" for kind, _ in tokens) else set()
    for at, run in enumerate(runs):
        match run[0]:
            case "m":
                before, after = runs[max(at - 1, 0) : at], runs[at + 1 : at + 2]
                is_minute = len(run) <= 2 and (before in (["h"], ["hh"]) or after in (["s"], ["ss"]))
                parts.add("minute" if is_minute else "month")
            case "d" if len(run) > 2:
                pass  # the name of the day
            case letter:
                parts.add({"y": "year", "d": "day", "h": "hour", "s": "second"}[letter])
    return frozenset(parts)
