"""Reads the moments of a factory's list, in every notation that can mean one day only."""

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta

# Days of ISO 8601: 2027-12-31, 20271231, 2027-W52-5; and a week, which is no day.
_DAY = re.compile(r"[0-9]{4}-?(?:[0-9]{2}-?[0-9]{2}|W[0-9]{2}-?[0-9])")
_WEEK = re.compile(r"[0-9]{4}-?W[0-9]{2}")
# Beside ISO 8601: hour 24, and the zone as a word.
_END_OF_DAY = re.compile(r"([0-9]{4}-?[0-9]{2}-?[0-9]{2})[T ]24:?00(?::?00(?:[.,]0+)?)?([^0-9.,:].*)?")
_ZONE_WORD = re.compile(r"\s*(?:UTC|GMT)", re.IGNORECASE)
_YEAR_FIRST = re.compile(
    r"([0-9]{4})(?:([-/.])([0-9]{1,2})\2|([年년] ?)([0-9]{1,2})[月월] ?)([0-9]{1,2})[日일]?", re.ASCII
)
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/. ])([0-9]{1,2})\2([0-9]{4})", re.ASCII)
_SHORT_YEAR = re.compile(r"[0-9]{1,2}([-/. ])(?:[0-9]{1,2}|[^\W\d_]+\.?)\1[0-9]{2}")
_TIME = re.compile(r"[T ,]*[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?: ?[AaPp]\.?[Mm]\.?)?")
_TOKEN = re.compile(r"[0-9]+|[^\W\d_]+")
_BETWEEN = re.compile(r"[\s.,/'-]*")
# A spreadsheet counts days from here; the numbers are days of this century.
_FIRST_DAY = date(1899, 12, 30)
_DAY_NUMBER = re.compile(r"[3-7][0-9]{4}(?:[.,][0-9]+)?")

_MONTH_NAMES = (
    "jan january januar janvier janv enero ene gennaio gen janeiro jaenner",
    "feb february februar fevrier fevr febrero febbraio fevereiro fev",
    "mar march maerz marz mrz mars marzo marco",
    "apr april avril avr abril abr aprile",
    "may mai mayo maggio mag maio",
    "jun june juni juin junio giugno giu junho",
    "jul july juli juillet juil julio luglio lug julho",
    "aug august aout agosto ago",
    "sep sept september septembre septiembre settembre set setembro",
    "oct october oktober okt octobre octubre ottobre ott outubro out",
    "nov november novembre noviembre novembro",
    "dec december dezember dez decembre diciembre dic dicembre dezembro",
)
MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES, 1) for name in names.split()}
# Words between day, month and year.
_FILLERS = frozenset({"de", "del", "of", "di", "do", "le", "the", "st", "nd", "rd", "th", "er", "den"})


class InvalidDate(ValueError):
    """A text that means no moment, or more than one; the message completes "The date ..."."""


def month_of(word: str) -> int | None:
    """The number of a month by its name or abbreviation; None if the word is no month."""
    return MONTHS.get(_plain(word))


def read_moment(text: str) -> datetime:
    """Read a day or a time with its zone.

    Returns:
        Aware UTC. A day begins at midnight UTC.

    Raises:
        InvalidDate: It cannot be read, or could mean two days.
    """
    if text.isascii():
        moment = _iso(text)
        if moment is not None:
            return moment
    day = _day(text)
    if day is not None:
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    time = _TIME.search(text)
    if time and _is_day(text[: time.start()]) and not text[time.end() :].strip():
        raise InvalidDate("has a time without its zone")
    if _SHORT_YEAR.fullmatch(text):
        raise InvalidDate("needs a year of four digits")
    if _DAY_NUMBER.fullmatch(text):
        counted = _FIRST_DAY + timedelta(days=int(text[:5]))
        raise InvalidDate(f"is a number by which a spreadsheet counts days, and would be {counted}")
    raise InvalidDate("cannot be read")


def _iso(text: str) -> datetime | None:
    ends = _END_OF_DAY.fullmatch(text)
    text = f"{ends[1]}T00:00{ends[2] or ''}" if ends else text
    zone = _ZONE_WORD.search(text)
    if zone and zone.end() == len(text):
        text = f"{text[: zone.start()]}+00:00"
    try:
        moment = datetime.fromisoformat(text)
        if ends:
            moment += timedelta(days=1)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except OverflowError as error:
        raise InvalidDate("is out of the calendar") from error
    except ValueError:
        return None
    if _DAY.fullmatch(text):
        return moment.replace(tzinfo=UTC)
    if _WEEK.fullmatch(text):
        return None
    raise InvalidDate("has a time without its zone")


def _is_day(text: str) -> bool:
    try:
        return _day(text.strip(" ,T")) is not None
    except InvalidDate:
        return True


def _day(text: str) -> date | None:
    """The day that a text means; None if it has another form."""
    if year_first := _YEAR_FIRST.fullmatch(re.sub(r"(?<=[-/.]) |(?<=[0-9])\.$", "", text)):
        month = year_first[3] or year_first[5]
        return _existing(int(year_first[1]), int(month), int(year_first[6]))
    if year_last := _YEAR_LAST.fullmatch(text):
        return _either(int(year_last[1]), int(year_last[3]), int(year_last[4]))
    return _day_with_month_name(text)


def _either(first: int, second: int, year: int) -> date:
    """The day of two numbers and a year, whichever of the two is the month."""
    days = {day for day in (_try(year, second, first), _try(year, first, second)) if day}
    match sorted(days):
        case [day]:
            return day
        case [one, other]:
            raise InvalidDate(f"could be {one} or {other}")
        case _:
            raise InvalidDate("is no day of the calendar")


def _day_with_month_name(text: str) -> date | None:
    if any(_BETWEEN.fullmatch(between) is None for between in _TOKEN.split(text)):
        return None
    words = [token for token in _TOKEN.findall(_plain(text)) if token not in _FILLERS]
    numbers = [word for word in words if word.isdecimal() and word.isascii()]
    months = [MONTHS[word] for word in words if word in MONTHS]
    if len(words) != 3 or len(numbers) != 2 or len(months) != 1:
        return None
    years = [number for number in numbers if len(number) == 4]
    days = [number for number in numbers if len(number) <= 2]
    if len(years) != 1 or len(days) != 1:
        return None
    return _existing(int(years[0]), months[0], int(days[0]))


def _existing(year: int, month: int, day: int) -> date:
    found = _try(year, month, day)
    if found is None:
        raise InvalidDate("is no day of the calendar")
    return found


def _try(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _plain(text: str) -> str:
    """Text in small letters without accents."""
    decomposed = unicodedata.normalize("NFD", text.casefold().replace("ä", "ae"))
    return "".join(character for character in decomposed if not unicodedata.combining(character))
