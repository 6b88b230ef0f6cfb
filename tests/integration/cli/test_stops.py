"""The security team's commands against the embedded stack, with certificates that AWS IoT really has."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry, DeviceCertificate, DeviceState, Purpose, Reservation
from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.documents import instant
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.reasons import DenialReason
from fleetgate.domain.refusals import RefusalCode
from fleetgate.operators.certificates import CertificateDesk, Ending
from fleetgate.operators.devices import release_device
from fleetgate.operators.stop_store import StopStore
from fleetgate.store.certificates import Certificates
from fleetgate.store.switch_items import SWITCH_KEY
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.run import new_record_id, now
from harness.command import Fleetgate, run
from harness.embedded import Embedded
from harness.import_world import ImportWorld, mac
from local.embedded.deploy import STACK_NAME
from tests.integration.conftest import Forge

WHY = ("--reason", "a test", "--json")


@pytest.fixture(autouse=True)
def let_go(fleetgate: Fleetgate) -> Iterator[None]:
    """However a test ends, the gate is open for the next."""
    yield
    fleetgate("gate", "start", *WHY)


@pytest.fixture
def manufacturer(serial_number: str) -> str:
    """A manufacturer with few devices."""
    return f"maker-of-{serial_number}"


@pytest.fixture
def status_of(embedded: Embedded) -> Callable[[str], str]:
    """What AWS IoT says of a certificate."""

    def ask(certificate_id: str) -> str:
        found = embedded.client("iot").describe_certificate(certificateId=certificate_id)
        return str(found["certificateDescription"]["status"])

    return ask


@pytest.fixture
def issue(embedded: Embedded) -> Callable[..., str]:
    """Has AWS IoT issue a certificate; gives its ID."""

    def issue(*, active: bool = True) -> str:
        return str(embedded.client("iot").create_keys_and_certificate(setAsActive=active)["certificateId"])

    return issue


@pytest.fixture
def provisioned(embedded: Embedded, issue: Callable[..., str], manufacturer: str) -> Callable[..., AllowListEntry]:
    """Puts a provisioned device of the manufacturer on the allow-list."""
    made: list[AllowListEntry] = []

    def make(**changes: Any) -> AllowListEntry:
        entry = AllowListEntry(
            **{
                "serial_number": SerialNumber(f"{manufacturer}-{len(made)}"),
                "manufacturer": manufacturer,
                "device_certificate": DeviceCertificate(certificate_id=issue(), decision_id="a-decision"),
                **changes,
            }
        )
        embedded.put(entry)
        made.append(entry)
        return entry

    return make


@pytest.fixture
def import_id(imports: ImportWorld) -> str:
    """An import that is on record."""
    delivery = imports.deliver(f"sn,mac\n{imports.manufacturer}-1,{mac()}\n")
    return imports.importer().run(delivery).import_id


def _certificate(entry: AllowListEntry) -> str:
    assert entry.device_certificate is not None
    return entry.device_certificate.certificate_id


def _actions(embedded: Embedded, entry: AllowListEntry) -> list[str | None]:
    return [record.action for record in embedded.records(f"device#{entry.serial_number}")]


# ---- one device ----------------------------------------------------------------------------------------------------


def test_a_quarantine_deactivates_the_certificates_of_a_device_and_a_release_activates_them_again(
    fleetgate: Fleetgate,
    embedded: Embedded,
    provisioned: Callable[..., AllowListEntry],
    issue: Callable[..., str],
    status_of: Callable[[str], str],
) -> None:
    reserved = _reservation(issue())
    device = provisioned(reservation=reserved)
    both = (_certificate(device), reserved.certificate_id)

    stopped = fleetgate("device", "quarantine", str(device.serial_number), *WHY)
    assert stopped.exit_code == ExitCode.DONE
    assert stopped.document["certificates"]["results"] == {"deactivated": 2}
    assert [status_of(certificate_id) for certificate_id in both] == ["INACTIVE"] * 2
    assert embedded.entry(device.serial_number).deactivated_certificates == set(both)

    again = fleetgate("device", "quarantine", str(device.serial_number), *WHY)
    assert (again.exit_code, again.document["result"]) == (ExitCode.DONE, "unchanged")
    assert again.document["certificates"]["results"] == {"unchanged": 2}

    freed = fleetgate("device", "release", str(device.serial_number), *WHY)
    assert freed.document["certificates"]["results"] == {"activated": 2}
    assert [status_of(certificate_id) for certificate_id in both] == ["ACTIVE"] * 2
    after = embedded.entry(device.serial_number)
    assert replace(after, version=1) == replace(device, version=1)
    assert _actions(embedded, device) == [
        "quarantine",
        *["deactivate_certificate"] * 2,
        "release",
        *["activate_certificate"] * 2,
    ]
    records = embedded.records(f"device#{device.serial_number}")
    assert {record.certificate_id for record in records} == {None, *both}
    assert {(record.reason, bool(record.actor)) for record in records} == {("a test", True)}


def test_what_was_inactive_before_the_quarantine_stays_so(
    fleetgate: Fleetgate,
    embedded: Embedded,
    provisioned: Callable[..., AllowListEntry],
    status_of: Callable[[str], str],
) -> None:
    device = provisioned()
    embedded.client("iot").update_certificate(certificateId=_certificate(device), newStatus="INACTIVE")
    fleetgate("device", "quarantine", str(device.serial_number), *WHY)
    freed = fleetgate("device", "release", str(device.serial_number), *WHY)
    assert freed.document["certificates"]["results"] == {}
    assert status_of(_certificate(device)) == "INACTIVE"


def test_a_quarantine_can_keep_the_certificates(
    fleetgate: Fleetgate, provisioned: Callable[..., AllowListEntry], status_of: Callable[[str], str]
) -> None:
    device = provisioned()
    answer = fleetgate("device", "quarantine", str(device.serial_number), "--keep-certificates", *WHY)
    assert (answer.exit_code, answer.document["certificates"]) == (ExitCode.DONE, None)
    assert status_of(_certificate(device)) == "ACTIVE"
    said = fleetgate("device", "quarantine", str(device.serial_number), "--keep-certificates", "--reason", "a test")
    assert "were not changed" in said.stdout


def test_a_release_leaves_the_certificates_to_the_last_quarantine(
    fleetgate: Fleetgate,
    embedded: Embedded,
    provisioned: Callable[..., AllowListEntry],
    manufacturer: str,
    status_of: Callable[[str], str],
) -> None:
    device = provisioned()
    fleetgate("gate", "quarantine", "--manufacturer", manufacturer, *WHY)
    fleetgate("device", "quarantine", str(device.serial_number), *WHY)

    first = fleetgate("gate", "release", "--manufacturer", manufacturer, *WHY)
    assert first.document["certificates"]["results"] == {"still_stopped": 1}
    assert status_of(_certificate(device)) == "INACTIVE"
    assert _actions(embedded, device) == ["deactivate_certificate", "quarantine"], "not even for a moment"
    second = fleetgate("device", "release", str(device.serial_number), *WHY)
    assert second.document["certificates"]["results"] == {"activated": 1}
    assert status_of(_certificate(device)) == "ACTIVE"


def test_a_certificate_that_aws_iot_does_not_know_is_named_and_no_failure(
    fleetgate: Fleetgate, provisioned: Callable[..., AllowListEntry], certificate_ids: Iterator[str]
) -> None:
    unknown = DeviceCertificate(certificate_id=next(certificate_ids), decision_id="a-decision")
    device = provisioned(device_certificate=unknown)
    answer = fleetgate("device", "quarantine", str(device.serial_number), *WHY)
    assert answer.exit_code == ExitCode.DONE
    (named,) = answer.document["certificates"]["not_found"]
    assert named["certificate_id"] == unknown.certificate_id
    shown = fleetgate("device", "quarantine", str(device.serial_number), "--reason", "a test").stdout
    assert unknown.certificate_id in shown


def test_a_certificate_whose_device_is_let_go_is_known_no_more_is_forgotten(
    fleetgate: Fleetgate, embedded: Embedded, provisioned: Callable[..., AllowListEntry]
) -> None:
    device = provisioned()
    fleetgate("device", "quarantine", str(device.serial_number), *WHY)
    embedded.client("iot").delete_certificate(certificateId=_certificate(device), forceDelete=True)
    freed = fleetgate("device", "release", str(device.serial_number), *WHY)
    assert freed.document["certificates"]["results"] == {"not_found": 1}
    assert embedded.entry(device.serial_number).deactivated_certificates == frozenset()


def test_a_quarantine_that_overtakes_a_release_has_the_last_word(
    fleetgate: Fleetgate,
    embedded: Embedded,
    imports: ImportWorld,
    provisioned: Callable[..., AllowListEntry],
    status_of: Callable[[str], str],
) -> None:
    device = provisioned()
    fleetgate("device", "quarantine", str(device.serial_number), *WHY)
    store, operator = StopStore(imports.tables), imports.operator("somebody")

    class Overtaken(Certificates):
        """Somebody puts the device into quarantine again just before its certificate is activated."""

        def activate(self, certificate_id: str) -> None:
            embedded.put(embedded.entry(device.serial_number).quarantined())
            super().activate(certificate_id)

    desk = CertificateDesk(store=store, certificates=Overtaken(embedded.client("iot")), operator=operator)
    released = release_device(device.serial_number, store=store, operator=operator)
    (handled,) = desk.activate(released.subject)

    assert handled.ending is Ending.STILL_STOPPED
    assert status_of(_certificate(device)) == "INACTIVE"
    assert embedded.entry(device.serial_number).deactivated_certificates == {_certificate(device)}


@pytest.fixture
def without_permission(
    embedded: Embedded, fleetgate: Fleetgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Fleetgate]:
    """Runs the command as somebody who may use the tables, but not AWS IoT."""
    iam = embedded.client("iam")
    iam.create_user(UserName="tables-only")
    actions = ["cloudformation:DescribeStacks", "dynamodb:*"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="tables-only", PolicyName="tables", PolicyDocument=document)
    key = iam.create_access_key(UserName="tables-only")["AccessKey"]
    (tmp_path / "credentials").write_text(
        f"[tables-only]\naws_access_key_id={key['AccessKeyId']}\naws_secret_access_key={key['SecretAccessKey']}\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", embedded.stack.endpoint_url)
    monkeypatch.setenv("FLEETGATE_STACK_NAME", STACK_NAME)
    where = ("--profile", "tables-only", "--region", embedded.stack.region)
    yield lambda *arguments: run(*where, *arguments)
    iam.delete_access_key(UserName="tables-only", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="tables-only", PolicyName="tables")
    iam.delete_user(UserName="tables-only")


def test_a_certificate_that_may_not_be_deactivated_is_named_recorded_and_a_failure_but_the_device_is_stopped(
    without_permission: Fleetgate,
    fleetgate: Fleetgate,
    embedded: Embedded,
    provisioned: Callable[..., AllowListEntry],
    status_of: Callable[[str], str],
) -> None:
    device = provisioned()
    answer = without_permission("device", "quarantine", str(device.serial_number), *WHY)
    assert answer.exit_code == ExitCode.REFUSED
    assert answer.document["result"] == "quarantined"
    assert answer.document["certificates"]["complete"] is False
    assert answer.document["certificates"]["not_done"] == [
        {
            "certificate_id": _certificate(device),
            "serial_number": str(device.serial_number),
            "result": "not_permitted",
        }
    ]
    assert embedded.entry(device.serial_number).state is DeviceState.QUARANTINED
    assert _actions(embedded, device) == ["quarantine", "certificate_out_of_reach"]
    assert status_of(_certificate(device)) == "ACTIVE"
    shown = without_permission("device", "quarantine", str(device.serial_number), "--reason", "a test")
    assert "NOT DONE" in shown.stdout
    assert _certificate(device) in shown.stdout

    again = fleetgate("device", "quarantine", str(device.serial_number), *WHY)
    assert (again.exit_code, again.document["result"]) == (ExitCode.DONE, "unchanged")
    assert status_of(_certificate(device)) == "INACTIVE"


def test_a_retired_device_loses_its_certificate_and_never_comes_back(
    fleetgate: Fleetgate,
    embedded: Embedded,
    provisioned: Callable[..., AllowListEntry],
    manufacturer: str,
    status_of: Callable[[str], str],
) -> None:
    device = provisioned()
    serial_number = str(device.serial_number)
    retired = fleetgate("device", "retire", serial_number, *WHY)
    assert (retired.exit_code, retired.document["result"]) == (ExitCode.DONE, "retired")
    assert embedded.entry(serial_number).state is DeviceState.RETIRED
    assert status_of(_certificate(device)) == "INACTIVE"
    again = fleetgate("device", "retire", serial_number, *WHY)
    assert (again.exit_code, again.document["result"]) == (ExitCode.DONE, "unchanged")
    assert _actions(embedded, device) == ["retire", "deactivate_certificate"]

    for action in ("release", "quarantine"):
        refused = fleetgate("device", action, serial_number, *WHY)
        assert refused.error["code"] == RefusalCode.DEVICE_RETIRED
    refused = fleetgate("device", "reopen", serial_number, "--for", "2h", *WHY)
    assert refused.error["code"] == RefusalCode.DEVICE_RETIRED
    approved = fleetgate("allow-list", "add", serial_number, "--manufacturer", manufacturer, "--json")
    assert approved.error["code"] == RefusalCode.ALREADY_ON_ALLOW_LIST
    # The release of its manufacturer does not bring the certificate back either.
    fleetgate("gate", "quarantine", "--manufacturer", manufacturer, *WHY)
    fleetgate("gate", "release", "--manufacturer", manufacturer, *WHY)
    assert status_of(_certificate(device)) == "INACTIVE"


def test_a_quarantined_device_can_be_retired(
    fleetgate: Fleetgate, embedded: Embedded, provisioned: Callable[..., AllowListEntry]
) -> None:
    device = provisioned()
    fleetgate("device", "quarantine", str(device.serial_number), *WHY)
    assert fleetgate("device", "retire", str(device.serial_number), *WHY).document["result"] == "retired"
    assert embedded.entry(device.serial_number).state is DeviceState.RETIRED


def test_a_repair_window_opens_for_as_long_as_was_said_and_can_be_moved(
    fleetgate: Fleetgate, embedded: Embedded, provisioned: Callable[..., AllowListEntry]
) -> None:
    device = provisioned()
    for told, length in (("2h", timedelta(hours=2)), ("90m", timedelta(minutes=90))):
        before = now()
        answer = fleetgate("device", "reopen", str(device.serial_number), "--for", told, *WHY)
        assert (answer.exit_code, answer.document["result"]) == (ExitCode.DONE, "reopened")
        until = embedded.entry(device.serial_number).repair_window_until
        assert until is not None
        assert before + length - timedelta(seconds=1) <= until <= now() + length
    assert _actions(embedded, device) == ["reopen", "reopen"]
    fleetgate("device", "quarantine", str(device.serial_number), *WHY)
    refused = fleetgate("device", "reopen", str(device.serial_number), "--for", "2h", *WHY)
    assert refused.error["code"] == RefusalCode.DEVICE_QUARANTINED


# ---- the gate, a manufacturer, an import ----------------------------------------------------------------------------


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
    assert [status_of(_certificate(device)) for device in ours] == ["INACTIVE"] * 3
    assert status_of(_certificate(other)) == "ACTIVE"
    again = fleetgate("gate", "quarantine", "--manufacturer", manufacturer, *WHY)
    assert (again.document["result"], again.document["certificates"]["results"]) == ("unchanged", {"unchanged": 3})

    freed = fleetgate("gate", "release", "--manufacturer", manufacturer, *WHY)
    assert freed.document["certificates"]["results"] == {"activated": 3}
    assert [status_of(_certificate(device)) for device in ours] == ["ACTIVE"] * 3
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
    assert [status_of(_certificate(device)) for device in (added, changed, other)] == ["INACTIVE"] * 2 + ["ACTIVE"]
    assert import_id in fleetgate("gate", "status", "--json").document["imports"]
    fleetgate("gate", "release", "--import", import_id, *WHY)
    assert [status_of(_certificate(device)) for device in (added, changed)] == ["ACTIVE"] * 2
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


# ---- a claim certificate --------------------------------------------------------------------------------------------


def test_a_block_can_deactivate_every_certificate_that_goes_back_to_the_claim_certificate(
    fleetgate: Fleetgate,
    embedded: Embedded,
    provisioned: Callable[..., AllowListEntry],
    issue: Callable[..., str],
    status_of: Callable[[str], str],
    certificate_ids: Iterator[str],
) -> None:
    claim_certificate_id = next(certificate_ids)
    embedded.put(ClaimCertificate(certificate_id=claim_certificate_id, manufacturer=None))
    first, superseded, other = provisioned(), issue(), provisioned()
    rotated = provisioned()
    decision_id = _let_in(embedded, first, _certificate(first), through=claim_certificate_id)
    _let_in(embedded, first, _certificate(first), through=claim_certificate_id, again=decision_id)
    _let_in(embedded, rotated, superseded, through=claim_certificate_id)
    _let_in(embedded, rotated, _certificate(rotated), through=superseded)
    _let_in(embedded, other, _certificate(other), through=next(certificate_ids))
    fleetgate("device", "quarantine", str(first.serial_number), *WHY)

    kept = fleetgate("claim", "block", claim_certificate_id, *WHY)
    assert kept.document["certificates"] is None
    assert status_of(_certificate(rotated)) == "ACTIVE"
    taken = fleetgate("claim", "block", claim_certificate_id, "--deactivate-devices", *WHY)
    assert (taken.exit_code, taken.document["result"]) == (ExitCode.DONE, "unchanged")
    assert taken.document["certificates"]["results"] == {"deactivated": 2, "unchanged": 1}
    assert [status_of(one) for one in (superseded, _certificate(rotated))] == ["INACTIVE"] * 2
    assert status_of(_certificate(other)) == "ACTIVE"

    # They are gone for good: the release of a device that was in quarantine besides does not bring its back.
    fleetgate("device", "release", str(first.serial_number), *WHY)
    assert status_of(_certificate(first)) == "INACTIVE"


def test_a_block_deactivates_nothing_that_only_a_question_says_was_issued_through_it(
    fleetgate: Fleetgate,
    embedded: Embedded,
    provisioned: Callable[..., AllowListEntry],
    status_of: Callable[[str], str],
    certificate_ids: Iterator[str],
    forge: Forge,
) -> None:
    claim_certificate_id = next(certificate_ids)
    embedded.put(ClaimCertificate(certificate_id=claim_certificate_id, manufacturer=None))
    genuine, other = provisioned(), provisioned()
    allow = _allow(other, _certificate(other), through=claim_certificate_id)
    forge(allow)
    forge(replace(allow, record_id=new_record_id(now())), kind=RecordKind.QUERY.value)
    forge(replace(allow, record_id=new_record_id(now())), recorded_at="never", day="1999-01-01")
    _let_in(embedded, genuine, _certificate(genuine), through=claim_certificate_id)

    taken = fleetgate("claim", "block", claim_certificate_id, "--deactivate-devices", *WHY)
    assert (taken.exit_code, taken.document["certificates"]["results"]) == (ExitCode.DONE, {"deactivated": 1})
    assert status_of(_certificate(other)) == "ACTIVE"


def _let_in(
    embedded: Embedded, device: AllowListEntry, certificate_id: str, *, through: str, again: str | None = None
) -> str:
    """Put a decision on record, or one that repeats an earlier one; its ID."""
    record = _allow(device, certificate_id, through=through)
    embedded.put_record(replace(record, decision_id=again or record.record_id))
    return record.record_id


def _allow(device: AllowListEntry, certificate_id: str, *, through: str) -> AuditRecord:
    moment = now()
    return AuditRecord(
        record_id=new_record_id(moment),
        recorded_at=moment,
        kind=RecordKind.DECISION,
        verdict=Verdict.ALLOWED,
        reason="first_reservation",
        serial_number=str(device.serial_number),
        certificate_id=certificate_id,
        claim_certificate_id=through,
    )


def _reservation(certificate_id: str) -> Reservation:
    return Reservation(
        certificate_id=certificate_id,
        claim_certificate_id="c1a1" * 16,
        decision_id="another-decision",
        purpose=Purpose.ROTATION,
        reserved_at=now().replace(microsecond=0),
        deadline=now().replace(microsecond=0) + timedelta(hours=1),
    )
