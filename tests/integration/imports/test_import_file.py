"""A factory's file from the drop box to the allow-list and back to the factory as rejects, against real parts."""

import csv
import gzip
import json
import secrets
from collections.abc import Callable

import pytest

from fleetgate.domain.identifiers import MacAddress
from fleetgate.imports.check import SafetyGates
from fleetgate.imports.reading.errors import RowError
from fleetgate.imports.record import ImportStatus
from harness.embedded import Embedded
from harness.import_world import ImportWorld
from harness.world import ALICE, mac


@pytest.fixture
def batch() -> str:
    """What the serial numbers of one test start with."""
    return f"FILE-{secrets.token_hex(4)}"


def test_rejects_go_in_once_corrected_and_the_same_file_again_changes_nothing(
    imports: ImportWorld, embedded: Embedded, batch: str
) -> None:
    taken = mac()
    imports.importer().run(imports.deliver(f"sn,mac\n{batch}-9,{taken}\n", name="earlier.csv"))
    text = (
        "S/N;WiFi MAC;Model\r\n"
        f"{batch}-1;{mac()};gw-2\r\n"
        "\r\n"
        f"{batch} 2;{mac()};gw-2\r\n"
        f"{batch}-3;not a mac;gw-2\r\n"
        f"{batch}-4;{mac()};gw-2\r\n"
        f"{batch}-4;{mac()};gw-2\r\n"
        f"{batch}-5;{taken};gw-2\r\n"
        f'"{batch}-6";{mac()};gw-2\r\n'
    )
    first = imports.importer().run(imports.deliver(text))
    assert first.status is ImportStatus.FINISHED
    assert first.total == 7
    assert dict(first.findings.rows) == {"added": 2, "rejected": 4, "conflict": 1}
    assert dict(first.findings.errors) == {
        "serial_number_invalid": 1,
        "mac_address_invalid": 1,
        "duplicate_serial_number": 2,
        "mac_address_of_another_device": 1,
    }
    rejects = imports.rejects(first)
    assert rejects.splitlines()[0] == "rejected_line;rejected_column;rejected_error;rejected_detail;S/N;WiFi MAC;Model"
    assert [line.split(";")[0] for line in rejects.splitlines()[1:]] == ["4", "5", "6", "7", "8"]
    assert rejects.splitlines()[3].split(";")[1:4] == [
        "S/N",
        "duplicate_serial_number",
        "Another row of the file has the same serial number, and differs in something else: see line 7. "
        + RowError.DUPLICATE_SERIAL_NUMBER.remedy,
    ]

    corrected = rejects.replace(f"{batch} 2", f"{batch}-2").replace("not a mac", mac()).replace(taken, mac())
    corrected = corrected.replace(f"{batch}-4", f"{batch}-7", 1)
    second = imports.importer().run(imports.deliver(corrected, name="rejects.csv"))
    assert dict(second.findings.rows) == {"added": 5}
    assert not second.has_rejects

    before = [embedded.entry(f"{batch}-{number}") for number in range(1, 8)]
    third = imports.importer().run(imports.deliver(corrected, name="rejects.csv"))
    assert third.status is ImportStatus.FINISHED
    assert dict(third.findings.rows) == {"unchanged": 5}
    assert [embedded.entry(f"{batch}-{number}") for number in range(1, 8)] == before


def test_rows_that_share_a_mac_address_are_all_rejected(imports: ImportWorld, embedded: Embedded, batch: str) -> None:
    shared = mac()
    text = f"sn,mac,ethernet mac\n{batch}-1,{mac()},{shared}\n{batch}-2,{shared},{mac()}\n{batch}-3,{mac()},{mac()}\n"
    record = imports.importer().run(imports.deliver(text))

    assert dict(record.findings.rows) == {"added": 1, "rejected": 2}
    assert dict(record.findings.errors) == {"duplicate_mac_address": 2}
    assert [embedded.device_item(f"{batch}-{number}") is None for number in (1, 2, 3)] == [True, True, False]


def test_identical_rows_count_once_and_approvals_that_are_over_do_not(imports: ImportWorld, batch: str) -> None:
    row, over = f"{batch}-1,{mac()},2999-01-01\n", f"{batch}-2,{mac()},2020-01-01\n"
    record = imports.importer().run(imports.deliver(f"sn,mac,valid until\n{row}{over}{row}"))

    assert dict(record.findings.rows) == {"added": 1, "repeated": 1, "rejected": 1}
    assert dict(record.findings.errors) == {"approval_over": 1}
    assert record.findings.notes == ("Identical rows count once: line 4 as line 2.",)


def test_rows_that_share_a_public_key_are_all_rejected_however_they_spell_it(
    imports: ImportWorld, embedded: Embedded, batch: str
) -> None:
    shared, own = secrets.token_hex(32), secrets.token_hex(32)
    keys = [shared, f"SHA256:{shared.upper()}", own]
    lines = [f"{batch}-{number},{mac()},{key}\n" for number, key in enumerate(keys, 1)]
    record = imports.importer().run(imports.deliver("".join(["sn,mac,public key\n", *lines])))

    assert dict(record.findings.rows) == {"added": 1, "rejected": 2}
    assert dict(record.findings.errors) == {"duplicate_public_key": 2}
    assert [embedded.device_item(f"{batch}-{number}") is None for number in (1, 2, 3)] == [True, True, False]
    (first, second) = list(csv.DictReader(imports.rejects(record).splitlines()))
    assert (first["rejected_column"], first["rejected_detail"]) == (
        "public key",
        f"Another row of the file has the same public key: see line 3. {RowError.DUPLICATE_PUBLIC_KEY.remedy}",
    )
    assert "see line 2." in second["rejected_detail"]


@pytest.mark.parametrize(
    ("gates", "code", "classes"),
    [
        (SafetyGates(max_rejected_share=0.4, min_rejected=1), "too_many_rejected", {"not_applied": 1, "rejected": 1}),
        (SafetyGates(max_rejected_share=1.0, max_rows_per_file=1), "too_many_rows", {}),
        (SafetyGates(max_rejected_share=1.0, max_rows_per_day=1), "too_many_rows_today", {}),
    ],
)
def test_a_file_that_the_gates_refuse_leaves_nothing_behind(
    gates: SafetyGates, code: str, classes: dict[str, int], imports: ImportWorld, embedded: Embedded, batch: str
) -> None:
    delivery = imports.deliver(f"serial,mac\n{batch}-1,{mac()}\n{batch}-2,nonsense\n")
    record = imports.importer(gates=gates).run(delivery)

    assert record.status is ImportStatus.REFUSED
    assert record.problem is not None
    assert record.problem.code == code
    assert dict(record.findings.rows) == classes
    assert embedded.device_item(f"{batch}-1") is None


def test_a_file_that_unpacks_to_blank_lines_is_refused(imports: ImportWorld, batch: str) -> None:
    bomb = gzip.compress(f"serial,mac\n{batch}-1,{mac()}\n".encode() + b"\n" * 1_000_000)
    gates = SafetyGates(max_rows_per_file=10_000)
    record = imports.importer(gates=gates).run(imports.deliver(bomb, name="bomb.csv.gz"))
    assert record.problem is not None
    assert record.problem.code == "too_many_lines"
    assert "410,000 lines" in record.problem.sentence


def test_the_rows_of_a_day_are_counted_once_however_often_a_file_is_announced(imports: ImportWorld, batch: str) -> None:
    gates = SafetyGates(max_rows_per_day=3)
    first = imports.deliver(f"serial,mac\n{batch}-1,{mac()}\n{batch}-2,{mac()}\n", name="1.csv")
    for _ in range(3):
        assert imports.importer(gates=gates).run(first).status is ImportStatus.FINISHED

    second = imports.deliver(f"serial,mac\n{batch}-3,{mac()}\n", name="2.csv")
    assert imports.importer(gates=gates).run(second).status is ImportStatus.FINISHED
    third = imports.importer(gates=gates).run(imports.deliver(f"serial,mac\n{batch}-4,{mac()}\n", name="3.csv"))
    assert third.problem is not None
    assert third.problem.code == "too_many_rows_today"

    elsewhere = imports.deliver(f"serial,mac\n{batch}-4,{mac()}\n", manufacturer=f"{imports.manufacturer}-2")
    assert imports.importer(gates=gates).run(elsewhere).status is ImportStatus.FINISHED


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (lambda batch: f"serial,mac\n{batch},nonsense\n", "nothing_imported"),
        (lambda batch: "serial,mac\n\n", "no_rows"),
        (lambda batch: "", "empty_file"),
        (lambda batch: "PK\x03\x04\x00\x00\x00", "workbook_damaged"),
        (lambda batch: f"colour,mac\nred,{mac()}\n", "serial_number_column_missing"),
    ],
    ids=["all wrong", "no rows", "empty", "workbook", "no serial numbers"],
)
def test_an_import_of_which_nothing_stands_fails_and_says_so(
    content: Callable[[str], str], code: str, imports: ImportWorld, batch: str
) -> None:
    record = imports.importer().run(imports.deliver(content(batch)))

    assert record.status is ImportStatus.REFUSED
    assert record.problem is not None
    assert record.problem.code == code
    summary = json.load(imports.drop_box.open_report(f"{record.delivery.reports}summary.json"))
    assert summary["problem"] == {"code": code, "sentence": record.problem.sentence}
    assert [detail_type for detail_type, _ in imports.published] == ["Import Failed"]
    (audited,) = imports.audit(record)
    assert audited.reason.startswith("refused: ")


def test_a_file_outside_every_manufacturers_folder_is_refused(imports: ImportWorld, batch: str) -> None:
    imports.drop_box.put("incoming/list.csv", f"serial,mac\n{batch},{mac()}\n".encode(), "text/csv")
    delivery = imports.redelivered("incoming/list.csv")
    record = imports.importer().run(delivery)

    assert record.status is ImportStatus.REFUSED
    assert record.problem is not None
    assert record.problem.code == "no_manufacturer"


def test_a_dry_run_tells_what_would_happen_and_writes_nothing(
    imports: ImportWorld, embedded: Embedded, batch: str
) -> None:
    known = mac()
    imports.importer().run(imports.deliver(f"sn,mac\n{batch}-1,{known}\n", name="earlier.csv"))
    before = embedded.entry(f"{batch}-1")
    text = f"sn,mac,model\n{batch}-1,{known},gw-9\n{batch}-2,{mac()},gw\n{batch}-3,bad,gw\n{batch}-4,{mac()},gw\n"
    record = imports.importer().run(imports.deliver(text, mode="dry-run"))

    assert record.status is ImportStatus.FINISHED
    assert dict(record.findings.rows) == {"updated": 1, "added": 2, "rejected": 1}
    assert embedded.entry(f"{batch}-1") == before
    assert embedded.device_item(f"{batch}-2") is None
    assert [one.action for one in imports.audit(record)] == ["dry_run_import"]


def test_the_summary_says_who_delivered_what_and_what_became_of_it(imports: ImportWorld, batch: str) -> None:
    delivery = imports.deliver(f'sn,mac,shade\n{batch}-1,{mac()},"red\nor so"\n\n{batch}-2,bad,red\n')
    record = imports.importer().run(delivery)
    summary = json.load(imports.drop_box.open_report(f"{delivery.reports}summary.json"))

    assert summary["import_id"] == delivery.import_id
    assert summary["manufacturer"] == imports.manufacturer
    assert summary["file"]["version_id"] == delivery.file.version_id
    assert len(summary["file"]["sha256"]) == 64
    assert summary["uploader"]["presented"] == ALICE
    assert summary["uploader"]["account"] == "123456789012"
    assert summary["total"] == sum(summary["rows"].values()) == 2
    assert {name: number for name, number in summary["rows"].items() if number} == {"added": 1, "rejected": 1}
    assert summary["lines"] == {
        "total": 5,
        "heading": 1,
        "rows": 2,
        "continuation": 1,
        "blank": 1,
        "separator": 0,
    }
    assert dict(record.findings.lines) == summary["lines"]
    assert summary["errors"] == {"mac_address_invalid": 1}
    assert summary["notes"] == ["Unknown columns, left out: 'shade'."]
    assert summary["rejects"] == f"{delivery.reports}rejects.csv"
    assert summary["duration_seconds"] > 0
    (audited,) = imports.audit(record)
    assert (audited.kind, audited.action, audited.actor) == ("import", "import", ALICE)
    assert audited.reason == "finished: 1 added, 1 rejected"
    ((detail_type, detail),) = imports.published
    assert detail_type == "Import Finished"
    assert detail["import_id"] == delivery.import_id
    assert detail["sentence"].startswith(f"list.csv of {imports.manufacturer} is finished: 1 added, 1 rejected.")


def test_a_later_list_is_not_undone_by_an_earlier_one_that_comes_late(
    imports: ImportWorld, embedded: Embedded, batch: str
) -> None:
    address = mac()
    early = imports.deliver(f"sn,mac,model\n{batch},{address},old\n", name="early.csv")
    late = imports.later(imports.deliver(f"sn,mac,model\n{batch},{address},new\n", name="late.csv"))
    assert dict(imports.importer().run(late).findings.rows) == {"added": 1}
    record = imports.importer().run(early)

    assert dict(record.findings.errors) == {"in_later_list": 1}
    assert embedded.entry(batch).attributes == {"Model": "new"}


# ---- Changes of known devices -------------------------------------------------------------------------------------


def test_changes_are_told_before_and_after_and_by_the_dry_run_first(
    imports: ImportWorld, embedded: Embedded, batch: str
) -> None:
    first, second, third, new = (MacAddress.parse(mac()).value for _ in range(4))
    earlier = (
        "sn,mac,model,valid until\n"
        f"{batch}-1,{first},gw,2040-01-01\n{batch}-2,{second},gw,2040-01-01\n{batch}-3,{third},gw,2040-01-01\n"
    )
    imports.importer().run(imports.deliver(earlier, name="earlier.csv"))
    text = (
        "sn,mac,model,valid until,operation\n"
        f"{batch}-1,{new},,,replace\n{batch}-2,{second},gw-2,2041-01-01,\n{batch}-3,{third},,,revoke\n"
    )
    dry = imports.importer().run(imports.deliver(text, mode="dry-run"))
    delivery = imports.deliver(text)
    waiting = imports.importer(is_held=True).run(delivery)
    assert waiting.status is ImportStatus.WAITING
    told = [imports.changes(dry), imports.changes(waiting)]
    assert embedded.entry(f"{batch}-1").mac_addresses == {MacAddress.parse(first)}
    live = imports.importer().run(imports.later(delivery, 1))

    assert imports.changes(live).splitlines() == [
        "line,serial_number,field,before,after",
        f"2,{batch}-1,mac_addresses,{first},{new}",
        f"2,{batch}-1,attributes.Model,gw,",
        f"4,{batch}-3,approval,approved,revoked",
    ]
    assert told == [imports.changes(live)] * 2
    assert dry.findings == waiting.findings == live.findings
    assert dict(live.findings.rows) == {"updated": 1, "conflict": 1, "revoked": 1}
    assert dict(live.findings.errors) == {"other_validity": 1}
    assert "the list says 2041-01-01T00:00:00Z, the device has 2040-01-01T00:00:00Z" in imports.rejects(live)
    summary = json.load(imports.drop_box.open_report(f"{live.delivery.reports}summary.json"))
    assert summary["changes"] == {
        "file": f"{live.delivery.reports}changes.csv",
        "devices": 2,
        "fields": {"approval": 1, "attributes": 1, "mac_addresses": 1},
    }
    (audited,) = [one for one in embedded.records(f"device#{batch}-1") if one.import_id == live.import_id]
    assert (audited.kind, audited.action, audited.mac_address) == ("import", "replace", new)
    assert audited.reason == f"mac_addresses from {first} to {new}"


def test_a_column_that_is_absent_and_an_empty_cell_change_nothing(
    imports: ImportWorld, embedded: Embedded, batch: str
) -> None:
    first, second = mac(), mac()
    earlier = f"sn,mac,model,valid until\n{batch}-1,{first},gw,2040-01-01\n{batch}-2,{second},gw,2040-01-01\n"
    imports.importer().run(imports.deliver(earlier, name="earlier.csv"))
    before = [embedded.entry(f"{batch}-{number}").terms for number in (1, 2)]

    absent = imports.importer().run(imports.deliver(f"sn,mac\n{batch}-1,{first}\n{batch}-2,{second}\n"))
    empty = imports.importer().run(imports.deliver(earlier.replace("gw", "").replace("2040-01-01", "")))
    assert [dict(record.findings.rows) for record in (absent, empty)] == [{"unchanged": 2}] * 2
    kept = f"sn,mac,valid until,operation\n{batch}-1,{first},,replace\n{batch}-2,,,replace\n"
    assert dict(imports.importer().run(imports.deliver(kept)).findings.rows) == {"unchanged": 2}
    assert [embedded.entry(f"{batch}-{number}").terms for number in (1, 2)] == before
