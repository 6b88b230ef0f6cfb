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
from fleetgate.imports.reading.errors import UnreadableFile
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
    for batch in validate_rows(read_rows(io.BytesIO(content), name="list"), policy):
        rows.extend(batch.rows)
        rejected.extend(batch.rejected)
    return rows, rejected


def _both(rows: list[ImportRow], rejected: list[RejectedRow]) -> list[ImportRow | RejectedRow]:
    return [*rows, *rejected]


@st.composite
def _rows(draw: st.DrawFn) -> tuple[ImportRow, dict[str, str]]:
    """A valid row and cells that say it."""
    serial_number = draw(serial_numbers().filter(ThingNames().fits))
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
        "remark": draw(st.text("äöüßé ab\"',;\t\n", max_size=12)),
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
    lines = io.StringIO(body, newline="")
    try:
        records = list(csv.reader(lines, strict=True, skipinitialspace=True))
    except csv.Error:
        assert rejected
    else:
        assert len(line_numbers) == sum(any(map(str.strip, record)) for record in records)


@given(
    lines=st.lists(json_values().map(json.dumps) | st.text(max_size=20) | st.just('{"sn": "FG-1"}'), max_size=12).map(
        lambda lines: [re.sub(r"[\r\n\0]", " ", line) for line in lines]
    )
)
def test_every_line_of_json_that_is_not_blank_is_accounted_for_once(lines: list[str]) -> None:
    content = "\n".join(['{"sn": "FG-0"}', *lines]).encode()
    rows, rejected = _judged(content)
    expected = [1, *(number for number, line in enumerate(lines, 2) if line.strip())]
    assert sorted(row.line_number for row in _both(rows, rejected)) == expected


@given(serial_number=almost_serial_numbers(), mac_address=almost_mac_addresses() | unicast_octets().flatmap(spelled))
@example(serial_number="FG-1", mac_address="00:00:00:00:00:00")
@example(serial_number="FG-1", mac_address="02:00:00:00:00:00")
@example(serial_number="FG-1", mac_address="01-00-00-00-00-00")
@example(serial_number="FG-1\x1f", mac_address="0000.0000.0000.0000")
def test_a_row_is_sound_exactly_where_its_identifiers_are(serial_number: str, mac_address: str) -> None:
    policy = ImportPolicy(serial_number_pattern=re.compile(r"[^9]*"))
    rows, rejected = _judged(json.dumps({"sn": serial_number, "mac": [mac_address]}).encode(), policy)
    try:
        parts = frozenset(map(MacAddress.parse, filter(None, re.split(r"[\s;,|]+", mac_address))))
        parsed = SerialNumber.parse(serial_number.strip(), policy.serial_number_pattern)
    except InvalidIdentifier:
        assert (len(rows), len(rejected)) == (0, 1)
    else:
        sound = parts and not any(one.is_locally_administered for one in parts)
        assert [(row.serial_number, row.mac_addresses) for row in rows] == ([(parsed, parts)] if sound else [])
