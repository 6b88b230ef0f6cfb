"""Headings in the languages of the factories, with units and marks, in every encoding that a spreadsheet writes."""

import io

import pytest

from fleetgate.imports.check import check_file
from fleetgate.imports.options import ReadingOptions
from fleetgate.imports.reading import heading_words as words
from fleetgate.imports.reading.columns import Meaning, columns_of, recognised
from fleetgate.imports.reading.errors import FileError, UnreadableFile
from fleetgate.imports.reading.factory_list import ImportPolicy, UnknownColumns
from fleetgate.imports.reading.headings import heading_key, hint_of, name_of
from tests.unit.imports.factory_files import LENIENT, STRICT, judged, refusal

_HEADINGS = [(heading, name) for name, table in words.HEADINGS.items() for heading in words.headings_of(table)]


def test_every_heading_names_one_column() -> None:
    assert {heading: name_of(heading) for heading, _ in _HEADINGS} == dict(_HEADINGS)


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("Valid Until (UTC)", "Valid Until"),
        ("valid_until_utc", "Valid Until"),
        ("validUntilUtc", "Valid Until"),
        ("Gültig bis [TT.MM.JJJJ]", "Valid Until"),
        ("GUELTIG BIS", "Valid Until"),
        ("Expiry Date (YYYY-MM-DD)", "Valid Until"),
        ("有效期至\uff08UTC\uff09", "Valid Until"),
        ("Serial Number *", "Serial Number"),
        ("Serial (required)", "Serial Number"),
        ("Se\u200brial Number", "Serial Number"),
        ("N° de série", "Serial Number"),
        ("№ de serie", "Serial Number"),
        ("序列号\uff08必填\uff09", "Serial Number"),
        ("序列号 Serial Number", "Serial Number"),
        ("S/N (Seriennummer)", "Serial Number"),
        ("ｼﾘｱﾙ番号", "Serial Number"),
        ("MAC Address (required)", "MAC Address"),
        ("无线MAC地址", "MAC Address"),
        ("Adresse MAC (sans fil)", "MAC Address"),
        ("WLAN-MAC-Adresse 2", "MAC Address"),
        ("Provisioning Template Name(s)", "Templates"),
    ],
)
def test_units_brackets_and_marks_change_nothing(heading: str, name: str) -> None:
    assert name_of(heading) == name


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("Operation Type", "Operation"),
        ("操作类型", "Operation"),
        ("Sperrkennzeichen", "Operation"),
        ("Valid Until (CET)", "Valid Until"),
        ("Gültigkeitszeitraum", "Valid Until"),
        ("Serial Number (PCB)", "Serial Number"),
        ("Model / Serial Number", "Serial Number"),
        ("WLANMAC alt", "MAC Address"),
        ("Key", "Public Key"),
        ("Vorlagentyp", "Templates"),
    ],
)
@pytest.mark.parametrize("kept", UnknownColumns)
def test_an_unknown_heading_that_looks_like_a_restriction_refuses_the_file(
    heading: str, name: str, kept: UnknownColumns
) -> None:
    assert hint_of(heading) == name
    with pytest.raises(UnreadableFile, match=f"{heading.split(maxsplit=1)[0]}.*call it {name}") as caught:
        judged(f"SN,{heading}\nA-1,\n", ImportPolicy(require_mac=False, unknown_columns=kept))
    assert caught.value.code is FileError.COLUMN_UNKNOWN
    assert refusal(f'{{"sn": "A-1", "{heading}": ""}}')[0] is FileError.COLUMN_UNKNOWN


@pytest.mark.parametrize(
    "heading",
    [
        "Colour",
        "Remark",
        "Box",
        "DNS Name",
        "Operator",
        "操作员",
        "작업자",
        "Machine",
        "Series",
        "Status",
        "SCADA node",
        "IMEI",
    ],
)
def test_other_headings_hint_at_nothing(heading: str) -> None:
    assert (name_of(heading), hint_of(heading)) == (None, None)


_CELLS = [
    *(("Operation", cell) for cell in ("revoke", "REVOKE", " Replace ", "'approve", "gesperrt", "吊销")),
    *(
        ("MAC Address", cell)
        for cell in (
            "00:1b:44:11:3a:b7",
            "00-1B-44-11-3A-B7",
            "00 1b 44 11 3a b7",
            "001b.4411.3ab7",
            "001B44113AB7",
            "00:1b:44:11:3a:b7 | 00:1b:44:11:3a:b8",
        )
    ),
    *(
        ("Valid Until", cell)
        for cell in (
            "2027-12-31",
            "31.12.2027",
            "31/12/27",
            "2027/12/31 08:00",
            "2027-12-31T08:00:00Z",
            "31 Dec 2027",
            "31 de diciembre de 2027",
            "Dec 31, 2027",
            "2027年12月31日",
            "20271231",
        )
    ),
    ("Public Key", "-----BEGIN PUBLIC KEY-----"),
]


@pytest.mark.parametrize(("name", "cell"), _CELLS)
@pytest.mark.parametrize("heading", ["What to do", ""])
def test_one_cell_that_restricts_refuses_a_file_wherever_it_is(name: str, cell: str, heading: str) -> None:
    rows = "".join(f"A-{number},,\n" for number in range(3_000))
    code, sentence = refusal(f'SN,{heading},Model\n{rows}B-1,"{cell}",\n')
    assert code is FileError.COLUMN_UNKNOWN
    assert name in sentence
    assert "in line 3,002" in sentence


@pytest.mark.parametrize(
    ("heading", "cells"),
    [
        (
            "Remark",
            ["swap with lower one", "approve of this", "until 2027-12-31 or so", "was 00:1b:44:11:3a:b7 before"],
        ),
        ("Production Date", ["2026-01-31", "20260131"]),
        ("Hergestellt am", ["31.01.2026"]),
        ("生产日期", ["2026年1月31日"]),
        ("Firmware", ["1.2.2026"]),
        ("Release", ["1.2.10", "10.1.20.30", "2026-01"]),
        ("Order", ["123456789012", "20269999", "20261201"]),
        ("Part", ["123456789012", "ABCDEF123456", "4711", "4712", "4713"]),
        ("QA", ["ok", "enabled", "passed", ""]),
    ],
)
def test_other_cells_are_left_out_with_a_note(heading: str, cells: list[str]) -> None:
    read = judged("\n".join([f"SN,{heading}", *(f"A-{at},{cell}" for at, cell in enumerate(cells))]))
    assert len(read.rows) == len(cells)
    assert read.file.notes(LENIENT) == (f"Unknown columns, left out: {heading!r}.",)


def test_of_two_columns_that_say_an_attribute_the_first_counts() -> None:
    read = judged("SN,Model Name,Model Number\nA-1,gw,4711\n")
    assert [dict(row.terms.attributes) for row in read.rows] == [{"Model": "gw"}]
    assert read.file.notes(LENIENT) == ("'Model Name' and 'Model Number' say the same; 'Model Name' counts.",)
    mapped = columns_of(["SN", "Model Name", "Model Number"], {"model number": "Model"})
    assert [column.meaning for column in mapped] == [Meaning.SERIAL_NUMBER, Meaning.UNKNOWN, Meaning.ATTRIBUTE]


def test_a_number_in_sequence_is_the_serial_number_only_if_nothing_else_is() -> None:
    assert columns_of(["序號", "MAC"])[0].meaning is Meaning.SERIAL_NUMBER
    assert columns_of(["序號", "產品序號"])[0].meaning is Meaning.UNKNOWN
    with pytest.raises(UnreadableFile):
        columns_of(["序号", "MAC"])


def test_rows_without_a_column_for_mac_addresses_are_one_problem() -> None:
    rows = "A-1,revoke,\n" * 2
    content = f"SN,Operation,Model\n{rows}"
    assert set(judged(content, STRICT).classes.values()) == {"ok"}
    with pytest.raises(UnreadableFile, match=r"'SN', 'Operation', 'Model'.*MAC Address") as caught:
        judged(f"{content}A-2,,gw\n", STRICT)
    assert caught.value.code is FileError.MAC_COLUMN_MISSING
    with pytest.raises(UnreadableFile, match="'sn'") as caught:
        judged('{"sn": "A-1", "operation": "revoke"}\n{"sn": "A-2"}\n', STRICT)
    assert caught.value.code is FileError.MAC_COLUMN_MISSING
    read = judged('{"sn": "A-1", "mac": "00:1b:44:11:3a:01"}\n{"sn": "A-2"}\n', STRICT)
    assert read.classes == {1: "ok", 2: "mac_address_missing"}


def _checked(content: str, **columns: str) -> tuple[FileError | None, str]:
    try:
        check_file(
            lambda: io.BytesIO(content.encode()),
            file_name="list.csv",
            policy=ImportPolicy(require_mac=False, columns={"Sloupec": "Model"}),
            max_rows=10,
            options=ReadingOptions(columns=columns),
        )
    except UnreadableFile as error:
        return error.code, str(error)
    return None, ""


_MAPPED = "Číslo výrobku,Poznámka,Operation Type\nA-1,2027-12-31,revoke\n"


def test_a_person_says_what_a_column_is_or_that_it_is_left_out() -> None:
    columns = {"CISLO VYROBKU": "serial", "poznámka": "", "operation type": "Operation"}
    read = judged(_MAPPED, ImportPolicy(require_mac=False, columns=columns))
    assert [(row.serial_number.value, row.operation.value) for row in read.rows] == [("A-1", "revoke")]
    assert read.file.notes(LENIENT) == (
        "Columns left out, as the upload or the manufacturer's profile says: 'Poznámka'.",
    )
    assert _checked(_MAPPED, **columns) == (None, "")


def test_what_a_person_says_about_columns_has_to_fit_the_file() -> None:
    assert _checked(_MAPPED, Cislo="Serial Number")[0] is FileError.SERIAL_NUMBER_COLUMN_MISSING
    code, sentence = _checked("SN\nA-1\n", Cislo="Model")
    assert (code, "has no heading 'Cislo'" in sentence) == (FileError.MAPPING_INVALID, True)
    code, sentence = _checked("SN,Cislo\nA-1,x\n", Cislo="Colour")
    assert (code, "'Colour' is no column. The columns are Serial Number, MAC" in sentence) == (
        FileError.MAPPING_INVALID,
        True,
    )


_LANGUAGES = [
    ("gb18030", "序列号,MAC地址,型号"),
    ("big5hkscs", "產品序號,MAC位址,型號"),
    ("cp932", "シリアル番号,MACアドレス,型番"),
    ("cp949", "일련번호,MAC 주소,모델명"),
    ("cp1252", "Numéro de série,Adresse MAC,Modèle"),
    ("mac_roman", "Número de serie,Dirección MAC,Modelo"),
    ("cp850", "Numéro de série,Adresse MAC,Modèle"),
    ("utf-16-le", "序列号,MAC地址,型号"),
    ("utf-16-be", "シリアル番号,MACアドレス,型番"),
    ("utf-8", "序列号,MAC地址,型号"),
]


@pytest.mark.parametrize(("encoding", "headings"), _LANGUAGES)
def test_headings_tell_the_encoding(encoding: str, headings: str) -> None:
    assert recognised(headings.split(",")) == 3
    # Text with trail bytes that are | and \ before they are decoded, across the blocks of the file.
    filling = {"cp932": "ソ表", "big5hkscs": "功許", "gb18030": "亅亊"}.get(encoding, "")
    rows = "".join(f"A-{number},00:1b:44:11:{number >> 8:02x}:{number & 255:02x},x\n" for number in range(3_000))
    content = f"{headings},Note\n{rows}B-1,00:1b:44:12:3a:02,x\n".replace(",x\n", f",x,{filling}\n")
    read = judged(content.encode(encoding), STRICT)
    assert (read.file.encoding, len(read.rows), read.rejected) == (encoding, 3_001, [])
    assert not read.file.is_guessed


@pytest.mark.parametrize("encoding", ["gb18030", "big5hkscs", "cp932", "cp949"])
def test_a_damaged_byte_costs_its_row_in_any_encoding(encoding: str) -> None:
    headings = dict(_LANGUAGES)[encoding]
    content = f"{headings}\nA-1,,\nA-2,,BAD\nA-3,,\n".encode(encoding).replace(b"BAD", b"\xff\xff")
    read = judged(content)
    assert (read.file.encoding, read.classes) == (encoding, {2: "ok", 3: "not_decodable", 4: "ok"})


def test_an_encoding_that_nothing_tells_is_noted() -> None:
    read = judged("SN,Farbe\nA-1,weiß\n".encode("cp1252"))
    assert "not UTF-8. Its letters beyond ASCII were read as cp1252" in read.file.notes(LENIENT)[-1]
    assert len(judged("SN,Farbe\nA-1,weiß\n").file.notes(LENIENT)) == 1


def test_headings_are_compared_without_case_width_and_accents() -> None:
    assert heading_key("\uff2eúmero_DE série!") == heading_key("numeroDeSerie")
