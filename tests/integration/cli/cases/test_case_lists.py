"""Lists that went wrong once, each by the command and by the drop box: what they mean, or why they are refused.

Their dates are moved to 2099; else they are as they were made. They go in as dry runs, after those that they change.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fleetgate.imports.delivery import Delivery
from fleetgate.imports.record import ImportRecord, ImportStatus
from fleetgate.imports.store.drop_box import DropBox
from fleetgate.imports.store.records import ImportRecords
from harness.command import run
from harness.embedded import Embedded
from tests.e2e.waiting import eventually

LISTS = Path(__file__).parent / "lists"
WAYS = ("command", "drop-box")


@dataclass(frozen=True)
class Right:
    """How a list has to end.

    Attributes:
        rows: By class.
        problem: The code of the refusal, if the list is refused.
        says: What the report says, in its problem, notes, rejects or changes.
    """

    rows: Mapping[str, int] = field(default_factory=dict)
    problem: str | None = None
    says: tuple[str, ...] = ()


def taken(rejected: int = 0, *says: str, **rows: int) -> Right:
    """A list whose sound rows are taken."""
    return Right({**rows, **({"rejected": rejected} if rejected else {})}, says=says)


def refused(problem: str, *says: str, **rows: int) -> Right:
    """A list that is refused as a whole."""
    return Right(rows, problem, says)


def nothing(*says: str, **rows: int) -> Right:
    """A list that would be refused live, since no row of it takes effect."""
    return Right(rows, says=says)


_SEPARATORS = "with : - _ or one space between them"
# Live before the lists that change what they say.
FIRST = {"e2.csv": "e1.csv", "02c-revoke-four-merged.xlsx": "02b-approve-four.xlsx"}

# What the table in the README of these lists says, in its order.
CASES = {
    "01-ditto-marks.csv": taken(9, "quoting_invalid", "write out what it stands for", added=1),
    "01b-stray-quotes-two-rows.csv": taken(1, "quoting_invalid", "line 3 is a row", added=4),
    "01c-ditto-in-known-column.csv": taken(9, "quoting_invalid", added=1),
    "26-quoted-header-swallows-rows.csv": taken(added=2),
    "02c-revoke-four-merged.xlsx": taken(0, "C2:C5", revoked=4),
    "33-serial-merged-over-two-macs.xlsx": taken(0, "A2:A3", added=2),
    "03-hidden-rows-and-column.xlsx": refused(
        "workbook_hidden_cells", "2 rows (3, 4)", "1 column (C)", "--visible-only"
    ),
    "x12-filtered.xlsx": refused("workbook_hidden_cells", "8 rows", "--include-hidden"),
    "24-operation-heading-misspelt.csv": refused("column_unknown", "Operation Type", "--map"),
    "24b-valid-until-utc.csv": taken(3, "template_invalid", "Provisioning Template Name(s)"),
    "10-german-headings.csv": taken(added=2),
    "c15-german.csv": taken(added=5),
    "14c-two-macs-same-name.jsonl": taken(2, "column_ambiguous", "'mac' twice", added=1),
    "e2.csv": nothing("other_mac_addresses", "the device has 00:1b:44:f0:00:00", conflict=6),
    "04-serials-became-dates.csv": taken(3, "took the cell for a date: 10-Mar", "Jun-08", "3-Mar", added=1),
    "05-date-and-decimal-attributes.xlsx": taken(2, "Sheet!C2", "2026-03-10", "'50%'", "1234.00", added=3),
    "08-placeholder-serials.csv": nothing("placeholder instead of a serial number: null", rejected=11),
    "d11-serial-placeholders.csv": taken(
        6, "a serial number: TBD", "a serial number: 00000", "This is a total", added=60
    ),
    "c25-dates.csv": taken(3, "The approval was over on 2020-01-01", "could be 2099-03-04 or 2099-04-03", added=42),
    "c11-case-dups.csv": taken(0, "differ in upper and lower case only", "sn-c1 in line 2, SN-C1 in line 3", added=22),
    "rejects-orig.csv": nothing('""00102""', rejected=6),
    "21-unknown-thing-group.csv": taken(1, "thing_group_not_allowed", "Line4", added=1),
    "d18-ctrl-z.csv": taken(added=50),
    # Refused with a sentence that misled, or not at all.
    "excel-semicolon.csv": taken(0, "'Gäteway 5' -> Gateway_5", added=20),
    "c27-model-spaces.csv": taken(0, "spaces became _, as in 'Gateway 5' -> Gateway_5", added=5),
    "c29-four-rows-one-bad.csv": taken(1, "mac_address_invalid", added=3),
    "A.csv": taken(3, "duplicate_serial_number", "mac_address_missing", added=3),
    "c30-exact-dups.csv": taken(0, "Identical rows count once: line 3 as line 2", added=21, repeated=1),
    "duplicates.csv": taken(4, "differs in something else: see line 7", added=1, repeated=1),
    "07-invisible-characters.csv": taken(
        5,
        *("ZERO WIDTH SPACE at character 8", "LEFT-TO-RIGHT MARK at character 1", "EN DASH at character 3"),
        added=65,
    ),
    "09-one-nul-byte.csv": taken(1, "The line has a NUL byte", added=2),
    "f02-old.xls": refused("spreadsheet_kind", "Excel 97 to 2003 (.xls)", "save it as"),
    "f04-xlsx-named.csv": refused("workbook_misnamed", "its name ends in .xlsx"),
    "f05-list.zip": refused("packed", "a ZIP archive", "'list.csv'", "Unpack it"),
    "14-array.json": refused("json_not_lines", "It is one array", "one object on a line"),
    "c20-json-array.json": refused("json_not_lines", "It is one array"),
    "c22-numbers.jsonl": taken(3, "field_not_text", "'Qty'", added=30),
    "25-brackets-in-heading.csv": taken(added=2),
    "11-title-row.csv": refused("heading_not_first", "The heading is in line 3"),
    "11b-footer.csv": taken(1, "This is a total", added=8),
    "11c-header-repeated.csv": taken(1, "This is the heading again", added=8),
    "11d-required-headings.csv": taken(added=1),
    "28-sqlcmd-dashes-and-footer.csv": taken(1, "the footer of a report", added=2),
    "30-title-row.xlsx": refused("heading_not_first", "The heading is in line 3"),
    "31-two-header-rows.xlsx": refused("heading_not_first", "The heading is in line 2"),
    "x09-title-rows.xlsx": refused("heading_not_first", "The heading is in line 4"),
    "12-whole-lines-quoted.csv": taken(added=4),
    "13-pipe.csv": taken(added=1),
    "c35-pipe.txt": taken(added=5),
    "15-dates.csv": taken(2, "never", "The approval was over on 0001-01-01", "Write it as 2026-01-31", added=6),
    "17-comment-under-empty-heading.csv": taken(0, "Text under no heading, left out: line 3", added=3),
    "d03-model-name-number.csv": taken(0, "'Model Name' counts", added=5),
    "x07-formula-nocache.xlsx": nothing("a formula without a result", "Sheet!A2", rejected=5),
    "19-gbk-headings.csv": taken(added=1),
    "19b-chinese-headings-utf8.csv": taken(added=1),
    "c04-mixed-enc.csv": taken(5, "not_decodable", "wei\ufffd", added=5),
    "c07-mac-slash.csv": nothing("/ at character 18", _SEPARATORS, rejected=5),
    "d08-mac-notations.csv": taken(6, _SEPARATORS, added=61),
    "16-mac-spellings.csv": taken(11, "it has 14 digits, not 12 or 16", _SEPARATORS, added=3),
    "22-escape-in-heading-and-cell.csv": taken(1, "a space at character 3", added=4),
    # Right before, and to stay so.
    "20-gz-in-gz.csv.gz": refused("packed_twice", "compressed with gzip twice"),
    "18-utf16be-no-bom.csv": taken(added=1),
    "23-formula-in-a-cell.csv": taken(1, "'=HYPERLINK", added=4),
    "base.csv": taken(6, "were read as cp1252", added=30),
    "34-two-tables-side-by-side.xlsx": refused("column_ambiguous", "'Serial Number' and 'Serial Number'"),
}


def test_every_list_has_its_case() -> None:
    assert {*CASES, *FIRST.values()} == {path.name for path in LISTS.iterdir()}


@dataclass(frozen=True)
class Deliveries:
    """The lists of all cases, delivered in both ways at once."""

    embedded: Embedded
    records: ImportRecords
    import_ids: Mapping[tuple[str, str], str]

    def ended(self, import_id: str) -> ImportRecord:
        """The record of an import that has ended."""

        def look() -> ImportRecord | None:
            record = self.records.find(import_id)
            return record if record and record.has_ended else None

        return eventually(look)

    def report(self, record: ImportRecord) -> str:
        """All that the report of an import says."""
        drop_box = _drop_box(self.embedded)
        parts = [record.problem.sentence if record.problem else "", *record.findings.notes]
        for name, is_there in (("rejects.csv", record.has_rejects), ("changes.csv", record.has_changes)):
            if is_there:
                parts.append(drop_box.open_report(f"{record.delivery.reports}{name}").read().decode("utf-8-sig"))
        return "\n".join(parts)


@pytest.fixture(scope="module")
def deliveries(embedded: Embedded, stack_folder: Path) -> Iterator[Deliveries]:
    """All lists under way."""
    found = Deliveries(embedded, ImportRecords(embedded.tables()), {})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(stack_folder)
        patch.setenv("no_proxy", "")
        for name, first in FIRST.items():
            found.ended(_by_drop_box(embedded, first, _factory(embedded, name), mode="incoming"))
        import_ids = {}
        for name in CASES:
            factory = _factory(embedded, name)
            import_ids[name, "drop-box"] = _by_drop_box(embedded, name, factory, mode="dry-run")
            # The embedded AWS names no version in its events, so a second file of the same key hides the first.
            arguments = ("--manufacturer", factory, "--dry-run", "--no-wait", "--json")
            answer = run("--local", "import", "upload", str(LISTS / name), "--name", f"again-{name}", *arguments)
            import_ids[name, "command"] = str(answer.document["import_id"])
        yield Deliveries(embedded, found.records, import_ids)


def _factory(embedded: Embedded, name: str) -> str:
    """A manufacturer for each list: a few files of one are imported at a time."""
    return embedded.register_manufacturer(f"case-{name.partition('-')[0].partition('.')[0].lower()}")


def _by_drop_box(embedded: Embedded, name: str, factory: str, *, mode: str) -> str:
    drop_box, key = _drop_box(embedded), f"{mode}/{factory}/{name}"
    answer = drop_box.client.put_object(Bucket=drop_box.bucket, Key=key, Body=(LISTS / name).read_bytes())
    return Delivery.of(drop_box.look(key, answer["VersionId"])).import_id


def _drop_box(embedded: Embedded) -> DropBox:
    return DropBox(embedded.stack.outputs["DropBoxName"], embedded.client("s3"))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CASES)
def test_a_list_means_what_its_sender_sees(name: str, way: str, deliveries: Deliveries) -> None:
    right = CASES[name]
    record = deliveries.ended(deliveries.import_ids[name, way])
    report = deliveries.report(record)

    assert (record.problem.code if record.problem else None) == right.problem, report
    assert dict(record.findings.rows) == dict(right.rows), report
    assert record.status is (ImportStatus.REFUSED if right.problem else ImportStatus.FINISHED)
    assert [said for said in right.says if said not in report] == [], report
    lines = record.findings.lines
    if lines:
        assert sum(lines.values()) == 2 * lines["total"], "the kinds of lines add up"
