"""A file as messy as factories send them: every row of it ends in exactly one class."""

import csv
import gzip
import io

import pytest

from fleetgate.domain.identifiers import MacAddress
from fleetgate.domain.reasons import Reason
from fleetgate.imports.reading.cells import cleaned
from fleetgate.imports.reading.factory_list import REPORT_COLUMNS, ImportPolicy, RejectedRow, UnknownColumns
from tests.unit.imports.factory_files import JudgedFile, judged

_POLICY = ImportPolicy(template_names=frozenset({"fleetgate", "meters"}), unknown_columns=UnknownColumns.KEEP)

# Text of the record, and what becomes of it; None where it is blank.
_RECORDS: list[tuple[str, str | None]] = [
    ("FG-0001;00:1b:44:11:3a:01;;gw-2;B;;;;;", "ok"),
    ("  FG-0002 ;\t00-1B-44-11-3A-02;; gw-2 ;B;;;;;", "ok"),
    ("FG-0003;001b.4411.3a03;001B44113A04;gw-2;B;approve;;;;", "ok"),
    ("FG-0005;00:1b:44:11:3a:05 | 00:1b:44:11:3a:06;;gw-2;B;APPROVE;;;;", "ok"),
    ('FG-0006;"00:1b:44:11:3a:07;00:1b:44:11:3a:08";;gw-2;B;;;;;', "ok"),
    (";;;;;;;;;", None),
    ("", None),
    (" ; ;;;;;;;;", None),
    ("'0007;'001b44113a09;;gw-2;B;;;;;", "ok"),
    ('="0008";="001b44113a0a";;gw-2;B;;;;;', "ok"),
    ("FG-0009;;;;;Revoke;;;;", "ok"),
    ("FG-0010;00:1b:44:11:3a:10;;gw-2;B;;2026-01-31;2027-01-31T08:00:00+01:00;fleetgate meters;", "ok"),
    ('FG-0011;00:1b:44:11:3a:11;;gw-2;"B";;;;;;;;', "ok"),
    (";00:1b:44:11:3a:12;;gw-2;B;;;;;", "serial_number_missing"),
    ("FG 0013;00:1b:44:11:3a:13;;gw-2;B;;;;;", "serial_number_invalid"),
    ("1.23457E+11;00:1b:44:11:3a:14;;gw-2;B;;;;;", "scientific_notation"),
    ("FG-0015;1,23457E+11;;gw-2;B;;;;;", "scientific_notation"),
    ("FG-0016;;;gw-2;B;;;;;", "mac_address_missing"),
    ("FG-0017;00:1b:44:11:3a;;gw-2;B;;;;;", "mac_address_invalid"),
    ("FG-0018;;01:00:5e:00:00:01;gw-2;B;;;;;", "mac_address_invalid"),
    ("FG-0019;00:00:00:00:00:00;;gw-2;B;;;;;", "mac_address_invalid"),
    ("FG-0020;02:1b:44:11:3a:20;;gw-2;B;;;;;", "mac_address_locally_administered"),
    ("FG-0021;00:1b:44:11:3a:21;;gw-2;B;delete;;;;", "operation_unknown"),
    ("FG-0022;00:1b:44:11:3a:22;;gw-2;B;;01/02/2026;;;", "date_invalid"),
    ("FG-0023;00:1b:44:11:3a:23;;gw-2;B;;2026-02-30;;;", "date_invalid"),
    ("FG-0024;00:1b:44:11:3a:24;;gw-2;B;;2026-01-31 08:00;;;", "date_invalid"),
    ("FG-0025;00:1b:44:11:3a:25;;gw-2;B;;2026-01-31;2026-01-31;;", "validity_empty"),
    ("FG-0026;00:1b:44:11:3a:26;;gw-2;B;;;;nobody;", "template_invalid"),
    ("FG-0027;00:1b:44:11:3a:27;;gateway 2;B;;;;;", "ok"),
    ("FG-0028;00:1b:44:11:3a:28;;gw-2;B;;;;;fg-28", "attribute_reserved"),
    ("FG-0029;00:1b:44:11:3a:29;;gw-2;B;;;;;;surplus", "too_many_fields"),
    ("FG-0030;00:1b:44:11:3a:30;;gw", "too_few_fields"),
    ('FG-0031;"00:1b:44:11:3a:31"x;;gw-2;B;;;;;', "quoting_invalid"),
    ('"FG-0032;00:1b:44:11:3a:32;;gw-2;B;;;;;', "quoting_invalid"),
    ("FG-0033;00:1b:44:11:3a:33;;gw-2;B;;;;;", "ok"),
    ('FG-0034;"00:1b:44:11:3a:34\r\n00:1b:44:11:3a:35";;gw-2;B;;;;;', "ok"),
    ("FG-0036;00:1b:44:11:3a:36;;gw\udcff2;B;;;;;", "not_decodable"),
    ("FG-0037;00:1b:44:11:3a:37;;" + "x" * 40_000 + ";B;;;;;", "row_too_long"),
    ("FG-0038;00:1b:44:11:3a:38;;" + "x" * 801 + ";B;;;;;", "ok"),
    ("FG-0039;" + " ".join(f"00:1b:44:11:40:{n:02x}" for n in range(17)) + ";;gw-2;B;;;;;", "too_many_mac_addresses"),
    ("FG-0040;00:1b:44:11:3a:40;;gw-2;B;;;;;", "ok"),
]
_HEAD = "\ufeffsep=;\r\nS/N;WiFi MAC;Ethernet MAC;Model;HW Rev;Action;Valid From;Expiry;Template(s);Thing Name;;\r\n"
# The last two headings are empty, so rows may end in two empty cells more.


def _messy(line_end: str = "\r\n") -> tuple[bytes, dict[int, str]]:
    """The file, and what is expected by line number."""
    text, expected, line_number = _HEAD, {}, 3
    for record, becomes in _RECORDS:
        if becomes is not None:
            expected[line_number] = becomes
        line_number += record.count("\r\n") + 1
        text += record + "\r\n"
    text = text.replace("\r\n", line_end)
    return text.encode("utf-8", "surrogateescape"), expected


@pytest.fixture(scope="module")
def messy() -> JudgedFile:
    return judged(_messy()[0], _POLICY)


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_row_ends_in_its_class(line_end: str, pack: type[bytes]) -> None:
    content, expected = _messy(line_end)
    assert judged(pack(content), _POLICY).classes == expected


def test_a_rejected_row_names_the_column_as_the_factory_did(messy: JudgedFile) -> None:
    named = {row.raw[0]: row.column for row in messy.rejected}
    assert named["FG 0013"] == "S/N"
    assert named["FG-0018"] == "Ethernet MAC"
    assert named["FG-0019"] == "WiFi MAC"
    assert named["FG-0021"] == "Action"
    assert named["FG-0025"] == "Expiry"
    assert named["FG-0028"] == "Thing Name"
    assert named["FG-0029"] is None


def test_every_rejected_row_has_a_sentence(messy: JudgedFile) -> None:
    assert all(row.detail.endswith(".") and row.detail.isprintable() for row in messy.rejected)


def test_every_spelling_becomes_the_same_value(messy: JudgedFile) -> None:
    by_serial_number = {row.serial_number.value: row for row in messy.rows}
    third = by_serial_number["FG-0003"]
    assert third.mac_addresses == {MacAddress("00:1b:44:11:3a:03"), MacAddress("00:1b:44:11:3a:04")}
    assert (
        third.terms.attributes
        == {"Model": "gw-2", "HardwareRevision": "B"}
        == by_serial_number["FG-0002"].terms.attributes
    )
    assert {"0007", "0008"} < set(by_serial_number)
    assert len(by_serial_number["FG-0034"].mac_addresses) == 2


def _rejects(messy: JudgedFile) -> bytes:
    """As an import writes them: the report, and the row as delivered."""
    table = io.StringIO(newline="")
    writer = csv.writer(table, delimiter=messy.file.delimiter or ",")
    writer.writerow([*REPORT_COLUMNS, *messy.file.header])
    writer.writerows(row.reported() for row in messy.rejected)
    return table.getvalue().encode("utf-8-sig")


def _said(row: RejectedRow) -> tuple[list[str], Reason]:
    """What a row says and why it was rejected; a byte that is no text stands in a report as U+FFFD."""
    return [cleaned(cell.replace("\udcff", "\ufffd")) for cell in row.raw], row.error


def test_rejects_that_were_not_corrected_are_rejected_again_for_the_same_reasons(messy: JudgedFile) -> None:
    again = judged(_rejects(messy), _POLICY)
    unquoted = {"quoting_invalid", "row_too_long"}  # what was wrong with the text is right once it is quoted
    kept = [_said(row) for row in messy.rejected if row.error.value not in unquoted]
    assert [said for said in map(_said, again.rejected) if said in kept] == kept
    assert again.file.header == messy.file.header
    assert again.file.notes(_POLICY) == ()
    assert again.file.is_rejects
    assert not messy.file.is_rejects


def test_rejects_that_were_corrected_go_in_as_they_are(messy: JudgedFile) -> None:
    corrected = _rejects(messy).replace(b"FG 0013", b"FG-0013")
    corrected = corrected.replace(
        b"FG-0021;00:1b:44:11:3a:21;;gw-2;B;delete", b"FG-0021;00:1b:44:11:3a:21;;gw-2;B;revoke"
    )
    assert {"FG-0013", "FG-0021"} <= set(judged(corrected, _POLICY).serial_numbers)
