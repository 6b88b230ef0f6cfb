"""One device is stopped, and its certificates with it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from fleetgate.domain.allow_list import AllowListEntry, DeviceCertificate, DeviceState, Purpose, Reservation
from fleetgate.domain.refusals import RefusalCode
from fleetgate.operators.certificates import CertificateService
from fleetgate.operators.device_store import DeviceStore
from fleetgate.operators.devices import release_device
from fleetgate.operators.key_store import KeyStore
from fleetgate.operators.stop_store import StopStore
from fleetgate.operators.switch_store import SwitchStore
from fleetgate.operators.tally import CertificateResult
from fleetgate.store.certificates import Certificates, Sessions
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.run import now
from harness.command import Fleetgate, run
from harness.embedded import Embedded
from harness.import_world import ImportWorld
from tests.integration.cli.stops.devices import WHY, actions_on, certificate_of
from tests.integration.cli.users import profiles_of


def test_a_quarantine_deactivates_the_certificates_of_a_device_and_a_release_activates_them_again(
    fleetgate: Fleetgate,
    embedded: Embedded,
    provisioned: Callable[..., AllowListEntry],
    issue: Callable[..., str],
    status_of: Callable[[str], str],
) -> None:
    reserved = _reservation(issue())
    device = provisioned(reservation=reserved)
    both = (certificate_of(device), reserved.certificate_id)

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
    assert actions_on(embedded, device) == [
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
    embedded.client("iot").update_certificate(certificateId=certificate_of(device), newStatus="INACTIVE")
    fleetgate("device", "quarantine", str(device.serial_number), *WHY)
    freed = fleetgate("device", "release", str(device.serial_number), *WHY)
    assert freed.document["certificates"]["results"] == {}
    assert status_of(certificate_of(device)) == "INACTIVE"


def test_a_quarantine_can_keep_the_certificates(
    fleetgate: Fleetgate, provisioned: Callable[..., AllowListEntry], status_of: Callable[[str], str]
) -> None:
    device = provisioned()
    answer = fleetgate("device", "quarantine", str(device.serial_number), "--keep-certificates", *WHY)
    assert (answer.exit_code, answer.document["certificates"]) == (ExitCode.DONE, None)
    assert status_of(certificate_of(device)) == "ACTIVE"
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
    assert status_of(certificate_of(device)) == "INACTIVE"
    assert actions_on(embedded, device) == ["deactivate_certificate", "quarantine"], "not even for a moment"
    second = fleetgate("device", "release", str(device.serial_number), *WHY)
    assert second.document["certificates"]["results"] == {"activated": 1}
    assert status_of(certificate_of(device)) == "ACTIVE"


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
    embedded.client("iot").delete_certificate(certificateId=certificate_of(device), forceDelete=True)
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
    store, operator = DeviceStore(imports.tables), imports.operator("somebody")

    class Overtaken(Certificates):
        """Somebody puts the device into quarantine again just before its certificate is activated."""

        def activate(self, certificate_id: str) -> None:
            embedded.put(embedded.entry(device.serial_number).quarantined())
            super().activate(certificate_id)

    service = CertificateService(
        devices=store,
        keys=KeyStore(imports.tables),
        switch=SwitchStore(imports.tables),
        records=StopStore(imports.tables),
        certificates=Overtaken(embedded.client("iot")),
        sessions=Sessions(embedded.client("iot-data"), ""),
        operator=operator,
    )
    released = release_device(device.serial_number, store=store, operator=operator)
    (handled,) = service.activate(released.subject)

    assert handled.ending is CertificateResult.STILL_STOPPED
    assert status_of(certificate_of(device)) == "INACTIVE"
    assert embedded.entry(device.serial_number).deactivated_certificates == {certificate_of(device)}


@pytest.fixture
def without_permission(embedded: Embedded, fleetgate: Fleetgate, tmp_path: Path) -> Iterator[Fleetgate]:
    """Runs the command as somebody who may use the tables, but not AWS IoT."""
    where = ("--profile", "tables-only", "--region", embedded.stack.region)
    with profiles_of(embedded, "tables-only", "cloudformation:DescribeStacks", "dynamodb:*", folder=tmp_path):
        yield lambda *arguments: run(*where, *arguments)


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
            "certificate_id": certificate_of(device),
            "serial_number": str(device.serial_number),
            "result": "not_permitted",
        }
    ]
    assert embedded.entry(device.serial_number).state is DeviceState.QUARANTINED
    assert actions_on(embedded, device) == ["quarantine", "certificate_out_of_reach"]
    assert status_of(certificate_of(device)) == "ACTIVE"
    shown = without_permission("device", "quarantine", str(device.serial_number), "--reason", "a test")
    assert "NOT DONE" in shown.stdout
    assert certificate_of(device) in shown.stdout

    again = fleetgate("device", "quarantine", str(device.serial_number), *WHY)
    assert (again.exit_code, again.document["result"]) == (ExitCode.DONE, "unchanged")
    assert status_of(certificate_of(device)) == "INACTIVE"


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
    assert status_of(certificate_of(device)) == "INACTIVE"
    again = fleetgate("device", "retire", serial_number, *WHY)
    assert (again.exit_code, again.document["result"]) == (ExitCode.DONE, "unchanged")
    assert actions_on(embedded, device) == ["retire", "deactivate_certificate"]

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
    assert status_of(certificate_of(device)) == "INACTIVE"


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
    assert actions_on(embedded, device) == ["reopen", "reopen"]
    fleetgate("device", "quarantine", str(device.serial_number), *WHY)
    refused = fleetgate("device", "reopen", str(device.serial_number), "--for", "2h", *WHY)
    assert refused.error["code"] == RefusalCode.DEVICE_QUARANTINED


def _reservation(certificate_id: str) -> Reservation:
    return Reservation(
        certificate_id=certificate_id,
        claim_certificate_id="c1a1" * 16,
        decision_id="another-decision",
        purpose=Purpose.ROTATION,
        reserved_at=now().replace(microsecond=0),
        deadline=now().replace(microsecond=0) + timedelta(hours=1),
    )
