"""How far a stop reaches: earlier certificates, rotations, other certificates of a key, and late commits."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import Clock, OperatorAction
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.operator_action import Change
from fleetgate.domain.reasons import AllowRule
from fleetgate.gate.decision import Allowed
from fleetgate.gate.register_thing import Registration, register_thing
from fleetgate.gate.request import RegistrationRequest
from fleetgate.gate.settings import HookSettings
from fleetgate.gate.store import GateStore
from fleetgate.operators.claims import release_claim
from fleetgate.operators.device_store import DeviceStore
from fleetgate.operators.devices import release_device
from fleetgate.operators.issued_certificates import activate_all_through, deactivate_all_through
from fleetgate.operators.stops import (
    import_stop,
)
from fleetgate.operators.switch import (
    release_manufacturer,
)
from fleetgate.operators.tally import CertificateResult
from fleetgate.store.audit_items import make_clock
from fleetgate.store.certificates import Certificates, DescribedCertificate
from harness.embedded import Embedded
from tests.integration.conftest import Ask, Judge
from tests.integration.operators.desk import (
    Desk,
    Throw,
    judged_with_what_is_known_now,
    throw_claim_certificate,
    throw_device,
    throw_import,
    throw_manufacturer,
)


@pytest.mark.parametrize("throw", [throw_device, throw_manufacturer, throw_import])
def test_a_stop_of_devices_takes_superseded_certificates_and_its_release_brings_them_back(
    throw: Throw,
    embedded: Embedded,
    store: GateStore,
    desk: Desk,
    device: AllowListEntry,
    claim: ClaimCertificate,
    issued: Callable[[], str],
    ask: Ask,
    judge: Judge,
) -> None:
    """Somebody has the key of the certificate that the device rotated away from."""
    first = ask(device.serial_number.value, certificate_id=issued())
    assert isinstance(judge(first, store).decision, Allowed)
    second = replace(
        ask(device.serial_number.value, certificate_id=issued()), claim_certificate_id=first.certificate_id
    )
    assert isinstance(judge(second, store).decision, Allowed)
    embedded.put(embedded.entry(device.serial_number).provisioned())
    assert first.certificate_id not in embedded.entry(device.serial_number).certificate_ids

    def statuses() -> set[str]:
        return {desk.status(one.certificate_id) for one in (first, second)}

    throw(desk, device, claim)
    handled = desk.service.deactivate(embedded.entry(device.serial_number))
    assert {one.certificate_id for one in handled} == {first.certificate_id, second.certificate_id}
    assert statuses() == {"INACTIVE"}

    if throw is throw_device:
        release_device(device.serial_number, store=desk.devices, operator=desk.operator)
    elif throw is throw_manufacturer:
        release_manufacturer(device.manufacturer, store=desk.switch, operator=desk.operator)
    else:
        switch = desk.switch.switch().releasing_import(str(device.import_id))
        assert desk.switch.change(switch, desk.operator.record(OperatorAction.RELEASE_IMPORT))
    desk.service.activate(embedded.entry(device.serial_number))
    assert statuses() == {"ACTIVE"}


def test_an_earlier_certificate_that_aws_iot_deleted_is_nothing_to_tell_of(
    embedded: Embedded,
    store: GateStore,
    desk: Desk,
    device: AllowListEntry,
    claim: ClaimCertificate,
    issued: Callable[[], str],
    ask: Ask,
    judge: Judge,
) -> None:
    deleted = ask(device.serial_number.value)
    assert isinstance(judge(deleted, store).decision, Allowed)
    current = ask(device.serial_number.value, certificate_id=issued())
    assert isinstance(judge(replace(current, claim_certificate_id=deleted.certificate_id), store).decision, Allowed)
    embedded.put(embedded.entry(device.serial_number).provisioned())
    throw_device(desk, device, claim)

    handled = desk.service.deactivate(embedded.entry(device.serial_number))
    assert [one.certificate_id for one in handled] == [current.certificate_id]


class Watched(Certificates):
    """AWS IoT, and what a device does just before its certificate is looked at."""

    def __init__(self, client: Any, just_before: dict[str, Callable[[], Any]]) -> None:
        super().__init__(client)
        self._just_before = just_before

    def describe(self, certificate_id: str) -> DescribedCertificate:
        """What AWS IoT says, and the device was faster."""
        if (act := self._just_before.pop(certificate_id, None)) is not None:
            act()
        return super().describe(certificate_id)


def test_a_device_that_rotates_just_before_its_certificate_is_deactivated_loses_the_new_one_too(
    embedded: Embedded,
    store: GateStore,
    desk: Desk,
    device: AllowListEntry,
    claim: ClaimCertificate,
    issued: Callable[[], str],
    ask: Ask,
    judge: Judge,
) -> None:
    first, second = (ask(device.serial_number.value, certificate_id=issued()) for _ in range(2))
    assert isinstance(judge(first, store).decision, Allowed)
    throw_claim_certificate(desk, device, claim)
    rotation = replace(second, claim_certificate_id=first.certificate_id)
    certificates = Watched(embedded.client("iot"), {first.certificate_id: lambda: judge(rotation, store)})
    tally = deactivate_all_through(
        claim.certificate_id, service=replace(desk.service, certificates=certificates), claims=desk.claims
    )

    assert (tally.devices, tally.endings) == (2, {CertificateResult.DEACTIVATED: 2})
    assert {desk.status(one.certificate_id) for one in (first, second)} == {"INACTIVE"}
    again = deactivate_all_through(claim.certificate_id, service=desk.service, claims=desk.claims)
    assert (again.devices, again.endings) == (2, {CertificateResult.UNCHANGED: 2})
    release_claim(claim.certificate_id, store=desk.claims, operator=desk.operator)
    activate_all_through(claim.certificate_id, service=desk.service, claims=desk.claims)
    assert {desk.status(one.certificate_id) for one in (first, second)} == {"ACTIVE"}
    assert isinstance(judge(rotation, store).decision, Allowed)


def test_who_is_let_in_while_a_claim_certificate_is_blocked_and_rotates_loses_both_certificates(
    store: GateStore,
    desk: Desk,
    device: AllowListEntry,
    claim: ClaimCertificate,
    issued: Callable[[], str],
    ask: Ask,
    judge: Judge,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = (ask(device.serial_number.value, certificate_id=issued()) for _ in range(2))
    late = judged_with_what_is_known_now(first, store, judge, monkeypatch)

    def slip_in() -> None:
        assert isinstance(late().decision, Allowed)
        rotation = replace(second, claim_certificate_id=first.certificate_id)
        assert isinstance(judge(rotation, store).decision, Allowed)

    desk.meanwhile = slip_in
    stopped = throw_claim_certificate(desk, device, claim)
    assert stopped.meanwhile.endings == {CertificateResult.DEACTIVATED: 2}
    assert {desk.status(one.certificate_id) for one in (first, second)} == {"INACTIVE"}


@pytest.mark.parametrize("is_on_record", [True, False])
def test_a_stop_of_a_key_takes_its_other_certificate_that_came_through_another_claim_certificate(
    is_on_record: bool,
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
    key = next(certificate_ids)
    first, second = (ask(device.serial_number.value, certificate_id=issued(), key_fingerprint=key) for _ in range(2))
    assert isinstance(judge(first, store).decision, Allowed)
    if is_on_record:
        again = judge(replace(second, claim_certificate_id=other.certificate_id), store).decision
        assert isinstance(again, Allowed)
        assert again.rule is AllowRule.SAME_KEY
    else:
        entry = embedded.entry(device.serial_number)
        assert entry.reservation
        held = replace(entry.reservation, certificate_id=second.certificate_id)
        embedded.put(replace(entry, reservation=held, version=entry.version + 1))
    throw_claim_certificate(desk, device, claim)
    tally = deactivate_all_through(claim.certificate_id, service=desk.service, claims=desk.claims)

    assert tally.endings == {CertificateResult.DEACTIVATED: 2}
    assert {desk.status(one.certificate_id) for one in (first, second)} == {"INACTIVE"}
    release_claim(claim.certificate_id, store=desk.claims, operator=desk.operator)
    activate_all_through(claim.certificate_id, service=desk.service, claims=desk.claims)
    assert {desk.status(one.certificate_id) for one in (first, second)} == {"ACTIVE"}


def test_a_device_that_repeats_its_request_is_looked_up_once(
    store: GateStore,
    desk: Desk,
    device: AllowListEntry,
    claim: ClaimCertificate,
    issued: Callable[[], str],
    ask: Ask,
    judge: Judge,
) -> None:
    """Each retry is an allow on record; somebody with a stolen claim certificate makes thousands of them."""
    request = ask(device.serial_number.value, certificate_id=issued())
    for _ in range(5):
        assert isinstance(judge(request, store).decision, Allowed)
    looked_up: list[str] = []

    class Devices(DeviceStore):
        """The devices, and which were looked up."""

        def device(self, serial_number: SerialNumber) -> AllowListEntry | None:
            looked_up.append(serial_number.value)
            return super().device(serial_number)

    def repeats() -> None:
        for _ in range(5):
            judge(request, store)

    service = replace(desk.service, devices=Devices(desk.tables))
    stopper = replace(desk.stopper, service=service, sleep=lambda _: repeats())
    now = desk.operator.clock.now()
    nobody = replace(import_stop("import-of-nobody"), covers=lambda _: False)
    # The stop does nothing, so that the device is let in meanwhile.
    stopper.stop(nobody, lambda: Change(None, replace(desk.operator.record(OperatorAction.STOP_GATE), recorded_at=now)))
    assert looked_up.count(device.serial_number.value) == 1


def test_a_repeat_finds_who_was_let_in_by_a_hook_whose_clock_is_ahead(
    embedded: Embedded,
    store: GateStore,
    desk: Desk,
    device: AllowListEntry,
    claim: ClaimCertificate,
    issued: Callable[[], str],
    ask: Ask,
    settings: HookSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = make_clock()
    ahead = Clock(now=lambda: right.now() + timedelta(minutes=10), new_record_id=right.new_record_id)
    request = ask(device.serial_number.value, certificate_id=issued())

    def judge_ahead(request: RegistrationRequest, store: GateStore) -> Registration:
        return register_thing(request, policy=settings.policy, store=store, clock=ahead)

    late = judged_with_what_is_known_now(request, store, judge_ahead, monkeypatch)

    def cut_off() -> None:
        late()
        raise KeyboardInterrupt

    desk.meanwhile = cut_off
    with pytest.raises(KeyboardInterrupt):
        throw_claim_certificate(desk, device, claim)
    assert desk.status(request.certificate_id) == "ACTIVE"
    throw_claim_certificate(desk, device, claim)
    assert desk.status(request.certificate_id) == "INACTIVE"
