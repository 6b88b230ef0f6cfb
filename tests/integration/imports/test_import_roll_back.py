"""Taking an import back."""

import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fleetgate.domain.allow_list import AllowListEntry, DeviceCertificate, Purpose, Reservation
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.domain.refusals import Refusal, RefusalCode
from fleetgate.gate.decision import Allowed
from fleetgate.gate.store import GateStore
from fleetgate.imports.reading.factory_list import ImportPolicy, UnknownColumns
from fleetgate.imports.record import ImportRecord, ImportStatus
from fleetgate.imports.store.records import ImportRecords
from fleetgate.operators.device_store import DeviceStore
from fleetgate.operators.kept import KeptReason
from fleetgate.operators.key_store import KeyStore
from fleetgate.operators.roll_back import RolledBack, roll_back_import
from fleetgate.store.allow_list import AllowList
from fleetgate.store.allow_list_items import new_key_item
from harness.builders import CERTIFICATE_ID, CLAIM_CERTIFICATE_ID, DECISION_ID, NOW
from harness.faulty_dynamodb import FaultyDynamoDB
from harness.import_world import ImportWorld
from harness.world import BOB, mac
from tests.integration.conftest import Ask, Judge


def roll_back(imports: ImportWorld, record: ImportRecord, *, endpoint_url: str | None = None) -> RolledBack:
    tables = replace(imports.tables, endpoint_url=endpoint_url or imports.tables.endpoint_url)
    return roll_back_import(
        record.import_id,
        records=ImportRecords(tables),
        allow_list=AllowList(tables),
        devices=DeviceStore(tables),
        drop_box=imports.drop_box,
        operator=imports.operator(BOB, "wrong order"),
    )


def imported(imports: ImportWorld, *rows: tuple[str, str], name: str = "list.csv") -> ImportRecord:
    lines = [f"{imports.manufacturer}-{serial},{address}\n" for serial, address in rows]
    return imports.importer().run(imports.deliver("".join(["sn,mac\n", *lines]), name=name))


RESERVATION = Reservation(
    certificate_id=CERTIFICATE_ID,
    claim_certificate_id=CLAIM_CERTIFICATE_ID,
    decision_id=DECISION_ID,
    purpose=Purpose.ENROLMENT,
    reserved_at=NOW,
    deadline=NOW,
)


def reserved(entry: AllowListEntry) -> AllowListEntry:
    return entry.reserve(RESERVATION)


def provisioned(entry: AllowListEntry) -> AllowListEntry:
    certificate = DeviceCertificate(certificate_id=CERTIFICATE_ID, decision_id=DECISION_ID)
    return replace(entry, device_certificate=certificate, version=entry.version + 1)


def test_what_an_import_added_goes_and_its_mac_addresses_are_free_again(imports: ImportWorld) -> None:
    address = mac()
    record = imported(imports, ("1", address), ("2", mac()))
    done = roll_back(imports, record)

    assert (done.removed, done.kept) == (2, {})
    assert done.record.status is ImportStatus.ROLLED_BACK
    assert imports.embedded.device_item(f"{imports.manufacturer}-1") is None
    again = imported(imports, ("3", address), name="another.csv")
    assert dict(again.findings.rows) == {"added": 1}
    (removal,) = [
        one for one in imports.embedded.records(f"device#{imports.manufacturer}-1") if one.action == "roll_back_import"
    ]
    assert (removal.actor, removal.reason, removal.import_id) == (BOB, "wrong order", record.import_id)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (reserved, KeptReason.IN_USE),
        (provisioned, KeptReason.IN_USE),
        (AllowListEntry.quarantined, KeptReason.STOPPED),
        (AllowListEntry.retired, KeptReason.STOPPED),
    ],
    ids=["reserved", "provisioned", "quarantined", "retired"],
)
def test_a_device_that_has_a_history_stays(change: object, reason: KeptReason, imports: ImportWorld) -> None:
    record = imported(imports, ("1", mac()), ("2", mac()))
    name = f"{imports.manufacturer}-1"
    assert callable(change)
    imports.embedded.put(change(imports.embedded.entry(name)))
    before = imports.embedded.entry(name)
    done = roll_back(imports, record)

    assert (done.removed, done.kept) == (1, {reason: 1})
    assert done.examples == ((SerialNumber(name), reason),)
    assert imports.embedded.entry(name) == before


def test_a_device_that_another_list_spoke_for_stays(imports: ImportWorld) -> None:
    address = mac()
    first = imported(imports, ("1", address), name="first.csv")
    text = f"sn,mac,model\n{imports.manufacturer}-1,{address},gw-2\n"
    second = imports.importer().run(imports.later(imports.deliver(text, name="second.csv")))
    assert dict(second.findings.rows) == {"updated": 1}

    assert roll_back(imports, second).kept == {KeptReason.ADDED_EARLIER: 1}
    assert roll_back(imports, first).kept == {KeptReason.IN_LATER_LIST: 1}
    assert imports.embedded.entry(f"{imports.manufacturer}-1").attributes == {"Model": "gw-2"}


def test_rolling_back_again_changes_nothing_and_the_file_does_not_come_back(imports: ImportWorld) -> None:
    record = imported(imports, ("1", mac()))
    roll_back(imports, record)
    again = roll_back(imports, record)

    assert (again.removed, again.record.removed) == (0, 1)
    assert imports.importer().run(record.delivery).status is ImportStatus.ROLLED_BACK
    assert imports.embedded.device_item(f"{imports.manufacturer}-1") is None


def test_a_roll_back_of_a_few_devices_does_not_read_the_whole_table(
    imports: ImportWorld, faulty: FaultyDynamoDB
) -> None:
    record = imported(imports, *((str(number), mac()) for number in range(5)))
    done = roll_back(imports, record, endpoint_url=faulty.endpoint_url)

    assert done.removed == 5
    assert "Scan" not in faulty.operations
    # The devices, and what is left of their MAC addresses; the record, before and after; and each device.
    assert Counter(faulty.operations) == {"BatchGetItem": 2, "GetItem": 1, "TransactWriteItems": 7}


def _forget(imports: ImportWorld, record: ImportRecord) -> None:
    """The file is gone."""
    file = record.delivery.file
    imports.drop_box.client.delete_object(Bucket=imports.bucket, Key=file.key, VersionId=file.version_id)


def _misread(imports: ImportWorld, record: ImportRecord) -> None:
    """The file has another device, as if it were read otherwise than it was."""
    key = record.delivery.file.key
    answer = imports.drop_box.client.put_object(Bucket=imports.bucket, Key=key, Body=b"sn,mac\nother,\n")
    _kept(imports, record, version_id={"S": answer["VersionId"]})


def _unreported(imports: ImportWorld, record: ImportRecord) -> None:
    """The import was cut off before it was counted."""
    _kept(imports, record, rows={"NULL": True})


def _long(imports: ImportWorld, record: ImportRecord) -> None:
    """The import has too many rows to look them up."""
    _kept(imports, record, total={"N": "100001"}, rows={"M": {"added": {"N": "2"}, "conflict": {"N": "99999"}}})


def _kept(imports: ImportWorld, record: ImportRecord, **attributes: object) -> None:
    table = imports.embedded.stack.outputs["AllowListTableName"]
    key = {"pk": {"S": f"import#{record.import_id}"}}
    item = imports.embedded.dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
    imports.embedded.put_raw({**item, **attributes})


@pytest.mark.parametrize("spoil", [_forget, _misread, _unreported, _long])
def test_a_roll_back_reads_the_whole_table_where_the_file_does_not_tell(
    spoil: Callable[[ImportWorld, ImportRecord], None], imports: ImportWorld, faulty: FaultyDynamoDB
) -> None:
    record = imported(imports, ("1", mac()), ("2", mac()))
    spoil(imports, record)

    assert roll_back(imports, record, endpoint_url=faulty.endpoint_url).removed == 2
    assert "Scan" in faulty.operations


def test_rows_that_would_be_rejected_today_are_rolled_back_from_their_file(
    imports: ImportWorld, faulty: FaultyDynamoDB
) -> None:
    """The stack's policy was wider when they came in."""
    wide = ImportPolicy(require_mac=False, allow_locally_administered_mac=True, unknown_columns=UnknownColumns.KEEP)
    name = imports.manufacturer
    text = f"sn,mac,group\n{name}-1,02-00-00-{mac()[9:]},lost\n{name}-2,,\n{name}-3,{mac()},lost\n"
    importer = replace(
        imports.importer(),
        policy=replace(wide, thing_groups=frozenset({"lost"})),
        thing_groups=cast(Any, SimpleNamespace(exists=lambda _group: True)),
    )
    record = importer.run(imports.deliver(text))
    assert dict(record.findings.rows) == {"added": 3}

    assert roll_back(imports, record, endpoint_url=faulty.endpoint_url).removed == 3
    assert "Scan" not in faulty.operations


def test_an_import_that_nobody_approved_is_rolled_back_without_a_scan(
    imports: ImportWorld, faulty: FaultyDynamoDB
) -> None:
    record = imports.importer(is_held=True).run(imports.deliver(f"sn,mac\n{imports.manufacturer}-1,{mac()}\n"))
    assert record.is_waiting

    assert roll_back(imports, record, endpoint_url=faulty.endpoint_url).removed == 0
    assert "Scan" not in faulty.operations


@pytest.mark.parametrize("spoil", [lambda *_: None, _unreported], ids=["from the file", "from the table"])
def test_mac_addresses_of_devices_that_never_came_are_freed(
    spoil: Callable[[ImportWorld, ImportRecord], None], imports: ImportWorld
) -> None:
    stray, taken = MacAddress.parse(mac()), mac()
    imported(imports, ("other", taken), name="other.csv")
    record = imported(imports, ("1", mac()), ("never", f"{stray.value};{taken}"))
    assert dict(record.findings.rows) == {"added": 1, "conflict": 1}
    spoil(imports, record)
    imports.embedded.put_raw(
        {
            "pk": {"S": f"mac#{stray.value}"},
            "kind": {"S": "mac"},
            "serial_number": {"S": f"{imports.manufacturer}-never"},
            "manufacturer": {"S": imports.manufacturer},
            "import_id": {"S": record.import_id},
        }
    )
    roll_back(imports, record)
    assert AllowList(imports.tables).mac_owner(stray) is None


def with_keys(imports: ImportWorld, *keys: str) -> ImportRecord:
    """An import of devices 1, 2 and so on, each with its key."""
    lines = [f"{imports.manufacturer}-{number},{mac()},{key}\n" for number, key in enumerate(keys, 1)]
    return imports.importer().run(imports.deliver("".join(["sn,mac,public key\n", *lines])))


def test_keys_that_nobody_used_are_free_again(imports: ImportWorld) -> None:
    first, stray = secrets.token_hex(32), secrets.token_hex(32)
    record = with_keys(imports, first)
    never = replace(imports.embedded.entry(f"{imports.manufacturer}-1"), serial_number=SerialNumber("never"))
    imports.embedded.put_raw(new_key_item(stray, never, now=NOW).serialize())
    _unreported(imports, record)
    assert roll_back(imports, record).removed == 1

    keys = KeyStore(imports.tables)
    assert [keys.key(key) for key in (first, stray)] == [None, None]
    text = f"sn,mac,public key\n{imports.manufacturer}-3,{mac()},{first}\n"
    again = imports.importer().run(imports.deliver(text, name="another.csv"))
    assert dict(again.findings.rows) == {"added": 1}


def test_a_key_that_was_used_stays_the_devices_when_the_device_goes(
    imports: ImportWorld, store: GateStore, ask: Ask, judge: Judge
) -> None:
    """The device was let in and never finished: its reservation is gone, and its certificate may not be."""
    key = secrets.token_hex(32)
    record = with_keys(imports, key)
    name = f"{imports.manufacturer}-1"
    entry = imports.embedded.entry(name)
    (address,) = entry.mac_addresses
    claim = ClaimCertificate(certificate_id=secrets.token_hex(32), manufacturer=None)
    imports.embedded.put(claim)
    request = replace(
        ask(name, mac_address=address.value, key_fingerprint=key), claim_certificate_id=claim.certificate_id
    )
    assert isinstance(judge(request, store).decision, Allowed)
    imports.embedded.put(replace(entry, version=entry.version + 2))
    assert roll_back(imports, record).removed == 1

    assignment = KeyStore(imports.tables).key(key)
    assert assignment is not None
    assert (assignment.serial_number, assignment.is_unused) == (SerialNumber(name), False)


def test_what_runs_or_wrote_nothing_is_not_rolled_back(imports: ImportWorld) -> None:
    dry = imports.importer().run(imports.deliver(f"sn,mac\nX,{mac()}\n", mode="dry-run"))
    with pytest.raises(Refusal) as refused:
        roll_back(imports, dry)
    assert refused.value.code is RefusalCode.IMPORT_WAS_DRY_RUN

    running = imports.journal().begin(imports.deliver("sn,mac\n"), is_held=False)
    with pytest.raises(Refusal) as refused:
        roll_back(imports, running)
    assert refused.value.code is RefusalCode.IMPORT_STILL_RUNNING
