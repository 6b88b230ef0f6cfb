"""What becomes of devices that were let in: topic rules, the deployed recorder, the audit trail."""

import base64
import gzip
import json
import secrets
from datetime import UTC, datetime, timedelta

import pytest
from ulid import ULID

from fleetgate.domain.allow_list import AllowListEntry, DeviceState, Purpose, Reservation
from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate_cli.local_stack import StackDescription
from harness.embedded import Embedded
from local.demo.device import Broker, Identity, Issued, Registered, connected
from tests.e2e.conftest import Ask
from tests.e2e.waiting import eventually


def outcome(embedded: Embedded, serial_number: str, reason: str) -> AuditRecord:
    """The audit record of an outcome, once it is there."""

    def look() -> AuditRecord | None:
        records = embedded.records(f"device#{serial_number}")
        return next((one for one in records if one.kind is RecordKind.OUTCOME and one.reason == reason), None)

    return eventually(look)


@pytest.fixture
def let_in(device: AllowListEntry, ask: Ask) -> Issued:
    """The certificate of a device that was just let in."""
    issued, answer = ask(device)
    assert isinstance(answer, Registered)
    return issued


def test_a_device_is_provisioned_once_it_connects_with_its_certificate(
    embedded: Embedded, device: AllowListEntry, let_in: Issued, broker: Broker
) -> None:
    name = device.serial_number.value
    registered = outcome(embedded, name, "thing_registered")
    assert embedded.entry(name).state is DeviceState.RESERVED

    with connected(broker, let_in.identity, embedded.thing_name(name)):
        pass
    seen = outcome(embedded, name, "connected")
    entry = embedded.entry(name)
    assert entry.state is DeviceState.PROVISIONED
    assert entry.device_certificate is not None
    assert entry.device_certificate.certificate_id == let_in.certificate_id
    (decision,) = [one for one in embedded.records(f"device#{name}") if one.kind is RecordKind.DECISION]
    assert seen.certificate_id == let_in.certificate_id
    assert {seen.decision_id, registered.decision_id} == {decision.decision_id}


def test_a_thing_that_was_made_past_the_gate_is_found(embedded: Embedded) -> None:
    name = f"E2E-{secrets.token_hex(6)}"
    embedded.client("iot").create_thing(
        thingName=embedded.thing_name(name),
        thingTypeName="fleetgate-device",
        attributePayload={"attributes": {"SerialNumber": name}},
    )
    assert outcome(embedded, name, "unapproved_thing").thing_name == embedded.thing_name(name)


@pytest.mark.parametrize(
    ("status", "reason"), [("Failure", "provisioning_failed"), ("Success", "provisioning_succeeded")]
)
def test_what_aws_iot_logs_of_provisioning_is_noted(
    status: str, reason: str, embedded: Embedded, device: AllowListEntry, let_in: Issued
) -> None:
    """The embedded AWS writes no AWSIotLogsV2; the deployed recorder gets a documented entry, packed as AWS does."""
    entry = {
        "timestamp": "2026-03-01 12:00:00.000",
        "logLevel": "ERROR",
        "traceId": secrets.token_hex(16),
        "accountId": "000000000000",
        "status": status,
        "eventType": "ProvisionDevice",
        "provisioningTemplateName": "fleetgate",
        "deviceCertificateId": let_in.certificate_id,
        "details": "Additional details about this error.",
    }
    log = {
        "messageType": "DATA_MESSAGE",
        "logGroup": "AWSIotLogsV2",
        "logEvents": [{"id": secrets.token_hex(28), "timestamp": 1772366400000, "message": json.dumps(entry)}],
    }
    packed = base64.b64encode(gzip.compress(json.dumps(log).encode())).decode()
    answer = embedded.client("lambda").invoke(
        FunctionName=embedded.resource("OutcomeFunction"),
        Payload=json.dumps({"awslogs": {"data": packed}}).encode(),
    )

    assert "FunctionError" not in answer
    assert outcome(embedded, device.serial_number.value, reason).certificate_id == let_in.certificate_id
    assert embedded.entry(device.serial_number).state is DeviceState.RESERVED


def test_registry_events_are_on_and_nothing_else_was_switched(embedded: Embedded) -> None:
    configured = embedded.client("iot").describe_event_configurations()["eventConfigurations"]
    assert [kind for kind, setting in configured.items() if setting.get("Enabled")] == ["THING"]


def test_a_reservation_that_ran_out_with_a_pending_certificate_is_released_by_the_deployed_reconciler(
    embedded: Embedded, device: AllowListEntry, broker: Broker, acme_claim: Identity, stack: StackDescription
) -> None:
    with connected(broker, acme_claim, f"{stack.claim_client_id_prefix}{secrets.token_hex(6)}") as session:
        issued = session.create_keys_and_certificate()
    moment = datetime.now(UTC) - timedelta(hours=2)
    decision_id = str(ULID.from_datetime(moment))
    reservation = Reservation(
        certificate_id=issued.certificate_id,
        claim_certificate_id=secrets.token_hex(32),
        decision_id=decision_id,
        purpose=Purpose.ENROLMENT,
        reserved_at=moment,
        deadline=moment + timedelta(hours=1),
    )
    embedded.put(device.reserve(reservation))
    embedded.put_record(
        AuditRecord(
            record_id=decision_id,
            recorded_at=moment,
            kind=RecordKind.DECISION,
            verdict=Verdict.ALLOWED,
            reason="first_reservation",
            serial_number=device.serial_number.value,
            decision_id=decision_id,
            certificate_id=issued.certificate_id,
            thing_name=embedded.thing_name(device.serial_number),
        )
    )
    embedded.client("lambda").invoke(FunctionName=embedded.resource("ReconcilerFunction"), Payload=b"{}")

    assert outcome(embedded, device.serial_number.value, "never_completed").certificate_id == issued.certificate_id
    assert embedded.entry(device.serial_number).state is DeviceState.APPROVED
