"""The package that is deployed, run by the runtime that Lambda runs: complete, in time, clean between invocations."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import RecordKind
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from harness import faulty_dynamodb as faults
from harness.certificates import issued_certificate
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from local.embedded.build import build_package
from tests.runtime.gate.emulator import Emulator, emulator

DENIED = {"allowProvisioning": False, "parameterOverrides": {}}
HANDLER = "fleetgate.gate.hook.handler"


@pytest.fixture(scope="module")
def function() -> Path:
    """The built function's folder."""
    return build_package().folder


@pytest.fixture
def environment(embedded: Embedded) -> dict[str, str]:
    """What Lambda gives the deployed hook: its variables, and its role's credentials."""
    return {**embedded.environment_of("HookFunction"), "AWS_REGION": embedded.stack.region}


@pytest.fixture
def hook(function: Path, environment: dict[str, str], tmp_path: Path) -> Iterator[Emulator]:
    """The hook with DynamoDB behaving."""
    with emulator(function, HANDLER, environment, tmp_path / "log") as running:
        yield running


@pytest.fixture
def event(
    embedded: Embedded, environment: dict[str, str], serial_number: str, certificate_ids: Iterator[str]
) -> dict[str, Any]:
    """A hook event of an approved device."""
    claim = ClaimCertificate(certificate_id=next(certificate_ids), manufacturer="acme")
    embedded.put(claim)
    embedded.put(
        AllowListEntry(
            serial_number=SerialNumber(serial_number),
            manufacturer="acme",
            mac_addresses=frozenset({MacAddress.parse("001B44113AB7")}),
        )
    )
    certificate = issued_certificate()
    return {
        "claimCertificateId": claim.certificate_id,
        "certificateId": certificate.certificate_id,
        "certificatePem": certificate.pem,
        "templateArn": environment["PROVISIONING_TEMPLATE_ARN"],
        "clientId": "claim-device-1",
        "parameters": {"SerialNumber": serial_number, "MacAddress": "001B44113AB7"},
    }


def test_the_built_function_lets_an_approved_device_in_and_the_next_unknown_one_not(
    hook: Emulator, event: dict[str, Any], embedded: Embedded
) -> None:
    allowed = hook.invoke(event)
    assert allowed["allowProvisioning"] is True
    assert hook.invoke({**event, "parameters": {"SerialNumber": "unknown", "MacAddress": "001B44113AB7"}}) == DENIED
    assert hook.invoke({**event, "parameters": None}) == DENIED
    assert hook.invoke({}) == DENIED
    assert hook.invoke(event) == allowed

    records = embedded.records(f"device#{event['parameters']['SerialNumber']}")
    # The watcher notes beside them that the key was presented for another device.
    reasons = [record.reason for record in records if record.kind is RecordKind.DECISION]
    assert reasons == ["first_reservation", "same_certificate_retry"]
    assert "Task timed out" not in hook.log.read_text()


def test_the_client_is_built_at_init(hook: Emulator, event: dict[str, Any]) -> None:
    hook.invoke(event)
    log = hook.log.read_text()
    assert "INIT RTDONE(status: success)" in log
    assert "could not be built at init" not in log


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(faults.hang, "store_timeout"), (faults.trickle, "deadline_exceeded"), (faults.throttle, "store_throttled")],
)
def test_the_answer_comes_before_the_limit_of_five_seconds_whatever_dynamodb_does(
    fault: faults.Fault,
    reason: str,
    function: Path,
    environment: dict[str, str],
    event: dict[str, Any],
    embedded: Embedded,
    tmp_path: Path,
) -> None:
    with FaultyDynamoDB.before(embedded.stack.endpoint_url) as faulty:
        environment["AWS_ENDPOINT_URL"] = faulty.endpoint_url
        with emulator(function, HANDLER, environment, tmp_path / "log", timeout_seconds=5) as hook:
            faulty.always(fault)
            assert hook.invoke(event) == DENIED
            faulty.always(faults.behave)
            assert hook.invoke(event)["allowProvisioning"] is True
            log = hook.log.read_text()
    assert f'"fault":"{reason}"' in log
    assert "Task timed out" not in log


def test_a_slow_write_is_given_up_in_time_and_found_by_the_retry(
    function: Path, environment: dict[str, str], event: dict[str, Any], embedded: Embedded, tmp_path: Path
) -> None:
    with FaultyDynamoDB.before(embedded.stack.endpoint_url) as faulty:
        environment["AWS_ENDPOINT_URL"] = faulty.endpoint_url
        with emulator(function, HANDLER, environment, tmp_path / "log", timeout_seconds=5) as hook:
            faulty.next(faults.behave, faults.trickle)
            assert hook.invoke(event) == DENIED
            assert hook.invoke(event)["allowProvisioning"] is True
            assert "Task timed out" not in hook.log.read_text()


def test_the_emulator_does_enforce_the_limit(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import time\ndef handler(event, context):\n    time.sleep(30)\n")
    with emulator(tmp_path, "slow.handler", {}, tmp_path / "log", timeout_seconds=1) as slow:
        assert "timed out after 1.00 seconds" in str(slow.invoke({}))
