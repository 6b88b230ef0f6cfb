"""Every physical line of a list is in one kind, and no row is lost to a line that is none."""

import base64
import gzip

import pytest

from fleetgate.imports.reading.columns import JSON_ROW
from fleetgate.imports.reading.errors import FileError, UnreadableFile
from fleetgate.imports.reading.factory_file import read_rows
from fleetgate.imports.reading.factory_list import ImportPolicy, UnknownColumns
from fleetgate.imports.reading.text import ReadingLimits
from tests.unit.imports.factory_files import LENIENT, judged, refusal

_MACS = [f"00:1b:44:11:3a:{number:02x}" for number in range(10)]
_BROKEN = "quoting_invalid"


@pytest.mark.parametrize(
    ("content", "classes", "continuation"),
    [
        pytest.param(
            f'SN,MAC,Remark\nA1,{_MACS[1]},ok\nA2,{_MACS[2]},"\nA3,{_MACS[3]},"\nA4,{_MACS[4]},"\n',
            {2: "ok", 3: _BROKEN, 4: _BROKEN, 5: _BROKEN},
            0,
            id="ditto marks",
        ),
        pytest.param(
            f'Remark,SN,MAC\nok,A1,{_MACS[1]}\n",A2,{_MACS[2]}\n",A3,{_MACS[3]}\n',
            {2: "ok", 3: _BROKEN, 4: _BROKEN},
            0,
            id="ditto marks in front",
        ),
        pytest.param('SN,Note\nA1,"\nA2,"\nA3,x\n', {2: _BROKEN, 3: _BROKEN, 4: "ok"}, 0, id="ditto marks, no MAC"),
        pytest.param(
            f'SN,MAC,Model,Note\nA1,{_MACS[1]},gw,"x\nA2,{_MACS[2]},y"\n',
            {2: _BROKEN, 3: "too_few_fields"},
            0,
            id="a row that is wrong and closes the quotation",
        ),
        pytest.param(
            f'MAC2,Note,SN,Rev,MAC\n,x,A1,B,"{_MACS[1]}\n{_MACS[2]}"\n', {2: "ok"}, 1, id="MAC addresses behind"
        ),
        pytest.param(
            f'SN,Note,MAC\nA1,x,{_MACS[1]}\nA2,",{_MACS[2]}\nA3,",{_MACS[3]}\n',
            {2: "ok", 3: _BROKEN, 4: _BROKEN},
            0,
            id="ditto marks in the middle",
        ),
        pytest.param(
            f'Note,MAC,SN\n,"\n,{_MACS[1]},A1\nx","A1"\n',
            {2: _BROKEN, 3: "ok", 4: "too_few_fields"},
            0,
            id="a row of the same device",
        ),
        pytest.param('A,SN,B,C\n"x\ny","A1","","b,c"\nz,A2,,\n', {2: "ok", 4: "ok"}, 1, id="separators behind"),
        pytest.param('A,B,SN,C\n"","x\ny","A1","b,c"\n', {2: "ok"}, 1, id="separators that make up the width"),
        pytest.param('SN\n"A1\nA2\nA3"\n', {2: _BROKEN, 3: "ok", 4: "serial_number_invalid"}, 0, id="one column"),
        pytest.param(
            f'SN,MAC,Size\nA1,{_MACS[1]},"24\nA2,{_MACS[2]},x\nA3,{_MACS[3]},24"\n',
            {2: _BROKEN, 3: "ok", 4: "ok"},
            0,
            id="inches that open and close",
        ),
        pytest.param(
            f'SN,MAC,Op,Note\nA1,{_MACS[1]},,"x\nA2,,revoke,y\nA3,{_MACS[3]},,z"\n',
            {2: _BROKEN, 3: "ok", 4: "ok"},
            0,
            id="a row that revokes",
        ),
        pytest.param(
            f'SN,MAC,Note\nA1,{_MACS[1]},"x\nA2,{_MACS[2]}\nA3,{_MACS[3]},y,z\n"\n',
            {2: _BROKEN, 3: "too_few_fields", 4: "too_many_fields", 5: _BROKEN},
            0,
            id="rows that are wrong",
        ),
        pytest.param(f'SN,MAC,"Size\nA1,{_MACS[1]},7"\nA2,{_MACS[2]},x\n', {2: "ok", 3: "ok"}, 0, id="in the heading"),
        pytest.param('"SN,Note\nA1,x\n', {2: "ok"}, 0, id="at the start of the heading"),
        pytest.param(
            f'SN,MAC,Note\nA1,{_MACS[1]},"Main St. 5\n12345 City, Country\n\nDock ""2"""\nA2,{_MACS[2]},\n',
            {2: "ok", 6: "ok"},
            3,
            id="an address",
        ),
        pytest.param(f'Note,SN,MAC\n"a\nb",A1,{_MACS[1]}\n', {2: "ok"}, 1, id="a note in front"),
        pytest.param(f'MAC,SN\n"{_MACS[1]}\n{_MACS[2]}",A1\n', {2: "ok"}, 1, id="MAC addresses in front"),
        pytest.param(f'SN,MAC\n"A1\n",{_MACS[1]}\n', {2: "ok"}, 1, id="a break after the serial number"),
        pytest.param('SN,"MAC\nAddress","Note\n(short)"\nA1,,\n', {4: "ok"}, 0, id="a heading of three lines"),
        pytest.param('SN,Note\n"\n",\n\n ,\nA1,x\n', {6: "ok"}, 1, id="blank lines"),
    ],
)
def test_a_quoted_cell_takes_further_lines_only_if_none_is_a_row(
    content: str, classes: dict[int, str], continuation: int
) -> None:
    for text in (content, content.replace("\n", "\r\n")):
        read = judged(text)
        assert (read.classes, read.file.lines.continuation) == (classes, continuation)


def test_the_sentence_says_which_line_the_quotation_mark_would_take() -> None:
    read = judged(f'SN,MAC,Note\nA1,{_MACS[1]},"x\nA2,{_MACS[2]},\nA3,{_MACS[3]},"\n')
    assert [row.detail for row in read.rejected] == [
        "A quotation mark is open at the end of the line, and line 3 is a row.",
        "A cell holds a quotation mark and nothing else: write out what it stands for.",
    ]


def test_a_key_as_pem_takes_its_lines_in_front_of_other_cells() -> None:
    body = "\n".join([base64.b64encode(bytes(48)).decode()] * 20)
    pem = f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----"
    read = judged(f'SN,Public Key,Model\nA1,"{pem}",gw\nA2,,gw\n')
    assert (list(read.classes), read.file.lines.continuation) == ([2, 24], 21)


def test_lines_that_are_read_again_are_bounded_however_many_marks_are_open() -> None:
    # None of these lines is a row, none ends its quotation, and each would be read a hundred times.
    hostile, address = 'z z","w w\n' * 3_000, 'A1,"Main St.\nDock\n5"\n'
    read = judged(f"SN,Note\n{hostile}{address}A2,x\n")
    assert (len(read.rejected), read.serial_numbers) == (3_003, ["A2"])
    assert judged(f"SN,Note\n{address}").serial_numbers == ["A1"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param("Delivery note 4711,,\n,,\nSerial Number,MAC,Model\n", 3, id="a title"),
        pytest.param("\nACME\nDate;2026-03-01\n\nSN;MAC\n", 5, id="titles with other separators"),
        pytest.param("sep=;\nList\nSN;MAC\n", 3, id="below Excel's own line"),
        pytest.param("Device,,Network,\nSerial Number,Model,WiFi MAC,LAN MAC\n", 2, id="groups of headings"),
        pytest.param("# all devices\nserial\n", 2, id="a comment above one column"),
    ],
)
def test_a_heading_below_other_lines_is_pointed_out(content: str, line: int) -> None:
    code, sentence = refusal(f"{content}A1,{_MACS[1]},x\n")
    assert (code, f"The heading is in line {line}." in sentence) == (FileError.HEADING_NOT_FIRST, True)


@pytest.mark.parametrize("policy", [LENIENT, ImportPolicy()], ids=["lenient", "strict"])
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("Serial,MAC,Model", "heading_again"),
        ("SERIAL , mac,MODEL", "heading_again"),
        ("S/N,MAC Address,Model No.", "heading_again"),
        ("------,---,-----", "rule_line"),
        ("======", "rule_line"),
        ("Total: 8,,", "total_line"),
        ("Total,8,", "total_line"),
        (",,Summe: 8", "total_line"),
        ("合计,8,", "total_line"),
        ("(2 rows affected)", "total_line"),
        ("End of list", "total_line"),
        (f"Total 8,{_MACS[3]},gw", "serial_number_invalid"),
    ],
)
def test_a_line_that_is_no_device_is_named(policy: ImportPolicy, line: str, code: str) -> None:
    read = judged(f"Serial,MAC,Model\nA1,{_MACS[1]},gw\n{line}\nA2,{_MACS[2]},gw\n", policy)
    assert read.classes == {2: "ok", 3: code, 4: "ok"}


def test_a_second_heading_with_other_columns_refuses_the_file() -> None:
    code, sentence = refusal("SN,Valid From,Valid Until\nA1,,2027-01-01\nSN,Valid Until,Valid From\nA2,,2027-01-01\n")
    assert (code, "line 3" in sentence) == (FileError.HEADING_CHANGES, True)


def test_a_line_that_underlines_the_heading_is_part_of_it() -> None:
    read = judged("SN|MAC\n--|---\nA1|\n")
    assert (read.classes, read.file.lines.heading) == ({3: "ok"}, 2)


def test_lines_that_are_one_quoted_cell_are_read() -> None:
    content = 'SN,MAC,Model\n"A1,,""gw-2"""\n"A2,x"\n'
    assert judged(content).classes == {2: "ok", 3: "too_few_fields"}
    heading = judged(f'"SN;MAC;Model"\n"A1;{_MACS[1]};""gw;3"""\nA2;{_MACS[2]};gw\n')
    assert [(len(row.mac_addresses), row.terms.attributes) for row in heading.rows] == [
        (1, {"Model": "gw_3"}),
        (1, {"Model": "gw"}),
    ]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('[{"sn": "A1"}]', FileError.JSON_NOT_LINES),
        ('\n [\n{"sn": "A1"},\n', FileError.JSON_NOT_LINES),
        ('{\n  "sn": "A1"\n}\n', FileError.JSON_NOT_LINES),
        ("[Serial Number],[MAC]\nA1,\n", None),
        ("{SN};{MAC}\nA1;\n", None),
        ('{"sn": "A1"}\n', None),
    ],
)
def test_json_that_is_not_one_object_a_line_is_told_from_csv(content: str, code: FileError | None) -> None:
    assert refusal(content)[0] is code


def test_what_is_left_out_of_json_cannot_reject_and_what_is_kept_stays_as_written() -> None:
    content = '{"sn": "A1", "Qty": 1.10, "ok": true, "box": {"mac": 1}, "Attributes": {"Model": "gw"}, "Qty": 2}'
    read = judged(content)
    assert [dict(row.terms.attributes) for row in read.rows] == [{"Model": "gw"}]
    kept = judged('{"sn": "A1", "Qty": 1.10}', ImportPolicy(require_mac=False, unknown_columns=UnknownColumns.KEEP))
    assert [dict(row.terms.attributes) for row in kept.rows] == [{"Qty": "1.10"}]


@pytest.mark.parametrize("inner", ['"mac": "{}", "mac": "{}"', '"mac": "{}", "attributes": {{"MAC": "{}"}}'])
def test_a_name_that_an_object_has_twice_is_ambiguous(inner: str) -> None:
    read = judged('{"sn": "A1", ' + inner.format(*_MACS) + "}")
    assert [(row.error.value, "twice" in row.detail) for row in read.rejected] == [("column_ambiguous", True)]


def test_a_nul_byte_costs_its_line_and_a_mark_of_dos_at_the_end_costs_nothing() -> None:
    rows = "".join(f"A{number},x\r\n" for number in range(20))
    for end in ("", "\x1a", "\x1a\x1a", "\r\n\x1a\r\n", "\x1a" * 3_000):
        read = judged(f"SN,Note\r\nB\0,x\r\n{rows}\x1aC,x\r\nD,x{end}")
        assert {line: code for line, code in read.classes.items() if code != "ok"} == {
            2: "nul_byte",
            23: "serial_number_invalid",
        }
        assert read.serial_numbers[-1] == "D"


@pytest.mark.parametrize("heading", ["SN,Note\n", f"{JSON_ROW}\n", ""], ids=["CSV", "rejects of JSON", "JSON Lines"])
@pytest.mark.parametrize("bomb", ["\n", ",\r\n", "\x1a"], ids=["blank lines", "empty rows", "end marks"])
def test_a_file_that_unpacks_to_more_than_its_rows_need_is_refused(heading: str, bomb: str) -> None:
    packed = gzip.compress(f"{heading}{bomb * 3_000_000}".encode())
    with pytest.raises(UnreadableFile) as lines:
        _read(packed, ReadingLimits(max_lines=100_000) if bomb != "\x1a" else ReadingLimits(max_bytes=500_000))
    assert lines.value.code is (FileError.TOO_MANY_LINES if bomb != "\x1a" else FileError.TOO_MANY_BYTES)


def _read(content: bytes, limits: ReadingLimits) -> None:
    class Counted:
        """Gives the content, and no more than a bomb needs."""

        def __init__(self) -> None:
            self.at = 0

        def read(self, size: int = -1) -> bytes:
            self.at += size
            return content[self.at - size : self.at]

    file = read_rows(Counted(), name="bomb.gz", limits=limits)  # type: ignore[arg-type] # all that is called is read
    assert [batch for batch in file.batches if batch.rows] == []
