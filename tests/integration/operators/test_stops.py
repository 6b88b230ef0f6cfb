"""Stops against the real tables: no allow slips through, whoever is faster, and nothing comes back by another way."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.reasons import AllowRule, DenialReason
from fleetgate.gate.decision import Allowed, Denied
from fleetgate.gate.register_thing import Registration
from fleetgate.gate.store import GateStore
from fleetgate.operators.claims import release_claim
from fleetgate.operators.devices import quarantine_device, release_device
from fleetgate.operators.issued_certificates import activate_all_through, deactivate_all_through
from fleetgate.operators.stops import (
    SETTLING_TIME,
    gate_stop,
)
from fleetgate.operators.switch import (
    quarantine_manufacturer,
    release_manufacturer,
    start_gate,
    stop_gate,
)
from fleetgate.operators.tally import CertificateResult, Tally
from fleetgate.store.certificates import Certificates
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from tests.integration.conftest import Ask, Judge
from tests.integration.operators.desk import (
    STOPS,
    Desk,
    Throw,
    judged_with_what_is_known_now,
    throw_claim_certificate,
    throw_device,
    throw_gate,
    throw_import,
    throw_retirement,
)


@STOPS
@pytest.mark.parametrize("has_asked_before", [False, True], ids=["a new device", "a retry"])
def test_what_was_read_before_a_stop_and_committed_after_it_is_held_back(
    throw: Throw,
    reason: DenialReason,
    has_asked_before: bool,
    embedded: Embedded,
    store: GateStore,
    desk: Desk,
    device: AllowListEntry,
    claim: ClaimCertificate,
    issued: Callable[[], str],
    ask: Ask,
    judge: Judge,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = ask(device.serial_number.value, certificate_id=issued())
    if has_asked_before:
        assert isinstance(judge(request, store).decision, Allowed)
    late = judged_with_what_is_known_now(request, store, judge, monkeypatch)
    committed: list[Registration] = []
    desk.meanwhile = lambda: committed.append(late())

    stopped = throw(desk, device, claim)

    assert [0 < seconds <= SETTLING_TIME.total_seconds() for seconds in desk.waited] == [True]
    (registration,) = committed
    if isinstance(registration.decision, Allowed):
        # Where everybody is stopped, devices of other tests are counted as well.
        assert stopped.meanwhile.devices >= 1
        assert stopped.meanwhile.endings[CertificateResult.DEACTIVATED] == 1
        assert desk.status(request.certificate_id) == "INACTIVE"
    else:  # the hold is in the entry itself, on whose version every allow depends
        assert throw in {throw_device, throw_retirement}
        assert stopped.meanwhile.devices == 0
    assert judge(request, store).decision == Denied(reason)
    again = throw(desk, device, claim) if throw is not throw_import else stopped
    assert again.meanwhile.is_complete


@pytest.mark.parametrize("throw", [throw_gate, throw_claim_certificate])
def test_who_was_let_in_before_a_stop_keeps_the_certificate(
    throw: Throw,
    store: GateStore,
    desk: Desk,
    device: AllowListEntry,
    claim: ClaimCertificate,
    issued: Callable[[], str],
    ask: Ask,
    judge: Judge,
) -> None:
    request = ask(device.serial_number.value, certificate_id=issued())
    assert isinstance(judge(request, store).decision, Allowed)
    assert throw(desk, device, claim).meanwhile == Tally()
    assert desk.status(request.certificate_id) == "ACTIVE"


def test_a_started_gate_activates_what_was_let_in_while_it_was_stopped(
    store: GateStore,
    desk: Desk,
    device: AllowListEntry,
    claim: ClaimCertificate,
    issued: Callable[[], str],
    ask: Ask,
    judge: Judge,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = ask(device.serial_number.value, certificate_id=issued())
    desk.meanwhile = judged_with_what_is_known_now(request, store, judge, monkeypatch)
    throw_gate(desk, device, claim)
    assert desk.status(request.certificate_id) == "INACTIVE"

    start_gate(store=desk.switch, operator=desk.operator)
    assert judge(request, store).decision == Denied(DenialReason.CERTIFICATE_DEACTIVATED)
    assert desk.stopper.release_meanwhile(gate_stop()).endings[CertificateResult.ACTIVATED] == 1
    assert desk.status(request.certificate_id) == "ACTIVE"
    allowed = judge(request, store).decision
    assert isinstance(allowed, Allowed)
    assert allowed.rule is AllowRule.SAME_CERTIFICATE_RETRY
    assert CertificateResult.ACTIVATED not in desk.stopper.release_meanwhile(gate_stop()).endings


def test_a_stop_that_was_cut_off_before_its_end_is_finished_by_the_next(
    store: GateStore,
    desk: Desk,
    device: AllowListEntry,
    claim: ClaimCertificate,
    issued: Callable[[], str],
    ask: Ask,
    judge: Judge,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = ask(device.serial_number.value, certificate_id=issued())
    late = judged_with_what_is_known_now(request, store, judge, monkeypatch)

    def cut_off() -> None:
        late()
        raise KeyboardInterrupt

    desk.meanwhile = cut_off
    with pytest.raises(KeyboardInterrupt):
        throw_gate(desk, device, claim)
    assert desk.status(request.certificate_id) == "ACTIVE"

    again = throw_gate(desk, device, claim)
    assert again.change.record is None
    assert len(desk.waited) == 2
    # Also who was let in just before, such as by the test before this one.
    assert again.meanwhile.endings[CertificateResult.DEACTIVATED] >= 1
    assert desk.status(request.certificate_id) == "INACTIVE"


def test_what_a_blocked_claim_certificate_let_in_comes_back_through_no_other(
    embedded: Embedded,
    store: GateStore,
    desk: Desk,
    device: AllowListEntry,
    claim: ClaimCertificate,
    certificate_ids: Iterator[str],
    issued: Callable[[], str],
    ask: Ask,
    judge: Judge,
) -> None:
    other = ClaimCertificate(certificate_id=next(certificate_ids), manufacturer=None)
    embedded.put(other)
    request = ask(device.serial_number.value, certificate_id=issued())
    assert isinstance(judge(request, store).decision, Allowed)
    throw_claim_certificate(desk, device, claim)
    tally = deactivate_all_through(claim.certificate_id, service=desk.service, claims=desk.claims)
    assert tally.endings == {CertificateResult.DEACTIVATED: 1}

    through_another = replace(request, claim_certificate_id=other.certificate_id)
    assert judge(through_another, store).decision == Denied(DenialReason.CERTIFICATE_DEACTIVATED)
    release_claim(claim.certificate_id, store=desk.claims, operator=desk.operator)
    assert judge(request, store).decision == Denied(DenialReason.CERTIFICATE_DEACTIVATED)
    assert desk.status(request.certificate_id) == "INACTIVE"

    activated = activate_all_through(claim.certificate_id, service=desk.service, claims=desk.claims)
    assert activated.endings == {CertificateResult.ACTIVATED: 1}
    assert desk.status(request.certificate_id) == "ACTIVE"
    assert isinstance(judge(through_another, store).decision, Allowed)


@pytest.mark.parametrize("is_device_first", [True, False])
def test_a_certificate_under_two_stops_is_activated_by_the_release_of_the_last(
    is_device_first: bool,
    embedded: Embedded,
    store: GateStore,
    desk: Desk,
    device: AllowListEntry,
    claim: ClaimCertificate,
    issued: Callable[[], str],
    ask: Ask,
    judge: Judge,
) -> None:
    request = ask(device.serial_number.value, certificate_id=issued())
    assert isinstance(judge(request, store).decision, Allowed)
    quarantine_device(device.serial_number, store=desk.devices, operator=desk.operator)
    desk.service.deactivate(embedded.entry(device.serial_number))
    throw_claim_certificate(desk, device, claim)
    deactivate_all_through(claim.certificate_id, service=desk.service, claims=desk.claims)

    def release_the_device() -> set[CertificateResult]:
        release_device(device.serial_number, store=desk.devices, operator=desk.operator)
        return {one.ending for one in desk.service.activate(embedded.entry(device.serial_number))}

    def release_the_claim() -> set[CertificateResult]:
        release_claim(claim.certificate_id, store=desk.claims, operator=desk.operator)
        return set(activate_all_through(claim.certificate_id, service=desk.service, claims=desk.claims).endings)

    first, last = (release_the_device, release_the_claim)[:: 1 if is_device_first else -1]
    assert first() == {CertificateResult.STILL_STOPPED}
    assert desk.status(request.certificate_id) == "INACTIVE"
    assert last() == {CertificateResult.ACTIVATED}
    assert desk.status(request.certificate_id) == "ACTIVE"


def test_a_certificate_from_before_key_assignments_is_given_to_nobody_else_once_it_was_stopped(
    embedded: Embedded,
    store: GateStore,
    desk: Desk,
    device: AllowListEntry,
    claim: ClaimCertificate,
    issued: Callable[[], str],
    ask: Ask,
    judge: Judge,
) -> None:
    request = ask(device.serial_number.value, certificate_id=issued())
    assert isinstance(judge(request, store).decision, Allowed)
    key_fingerprint = Certificates(embedded.client("iot")).describe(request.certificate_id).key_fingerprint
    held = embedded.entry(device.serial_number)
    assert held.reservation
    embedded.put(replace(held, reservation=replace(held.reservation, key_fingerprint=None)))
    throw_device(desk, device, claim)
    desk.service.deactivate(embedded.entry(device.serial_number))

    other = replace(device, serial_number=type(device.serial_number)(f"{device.serial_number}-2"))
    embedded.put(other)
    asked = ask(other.serial_number.value, certificate_id=request.certificate_id, key_fingerprint=key_fingerprint)
    assert judge(asked, store).decision == Denied(DenialReason.KEY_ASSIGNED_TO_ANOTHER_DEVICE)


def test_a_request_that_cannot_be_read_keeps_its_own_reason_while_the_gate_is_stopped(
    store: GateStore, desk: Desk, ask: Ask, judge: Judge
) -> None:
    stop_gate(store=desk.switch, operator=desk.operator)
    assert judge(ask("white space"), store).decision == Denied(DenialReason.SERIAL_NUMBER_INVALID)


@pytest.fixture
def stopped(desk: Desk) -> None:
    """The gate is stopped. To be named before the hook's store: a process works with one at a time."""
    stop_gate(store=desk.switch, operator=desk.operator)


def test_a_decision_of_a_stopped_gate_takes_two_calls(
    stopped: None, faulty: FaultyDynamoDB, faulty_store: GateStore, approved: AllowListEntry, ask: Ask, judge: Judge
) -> None:
    assert judge(ask(approved.serial_number.value), faulty_store).decision == Denied(DenialReason.GATE_STOPPED)
    assert faulty.operations == ["BatchGetItem", "PutItem"]


def test_operators_who_stop_at_once_all_have_their_way(embedded: Embedded, desk: Desk, manufacturer: str) -> None:
    names = [f"{manufacturer} {number}" for number in range(3)]
    store, operator = desk.switch, desk.operator
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda name: quarantine_manufacturer(name, store=store, operator=operator), names))
    assert set(names) <= store.switch().manufacturers
    for name in names:
        release_manufacturer(name, store=store, operator=operator)
        records = embedded.records(f"manufacturer#{name}")
        assert [record.action for record in records] == ["quarantine_manufacturer", "release_manufacturer"]
