"""Claims are claims: what `fleetgate claim register` refuses, and what it warns of."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ulid import ULID

from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.refusals import RefusalCode
from fleetgate_cli.errors import ExitCode
from harness import faulty_dynamodb as faults
from harness.command import Answer, Fleetgate
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB

ACME = ("--manufacturer", "acme", "--json")


def certificate(embedded: Embedded, *, active: bool = True) -> str:
    """The ID of a certificate that AWS IoT has."""
    return str(embedded.client("iot").create_keys_and_certificate(setAsActive=active)["certificateId"])


def decide(embedded: Embedded, serial_number: str, certificate_id: str, verdict: Verdict) -> None:
    """Put on record what the gate decided of a certificate."""
    moment = datetime.now(UTC) - timedelta(hours=1)
    record_id = str(ULID.from_datetime(moment))
    embedded.put_record(
        AuditRecord(
            record_id=record_id,
            recorded_at=moment,
            kind=RecordKind.DECISION,
            verdict=verdict,
            reason="first_reservation" if verdict is Verdict.ALLOWED else "mac_address_mismatch",
            serial_number=serial_number,
            decision_id=record_id,
            certificate_id=certificate_id,
        )
    )


@pytest.mark.parametrize("unlisted", [(), ("--unlisted",)])
def test_a_devices_certificate_is_refused(
    fleetgate: Fleetgate, embedded: Embedded, serial_number: str, unlisted: tuple[str, ...]
) -> None:
    certificate_id = certificate(embedded)
    decide(embedded, serial_number, certificate_id, Verdict.ALLOWED)
    refused = fleetgate("claim", "register", certificate_id, *ACME, *unlisted)

    assert (refused.exit_code, refused.error["code"]) == (ExitCode.REFUSED, RefusalCode.CERTIFICATE_OF_A_DEVICE)
    assert f"the device certificate of {serial_number}" in refused.error["message"]
    assert embedded.records(f"claim#{certificate_id}") == []


def test_a_certificate_that_the_gate_gave_to_nobody_is_no_devices(
    fleetgate: Fleetgate, embedded: Embedded, serial_number: str
) -> None:
    certificate_id = certificate(embedded)
    decide(embedded, serial_number, certificate_id, Verdict.DENIED)
    answer = fleetgate("claim", "register", certificate_id, *ACME)

    assert (answer.document["result"], answer.document["warnings"]) == ("registered", [])


def test_a_certificate_that_aws_iot_does_not_have_is_refused(
    fleetgate: Fleetgate, embedded: Embedded, certificate_ids: Iterator[str]
) -> None:
    certificate_id = next(certificate_ids)
    refused = fleetgate("claim", "register", certificate_id, *ACME)

    assert (refused.exit_code, refused.error["code"]) == (ExitCode.REFUSED, RefusalCode.CERTIFICATE_NOT_IN_AWS_IOT)
    assert embedded.records(f"claim#{certificate_id}") == []
    assert fleetgate("claim", "register", certificate_id, *ACME, "--unlisted").document["result"] == "registered"


def test_an_inactive_certificate_is_registered_with_a_warning(fleetgate: Fleetgate, embedded: Embedded) -> None:
    answer = fleetgate("claim", "register", certificate(embedded, active=False), *ACME)

    assert answer.document["warnings"] == [
        "AWS IoT says that the certificate is INACTIVE: no device can connect with it."
    ]


@pytest.fixture
def unasked(
    fleetgate: Fleetgate, embedded: Embedded, faulty: FaultyDynamoDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Fleetgate:
    """The command where AWS IoT says nothing about certificates."""

    def meet(doorman: Any) -> None:
        if doorman.path.startswith("/certificates/"):
            doorman.refuse("AccessDeniedException", {}, status=403)
        else:
            faults.behave(doorman)

    faulty.always(meet)
    (tmp_path / ".local").mkdir()
    embedded.stack.model_copy(update={"endpoint_url": faulty.endpoint_url}).save(tmp_path)
    monkeypatch.chdir(tmp_path)
    return fleetgate


def test_where_aws_iot_cannot_be_asked_that_is_a_warning_and_no_denial(unasked: Fleetgate, embedded: Embedded) -> None:
    certificate_id = secrets.token_hex(32)
    answer: Answer = unasked("claim", "register", certificate_id, "--manufacturer", "acme")

    assert answer.exit_code == ExitCode.DONE
    registered, warning = answer.stdout.splitlines()
    assert registered.startswith("Registered: ")
    assert warning.startswith("Warning: could not check that AWS IoT has this certificate: ")
    assert "AccessDenied" in warning
    assert embedded.claim_item(certificate_id)["status"] == {"S": "active"}
