"""Recognises what is no identifier: what a spreadsheet made of one, and what people write where there is none."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from itertools import product

from fleetgate.imports.reading.dates import MONTHS, month_of

# What a spreadsheet shows, and saves as CSV, where a formula has no value.
_ERROR_VALUE = re.compile(r"#(?:REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!|SPILL!|CALC!)")
# A spreadsheet always writes the sign: 1.23457E+11, or 1,23457E+11 in half of Europe.
_SCIENTIFIC = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?[eE]\+[0-9]+")

ISO_DAY = re.compile(r"(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])")
_DATE_OF_NUMBERS = re.compile(
    r"[0-9]{1,2}/[0-9]{1,2}|[0-9]{1,2}([/.])[0-9]{1,2}\1(?:[0-9]{2}|[0-9]{4})|[0-9]{4}([/.])[0-9]{1,2}\2[0-9]{1,2}"
    r"|(?:[0-9]{4}[年년] ?)?[0-9]{1,2}[月월] ?(?:[0-9]{1,2}[日일])?",
    re.ASCII,
)
_DAY_AND_MONTH = re.compile(r"[0-9]{1,2}[-. /]+([^\W\d_]+)\.?(?:[-. /]+(?:[0-9]{2}|[0-9]{4}))?")
_MONTH_AND_YEAR = re.compile(r"([^\W\d_]+)\.?[-. /]+[0-9]{2}")
_MAX_DATE = 30
_TIME = re.compile(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?: ?[AaPp]\.?[Mm]\.?)?")
_NUMBER = re.compile(r"[+-]?[0-9]+[.,][0-9]+|[+-]?[0-9]{1,3}(?:[., '\u00a0\u202f][0-9]{3}){2,}")
_ERROR = re.compile(r"#[A-Z0-9ÄÖÜÉ/_.]+[!?]?")
_TRUTHS = frozenset("true false wahr falsch vrai faux verdadero falso vero verdadeiro".split())  # noqa: SIM905

_WORDS = """
    null none nil na nan nd n/v undefined undef unknown unspecified unassigned empty blank missing tbd tba tbc todo tbs
    invalid default placeholder dummy example sample test testing pending void same ditto idem temp tmp foo bar
    asdf qwerty total totals sum subtotal count serialnumber serialno serial sn systemserialnumber chassisserialnumber
    baseboardserialnumber defaultstring oem eof
    unbekannt keine keiner keins kein leer fehlt fehlend entfällt entfaellt summe gesamt gesamtsumme gesamtanzahl
    zwischensumme anzahl seriennummer seriennr beispiel muster platzhalter nichtvorhanden nichtverfügbar unbestimmt
    inconnu inconnue aucun aucune vide néant neant somme exemple soustotal totalgénéral numérodesérie nonrenseigné
    desconocido desconocida ninguno ninguna nulo vacío vacio suma ejemplo sindatos nodisponible pordefinir numerodeserie
    númerodeserie sconosciuto sconosciuta nessuno nessuna nullo vuoto totale somma esempio matricola numerodiserie
    dadefinire nondisponibile desconhecido desconhecida nenhum nenhuma vazio soma exemplo semnúmero adefinir
    númerodesérie nãodisponível naodisponivel
    无 無 空 空白 未知 不详 不詳 待定 合计 合計 总计 總計 小计 小計 共计 共計
    总数 總數 暂无 暫無 没有 沒有 序列号 序列號 示例 测试 測試
    なし 無し 不明 未定 総計 該当なし 未設定 シリアル番号 シリアルナンバー 製造番号 テスト
    없음 미정 미상 알수없음 해당없음 합계 총계 소계 총합계 시리얼번호 일련번호 테스트
"""
_PHRASES = """
    not available|not applicable|not assigned|not specified|not defined|not set|no serial|no serial number|no number
    to be determined|to be defined|to be announced|to be confirmed|to be filled|to be filled by oem|see above|as above
    grand total|serial number|serial no|end of file|end of list|default string|system serial number
    keine angabe|nicht vorhanden|nicht bekannt|sans objet|sin serie|a definir|non défini|non disponible|à définir
"""


# Marks that a serial number may have too; others do not count.
_MARKS = "-_:"


def _key(text: str) -> str:
    """A text in small letters, without the punctuation that no serial number has."""
    composed = unicodedata.normalize("NFC", text).casefold()
    return "".join(character for character in composed if character.isalnum() or character in _MARKS)


def _spellings() -> Iterator[str]:
    yield from (words := [_key(word) for word in _WORDS.split()])
    yield from (mark.join(word) for word in words if len(word) <= 3 for mark in _MARKS)  # as in n_a
    for phrase in re.split(r"[|\n]", _PHRASES.strip()):
        yield from (_key(mark.join(phrase.split())) for mark in ("", *_MARKS))


_PLACEHOLDERS = frozenset(_spellings())
# Of firmware, beside words: counted up, or read from memory that was never written.
_COUNTED_UP = "123456789"
_UNWRITTEN = re.compile(r"[fF]{8,}")
_NOTHING = re.compile(r"[\W_0]*|[\W_xX]*")

# Addresses of documentation and of firmware that has none of its own.
PLACEHOLDER_MAC_ADDRESSES = frozenset({"00:11:22:33:44:55", "00:00:00:00:00:01", "00:01:02:03:04:05"})


def is_scientific(text: str) -> bool:
    """Whether a spreadsheet made a rounded number of a text."""
    return _SCIENTIFIC.fullmatch(text) is not None


def is_error_value(text: str) -> bool:
    """Whether a spreadsheet wrote the error of a formula in place of a value."""
    return _ERROR_VALUE.fullmatch(text) is not None


def is_placeholder(text: str) -> bool:
    """Whether a text stands where there is no identifier: nothing but zeros, x or punctuation, or a word for it."""
    if text.startswith("#"):
        return text.upper() in {"#", "#N/A", "#NV", "#N/D"}
    return (
        _NOTHING.fullmatch(text) is not None
        or _UNWRITTEN.fullmatch(text) is not None
        or text.strip("0") == _COUNTED_UP
        or _key(text) in _PLACEHOLDERS
    )


def damage_of(text: str) -> str | None:
    """What a spreadsheet took a text for, such as "a date"; None if the text is not of its making."""
    return next((what for what, is_it in _DAMAGE.items() if is_it(text)), None)


def is_named_date(text: str) -> bool:
    """Whether a text is a day or month with its name, as a spreadsheet makes one of 1-2 or MAR10: 1-Feb, Mar-10."""
    named = (_DAY_AND_MONTH.fullmatch(text) or _MONTH_AND_YEAR.fullmatch(text)) if len(text) <= _MAX_DATE else None
    return named is not None and month_of(named[1]) is not None


def _is_date(text: str) -> bool:
    if len(text) > _MAX_DATE:
        return False
    return bool(ISO_DAY.fullmatch(text) or _DATE_OF_NUMBERS.fullmatch(text)) or is_named_date(text)


_DAMAGE: Mapping[str, Callable[[str], object]] = {
    "a date": _is_date,
    "a time": _TIME.fullmatch,
    "a number": _NUMBER.fullmatch,
    "true or false": lambda text: text.casefold() in _TRUTHS,
    "something too wide for its column": re.compile("##+").fullmatch,
    "a formula with an error": _ERROR.fullmatch,
}


class QuickLook:
    """Tells a column of texts without placeholders and damage from others, at little cost.

    It knows the shapes of all that have letters, digits and : _ - only: letters are small, and every digit is 9.
    """

    _TABLE = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345678", b"abcdefghijklmnopqrstuvwxyz999999999")

    def __init__(self) -> None:
        words = {word for word in (*_PLACEHOLDERS, *_TRUTHS) if word.isascii()}
        months = [name for name in MONTHS if name.isascii()]
        dates = {
            *("-".join(parts) for parts in product(("9", "99"), months)),
            *("-".join(parts) for parts in product(months, ("99",))),
            *("-".join(parts) for parts in product(("9", "99"), months, ("99", "9999"))),
            "9999-99-99",
        }
        times = {":".join(parts) for parts in (("9", "99"), ("99", "99"), ("9", "99", "99"), ("99", "99", "99"))}
        unwritten = {"f" * length for length in range(8, 129)}
        self._shapes = {shape.encode() for shape in (*words, *dates, *times, *unwritten)}

    def is_clean(self, texts: list[str]) -> bool:
        """Whether none of some texts can be a placeholder or damage.

        Args:
            texts: Of letters, digits and : _ - only, and none of zeros, x and marks alone.
        """
        joined = "\n".join(texts).encode()
        return _COUNTED_UP.encode() not in joined and self._shapes.isdisjoint(
            joined.translate(self._TABLE).split(b"\n")
        )
