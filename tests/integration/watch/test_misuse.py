"""A device's own certificate asks for another device: who is told, and what is on record of both."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from ulid import ULID

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord, NoticeAction, RecordKind, Verdict
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.store.allow_list_items import KeyItem, assignment_key
from fleetgate.watch.burst import WATCHER
from harness import faulty_dynamodb as faults
from harness.command import Fleetgate
from harness.denials import denial
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from tests.integration.conftest import Forge
from tests.integration.watch.guessing import QUIET, Invoke, metrics_in

CODE = "claim_certificate_not_registered"


@pytest.fixture
def owned(embedded: Embedded, serial_number: str, certificate_ids: Iterator[str], moment: datetime) -> AuditRecord:
    """The allow that gave a device its certificate."""
    record_id = str(ULID.from_datetime(moment - timedelta(hours=2)))
    allow = AuditRecord(
        record_id=record_id,
        recorded_at=moment - timedelta(hours=2),
        kind=RecordKind.DECISION,
        verdict=Verdict.ALLOWED,
        reason="first_reservation",
        serial_number=serial_number,
        decision_id=record_id,
        certificate_id=next(certificate_ids),
        manufacturer="acme",
    )
    embedded.put_record(allow)
    return allow


@pytest.fixture
def other() -> str:
    """Another device."""
    return f"OTHER-{secrets.token_hex(4)}"


def notices(embedded: Embedded, serial_number: str | None) -> list[AuditRecord]:
    records = embedded.records(f"device#{serial_number}")
    return [record for record in records if record.kind is RecordKind.NOTICE]


def test_both_devices_have_it_on_record_and_people_are_told(
    embedded: Embedded,
    invoke: Invoke,
    owned: AuditRecord,
    other: str,
    moment: datetime,
    told: list[dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = denial(owned.certificate_id, other, moment, reason=CODE)
    assert invoke([asked]) == QUIET

    sentence = f"the certificate of {owned.serial_number} asked for {other}: quarantine {owned.serial_number}"
    for serial_number in (owned.serial_number, other):
        (notice,) = notices(embedded, serial_number)
        assert (notice.action, notice.actor, notice.reason) == (
            NoticeAction.ASKED_FOR_ANOTHER_DEVICE,
            WATCHER,
            sentence,
        )
        assert (notice.serial_number, notice.claim_certificate_id) == (serial_number, owned.certificate_id)
    (event,) = told
    detail = json.loads(event["Detail"])
    assert (event["Source"], event["DetailType"]) == ("fleetgate", "Device Certificate Misused")
    assert sentence in detail.pop("sentence")
    assert detail == {
        "audit_table": embedded.stack.outputs["AuditTableName"],
        "certificate_id": owned.certificate_id,
        "key_fingerprint": None,
        "serial_number": owned.serial_number,
        "asked_for": other,
        "manufacturer": "acme",
        "decision_id": asked.decision_id,
    }
    assert metrics_in(capsys.readouterr().out)["DeviceCertificateMisused"] == 1


def test_a_key_that_is_used_for_another_device_is_on_record_of_both(
    embedded: Embedded,
    invoke: Invoke,
    serial_number: str,
    other: str,
    moment: datetime,
    told: list[dict[str, Any]],
    fleetgate: Fleetgate,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fingerprint = secrets.token_hex(32)
    embedded.put_raw(KeyItem(assignment_key(fingerprint), serial_number=serial_number, updated_at=moment).serialize())
    asked = [
        replace(
            denial(secrets.token_hex(32), other, moment, reason="key_assigned_to_another_device"),
            certificate_id=secrets.token_hex(32),
            key_fingerprint=fingerprint,
        )
        for _ in range(2)
    ]
    assert invoke(asked) == QUIET
    assert invoke(asked) == QUIET

    sentence = f"the key of {serial_number} was presented for {other}: compare both"
    for one in (serial_number, other):
        (notice,) = notices(embedded, one)
        assert (notice.reason, notice.key_fingerprint) == (sentence, fingerprint)
        assert notice.certificate_id == asked[1].certificate_id
        assert sentence in fleetgate("device", "show", one).stdout.replace("\n", " ")
    (event,) = told
    assert json.loads(event["Detail"])["key_fingerprint"] == fingerprint
    # The hook counts these denials itself.
    assert not metrics_in(capsys.readouterr().out).get("DeviceCertificateMisused")


def test_it_is_on_record_once_however_often_it_comes(
    embedded: Embedded, invoke: Invoke, owned: AuditRecord, other: str, moment: datetime, told: list[dict[str, Any]]
) -> None:
    for minute in range(3):
        invoke([denial(owned.certificate_id, other, moment + timedelta(minutes=minute), reason=CODE)])

    assert [len(notices(embedded, one)) for one in (owned.serial_number, other)] == [1, 1]
    assert len(told) == 1
    invoke([denial(owned.certificate_id, other, moment + timedelta(minutes=61), reason=CODE)])
    assert [len(notices(embedded, one)) for one in (owned.serial_number, other)] == [2, 2]
    assert len(told) == 2


def test_a_certificate_that_asks_for_many_is_announced_once_and_on_record_for_each(
    embedded: Embedded, invoke: Invoke, owned: AuditRecord, moment: datetime, told: list[dict[str, Any]]
) -> None:
    others = [f"OTHER-{secrets.token_hex(4)}" for _ in range(3)]
    invoke([denial(owned.certificate_id, one, moment, reason=CODE) for one in others])

    assert len(notices(embedded, owned.serial_number)) == len(others)
    assert [len(notices(embedded, one)) for one in others] == [1, 1, 1]
    assert len(told) == 1


def test_a_device_that_asks_for_itself_and_a_claim_certificate_are_nothing(
    embedded: Embedded,
    invoke: Invoke,
    owned: AuditRecord,
    other: str,
    claim: ClaimCertificate,
    moment: datetime,
    told: list[dict[str, Any]],
) -> None:
    own = denial(owned.certificate_id, str(owned.serial_number), moment, reason="rotation_not_allowed")
    unreadable = replace(
        denial(owned.certificate_id, other, moment, reason="serial_number_ambiguous"),
        serial_number=None,
        presented_serial_number=f"{other} | {owned.serial_number}",
    )
    assert invoke([own, unreadable, denial(claim.certificate_id, other, moment)]) == QUIET

    assert [notices(embedded, one) for one in (owned.serial_number, other)] == [[], []]
    assert told == []


def test_a_serial_number_that_was_presented_with_something_wrong_beside_it_counts(
    embedded: Embedded, invoke: Invoke, owned: AuditRecord, other: str, moment: datetime
) -> None:
    asked = denial(owned.certificate_id, other, moment, reason="mac_address_invalid")
    assert invoke([replace(asked, serial_number=None)]) == QUIET
    assert [len(notices(embedded, one)) for one in (owned.serial_number, other)] == [1, 1]


def test_an_allow_that_somebody_forged_among_the_queries_makes_nobody_an_owner(
    embedded: Embedded, invoke: Invoke, owned: AuditRecord, other: str, moment: datetime, forge: Forge
) -> None:
    forged = replace(owned, certificate_id=secrets.token_hex(32), record_id=str(ULID.from_datetime(moment)))
    forge(forged)
    invoke([denial(forged.certificate_id, other, moment, reason=CODE)])
    assert notices(embedded, other) == []


def test_what_could_not_be_checked_comes_again(
    embedded: Embedded,
    invoke: Invoke,
    owned: AuditRecord,
    other: str,
    moment: datetime,
    faulty: FaultyDynamoDB,
    capsys: pytest.CaptureFixture[str],
) -> None:
    record = denial(owned.certificate_id, other, moment, reason=CODE)
    faulty.always(faults.fail)
    assert invoke([record], AWS_ENDPOINT_URL_DYNAMODB=faulty.endpoint_url) == [record.record_id]
    assert metrics_in(capsys.readouterr().out)["WatchFault"] >= 1
    assert notices(embedded, other) == []
    faulty.heal()
    assert invoke([record]) == QUIET
    assert len(notices(embedded, other)) == 1


def test_device_show_and_the_story_of_both_say_so(
    embedded: Embedded,
    invoke: Invoke,
    owned: AuditRecord,
    approved: AllowListEntry,
    moment: datetime,
    fleetgate: Fleetgate,
) -> None:
    # `approved` has the serial number of the owner.
    other = f"OTHER-{secrets.token_hex(4)}"
    asked = denial(owned.certificate_id, other, moment, reason=CODE)
    embedded.put_record(asked)
    invoke([asked])

    sentence = f"the certificate of {approved.serial_number} asked for {other}: quarantine {approved.serial_number}"
    for serial_number in (str(approved.serial_number), other):
        assert f"Beware          {sentence}" in fleetgate("device", "show", serial_number).stdout
        shown = fleetgate("device", "show", serial_number, "--json").document
        assert shown["notice"]["reason"] == sentence
        told = " ".join(fleetgate("device", "story", serial_number, "--no-proof").stdout.split())
        assert f"Beware {sentence}" in told
        document = fleetgate("device", "story", serial_number, "--no-proof", "--json").document
        assert document["notices"] == [sentence]
