"""What a cell may hold: what is read, what is made fit, and what is rejected, and how that is said."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fleetgate.imports.reading.errors import RowError
from fleetgate.imports.reading.factory_list import ImportPolicy, RejectedRow, UnknownColumns
from tests.unit.imports.factory_files import LENIENT, STRICT, judged

_PLACEHOLDERS = """
    null NULL none None nil n/a N/A na n.a. NaN tbd TBD TBA undefined unknown empty - -- _ ? ... *** test? Total
    Summe 0 00000 000-000 xxxx XXX-XXX x (none) <null> #N/A #NV SystemSerialNumber serial-number 0123456789
    ffffffffffff not_available unbekannt inconnu desconocido sconosciuto desconhecido totale
    合计 總計 未知 合計 不明 없음 합계
"""
_PLAUSIBLE = """
    SN-10 1 10 0001 X000 0x1f 12345678 MAR-001 10MAR MARCH totals-1 N-A1 test-1 2026-03-10-7 DEC-2001 12:34:56:78 A
"""
DAMAGED = {
    "10-Mar": "a date",
    "Mar-10": "a date",
    "3-MAR": "a date",
    "10-Mar-26": "a date",
    "10-Mrz": "a date",
    "1-févr.": "a date",
    "1/2": "a date",
    "10.03.2026": "a date",
    "2026-03-10": "a date",
    "2026/3/10": "a date",
    "3月10日": "a date",
    "12:30": "a time",
    "12:30:00": "a time",
    "12:30:00 AM": "a time",
    "TRUE": "true or false",
    "falsch": "true or false",
    "45000.0": "a number",
    "1.234.567": "a number",
    "######": "too wide",
    "#REF!": "an error",
}


def only_rejected(content: str, policy: ImportPolicy = LENIENT) -> RejectedRow:
    """The one row of a list, which is rejected."""
    read = judged(content, policy)
    assert read.rows == []
    (rejected,) = read.rejected
    return rejected


@pytest.mark.parametrize("cell", _PLACEHOLDERS.split())
def test_a_placeholder_is_no_serial_number(cell: str) -> None:
    # A total is told by its line, where that line has few cells.
    errors = {RowError.SERIAL_NUMBER_PLACEHOLDER, RowError.TOTAL_LINE}
    assert only_rejected(f"SN\tModel\n{cell}\tgw\n").error in errors


@pytest.mark.parametrize(("cell", "what"), DAMAGED.items())
def test_what_a_spreadsheet_made_of_a_serial_number_is_named(cell: str, what: str) -> None:
    rejected = only_rejected(f"SN\tModel\n{cell}\tgw\n")
    assert (rejected.error, rejected.column) == (RowError.SPREADSHEET_DAMAGE, "SN")
    assert what in rejected.detail
    assert cell in rejected.detail


@pytest.mark.parametrize("cell", _PLAUSIBLE.split())
def test_a_serial_number_that_only_looks_a_little_like_one_stays(cell: str) -> None:
    assert judged(f"SN\n{cell}\n").serial_numbers == [cell]


def test_a_pattern_that_asks_for_days_makes_serial_numbers_of_them() -> None:
    policy = replace(LENIENT, serial_number_pattern=re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"))
    assert judged("SN\n2026-03-10\n", policy).serial_numbers == ["2026-03-10"]


@pytest.mark.parametrize(
    ("heading", "cell", "said"),
    [
        ("SN", "SN-\u200b7", "ZERO WIDTH SPACE at character 4 (U+200B)"),
        ("SN", "  SN-7\u00ad", "SOFT HYPHEN at character 7 (U+00AD)"),
        ("SN", "SN\u20137", "EN DASH at character 3 (U+2013)"),
        ("SN", "SN-\uff17", "FULLWIDTH DIGIT SEVEN at character 4 (U+FF17)"),
        ("SN", "\u0410-7", "CYRILLIC CAPITAL LETTER A at character 1 (U+0410)"),
        ("SN", "SN 7", "a space at character 3"),
        ("SN", "SN/7", "/ at character 3"),
        ("SN", "SN-7\x1b[m", "ESCAPE at character 5 (U+001B)"),
        ("MAC", "00:1b:44:11:3a\uff1ab7", "FULLWIDTH COLON at character 15 (U+FF1A)"),
        ("MAC", "00:1b:44\u00a0:11:3a:b7", "NO-BREAK SPACE at character 9 (U+00A0)"),
        ("MAC", "00:1b:44:11:3a:b7/24", "/ at character 18"),
        ("Operation", "revo\u212ae", "KELVIN SIGN at character 5 (U+212A)"),
        ("Valid Until", "2027\u201012-31", "HYPHEN at character 5 (U+2010)"),
        ("Template", "fleet\u200dgate", "ZERO WIDTH JOINER at character 6 (U+200D)"),
        ("Group", "gate\u200bways", "ZERO WIDTH SPACE at character 5 (U+200B)"),
    ],
)
def test_a_character_that_does_not_belong_is_named_with_its_place(heading: str, cell: str, said: str) -> None:
    row = f"SN,Model\n{cell},gw\n" if heading == "SN" else f"SN,{heading}\nFG-1,{cell}\n"
    rejected = only_rejected(row)
    assert rejected.column == heading
    assert said in rejected.detail
    assert rejected.detail.isprintable()


@pytest.mark.parametrize("separator", [":", "-", "_", " ", ""])
def test_octets_may_have_any_of_these_between_them(separator: str) -> None:
    cell = separator.join(("00", "1b", "44", "11", "3a", "b7"))
    (row,) = judged(f"SN,MAC\nFG-1,{cell} ; {cell[:-1]}8\n", STRICT).rows
    assert {one.value for one in row.mac_addresses} == {"00:1b:44:11:3a:b7", "00:1b:44:11:3a:b8"}


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("N/A", RowError.MAC_ADDRESS_PLACEHOLDER),
        ("-", RowError.MAC_ADDRESS_PLACEHOLDER),
        ("00:11:22:33:44:55", RowError.MAC_ADDRESS_PLACEHOLDER),
        ("1144113", RowError.SPREADSHEET_DAMAGE),
        ("12:30:00", RowError.SPREADSHEET_DAMAGE),
        ("1.2E+11", RowError.SCIENTIFIC_NOTATION),
        ("0:1b:44:11:3a:b7", RowError.MAC_ADDRESS_INVALID),
        ("00 1b 44 11 3a b7 00 1b 44 11 3a b8", RowError.MAC_ADDRESS_INVALID),
        ("00.1b.44.11.3a.b7", RowError.MAC_ADDRESS_INVALID),
    ],
)
def test_what_is_no_mac_address_is_rejected_for_what_it_is(cell: str, error: RowError) -> None:
    assert only_rejected(f'SN,MAC\nFG-1,"{cell}"\n').error is error


def test_the_report_says_what_to_do_in_each_rejected_row() -> None:
    rejected = only_rejected("SN,MAC\nFG-1,00:1b:44:11:3a:b7/00:1b:44:11:3a:b8\n")
    said = rejected.reported()[3]
    assert said.startswith(rejected.detail)
    assert said.endswith(RowError.MAC_ADDRESS_INVALID.remedy)
    assert ": - _ or one space" in said


@pytest.mark.parametrize("operation", ["delete", "-", "approved"])
def test_an_operation_that_does_not_exist_is_told_those_that_do(operation: str) -> None:
    rejected = only_rejected(f"SN,Operation\nFG-1,{operation}\n")
    assert rejected.error is RowError.OPERATION_UNKNOWN
    assert "approve, replace and revoke" in rejected.detail


DAYS = [
    "2027-12-31",
    "31.12.2027",
    "31/12/2027",
    "12/31/2027",
    "31-12-2027",
    "20271231",
    "2027/12/31",
    "2027.12.31",
    "2027. 12. 31.",
    "2027-W52-5",
    "31-Dec-2027",
    "Dec 31, 2027",
    "31. Dezember 2027",
    "31 déc. 2027",
    "31 de diciembre de 2027",
    "31 dicembre 2027",
    "31 de dezembro de 2027",
    "2027年12月31日",
    "2027년 12월 31일",
    "2027-12-31 00:00 UTC",
    "2027-12-30T24:00:00Z",
]


@pytest.mark.parametrize("cell", DAYS)
def test_a_day_that_can_be_one_day_only_is_read(cell: str) -> None:
    (row,) = judged(f'SN,Valid Until\nFG-1,"{cell}"\n').rows
    assert row.terms.valid_until == datetime(2027, 12, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("03/04/2027", "could be 2027-03-04 or 2027-04-03"),
        ("03.04.2027", "could be 2027-03-04 or 2027-04-03"),
        ("31.02.2027", "is no day of the calendar"),
        ("2027-02-30", "is no day of the calendar"),
        ("31-Dec-27", "needs a year of four digits"),
        ("31.12.27", "needs a year of four digits"),
        ("2027-12-31T08:00:00", "has a time without its zone"),
        ("31.12.2027 08:00", "has a time without its zone"),
        ("46752", "would be 2027-12-31"),
        ("never", "cannot be read"),
        ("2027-W52", "cannot be read"),
        ("9999-12-31T24:00Z", "is out of the calendar"),
    ],
)
def test_another_date_is_rejected_for_what_is_wrong_with_it(cell: str, said: str) -> None:
    rejected = only_rejected(f"SN,Valid Until\nFG-1,{cell}\n")
    assert rejected.error is RowError.DATE_INVALID
    assert rejected.detail == f"The date {cell} {said}." or said in rejected.detail


def test_an_approval_that_was_over_when_the_list_was_delivered_is_rejected_and_a_revocation_is_not() -> None:
    policy = replace(LENIENT, judged_at=datetime(2026, 6, 1, tzinfo=UTC))
    read = judged(
        "SN,Valid Until,Operation\nA,2026-06-01,\nB,2026-06-01T00:00:01Z,\nC,2020-01-01,revoke\nD,0001-01-01,\n", policy
    )
    assert read.classes == {2: RowError.APPROVAL_OVER, 3: "ok", 4: "ok", 5: RowError.APPROVAL_OVER}
    assert read.rejected[0].column == "Valid Until"


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("Gäteway 5", "Gateway_5"),
        ("Straße  7", "Strasse_7"),
        ("a\u200bb", "a_b"),
        ("\uff27\uff37-2", "GW-2"),
        ("50%", "50_"),
        ("x" * 900, "x" * 800),
    ],
)
def test_an_attribute_is_made_fit_and_noted(cell: str, value: str) -> None:
    read = judged(f"SN,Model\nFG-1,{cell}\nFG-2,gw\n")
    assert [row.terms.attributes for row in read.rows] == [{"Model": value}, {"Model": "gw"}]
    (note,) = read.file.notes(LENIENT)
    assert note.startswith("Model: ")
    assert note.isprintable()


def test_an_attribute_of_which_nothing_is_left_is_left_out_and_noted() -> None:
    read = judged("SN,Model,HW Rev\nFG-1,网关,B\n")
    assert [row.terms.attributes for row in read.rows] == [{"HardwareRevision": "B"}]
    assert "left out" in read.file.notes(LENIENT)[0]


def test_the_notes_say_each_change_once_and_are_few() -> None:
    rows = "".join(f"FG-{number},gateway {number}\n" for number in range(50))
    assert judged(f"SN,Model\n{rows}").file.notes(LENIENT) == (
        "Model: spaces became _, as in 'gateway 0' -> gateway_0.",
    )
    keep = replace(LENIENT, unknown_columns=UnknownColumns.KEEP)
    headings, cells = (",".join(f"{what}{number}" for number in range(30)) for what in ("A", "x "))
    notes = judged(f"SN,{headings}\nFG-1,{cells}\n", keep).file.notes(keep)
    assert len(notes) == 22
    assert notes[-1] == "And 10 more notes of this kind."


def test_an_attribute_that_a_spreadsheet_may_have_made_is_noted_and_one_that_is_lost_rejected() -> None:
    read = judged("SN,Model\nFG-1,1-Feb\nFG-2,1.23457E+11\nFG-3,#REF!\n")
    assert read.classes == {
        2: "ok",
        3: "scientific_notation",
        4: "spreadsheet_damage",
    }
    assert read.file.notes(LENIENT) == ("Model: 1-Feb looks like a date that a spreadsheet made of something else.",)
