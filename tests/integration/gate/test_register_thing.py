"""One device after the other at the gate: real tables, the hook's own role."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fleetgate.domain.allow_list import AllowListEntry, DeviceState
from fleetgate.domain.audit import Verdict
from fleetgate.domain.reasons import AllowRule, DenialReason
from fleetgate.gate.decision import Allowed, Denied
from fleetgate.gate.store import GateStore
from harness.embedded import Embedded
from tests.integration.conftest import Ask, Judge


def test_an_approved_device_is_reserved_with_its_record(
    embedded: Embedded, store: GateStore, approved: AllowListEntry, ask: Ask, judge: Judge
) -> None:
    request = ask(approved.serial_number.value)
    registration = judge(request, store)

    assert isinstance(registration.decision, Allowed)
    assert registration.decision.rule is AllowRule.FIRST_RESERVATION
    stored = embedded.entry(approved.serial_number)
    assert stored.state is DeviceState.RESERVED
    assert stored.version == approved.version + 1
    assert stored.reservation is not None
    assert stored.reservation.certificate_id == request.certificate_id
    (record,) = embedded.records(f"device#{approved.serial_number}")
    assert record == registration.record
    assert record.verdict is Verdict.ALLOWED
    assert record.import_id == "import-1"
    assert record.decision_id == registration.decision.parameter_overrides["DecisionId"]


def test_the_same_certificate_asking_again_gets_the_same_answer_and_changes_nothing(
    embedded: Embedded, store: GateStore, approved: AllowListEntry, ask: Ask, judge: Judge
) -> None:
    request = ask(approved.serial_number.value)
    first = judge(request, store)
    before = embedded.entry(approved.serial_number)
    again = judge(request, store)

    assert isinstance(first.decision, Allowed)
    assert isinstance(again.decision, Allowed)
    assert again.decision.rule is AllowRule.SAME_CERTIFICATE_RETRY
    assert again.decision.parameter_overrides == first.decision.parameter_overrides
    assert embedded.entry(approved.serial_number) == before
    records = embedded.records(f"device#{approved.serial_number}")
    assert [record.reason for record in records] == ["first_reservation", "same_certificate_retry"]
    assert {record.decision_id for record in records} == {first.decision.decision_id}


def test_another_certificate_is_denied_while_the_reservation_is_protected(
    embedded: Embedded, store: GateStore, approved: AllowListEntry, ask: Ask, judge: Judge
) -> None:
    judge(ask(approved.serial_number.value), store)
    before = embedded.entry(approved.serial_number)
    second = judge(ask(approved.serial_number.value), store)

    assert second.decision == Denied(DenialReason.RESERVED_BY_ANOTHER_CERTIFICATE)
    assert embedded.entry(approved.serial_number) == before


def test_an_unfinished_reservation_is_taken_over_after_its_protection_and_flagged(
    embedded: Embedded, store: GateStore, approved: AllowListEntry, ask: Ask, judge: Judge
) -> None:
    first = ask(approved.serial_number.value)
    judge(first, store)
    reserved = embedded.entry(approved.serial_number)
    assert reserved.reservation is not None
    long_ago = datetime.now(UTC) - timedelta(minutes=30)
    embedded.put(replace(reserved, reservation=replace(reserved.reservation, reserved_at=long_ago)))
    second = ask(approved.serial_number.value)
    registration = judge(second, store)

    assert isinstance(registration.decision, Allowed)
    assert registration.decision.rule is AllowRule.RESERVATION_TAKEOVER
    assert registration.record.taken_over
    assert registration.record.superseded_certificate_id == first.certificate_id
    held = embedded.entry(approved.serial_number).reservation
    assert held is not None
    assert (held.certificate_id, held.attempts, held.taken_over) == (second.certificate_id, 2, True)


def test_a_device_rotates_with_the_certificate_it_was_let_in_with(
    embedded: Embedded, store: GateStore, approved: AllowListEntry, ask: Ask, judge: Judge
) -> None:
    first = ask(approved.serial_number.value)
    judge(first, store)
    second = replace(ask(approved.serial_number.value), claim_certificate_id=first.certificate_id)
    registration = judge(second, store)

    assert isinstance(registration.decision, Allowed)
    assert registration.decision.rule is AllowRule.ROTATION
    stored = embedded.entry(approved.serial_number)
    assert stored.state is DeviceState.PROVISIONED
    assert stored.device_certificate is not None
    assert stored.device_certificate.certificate_id == first.certificate_id


def test_a_denial_is_filed_under_the_serial_number_with_its_reason(
    embedded: Embedded, store: GateStore, serial_number: str, ask: Ask, judge: Judge
) -> None:
    registration = judge(ask(serial_number), store)

    assert registration.decision == Denied(DenialReason.NOT_ON_ALLOW_LIST)
    assert embedded.records(f"device#{serial_number}") == [registration.record]
    assert registration.record.manufacturer == "acme"


def test_a_request_that_cannot_be_read_is_filed_under_its_claim_certificate(
    embedded: Embedded, store: GateStore, ask: Ask, judge: Judge
) -> None:
    request = ask("white space")
    registration = judge(request, store)

    assert registration.decision == Denied(DenialReason.SERIAL_NUMBER_INVALID)
    assert embedded.records(f"claim#{request.claim_certificate_id}") == [registration.record]
    assert registration.record.presented_serial_number == "white space"


def test_every_attribute_of_an_entry_survives_the_table(
    embedded: Embedded,
    approved: AllowListEntry,
    certificate_ids: Iterator[str],
    store: GateStore,
    ask: Ask,
    judge: Judge,
) -> None:
    full = replace(
        approved,
        templates=frozenset({"fleetgate", "other"}),
        valid_from=datetime(2020, 1, 1, tzinfo=UTC),
        valid_until=datetime(2100, 1, 1, tzinfo=UTC),
        repair_window_until=datetime(2030, 1, 1, tzinfo=UTC),
        reprovisioning_count=2,
    )
    embedded.put(full)
    judge(ask(full.serial_number.value), store)
    embedded.put(embedded.entry(full.serial_number).provisioned().quarantined())
    stored = embedded.entry(full.serial_number)

    assert stored.state is DeviceState.QUARANTINED
    unchanged = {
        "templates",
        "valid_from",
        "valid_until",
        "repair_window_until",
        "attributes",
        "mac_addresses",
        "import_id",
    }
    assert {name: getattr(stored, name) for name in unchanged} == {name: getattr(full, name) for name in unchanged}
