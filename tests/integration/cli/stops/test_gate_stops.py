"""The gate, a manufacturer or an import is stopped, and the certificates of its devices with it."""

from collections.abc import Callable

import pytest

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import RecordKind
from fleetgate.domain.documents import instant
from fleetgate.domain.reasons import DenialReason
from fleetgate.domain.refusals import RefusalCode
from fleetgate.store.allow_list_items import SWITCH_KEY
from fleetgate_cli.errors import ExitCode
from harness.command import Fleetgate
from harness.embedded import Embedded
from harness.import_world import ImportWorld
from harness.world import mac
from tests.integration.cli.stops.devices import WHY, certificate_of


@pytest.fixture
def import_id(imports: ImportWorld) -> str:
    """An import that is on record."""
    delivery = imports.deliver(f"sn,mac\n{imports.manufacturer}-1,{mac()}\n")
    return imports.importer().run(delivery).import_id


def test_the_gate_stops_and_starts_once_each_and_tells_of_it(fleetgate: Fleetgate, embedded: Embedded) -> None:
    before = len(embedded.records("gate"))
    for action, ended, state in (("stop", "stopped", "stopped"), ("start", "started", "open")):
        once = fleetgate("gate", action, "--reason", f"to {action} it", "--json")
        assert (once.exit_code, once.document["result"]) == (ExitCode.DONE, ended)
        assert once.document["gate"]["state"] == state
        again = fleetgate("gate", action, *WHY)
        assert (again.exit_code, again.document["result"], again.document["record_id"]) == (0, "unchanged", None)
        status = fleetgate("gate", "status", "--json").document
        assert status["state"] == state
        assert status["history"][0]["reason"] == f"to {action} it"
        assert f"The gate is {state}." in fleetgate("gate", "status").stdout
    records = embedded.records("gate")[before:]
    assert [(record.kind, record.action) for record in records] == [
        (RecordKind.OPERATOR_ACTION, "stop_gate"),
        (RecordKind.OPERATOR_ACTION, "start_gate"),
    ]
    assert "the gate" in fleetgate("audit", "list").stdout


def test_a_manufacturer_in_quarantine_loses_the_certificates_of_its_devices_and_nobody_else_does(
    fleetgate: Fleetgate,
    embedded: Embedded,
    provisioned: Callable[..., AllowListEntry],
    manufacturer: str,
    status_of: Callable[[str], str],
) -> None:
    ours = [provisioned() for _ in range(3)]
    other = provisioned(manufacturer="somebody-else")
    provisioned(device_certificate=None)

    stopped = fleetgate("gate", "quarantine", "--manufacturer", manufacturer, *WHY)
    assert (stopped.exit_code, stopped.document["result"]) == (ExitCode.DONE, "quarantined")
    assert stopped.document["certificates"]["results"] == {"deactivated": 3}
    assert [status_of(certificate_of(device)) for device in ours] == ["INACTIVE"] * 3
    assert status_of(certificate_of(other)) == "ACTIVE"
    again = fleetgate("gate", "quarantine", "--manufacturer", manufacturer, *WHY)
    assert (again.document["result"], again.document["certificates"]["results"]) == ("unchanged", {"unchanged": 3})

    freed = fleetgate("gate", "release", "--manufacturer", manufacturer, *WHY)
    assert freed.document["certificates"]["results"] == {"activated": 3}
    assert [status_of(certificate_of(device)) for device in ours] == ["ACTIVE"] * 3
    assert manufacturer not in fleetgate("gate", "status", "--json").document["manufacturers"]
    records = embedded.records(f"manufacturer#{manufacturer}")
    assert [record.action for record in records] == ["quarantine_manufacturer", "release_manufacturer"]


def test_an_import_in_quarantine_loses_the_certificates_of_its_devices(
    fleetgate: Fleetgate,
    embedded: Embedded,
    provisioned: Callable[..., AllowListEntry],
    status_of: Callable[[str], str],
    import_id: str,
) -> None:
    added = provisioned(first_import_id=import_id, import_id="another")
    changed = provisioned(first_import_id="another", import_id=import_id)
    other = provisioned(import_id="another")

    fleetgate("gate", "quarantine", "--import", import_id, *WHY)
    assert [status_of(certificate_of(device)) for device in (added, changed, other)] == ["INACTIVE"] * 2 + ["ACTIVE"]
    assert import_id in fleetgate("gate", "status", "--json").document["imports"]
    fleetgate("gate", "release", "--import", import_id, *WHY)
    assert [status_of(certificate_of(device)) for device in (added, changed)] == ["ACTIVE"] * 2
    actions = [record.action for record in embedded.records(f"import#{import_id}") if record.action]
    assert actions[-2:] == ["quarantine_import", "release_import"]


def test_a_quarantine_says_how_many_devices_it_found(
    fleetgate: Fleetgate, provisioned: Callable[..., AllowListEntry], manufacturer: str
) -> None:
    provisioned()
    provisioned(device_certificate=None)
    quarantine = ("gate", "quarantine", "--manufacturer", manufacturer)

    assert "2 devices on the allow-list." in fleetgate(*quarantine, "--reason", "a test").stdout.splitlines()
    assert fleetgate(*quarantine, *WHY).document["devices"] == 2
    assert fleetgate(*quarantine, "--keep-certificates", *WHY).document["devices"] is None, "not all were looked for"


@pytest.mark.parametrize("keep", [(), ("--keep-certificates",)])
def test_a_quarantine_of_nobody_is_pointed_out_and_holds_all_the_same(
    fleetgate: Fleetgate, manufacturer: str, keep: tuple[str, ...]
) -> None:
    quarantine = ("gate", "quarantine", "--manufacturer", manufacturer, *keep)
    said = fleetgate(*quarantine, "--reason", "a test")

    assert said.exit_code == ExitCode.DONE
    hint = (
        f"No device on the allow-list belongs to {manufacturer}: check the name. "
        "The quarantine takes effect nevertheless."
    )
    assert hint in said.stdout.splitlines()
    assert fleetgate(*quarantine, *WHY).document["devices"] == 0
    assert manufacturer in fleetgate("gate", "status", "--json").document["manufacturers"]


def test_the_status_says_of_every_quarantine_since_when_by_whom_and_why(
    fleetgate: Fleetgate, embedded: Embedded, manufacturer: str, import_id: str
) -> None:
    of_manufacturer, of_import = ("--manufacturer", manufacturer), ("--import", import_id)
    fleetgate("gate", "quarantine", *of_manufacturer, "--reason", "an earlier case", "--json")
    fleetgate("gate", "release", *of_manufacturer, "--reason", "closed", "--json")
    for whose, why in ((of_manufacturer, "factory broken into"), (of_import, "stolen list")):
        fleetgate("gate", "quarantine", *whose, "--reason", why, "--json")
    shown, document = fleetgate("gate", "status").stdout.splitlines(), fleetgate("gate", "status", "--json").document

    quarantines = {one["manufacturer"] or one["import_id"]: one for one in document["quarantines"]}
    for subject, name, what, why in (
        ("manufacturer", manufacturer, "Manufacturer", "factory broken into"),
        ("import", import_id, "Import", "stolen list"),
    ):
        record = embedded.records(f"{subject}#{name}")[-1]
        since = instant(record.recorded_at)
        assert f"{what} {name} is in quarantine since {since}, by root: {why}" in shown
        assert quarantines[name]["since"] == since
        assert (quarantines[name]["actor"], quarantines[name]["reason"]) == (record.actor, why)
        assert quarantines[name]["record_id"] == record.record_id


def test_a_quarantine_that_is_older_than_the_audit_trail_is_shown_all_the_same(
    fleetgate: Fleetgate, embedded: Embedded, manufacturer: str
) -> None:
    fleetgate("gate", "quarantine", "--manufacturer", manufacturer, *WHY)
    (record,) = embedded.records(f"manufacturer#{manufacturer}")
    embedded.dynamodb.delete_item(
        TableName=embedded.stack.outputs["AuditTableName"],
        Key={"subject": {"S": record.subject}, "record_id": {"S": record.record_id}},
    )
    status = fleetgate("gate", "status")
    assert f"Manufacturer {manufacturer} is in quarantine; its record has expired." in status.stdout


def test_a_device_that_is_stopped_with_many_others_is_shown_with_what_stops_it(
    fleetgate: Fleetgate, provisioned: Callable[..., AllowListEntry], manufacturer: str
) -> None:
    device = provisioned()
    show = ("device", "show", str(device.serial_number))
    assert fleetgate(*show, "--json").document["stopped_by"] == []
    assert "Stopped by" not in fleetgate(*show).stdout

    fleetgate("gate", "quarantine", "--manufacturer", manufacturer, "--keep-certificates", *WHY)
    fleetgate("gate", "stop", *WHY)
    assert fleetgate(*show, "--json").document["stopped_by"] == ["gate_stopped", "manufacturer_stopped"]
    shown = fleetgate(*show).stdout
    for stop in (DenialReason.GATE_STOPPED, DenialReason.MANUFACTURER_STOPPED):
        assert f"  Stopped by      {stop.value}: {stop.meaning} {stop.remedy}\n" in shown


def test_an_import_that_does_not_exist_cannot_be_quarantined(fleetgate: Fleetgate) -> None:
    answer = fleetgate("gate", "quarantine", "--import", "20200101T000000Z-0123456789ab", *WHY)
    assert answer.exit_code == ExitCode.REFUSED
    assert answer.error["code"] == RefusalCode.UNKNOWN_IMPORT


def test_a_full_switch_says_so_and_changes_nothing(fleetgate: Fleetgate, embedded: Embedded, manufacturer: str) -> None:
    table = embedded.stack.outputs["AllowListTableName"]
    fleetgate("gate", "stop", *WHY)
    before = embedded._get(SWITCH_KEY)
    names = [f"name-{number}" for number in range(200)]
    embedded.put_raw({**before, "manufacturers": {"SS": names}})
    try:
        answer = fleetgate("gate", "quarantine", "--manufacturer", manufacturer, *WHY)
        assert answer.error["code"] == RefusalCode.TOO_MANY_STOPS
    finally:
        embedded.dynamodb.put_item(TableName=table, Item=before)
