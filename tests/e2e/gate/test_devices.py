"""Real devices at the gate: the AWS IoT Device SDK, MQTT with mutual TLS, the real template, IAM enforced."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from awscrt.exceptions import AwsCrtError

from fleetgate.domain.allow_list import AllowListEntry, DeviceCertificate, DeviceState, Purpose, Reservation
from fleetgate.domain.audit import AuditRecord, RecordKind
from fleetgate.domain.claim import ClaimStatus
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate_cli.local_stack import StackDescription
from harness.certificates import fingerprint_of_certificate
from harness.command import Fleetgate, run
from harness.embedded import Embedded
from local.demo.device import Broker, Identity, Issued, Registered, RegistrationRefused, SigningRequest, connected
from tests.e2e.conftest import Ask
from tests.e2e.waiting import PATIENCE_SECONDS

DENIED = RegistrationRefused(error_code="AccessDenied", error_message="Access Denied")


def decisions(embedded: Embedded, serial_number: str) -> list[AuditRecord]:
    """What was decided about a device; records of outcomes come by themselves."""
    return [one for one in embedded.records(f"device#{serial_number}") if one.kind is RecordKind.DECISION]


def reasons(embedded: Embedded, serial_number: str) -> list[str]:
    return [record.reason for record in decisions(embedded, serial_number)]


def test_an_approved_device_becomes_a_thing_that_can_be_joined_to_its_record(
    embedded: Embedded, device: AllowListEntry, ask: Ask
) -> None:
    issued, answer = ask(device)
    name = embedded.thing_name(device.serial_number)

    assert answer == Registered(thing_name=name, device_configuration={})
    iot = embedded.client("iot")
    thing = iot.describe_thing(thingName=name)
    (record,) = decisions(embedded, device.serial_number.value)
    assert thing["thingTypeName"] == "fleetgate-device"
    assert thing["attributes"]["DecisionId"] == record.decision_id
    assert thing["attributes"]["Model"] == "thermostat-2"
    groups = iot.list_thing_groups_for_thing(thingName=name)["thingGroups"]
    assert [group["groupName"] for group in groups] == ["fleetgate-devices"]
    certificate = iot.describe_certificate(certificateId=issued.certificate_id)["certificateDescription"]
    assert certificate["status"] == "ACTIVE"
    assert embedded.entry(device.serial_number).state is DeviceState.RESERVED


def test_a_provisioned_device_lives_under_its_own_name_only(broker: Broker, device: AllowListEntry, ask: Ask) -> None:
    issued, answer = ask(device)
    assert isinstance(answer, Registered)

    with connected(broker, issued.identity, answer.thing_name) as session:
        assert session.echo(f"{answer.thing_name}/telemetry", {"temperature": 21}) == {"temperature": 21}
    with pytest.raises(AwsCrtError), connected(broker, issued.identity, "somebody-else"):
        pass


def test_a_claim_certificate_cannot_take_the_connection_of_a_device(
    broker: Broker, device: AllowListEntry, ask: Ask, acme_claim: Identity
) -> None:
    _, answer = ask(device)
    assert isinstance(answer, Registered)
    with pytest.raises(AwsCrtError), connected(broker, acme_claim, answer.thing_name):
        pass


def test_an_unknown_serial_number_is_denied(embedded: Embedded, device: AllowListEntry, ask: Ask) -> None:
    assert ask(device, SerialNumber="E2E-unknown")[1] == DENIED
    assert reasons(embedded, "E2E-unknown") == ["not_on_allow_list"]


def test_a_cloned_serial_number_with_another_mac_address_is_denied(
    embedded: Embedded, device: AllowListEntry, ask: Ask
) -> None:
    assert ask(device, MacAddress="00:1b:44:66:66:66")[1] == DENIED
    assert reasons(embedded, device.serial_number.value) == ["mac_address_mismatch"]


def test_a_second_claim_of_a_taken_serial_number_is_denied(
    embedded: Embedded, device: AllowListEntry, ask: Ask
) -> None:
    assert isinstance(ask(device)[1], Registered)
    issued, answer = ask(device)

    assert answer == DENIED
    assert reasons(embedded, device.serial_number.value) == ["first_reservation", "reserved_by_another_certificate"]
    certificate = embedded.client("iot").describe_certificate(certificateId=issued.certificate_id)
    assert certificate["certificateDescription"]["status"] == "PENDING_ACTIVATION"


def test_a_device_that_lost_the_answer_gets_it_again(embedded: Embedded, device: AllowListEntry, ask: Ask) -> None:
    issued, first = ask(device)
    _, again = ask(device, issued=issued)

    assert again == first
    assert reasons(embedded, device.serial_number.value) == ["first_reservation", "same_certificate_retry"]


def test_a_device_in_quarantine_is_denied_until_it_is_released(
    embedded: Embedded, device: AllowListEntry, ask: Ask
) -> None:
    embedded.put(device.quarantined())
    issued, answer = ask(device)
    assert answer == DENIED

    embedded.put(embedded.entry(device.serial_number).released())
    assert isinstance(ask(device, issued=issued)[1], Registered)
    assert reasons(embedded, device.serial_number.value) == ["quarantined", "first_reservation"]


def test_the_certificate_of_a_device_in_quarantine_is_not_let_in_for_another_serial_number(
    embedded: Embedded, device: AllowListEntry, ask: Ask, fleetgate: Fleetgate
) -> None:
    issued, answer = ask(device)
    assert isinstance(answer, Registered)
    serial_number = device.serial_number.value
    other = replace(device, serial_number=SerialNumber(f"{serial_number}-B"))
    embedded.put(other)
    assert fleetgate("device", "quarantine", serial_number, "--reason", "clone seen").exit_code == 0

    assert ask(other, issued=issued)[1] == DENIED
    (denied,) = decisions(embedded, other.serial_number.value)
    (allowed,) = decisions(embedded, serial_number)
    assert denied.reason == "key_assigned_to_another_device"
    assert denied.key_fingerprint == allowed.key_fingerprint
    assert allowed.key_fingerprint == fingerprint_of_certificate(issued.identity.certificate_pem)
    certificate = embedded.client("iot").describe_certificate(certificateId=issued.certificate_id)
    assert certificate["certificateDescription"]["status"] == "INACTIVE"


@pytest.fixture
def sign(broker: Broker, stack: StackDescription, acme_claim: Identity) -> Callable[[SigningRequest], Issued]:
    """Has AWS IoT sign a device's request."""

    def run(signing: SigningRequest) -> Issued:
        with connected(broker, acme_claim, f"{stack.claim_client_id_prefix}{secrets.token_hex(6)}") as session:
            return session.create_certificate_from_csr(signing)

    return run


Sign = Callable[[SigningRequest], Issued]


def test_another_certificate_of_the_same_key_takes_over_at_once_and_is_no_attempt(
    embedded: Embedded, device: AllowListEntry, ask: Ask, sign: Sign
) -> None:
    signing = SigningRequest.of_a_new_key()
    first, second = sign(signing), sign(signing)
    assert first.certificate_id != second.certificate_id
    assert isinstance(ask(device, issued=first)[1], Registered)
    assert isinstance(ask(device, issued=second)[1], Registered)

    held = embedded.entry(device.serial_number).reservation
    assert held is not None
    assert (held.certificate_id, held.attempts, held.taken_over) == (second.certificate_id, 1, False)
    assert reasons(embedded, device.serial_number.value) == ["first_reservation", "same_key"]


def test_a_signing_request_that_is_replayed_spends_no_attempt_of_the_device(
    embedded: Embedded, device: AllowListEntry, ask: Ask, sign: Sign
) -> None:
    """Somebody who read the request on the line asks again and again, and once for another device."""
    signing = SigningRequest.of_a_new_key()
    for _ in range(4):  # MaxAttempts is 3
        assert isinstance(ask(device, issued=sign(signing))[1], Registered)
    held = embedded.entry(device.serial_number).reservation
    assert held is not None
    assert (held.attempts, held.taken_over) == (1, False)

    other = replace(device, serial_number=SerialNumber(f"{device.serial_number}-B"))
    embedded.put(other)
    assert ask(other, issued=sign(signing))[1] == DENIED
    assert reasons(embedded, other.serial_number.value) == ["key_assigned_to_another_device"]
    assert embedded.entry(other.serial_number).state is DeviceState.APPROVED


def test_a_stolen_claim_and_a_genuine_label_lose_against_a_listed_key(
    embedded: Embedded, device: AllowListEntry, ask: Ask, sign: Sign, tmp_path: Path, fleetgate: Fleetgate
) -> None:
    signing = SigningRequest.of_a_new_key()
    path = tmp_path / "device.csr"
    path.write_text(signing.csr_pem)
    listed = f"{device.serial_number}-K"
    mac = MacAddress.parse(f"001b{secrets.token_hex(4)}")
    adding = ("allow-list", "add", listed, "--mac", mac.value, "--manufacturer", device.manufacturer)
    assert fleetgate(*adding, "--public-key", str(path)).exit_code == 0
    entry = embedded.entry(listed)

    thief, answer = ask(entry)
    assert answer == DENIED
    genuine, answer = ask(entry, issued=sign(signing))
    assert isinstance(answer, Registered)
    assert reasons(embedded, listed) == ["key_mismatch", "first_reservation"]
    status = {
        one.certificate_id: embedded.client("iot").describe_certificate(certificateId=one.certificate_id)
        for one in (thief, genuine)
    }
    assert [one["certificateDescription"]["status"] for one in status.values()] == ["PENDING_ACTIVATION", "ACTIVE"]


@pytest.fixture
def fleetgate(stack_folder: Path, stack: StackDescription, monkeypatch: pytest.MonkeyPatch) -> Fleetgate:
    """Runs the operators' command on the stack."""
    assert stack.outputs
    monkeypatch.chdir(stack_folder)
    monkeypatch.setenv("no_proxy", "")  # the command adds the stack's host to it; put back what was there
    return lambda *arguments: run("--local", *arguments, "--reason", "a test", "--json")


def test_a_device_in_quarantine_cannot_connect_until_it_is_released(
    broker: Broker, device: AllowListEntry, ask: Ask, fleetgate: Fleetgate
) -> None:
    issued, answer = ask(device)
    assert isinstance(answer, Registered)
    serial_number = device.serial_number.value

    assert fleetgate("device", "quarantine", serial_number).document["certificates"]["results"] == {"deactivated": 1}
    with pytest.raises(AwsCrtError), connected(broker, issued.identity, answer.thing_name):
        pass
    assert ask(device, issued=issued)[1] == DENIED

    assert fleetgate("device", "release", serial_number).document["certificates"]["results"] == {"activated": 1}
    with connected(broker, issued.identity, answer.thing_name) as session:
        assert session.echo(f"{answer.thing_name}/telemetry", {"again": True}) == {"again": True}


def test_a_connected_device_is_disconnected_by_its_quarantine_and_cannot_connect_again(
    broker: Broker, device: AllowListEntry, ask: Ask, fleetgate: Fleetgate
) -> None:
    issued, answer = ask(device)
    assert isinstance(answer, Registered)
    serial_number = device.serial_number.value

    with connected(broker, issued.identity, answer.thing_name) as session:
        assert session.echo(f"{answer.thing_name}/telemetry", {"on": True}) == {"on": True}
        stopped = fleetgate("device", "quarantine", serial_number)
        assert stopped.document["certificates"]["sessions"] == {"ended": 1}
        session.interrupted.result(PATIENCE_SECONDS)
    with pytest.raises(AwsCrtError), connected(broker, issued.identity, answer.thing_name):
        pass
    again = fleetgate("device", "quarantine", serial_number)
    assert again.document["certificates"]["sessions"] == {"not_connected": 1}


def test_a_certificate_that_was_not_active_yet_is_not_activated_by_a_release(
    embedded: Embedded, device: AllowListEntry, ask: Ask, fleetgate: Fleetgate
) -> None:
    issued, answer = ask(device, SerialNumber="E2E-unknown")
    assert answer == DENIED
    now = datetime.now(UTC)
    unfinished = Reservation(
        certificate_id=issued.certificate_id,
        claim_certificate_id=secrets.token_hex(32),
        decision_id="an-earlier-one",
        purpose=Purpose.ENROLMENT,
        reserved_at=now,
        deadline=now + timedelta(hours=1),
    )
    embedded.put(replace(device, reservation=unfinished))
    serial_number = device.serial_number.value

    assert fleetgate("device", "quarantine", serial_number).document["certificates"]["results"] == {"deactivated": 1}
    assert fleetgate("device", "release", serial_number).document["certificates"]["results"] == {}
    found = embedded.client("iot").describe_certificate(certificateId=issued.certificate_id)
    assert found["certificateDescription"]["status"] == "INACTIVE"


def test_a_stopped_gate_lets_no_device_in_and_leaves_those_that_are(
    embedded: Embedded, broker: Broker, device: AllowListEntry, ask: Ask, fleetgate: Fleetgate
) -> None:
    before, answer = ask(device)
    assert isinstance(answer, Registered)
    newcomer = replace(device, serial_number=SerialNumber(f"{device.serial_number}-2"))
    embedded.put(newcomer)
    fleetgate("gate", "stop")
    try:
        assert ask(newcomer)[1] == DENIED
        assert ask(device, issued=before)[1] == DENIED
        with connected(broker, before.identity, answer.thing_name) as session:
            assert session.echo(f"{answer.thing_name}/telemetry", {"on": True}) == {"on": True}
    finally:
        fleetgate("gate", "start")

    assert isinstance(ask(newcomer)[1], Registered)
    assert reasons(embedded, newcomer.serial_number.value) == ["gate_stopped", "first_reservation"]
    assert reasons(embedded, device.serial_number.value) == ["first_reservation", "gate_stopped"]


def test_a_provisioned_device_comes_back_in_its_repair_window_only(
    embedded: Embedded, device: AllowListEntry, ask: Ask, fleetgate: Fleetgate
) -> None:
    certificate = DeviceCertificate(certificate_id=secrets.token_hex(32), decision_id="an-earlier-one")
    embedded.put(replace(device, device_certificate=certificate))
    assert ask(device)[1] == DENIED

    fleetgate("device", "reopen", device.serial_number.value, "--for", "2h")
    assert isinstance(ask(device)[1], Registered)
    assert reasons(embedded, device.serial_number.value) == ["already_provisioned", "repair_window"]


@pytest.mark.parametrize(
    ("manufacturer", "reason"), [("globex", "manufacturer_mismatch"), (None, "claim_certificate_not_registered")]
)
def test_a_claim_certificate_that_does_not_vouch_for_the_device_is_denied(
    manufacturer: str | None,
    reason: str,
    embedded: Embedded,
    device: AllowListEntry,
    ask: Ask,
    make_claim: Callable[..., Identity],
) -> None:
    assert ask(device, claim=make_claim(manufacturer))[1] == DENIED
    assert reasons(embedded, device.serial_number.value) == [reason]


def test_a_blocked_claim_certificate_is_denied_at_once(
    embedded: Embedded, device: AllowListEntry, ask: Ask, make_claim: Callable[..., Identity]
) -> None:
    claim = make_claim("acme")
    assert isinstance(ask(device, claim=claim)[1], Registered)
    (record,) = decisions(embedded, device.serial_number.value)
    assert record.claim_certificate_id is not None
    item = embedded.claim_item(record.claim_certificate_id)
    embedded.put_raw({**item, "status": {"S": ClaimStatus.BLOCKED.value}})

    assert ask(device, claim=claim)[1] == DENIED
    assert reasons(embedded, device.serial_number.value)[-1] == "claim_certificate_blocked"


def test_a_device_rotates_with_its_own_current_certificate(
    embedded: Embedded, broker: Broker, stack: StackDescription, device: AllowListEntry, ask: Ask
) -> None:
    issued, answer = ask(device)
    assert isinstance(answer, Registered)
    (mac_address,) = device.mac_addresses
    parameters = {"SerialNumber": device.serial_number.value, "MacAddress": mac_address.value}
    with connected(broker, issued.identity, answer.thing_name) as session:
        renewed = session.create_keys_and_certificate()
        rotated = session.register_thing(stack.outputs["ProvisioningTemplateName"], renewed, parameters)

    assert isinstance(rotated, Registered)
    assert reasons(embedded, device.serial_number.value) == ["first_reservation", "rotation"]
    with connected(broker, renewed.identity, rotated.thing_name) as session:
        assert session.echo(f"{rotated.thing_name}/hello", {"again": True}) == {"again": True}


def test_a_device_cannot_choose_its_thing_name_group_or_attributes(
    embedded: Embedded, device: AllowListEntry, ask: Ask
) -> None:
    _, answer = ask(device, ThingName="administrator", ThingGroup="administrators", Model="forged", DecisionId="forged")

    assert isinstance(answer, Registered)
    assert answer.thing_name == embedded.thing_name(device.serial_number)
    attributes = embedded.client("iot").describe_thing(thingName=answer.thing_name)["attributes"]
    assert "forged" not in attributes.values()


def test_eight_devices_with_one_identity_at_once_have_one_winner(
    embedded: Embedded, device: AllowListEntry, ask: Ask
) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = [answer for _, answer in pool.map(lambda _: ask(device), range(8))]

    assert sum(isinstance(answer, Registered) for answer in answers) == 1
    assert answers.count(DENIED) == 7
    recorded = reasons(embedded, device.serial_number.value)
    assert sorted(recorded) == ["first_reservation"] + ["reserved_by_another_certificate"] * 7


def test_twenty_devices_at_once_are_all_let_in(embedded: Embedded, device: AllowListEntry, ask: Ask) -> None:
    crowd = [replace(device, serial_number=SerialNumber(f"CROWD-{secrets.token_hex(6)}")) for _ in range(20)]
    for one in crowd:
        embedded.put(one)
    with ThreadPoolExecutor(len(crowd)) as pool:
        answers = list(pool.map(ask, crowd))

    assert [answer.thing_name for _, answer in answers if isinstance(answer, Registered)] == [
        embedded.thing_name(one.serial_number) for one in crowd
    ]
    assert all(reasons(embedded, one.serial_number.value) == ["first_reservation"] for one in crowd)
