"""Factory files: however valid rows are written they are the same rows, and whatever is sent in is accounted for."""

import csv
import gzip
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from fleetgate.domain.allow_list import ApprovalTerms
from fleetgate.domain.identifiers import InvalidIdentifier, MacAddress, SerialNumber
from fleetgate.domain.things import ThingNames
from fleetgate.imports.reading.damage import damage_of, is_placeholder
from fleetgate.imports.reading.errors import RowError, UnreadableFile
from fleetgate.imports.reading.factory_file import read_rows
from fleetgate.imports.reading.factory_list import ImportPolicy, ImportRow, Operation, RejectedRow
from fleetgate.imports.reading.validate import validate_rows
from tests.property.gate.strategies import (
    almost_mac_addresses,
    almost_serial_numbers,
    json_values,
    serial_numbers,
    spelled,
    unicast_octets,
)

_POLICY = ImportPolicy(require_mac=False, allow_locally_administered_mac=True)
_ATTRIBUTE_VALUES = st.text("abcXYZ019_.,@/:#-", max_size=12)

# Heading spellings of each column.
_HEADINGS = {
    "serial": ["Serial Number", "S/N", "SN", "serial", "serial_no", "SERIALNUMBER", " Serial No. "],
    "mac": ["MAC", "MAC Address", "WiFi MAC", "mac_address"],
    "other mac": ["Ethernet MAC", "BT MAC", "MAC2"],
    "operation": ["Operation", "action"],
    "from": ["Valid From", "not_before"],
    "until": ["Valid Until", "Expiry"],
    "templates": ["Template(s)", "TEMPLATE"],
    "Model": ["Model", "model"],
    "HardwareRevision": ["HW Rev", "Hardware Revision"],
    "remark": ["Größe", "Remark", "Notes, internal"],
}


def _judged(content: bytes, policy: ImportPolicy = _POLICY) -> tuple[list[ImportRow], list[RejectedRow]]:
    rows: list[ImportRow] = []
    rejected: list[RejectedRow] = []
    file = read_rows(io.BytesIO(content), name="list")
    for batch in validate_rows(file, policy):
        rows.extend(batch.rows)
        rejected.extend(batch.rejected)
    lines = file.lines
    assert lines.rows == len(rows) + len(rejected)
    assert lines.total == lines.heading + lines.rows + lines.continuation + lines.blank + lines.separator
    return rows, rejected


def _both(rows: list[ImportRow], rejected: list[RejectedRow]) -> list[ImportRow | RejectedRow]:
    return [*rows, *rejected]


def _is_no_placeholder(serial_number: str) -> bool:
    return not is_placeholder(serial_number) and damage_of(serial_number) is None


@st.composite
def _rows(draw: st.DrawFn) -> tuple[ImportRow, dict[str, str]]:
    """A valid row and cells that say it."""
    serial_number = draw(serial_numbers().filter(ThingNames().fits).filter(_is_no_placeholder))
    octets = draw(st.lists(unicast_octets(), max_size=3))
    start = draw(st.none() | st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001
    valid_from = start and start.replace(tzinfo=UTC)
    valid_until = valid_from and valid_from + timedelta(days=draw(st.integers(1, 900)))
    templates = draw(st.frozensets(st.text("abcXYZ019_-", min_size=1, max_size=36), max_size=3))
    attributes = {name: draw(_ATTRIBUTE_VALUES) for name in ("Model", "HardwareRevision")}
    operation = draw(st.sampled_from(Operation))
    separator = draw(st.sampled_from([" ", ";", ",", "|", ", ", "\n"]))
    spellings = [draw(spelled(one)) for one in octets]
    said = operation.value.upper() if draw(st.booleans()) else operation.value
    cells = {
        "serial": draw(st.sampled_from(["{}", " {} ", "'{}"])).format(serial_number),
        "mac": separator.join(spellings[:2]),
        "other mac": separator.join(spellings[2:]),
        "operation": "" if operation is Operation.APPROVE and draw(st.booleans()) else said,
        "from": valid_from.isoformat() if valid_from else "",
        "until": valid_until.isoformat().replace("+00:00", "Z") if valid_until else "",
        "templates": draw(st.sampled_from([" ", ";", ", "])).join(templates),
        **attributes,
        # Not both, since a line of a cell with just as many separators as a row has is taken for a row.
        "remark": draw(st.text("äöüßé ab\"',;\t", max_size=12) | st.text("äöüßé ab\"'\n", max_size=12)),
    }
    row = ImportRow(
        line_number=0,
        operation=operation,
        serial_number=SerialNumber.parse(serial_number),
        mac_addresses=frozenset(MacAddress.parse(one.hex()) for one in octets),
        terms=ApprovalTerms(
            valid_from=valid_from,
            valid_until=valid_until,
            templates=templates,
            attributes={name: value for name, value in attributes.items() if value},
        ),
        clears=frozenset(name for name, value in attributes.items() if operation is Operation.REPLACE and not value),
    )
    return row, cells


_ENCODERS: list[Callable[[str], bytes]] = [
    lambda text: text.encode(),
    lambda text: text.encode("utf-8-sig"),
    lambda text: text.encode("cp1252"),
    lambda text: text.encode("utf-16"),
    lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    lambda text: text.encode("utf-16-le"),
    lambda text: text.encode("utf-16-be"),
]


@given(table=st.lists(_rows(), min_size=1, max_size=4), data=st.data())
def test_valid_rows_are_the_same_rows_in_any_dialect(
    table: list[tuple[ImportRow, dict[str, str]]], data: st.DataObject
) -> None:
    line_end = data.draw(st.sampled_from(["\r\n", "\n", "\r"]))
    order = data.draw(st.permutations(list(_HEADINGS)))
    says_delimiter = data.draw(st.booleans())
    delimiter = data.draw(st.sampled_from([",", ";", "\t"]))
    text = io.StringIO(newline="")
    text.write(f"sep={delimiter}{line_end}" if says_delimiter else "")
    writer = csv.writer(
        text,
        delimiter=delimiter,
        lineterminator=line_end,
        quoting=data.draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])),
    )
    writer.writerow([data.draw(st.sampled_from(_HEADINGS[column])) for column in order])
    expected = []
    for row, cells in table:
        text.write(data.draw(st.sampled_from(["", line_end])))
        line_number = len(re.findall(line_end, text.getvalue())) + 1
        expected.append(row._replace(line_number=line_number))
        writer.writerow([cells[column].replace("\n", line_end) for column in order])
    content = data.draw(st.sampled_from(_ENCODERS))(text.getvalue())
    if data.draw(st.booleans()):
        content = gzip.compress(content, mtime=0)
    assert _judged(content) == (expected, [])


@given(table=st.lists(_rows(), min_size=1, max_size=4), data=st.data())
def test_valid_rows_are_the_same_rows_as_json_lines(
    table: list[tuple[ImportRow, dict[str, str]]], data: st.DataObject
) -> None:
    lines = []
    for _, cells in table:
        order = data.draw(st.permutations(list(_HEADINGS)))
        row = {data.draw(st.sampled_from(_HEADINGS[column])): cells[column] for column in order}
        lines.append(json.dumps(row, ensure_ascii=data.draw(st.booleans())))
    expected = [row._replace(line_number=number) for number, (row, _) in enumerate(table, 1)]
    assert _judged("\n".join(lines).encode()) == (expected, [])


def _lists() -> st.SearchStrategy[bytes]:
    """Bytes, often such as begin like a factory list."""
    starts = st.sampled_from(
        [b"", b"SN,MAC\n", b"\xef\xbb\xbfSN;MAC;\r\n", b'{"sn": "1"}\n', b"json_row\n", b"sep=|\n"]
    )
    pieces = st.sampled_from(
        [b'"', b",", b"\n", b"\r\n", b"FG-1", b'{"sn":"', b'"}', b"\xff", b"\0", b" ", b"\xc3\xbc"]
    )
    ends = st.binary(max_size=60) | st.lists(pieces, max_size=30).map(b"".join)
    plain = st.tuples(starts, ends).map(b"".join)
    return plain | plain.map(gzip.compress) | plain.map(lambda text: gzip.compress(text)[:-3])


@given(content=_lists())
@example(content=b"\x1f\x8b")
@example(content=b"{")
@example(content=b"\xff\xfe\x00")
def test_whatever_is_sent_in_is_judged_or_refused(content: bytes) -> None:
    try:
        rows, rejected = _judged(content)
    except UnreadableFile:
        return
    line_numbers = [row.line_number for row in _both(rows, rejected)]
    assert len(line_numbers) == len(set(line_numbers))


def _bodies() -> st.SearchStrategy[str]:
    pieces = st.sampled_from(
        ['"', '""', ",", ";", "\n", "\r\n", "\r", " ", "FG-1", "é", "\udcff", "\x0b", "\u2028", "\x1c"]
    )
    return st.lists(pieces, max_size=40).map("".join)


@given(body=_bodies())
def test_every_record_that_is_not_blank_is_accounted_for_once(body: str) -> None:
    # Enough of UTF-8 in front that a byte that is none does not make it Windows-1252.
    content = f"SN,MAC,{'ü' * 50}\n{body}".encode("utf-8", "surrogateescape")
    rows, rejected = _judged(content)
    line_numbers = [row.line_number for row in _both(rows, rejected)]
    assert len(line_numbers) == len(set(line_numbers))
    lines = list(io.StringIO(body, newline=""))
    try:
        records = list(csv.reader(lines, strict=True, skipinitialspace=True))
    except csv.Error:
        assert rejected
    else:
        if len(records) == len(lines):
            assert len(line_numbers) == sum(any(map(str.strip, record)) for record in records)


_ROW = {"SN": r"FG-\d", "MAC": r"00:1b:44:11:3a:0\d", "Remark": r"[^,\"\r\n]*"}


@st.composite
def _hostile_lists(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Headings, and lines where rows and stray quotation marks stand in each other's way."""
    order = draw(st.permutations(list(_ROW)))
    number = st.integers(0, 9)
    remarks = st.sampled_from(["", "ok", '"', '24"', '"open', '"a, b"', '""', "x,y"])
    cells = {
        "SN": number.map("FG-{}".format) | st.sampled_from(["", '"FG-3', '"FG-4"']),
        "MAC": number.map("00:1b:44:11:3a:0{}".format) | st.sampled_from(["", '"', '"00:1b:44:11:3a:01']),
        "Remark": remarks,
    }
    rows = st.tuples(*(cells[name] for name in order)).map(",".join)
    parts = st.sampled_from(['"', '",', ',"', " ", "", "a", 'a",b,"c', '""', "Total: 3", "\0", "SN,MAC,Remark"])
    ends = st.sampled_from(["\n", "\r\n", "\r"])
    lines = draw(st.lists(st.tuples(rows | parts, ends).map("".join), max_size=12))
    heading = [*order[:2], draw(st.sampled_from([order[2], f'"{order[2]}']))]
    return heading, [",".join(heading) + draw(ends), *lines]


@given(made=_hostile_lists(), filler=st.sampled_from([0, 600]))
@example(made=(list(_ROW), ["SN,MAC,Remark\n", '"\n', "FG-1,00:1b:44:11:3a:01,x\n", '"\n']), filler=0)
def test_no_row_is_lost_to_a_quotation_mark_and_the_lines_add_up(
    made: tuple[list[str], list[str]], filler: int
) -> None:
    heading, lines = made
    # So that what follows lies across two blocks.
    lines[1:1] = [",".join(["x" * 8] * 3) + "\n"] * filler
    text = "".join(lines)
    try:
        rows, rejected = _judged(text.encode())
    except UnreadableFile:
        return
    row = re.compile(",".join(_ROW[name.strip('"')] for name in heading))
    wanted = {number for number, line in enumerate(io.StringIO(text, newline=""), 1) if row.fullmatch(line.rstrip())}
    assert wanted <= {one.line_number for one in _both(rows, rejected)}


@given(
    lines=st.lists(json_values().map(json.dumps) | st.text(max_size=20) | st.just('{"sn": "FG-1"}'), max_size=12).map(
        lambda lines: [re.sub(r"[\r\n\0\x1a]", " ", line) for line in lines]
    )
)
def test_every_line_of_json_that_is_not_blank_is_accounted_for_once(lines: list[str]) -> None:
    content = "\n".join(['{"sn": "FG-0"}', *lines]).encode()
    rows, rejected = _judged(content)
    expected = [1, *(number for number, line in enumerate(lines, 2) if line.strip())]
    assert sorted(row.line_number for row in _both(rows, rejected)) == expected


_APART = re.compile(r"[\s;,|]+")


def _with_colons(cell: str) -> str:
    """A cell whose octets with _ or one space between them have colons there, where they make one address."""

    def one(words: re.Match[str]) -> str:
        is_address = re.fullmatch(r"[0-9a-fA-F]{2}(?:( )[0-9a-fA-F]{2}){5}(?:(?: [0-9a-fA-F]{2}){2})?", words[0])
        return words[0].replace(" ", ":") if is_address else words[0]

    spaced = re.sub(r"[^\s;,|]+(?: [^\s;,|]+)*", one, cell)
    underscored = r"(?<![^\s;,|])[0-9a-fA-F]{2}(?:_[0-9a-fA-F]{2}){5}(?:(?:_[0-9a-fA-F]{2}){2})?(?![^\s;,|])"
    return re.sub(underscored, lambda found: found[0].replace("_", ":"), spaced)


@given(serial_number=almost_serial_numbers(), mac_address=almost_mac_addresses() | unicast_octets().flatmap(spelled))
@example(serial_number="FG-1", mac_address="00:00:00:00:00:00")
@example(serial_number="FG-1", mac_address="00 1b 44 11 3a b7 00_1b_44_11_3a_b8")
@example(serial_number="FG-1", mac_address="00 1b 44 11 3a b7;00_1b_44_11_3a_b8")
@example(serial_number="null", mac_address="00 1b 44 11 3a b7")
@example(serial_number="10-Mar", mac_address="00_1b_44_11_3a_b7")
@example(serial_number="FG-1", mac_address="02:00:00:00:00:00")
@example(serial_number="FG-1", mac_address="01-00-00-00-00-00")
@example(serial_number="FG-1\x1f", mac_address="0000.0000.0000.0000")
def test_a_row_is_sound_exactly_where_its_identifiers_are(serial_number: str, mac_address: str) -> None:
    policy = ImportPolicy(serial_number_pattern=re.compile(r"[^9]*"))
    rows, rejected = _judged(json.dumps({"sn": serial_number, "mac": [mac_address]}).encode(), policy)
    try:
        parts = frozenset(map(MacAddress.parse, filter(None, _APART.split(_with_colons(mac_address)))))
        parsed = SerialNumber.parse(serial_number.strip(), policy.serial_number_pattern)
    except InvalidIdentifier:
        assert (len(rows), len(rejected)) == (0, 1)
    else:
        sound = _is_no_placeholder(parsed.value) and parts and not any(one.is_locally_administered for one in parts)
        assert [(row.serial_number, row.mac_addresses) for row in rows] == ([(parsed, parts)] if sound else [])


def _unseen_characters() -> st.SearchStrategy[str]:
    """What no cell of a type may have within it; a line break or a tab may part two names or addresses."""
    return st.characters(categories=["Cf", "Zs", "Cc"], exclude_characters=" \t\n\r\v\f")


_TYPED_CELLS = {
    "serial": "SN-0001",
    "mac": "00:1b:44:11:3a:b7",
    "operation": "approve",
    "Valid Until": "2027-12-31",
    "Template": "fleetgate",
    "Group": "gateways",
}


@given(heading=st.sampled_from(list(_TYPED_CELLS)), character=_unseen_characters(), data=st.data())
@example(heading="mac", character="\u00a0", data=None)
@example(heading="operation", character="\x1b", data=None)
def test_a_character_that_nobody_sees_is_named_in_every_typed_cell(
    heading: str, character: str, data: st.DataObject | None
) -> None:
    cell = _TYPED_CELLS[heading]
    at = data.draw(st.integers(1, len(cell) - 1)) if data else 3
    cells = {**({} if heading == "serial" else {"serial": "FG-1"}), heading: cell[:at] + character + cell[at:]}
    policy = ImportPolicy(require_mac=False, template_names=frozenset({"fleetgate"}))
    rows, (rejected,) = _judged(json.dumps(cells).encode(), policy)
    assert rows == []
    assert rejected.column == heading
    assert f"at character {at + 1} (U+{ord(character):04X})" in rejected.detail
    assert character not in rejected.detail


@given(text=st.text(max_size=30) | st.text("aé ß\u200b", min_size=790, max_size=900))
@example(text="\ud800")
@example(text="=1+1")
def test_any_text_becomes_an_attribute_or_is_left_out(text: str) -> None:
    file = read_rows(io.BytesIO(json.dumps({"sn": "FG-1", "Model": text}).encode()), name="list")
    (batch,) = validate_rows(file, _POLICY)
    if not batch.rows:  # only a spreadsheet's own marks cost the row
        assert batch.rejected[0].error in {RowError.SPREADSHEET_DAMAGE, RowError.SCIENTIFIC_NOTATION}
        return
    value = batch.rows[0].terms.attributes.get("Model")
    assert value is None or re.fullmatch(r"[a-zA-Z0-9_.,@/:#-]{1,800}", value)
    assert (value == text.strip()) or not text.strip() or file.notes(_POLICY) or text.strip()[0] in "='"
    assert all(note.isprintable() for note in file.notes(_POLICY))


@given(text=st.text("0123456789-:_abcjmnoxXFMr", min_size=1, max_size=12) | almost_serial_numbers())
@example(text="10-Mar")
@example(text="0x0")
@example(text="1234567890")
def test_the_quick_look_at_serial_numbers_lets_nothing_pass(text: str) -> None:
    rows, _ = _judged(json.dumps({"sn": text}).encode())
    assert bool(rows) == bool(re.fullmatch(r"[a-zA-Z0-9:_-]{1,125}", text.strip()) and _is_no_placeholder(text.strip()))
