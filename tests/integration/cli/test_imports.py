"""`fleetgate import` against the deployed importer, as an operator types it."""

import secrets
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from fleetgate.domain.identifiers import MacAddress
from fleetgate.imports.delivery import Delivery
from fleetgate.imports.record import ImportFindings, ImportRecord, ImportStatus
from fleetgate.imports.store.drop_box import DropBox
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.terminal import harmless
from harness.command import Fleetgate
from harness.embedded import Embedded
from harness.import_world import ImportWorld
from harness.world import mac


@pytest.fixture
def factory(embedded: Embedded) -> str:
    """A registered manufacturer of the test's own."""
    return embedded.register_manufacturer(f"factory-{secrets.token_hex(4)}")


@pytest.fixture
def messy(tmp_path: Path, factory: str) -> Path:
    """Ten sound rows and two that are wrong, which is less than the stack's gate refuses."""
    path = tmp_path / "line 4.csv"
    rows = [f"{factory}-{number};{mac()};rot\n" for number in range(10)]
    rows += [f"{factory} 10;{mac()};rot\n", f"{factory}-11;bad;rot\n"]
    path.write_text("".join(["S/N;MAC;Farbe\n", *rows]))
    return path


def upload(fleetgate: Fleetgate, path: Path, factory: str, *more: str) -> str:
    """Upload a file; the ID of its import."""
    answer = fleetgate("import", "upload", str(path), "--manufacturer", factory, "--json", *more)
    return str(answer.document["import_id"])


def test_an_upload_waits_for_the_end_and_says_by_its_exit_code_that_rows_were_rejected(
    fleetgate: Fleetgate, messy: Path, factory: str
) -> None:
    answer = fleetgate("import", "upload", str(messy), "--manufacturer", factory)

    assert answer.exit_code == ExitCode.REFUSED
    assert "is finished." in answer.stdout
    assert "13 lines: 1 of the heading, 12 with rows" in answer.stdout
    assert "12 rows:" in answer.stdout
    assert "10  added" in answer.stdout
    assert "2  rejected" in answer.stdout
    assert "mac_address_invalid" in answer.stdout
    assert "Unknown columns, left out: 'Farbe'." in answer.stdout


def test_rejects_are_given_back_and_go_in_once_corrected(
    fleetgate: Fleetgate, messy: Path, factory: str, tmp_path: Path
) -> None:
    import_id = upload(fleetgate, messy, factory)
    target = tmp_path / "rejects.csv"
    assert fleetgate("import", "rejects", import_id, "--output", str(target)).exit_code == ExitCode.DONE
    shown = fleetgate("import", "rejects", import_id)
    assert shown.stdout.encode().removeprefix(b"\xef\xbb\xbf").splitlines() == target.read_bytes()[3:].splitlines()
    document = fleetgate("import", "rejects", import_id, "--json").document
    assert [(one["line"], one["column"], one["error"]) for one in document["rejects"]] == [
        (12, "S/N", "serial_number_invalid"),
        (13, "MAC", "mac_address_invalid"),
    ]
    assert document["rejects"][1]["row"] == {"S/N": f"{factory}-11", "MAC": "bad", "Farbe": "rot"}

    workbook = tmp_path / "rejects.xlsx"
    assert fleetgate("import", "rejects", import_id, "--output", str(workbook)).exit_code == ExitCode.DONE
    assert load_workbook(workbook)["Rejected rows"]["F3"].value == "bad"

    text = target.read_text(encoding="utf-8-sig")
    target.write_text(text.replace(f"{factory} 10", f"{factory}-10").replace(";bad;", f";{mac()};"))
    answer = fleetgate("import", "upload", str(target), "--manufacturer", factory, "--json")
    assert answer.exit_code == ExitCode.DONE
    assert answer.document["rows"]["added"] == 2
    again = fleetgate("import", "rejects", answer.document["import_id"])
    assert (again.exit_code, again.stdout) == (ExitCode.DONE, "")
    assert fleetgate("import", "rejects", answer.document["import_id"], "--json").document["rejects"] == []


def test_a_dry_run_says_what_would_happen(fleetgate: Fleetgate, messy: Path, factory: str, embedded: Embedded) -> None:
    answer = fleetgate("import", "upload", str(messy), "--manufacturer", factory, "--dry-run")
    assert "Dry run" in answer.stdout
    assert "12 rows if imported:" in answer.stdout
    assert embedded.device_item(f"{factory}-1") is None


def test_a_workbook_is_read_as_it_is_shown(
    fleetgate: Fleetgate, factory: str, tmp_path: Path, embedded: Embedded
) -> None:
    workbook = Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.append(["Serial Number", "MAC", "Note"])
    for number in range(9):
        sheet.append([f"{factory}-{number}", mac(), None])
    sheet.append([123456789012345678, mac(), None])
    path = tmp_path / "list.xlsx"
    workbook.save(path)
    answer = fleetgate("import", "upload", str(path), "--manufacturer", factory, "--json")

    assert answer.exit_code == ExitCode.REFUSED
    assert answer.document["file"]["name"] == "list.xlsx"
    assert answer.document["rows"]["added"] == 9
    assert answer.document["errors"] == {"workbook_cell_unclear": 1}
    assert answer.document["notes"][0].startswith("Sheet!A11: ")
    assert embedded.device_item(f"{factory}-1") is not None


@pytest.mark.parametrize(
    ("content", "arguments", "says"),
    [
        (b"x", ["--manufacturer", "a/b"], "a-z 0-9"),
        (b"x", [], "--manufacturer"),
    ],
    ids=["a manufacturer with a slash", "no manufacturer"],
)
def test_what_cannot_be_delivered_is_a_wrong_command_line(
    content: bytes, arguments: list[str], says: str, fleetgate: Fleetgate, tmp_path: Path
) -> None:
    path = tmp_path / "list.xlsx"
    path.write_bytes(content)
    answer = fleetgate("import", "upload", str(path), *arguments)
    assert answer.exit_code == ExitCode.USAGE
    assert says in answer.stderr


def test_hidden_rows_are_left_out_or_taken_as_the_operator_says(
    fleetgate: Fleetgate, factory: str, tmp_path: Path, embedded: Embedded
) -> None:
    workbook = Workbook()
    sheet = workbook.active
    assert isinstance(sheet, Worksheet)
    for row in (["Serial Number", "MAC"], [f"{factory}-1", mac()], [f"{factory}-2", mac()]):
        sheet.append(row)
    sheet.row_dimensions[3].hidden = True
    path = tmp_path / "list.xlsx"
    workbook.save(path)
    upload = ("import", "upload", str(path), "--manufacturer", factory, "--json")

    refused = fleetgate(*upload)
    assert refused.document["problem"]["code"] == "workbook_hidden_cells"
    assert "1 row (3)" in refused.document["problem"]["sentence"]
    assert fleetgate(*upload, "--visible-only").document["rows"]["added"] == 1
    assert embedded.device_item(f"{factory}-2") is None
    assert fleetgate(*upload, "--include-hidden", "--sheet", "sheet").document["rows"]["added"] == 1


def test_imports_are_listed_newest_first_for_all_or_for_one_manufacturer(
    fleetgate: Fleetgate, messy: Path, factory: str, imports: ImportWorld
) -> None:
    first = imports.deliver(f"sn,mac\n{factory}-9,{mac()}\n", manufacturer=factory)
    imports.importer().run(first)
    later = imports.later(imports.deliver(f"sn,mac\n{factory}-8,{mac()}\n", manufacturer=factory, name="b.csv"))
    imports.importer().run(later)
    document = fleetgate("import", "list", "--manufacturer", factory, "--json").document
    assert [one["import_id"] for one in document["imports"]] == [later.import_id, first.import_id]
    assert document["more"] is False
    limited = fleetgate("import", "list", "--manufacturer", factory, "--limit", "1", "--json").document
    assert ([one["import_id"] for one in limited["imports"]], limited["more"]) == ([later.import_id], True)
    assert first.import_id in fleetgate("import", "list", "--limit", "1000").stdout
    assert "There are no imports." in fleetgate("import", "list", "--manufacturer", f"{factory}-none").stdout


def test_an_import_is_shown_with_its_history(fleetgate: Fleetgate, messy: Path, factory: str) -> None:
    import_id = upload(fleetgate, messy, factory)
    answer = fleetgate("import", "show", import_id)
    assert answer.exit_code == ExitCode.DONE
    assert "finished: 10 added, 2 rejected" in answer.stdout
    document = fleetgate("import", "show", import_id, "--json").document
    assert document["status"] == "finished"
    assert [(one["kind"], one["action"]) for one in document["history"]] == [("import", "import")]


def test_an_import_that_is_not_there_is_not_shown(fleetgate: Fleetgate) -> None:
    missing = "20260131T080000Z-0123456789ab"
    for command in (["show"], ["rejects"], ["approve", "--reason", "x"], ["rollback", "--reason", "x"]):
        answer = fleetgate("import", command[0], missing, *command[1:], "--json")
        assert answer.exit_code == ExitCode.REFUSED
        assert answer.error["code"] == "unknown_import"
    assert fleetgate("import", "show", "17").exit_code == ExitCode.USAGE


def test_a_roll_back_takes_off_what_nobody_used_and_says_what_stays(
    fleetgate: Fleetgate, messy: Path, factory: str, embedded: Embedded
) -> None:
    import_id = upload(fleetgate, messy, factory)
    embedded.put(embedded.entry(f"{factory}-2").quarantined())
    answer = fleetgate("import", "rollback", import_id, "--reason", "wrong order", "--json")

    assert answer.exit_code == ExitCode.REFUSED
    assert answer.document == {
        "import_id": import_id,
        "removed": 9,
        "kept": {"stopped": 1},
        "examples": [{"serial_number": f"{factory}-2", "reason": "stopped"}],
    }
    assert embedded.device_item(f"{factory}-1") is None
    text = fleetgate("import", "rollback", import_id, "--reason", "wrong order").stdout
    assert "1 stays: The device is in quarantine or retired" in text
    assert "was rolled back" in fleetgate("import", "show", import_id).stdout


def test_a_held_import_is_approved_and_goes_on(
    fleetgate: Fleetgate, imports: ImportWorld, embedded: Embedded, factory: str
) -> None:
    """The stack holds nothing; the record is made to wait, and the deployed importer carries the approval out."""
    drop_box = DropBox(embedded.stack.outputs["DropBoxName"], embedded.client("s3"))
    key = f"incoming/{factory}/list.csv"
    with embedded.unheard():
        drop_box.put(key, f"sn,mac\n{factory}-1,{mac()}\n".encode(), "text/csv")
        delivery = Delivery.of(drop_box.look(key, None))
        record = ImportRecord(
            delivery=delivery,
            started_at=delivery.file.stored_at,
            status=ImportStatus.WAITING,
            total=1,
            is_held=True,
            is_announced=True,
            findings=ImportFindings(rows={"added": 1}),
        )
        assert imports.records.begin(record).is_waiting
    shown = fleetgate("import", "show", delivery.import_id).stdout
    assert "waits for approval by a second person" in shown
    assert "1 rows if imported:" in shown

    approved = fleetgate("import", "approve", delivery.import_id, "--reason", "order 4711, counted", "--json")
    assert approved.exit_code == ExitCode.DONE
    assert approved.document["status"] == "finished"
    assert approved.document["approved_by"] == "arn:aws:iam::000000000000:root"
    assert embedded.device_item(f"{factory}-1") is not None
    again = fleetgate("import", "approve", delivery.import_id, "--reason", "order 4711, counted", "--json")
    assert (again.exit_code, again.document["status"]) == (ExitCode.DONE, "finished")


def test_nobody_approves_their_own_list(fleetgate: Fleetgate, imports: ImportWorld) -> None:
    delivery = imports.deliver(f"sn,mac\n{imports.manufacturer}-1,{mac()}\n", uploader="arn:aws:iam::000000000000:root")
    imports.importer(is_held=True).run(delivery)
    answer = fleetgate("import", "approve", delivery.import_id, "--reason", "x", "--json")
    assert answer.exit_code == ExitCode.REFUSED
    assert answer.error["code"] == "same_person"


def test_an_unknown_column_that_may_restrict_is_refused_until_a_person_says_what_it_is(
    fleetgate: Fleetgate, factory: str, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"S/N,MAC,Operation Type,Prüfer\n{factory}-1,{mac()},approve,2027\n")
    refused = fleetgate("import", "upload", str(path), "--manufacturer", factory)
    assert refused.exit_code == ExitCode.REFUSED
    assert "--map 'Operation Type=Operation'" in " ".join(refused.stdout.split())

    said = ("--map", "operation type=operation", "--map", "Prüfer=")
    answer = fleetgate("import", "upload", str(path), "--manufacturer", factory, *said)
    assert answer.exit_code == ExitCode.DONE
    assert "1  added" in answer.stdout
    assert "Columns left out, as the upload or the manufacturer's profile says: 'Prüfer'." in answer.stdout


def test_an_upload_need_not_be_waited_for(fleetgate: Fleetgate, messy: Path, factory: str) -> None:
    answer = fleetgate("import", "upload", str(messy), "--manufacturer", factory, "--no-wait", "--json")
    assert answer.exit_code == ExitCode.DONE
    assert answer.document["status"] == "uploaded"
    assert answer.document["key"] == f"incoming/{factory}/line 4.csv"


@pytest.mark.parametrize(
    "name",
    [
        "list+with+plus.csv",
        "100%25 sure 50%.csv",
        "Größe.csv",
        "Gro\u0308\u00dfe.csv",
        "a;b&c=d.csv",
        "sub folder/2026-03/list.csv",
        "/double.csv",
        "evil\x1b[31mRED\x1b]0;owned\x07\x9b2J\u202egnp.csv",
    ],
)
def test_whatever_a_file_is_called_it_is_imported_and_its_name_is_shown_without_harm(
    name: str, fleetgate: Fleetgate, imports: ImportWorld
) -> None:
    delivery = imports.deliver(f"sn,mac\n{imports.manufacturer}-{secrets.token_hex(4)},{mac()}\n", name=name)
    assert imports.importer().run(delivery).status is ImportStatus.FINISHED

    shown = fleetgate("import", "show", delivery.import_id).stdout
    listed = fleetgate("import", "list", "--manufacturer", imports.manufacturer).stdout
    assert "1  added" in shown
    for said in (shown, listed):
        assert harmless(said) == said
    document = fleetgate("import", "show", delivery.import_id, "--json").document
    assert document["file"]["name"] == name


def test_the_changes_of_known_devices_are_shown_before_and_after_and_in_the_story(
    fleetgate: Fleetgate, factory: str, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    old, new = (MacAddress.parse(mac()).value for _ in range(2))
    path.write_text(f"sn,mac,model\n{factory}-1,{old},0012\n{factory}-2,{mac()},gw\n")
    upload(fleetgate, path, factory)
    path.write_text(f"sn,mac,model,operation\n{factory}-1,{new},0013,replace\n{factory}-3,{mac()},gw,\n")
    import_id = upload(fleetgate, path, factory, "--dry-run")

    answer = fleetgate("import", "show", import_id, "--changes", "--json").document
    assert answer["changes"]["fields"] == {"attributes": 1, "mac_addresses": 1}
    assert answer["changed"] == [
        {"line": 2, "serial_number": f"{factory}-1", "field": field, "before": before, "after": after}
        for field, before, after in (("mac_addresses", old, new), ("attributes.Model", "0012", "0013"))
    ]
    import_id = upload(fleetgate, path, factory)
    shown = fleetgate("import", "show", import_id, "--changes").stdout
    assert f"Before and after: fleetgate import show {import_id} --changes --local" in shown
    assert old in shown
    assert new in shown
    listed = fleetgate("import", "list", "--manufacturer", factory).stdout
    assert f"{factory}: list.csv" in listed
    assert "1 added, 1 updated" in listed
    story = " ".join(fleetgate("device", "story", f"{factory}-1", "--no-proof").stdout.split())
    assert story.count(f"from {old} to {new}") == 2, "by its list, and when"
