"""Which files are read, and how."""

import csv
import gzip
import io
import tracemalloc

import pytest

from fleetgate.imports.reading.errors import FileError
from fleetgate.imports.reading.factory_file import read_rows
from fleetgate.imports.reading.factory_list import REPORT_COLUMNS, ImportPolicy, UnknownColumns
from fleetgate.imports.reading.validate import validate_rows
from tests.unit.imports.factory_files import LENIENT, judged, refusal

_LIST = "Serial Number,Größe,MAC\r\nFG-1,ü,00:1b:44:11:3a:01\r\nFG-2,é,\r\n"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        pytest.param(_LIST.encode(), "utf-8", id="UTF-8"),
        pytest.param(_LIST.encode("utf-8-sig"), "utf-8", id="UTF-8 with BOM"),
        pytest.param(_LIST.encode("utf-16"), "utf-16-le", id="UTF-16 with BOM"),
        pytest.param(b"\xfe\xff" + _LIST.encode("utf-16-be"), "utf-16-be", id="UTF-16 BE with BOM"),
        pytest.param(_LIST.encode("utf-16-le"), "utf-16-le", id="UTF-16 LE without BOM"),
        pytest.param(_LIST.encode("utf-16-be"), "utf-16-be", id="UTF-16 BE without BOM"),
        pytest.param(_LIST.encode("cp1252"), "cp1252", id="Windows-1252"),
    ],
)
def test_an_encoding_is_recognised(content: bytes, encoding: str) -> None:
    read = judged(content)
    assert (read.file.encoding, read.serial_numbers) == (encoding, ["FG-1", "FG-2"])
    assert list(read.file.unknown_columns) == ["Größe"]


@pytest.mark.parametrize("packed", [_LIST.encode(), gzip.compress(_LIST.encode())], ids=["plain", "gzip"])
def test_a_stream_that_gives_one_byte_at_a_time_is_read_alike(packed: bytes) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 1))

    file = read_rows(Slow(packed), name="slow.csv")
    assert sum(len(batch.rows) for batch in validate_rows(file, LENIENT)) == 2


def test_bytes_that_are_no_utf_8_far_into_a_utf_8_file_cost_their_row_alone() -> None:
    rows = "".join(f"FG-{number},gw\r\n" for number in range(10_000)).encode()
    read = judged(b"SN,Model\r\n" + rows + b"FG-X,gr\xfcn\r\nFG-Y,gw\r\n")
    (rejected,) = read.rejected
    assert (rejected.line_number, rejected.error.value) == (10_002, "not_decodable")
    assert rejected.raw[1].encode("utf-8", "surrogateescape") == b"gr\xfcn"
    assert len(read.rows) == 10_001


def test_one_bad_byte_in_a_utf_8_file_does_not_make_it_windows_1252() -> None:
    read = judged("SN,Größe\r\nFG-1,ü\r\nFG-2,".encode() + b"\xff\r\n")
    assert (read.file.encoding, read.classes) == ("utf-8", {2: "ok", 3: "not_decodable"})


def test_a_truncated_character_at_the_end_of_utf_16_costs_its_row() -> None:
    assert judged("SN,Model\nFG-1,a\nFG-2,b".encode("utf-16") + b"c").classes == {2: "ok", 3: "not_decodable"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_delimiter_is_told_by_the_headings_it_splits_off(delimiter: str) -> None:
    header = delimiter.join(['"Note, with; marks"', "Serial Number", "MAC Address"])
    row = delimiter.join(["x", "FG-1", "00:1b:44:11:3a:01"])
    read = judged(f"{header}\n{row}\n")
    assert (read.file.delimiter, read.serial_numbers) == (delimiter, ["FG-1"])


def test_excels_own_first_line_settles_the_delimiter_and_counts_as_a_line() -> None:
    read = judged("sep=;\r\nSN;Model\r\nFG-1;a,b\r\n")
    assert (read.file.delimiter, read.classes) == (";", {3: "ok"})


def test_a_header_may_have_a_line_break_and_come_after_blank_lines() -> None:
    read = judged('\n,,\n"Serial\nNumber",Model\nFG-1,gw\n')
    assert read.classes == {5: "ok"}
    assert read.file.header == ("Serial\nNumber", "Model")


def test_a_single_column_is_enough() -> None:
    assert judged("serial\nFG-1\n\nFG-2").classes == {2: "ok", 4: "ok"}


def test_a_header_alone_is_a_file_without_rows() -> None:
    assert judged("serial,mac\n").classes == {}


def test_a_space_before_a_quotation_mark_does_no_harm() -> None:
    read = judged('SN, Model\nFG-1, "a,b"\n')
    assert [row.terms.attributes for row in read.rows] == [{"Model": "a,b"}]


def test_a_stray_quotation_mark_costs_its_row_and_not_the_rest_of_the_file() -> None:
    rows = "".join(f"FG-{number},gw\n" for number in range(20_000))
    read = judged(f'SN,Model\nFG-A,"gw\n{rows}FG-B,gw\n')
    assert [(row.line_number, row.error.value) for row in read.rejected] == [(2, "quoting_invalid")]
    assert len(read.rows) == 20_001


def test_a_quoted_record_may_lie_across_blocks() -> None:
    filler = "".join(f'FG-{number},"gw"\n' for number in range(4_700))
    read = judged(f"SN,MAC\n{filler.replace('gw', '')}" + 'FG-X,"00:1b:44:11:3a:01\n00:1b:44:11:3a:02"\n' * 400)
    assert read.rejected == []
    assert len(read.rows) == 5_100
    assert read.rows[-1].line_number == 1 + 4_700 + 2 * 400 - 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(b"", FileError.EMPTY, id="no byte"),
        pytest.param(b"\xef\xbb\xbf", FileError.EMPTY, id="a byte order mark"),
        pytest.param(b"\n ,, \r\n", FileError.EMPTY, id="blank"),
        pytest.param(gzip.compress(b""), FileError.EMPTY, id="nothing in gzip"),
        pytest.param(b"PK\x03\x04\x14\0\x06\0\x08\0", FileError.NOT_TEXT, id="a workbook"),
        pytest.param("SN\nFG-1".encode("utf-32"), FileError.NOT_TEXT, id="UTF-32"),
        pytest.param(b"FG-1,00:1b:44:11:3a:01\n", FileError.SERIAL_NUMBER_COLUMN_MISSING, id="no header"),
        pytest.param(b"MAC,Model\na,b\n", FileError.SERIAL_NUMBER_COLUMN_MISSING, id="no serial numbers"),
        pytest.param(b"SN,MAC,Serial\na,b,c\n", FileError.COLUMN_AMBIGUOUS, id="two serial numbers"),
        pytest.param(b"sep=;", FileError.HEADER_UNREADABLE, id="nothing but Excel's line"),
        pytest.param(gzip.compress(gzip.compress(_LIST.encode())), FileError.PACKED_TWICE, id="gzip in gzip"),
        pytest.param(b"S\0N,MAC\nFG-1,00:1b:44:11:3a:01\n", FileError.HEADER_UNREADABLE, id="a NUL in the heading"),
        pytest.param(gzip.compress(_LIST.encode())[:-9], FileError.GZIP_DAMAGED, id="cut gzip"),
        pytest.param(gzip.compress(_LIST.encode()) + b"x", FileError.GZIP_DAMAGED, id="gzip and more"),
        pytest.param(b"\x1f\x8b not gzip", FileError.GZIP_DAMAGED, id="gzip by its first bytes only"),
    ],
)
def test_a_file_that_is_no_factory_list_is_refused_as_a_whole(content: bytes, code: FileError) -> None:
    refused, sentence = refusal(content)
    assert refused is code
    assert sentence.startswith(code.meaning)
    assert sentence.endswith(code.remedy)


def test_gzip_that_is_damaged_far_inside_is_refused_while_it_is_read() -> None:
    packed = gzip.compress(("SN\n" + "".join(f"FG-{n * 7919 % 1_000_003}\n" for n in range(60_000))).encode())
    file = read_rows(io.BytesIO(packed[: len(packed) // 2]), name="cut.csv.gz")
    next(file.batches)
    assert refusal(packed[: len(packed) // 2])[0] is FileError.GZIP_DAMAGED


def test_unknown_columns_are_named_once_and_left_out_or_kept() -> None:
    content = "SN,Colour,Shift No.\nFG-1,red,2\nFG-2,blue,\n"
    reported = judged(content)
    assert [row.terms.attributes for row in reported.rows] == [{}, {}]
    assert reported.file.notes(LENIENT) == ("Unknown columns, left out: 'Colour', 'Shift No.'.",)
    keep = ImportPolicy(require_mac=False, unknown_columns=UnknownColumns.KEEP)
    kept = judged(content, keep)
    assert [row.terms.attributes for row in kept.rows] == [{"Colour": "red", "Shift_No.": "2"}, {"Colour": "blue"}]
    assert kept.file.notes(keep) == ("Unknown columns, kept as attributes: 'Colour', 'Shift No.'.",)


_JSON_LINES: list[tuple[str, str | None]] = [
    ('{"serial": "FG-1", "mac": "00:1b:44:11:3a:01", "model": "gw-2"}', "ok"),
    ("", None),
    ('{"Model": "gw-2", "S/N": "FG-2", "mac": ["00:1b:44:11:3a:02", "00:1b:44:11:3a:03"]}', "ok"),
    ('  {"serial": "FG-3", "expiry": null, "attributes": {"HW Rev": "B"}}', "ok"),
    ('{"serial": 4}', "field_not_text"),
    ('{"serial": "FG-5", "mac": [1]}', "field_not_text"),
    ('{"serial": "FG-6", "model": {"name": "gw"}}', "field_not_text"),
    ('{"serial": "FG-7", "sn": "FG-8"}', "column_ambiguous"),
    ('{"serial": "FG-9", "serial": "FG-10"}', "column_ambiguous"),
    ('{"model": "gw-2"}', "serial_number_missing"),
    ('{"json_row": "{}"}', "serial_number_missing"),
    ("{}", "serial_number_missing"),
    ('["FG-11"]', "row_not_an_object"),
    ('{"serial": "FG-12"', "row_not_an_object"),
    ("[" * 15_000, "row_not_an_object"),
    ('{"serial": ' + "1" * 5_000 + "}", "field_not_text"),
    ('{"serial": "FG-13", "\\ud800": 1}', "ok"),
    ('{"serial": "FG-14", "model": "\\ud800"}', "ok"),
    ('{"serial": "FG-15", "model": "' + "x" * 60_000 + '"}', "row_too_long"),
    ('{"serial": "FG-16", "model": "\udcff"}', "not_decodable"),
    ('{"serial": "FG-17"}', "ok"),
]


def test_every_line_of_json_ends_in_its_class() -> None:
    content = "\n".join(line for line, _ in _JSON_LINES).encode("utf-8", "surrogateescape")
    read = judged(content)
    assert read.classes == {number: becomes for number, (_, becomes) in enumerate(_JSON_LINES, 1) if becomes}
    assert read.serial_numbers == ["FG-1", "FG-2", "FG-3", "FG-13", "FG-14", "FG-17"]
    assert [len(row.mac_addresses) for row in read.rows] == [1, 2, 0, 0, 0, 0]
    assert [row.terms.attributes for row in read.rows][1:5] == [{"Model": "gw-2"}, {"HardwareRevision": "B"}, {}, {}]
    assert all((row.column or "").isprintable() for row in read.rejected)


def test_rejected_lines_of_json_can_be_corrected_in_a_table_and_go_in() -> None:
    read = judged('{"serial": "FG 1", "model": "gw"}\n{"serial": 2}\n')
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow([*REPORT_COLUMNS, *read.file.header])
    writer.writerows(row.reported() for row in read.rejected)
    assert {row.raw: row.error for row in judged(table.getvalue()).rejected} == {
        row.raw: row.error for row in read.rejected
    }
    corrected = judged(table.getvalue().replace("FG 1", "FG-1").replace(": 2", ': ""2""'))
    assert corrected.serial_numbers == ["FG-1", "2"]


def test_a_line_without_end_takes_no_more_memory_than_a_row() -> None:
    packed = gzip.compress(b"SN,Model\nFG-1," + b"x" * 20_000_000 + b"\nFG-2,gw\n")
    tracemalloc.start()
    assert judged(packed).classes == {2: "row_too_long", 3: "ok"}
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000
