"""Stops against the real tables: no allow slips through, whoever is faster, and nothing comes back by another way."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import Clock, OperatorAction
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.operator_action import Change, Operator
from fleetgate.domain.reasons import AllowRule, DenialReason
from fleetgate.gate.decision import Allowed, Denied
from fleetgate.gate.register_thing import Registration, register_thing
from fleetgate.gate.request import PresentedIdentity, RegistrationRequest
from fleetgate.gate.settings import HookSettings
from fleetgate.gate.store import Facts, GateStore
from fleetgate.operators.certificates import CertificateResult, CertificateService, Tally
from fleetgate.operators.claim_store import ClaimStore
from fleetgate.operators.claims import block_claim, release_claim
from fleetgate.operators.device_store import DeviceStore
from fleetgate.operators.devices import quarantine_device, release_device, retire_device
from fleetgate.operators.issued_certificates import activate_all_through, deactivate_all_through
from fleetgate.operators.key_store import KeyStore
from fleetgate.operators.stop_store import StopStore
from fleetgate.operators.stops import (
    SETTLING_TIME,
    Stop,
    Stopped,
    Stopper,
    claim_stop,
    device_stop,
    gate_stop,
    import_stop,
    manufacturer_stop,
)
from fleetgate.operators.switch import (
    quarantine_manufacturer,
    release_manufacturer,
    start_gate,
    stop_gate,
)
from fleetgate.operators.switch_store import SwitchStore
from fleetgate.store.audit_items import make_clock
from fleetgate.store.certificates import Certificates, DescribedCertificate, Sessions
from fleetgate.store.tables import StackTables, TableSettings
from fleetgate_cli.target import Target
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from tests.integration.conftest import Ask, Judge


@pytest.fixture
def table_settings(embedded: Embedded, stack_folder: Path) -> TableSettings:
    """The stack's tables as an operator reaches them."""
    assert embedded.stack.outputs
    return Target.embedded(stack_folder).table_settings()


@pytest.fixture
def operator() -> Operator:
    """Somebody who acts."""
    return Operator(actor="arn:aws:iam::000000000000:root", reason="a test", clock=make_clock())


@dataclass
class Desk:
    """Somebody who stops and releases, and a device that asks meanwhile.

    Attributes:
        waited: Seconds, each time.
        meanwhile: Called in place of the first wait.
    """

    embedded: Embedded
    tables: StackTables
    operator: Operator
    waited: list[float]
    meanwhile: Callable[[], Any] | None = None

    @property
    def devices(self) -> DeviceStore:
        return DeviceStore(self.tables)

    @property
    def claims(self) -> ClaimStore:
        return ClaimStore(self.tables)

    @property
    def switch(self) -> SwitchStore:
        return SwitchStore(self.tables)

    @property
    def service(self) -> CertificateService:
        return CertificateService(
            devices=self.devices,
            keys=KeyStore(self.tables),
            switch=self.switch,
            records=StopStore(self.tables),
            certificates=Certificates(self.embedded.client("iot")),
            sessions=Sessions(self.embedded.client("iot-data"), ""),
            operator=self.operator,
        )

    @property
    def stopper(self) -> Stopper:
        return Stopper(store=StopStore(self.tables), service=self.service, sleep=self._sleep)

    def stop(self, stop: Stop, write: Callable[..., Change[Any]], *about: Any, **more: Any) -> Stopped[Any]:
        return self.stopper.stop(stop, partial(write, *about, **more, operator=self.operator))

    def status(self, certificate_id: str) -> str:
        found = self.embedded.client("iot").describe_certificate(certificateId=certificate_id)
        return str(found["certificateDescription"]["status"])

    def _sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        if self.meanwhile is not None:
            act, self.meanwhile = self.meanwhile, None
            act()


@pytest.fixture
def desk(embedded: Embedded, table_settings: TableSettings, operator: Operator, manufacturer: str) -> Iterator[Desk]:
    """Somebody who acts; in the end everything is let go again, for the tests that follow."""
    desk = Desk(embedded, StackTables(table_settings), operator, [])
    yield desk
    store = SwitchStore(table_settings)
    start_gate(store=store, operator=operator)
    desk.stopper.release_meanwhile(gate_stop())
    release_manufacturer(manufacturer, store=store, operator=operator)
    switch = store.switch()
    store.change(
        replace(switch, imports=frozenset(), version=switch.version + 1), operator.record(OperatorAction.START_GATE)
    )


@pytest.fixture
def manufacturer(serial_number: str) -> str:
    """A manufacturer of which there is one device."""
    return f"maker of {serial_number}"


@pytest.fixture
def device(embedded: Embedded, approved: AllowListEntry, manufacturer: str) -> AllowListEntry:
    """An approved device of that manufacturer; its claim certificate is of any."""
    device = replace(approved, manufacturer=manufacturer, import_id=f"import-{approved.serial_number}")
    embedded.put(device)
    return device


@pytest.fixture
def ask(ask: Ask, embedded: Embedded, claim: ClaimCertificate) -> Ask:
    """Asks through a claim certificate of any manufacturer."""
    embedded.put(replace(claim, manufacturer=None))
    return ask


@pytest.fixture
def issued(embedded: Embedded) -> Callable[[], str]:
    """Has AWS IoT issue an active certificate; its ID."""
    return lambda: str(embedded.client("iot").create_keys_and_certificate(setAsActive=True)["certificateId"])


Throw = Callable[[Desk, AllowListEntry, ClaimCertificate], Stopped[Any]]


def _gate(desk: Desk, _device: AllowListEntry, _claim: ClaimCertificate) -> Stopped[Any]:
    return desk.stop(gate_stop(), stop_gate, store=desk.switch)


def _manufacturer(desk: Desk, device: AllowListEntry, _claim: ClaimCertificate) -> Stopped[Any]:
    name = device.manufacturer
    return desk.stop(manufacturer_stop(name), quarantine_manufacturer, name, store=desk.switch)


def _import(desk: Desk, device: AllowListEntry, _claim: ClaimCertificate) -> Stopped[Any]:
    assert device.import_id

    def write(*, operator: Operator) -> Change[Any]:
        """As quarantine_import does for an import that there is."""
        switch = desk.switch.switch().stopping_import(str(device.import_id))
        record = replace(operator.record(OperatorAction.QUARANTINE_IMPORT), import_id=device.import_id)
        assert desk.switch.change(switch, record)
        return Change(switch, record)

    return desk.stop(import_stop(device.import_id), write)


def _device(desk: Desk, device: AllowListEntry, _claim: ClaimCertificate) -> Stopped[Any]:
    return desk.stop(device_stop(device.serial_number), quarantine_device, device.serial_number, store=desk.devices)


def _retirement(desk: Desk, device: AllowListEntry, _claim: ClaimCertificate) -> Stopped[Any]:
    stop = device_stop(device.serial_number, OperatorAction.RETIRE)
    return desk.stop(stop, retire_device, device.serial_number, store=desk.devices)


def _claim_certificate(desk: Desk, _device: AllowListEntry, claim: ClaimCertificate) -> Stopped[Any]:
    return desk.stop(claim_stop(claim.certificate_id), block_claim, claim.certificate_id, store=desk.claims)


STOPS = pytest.mark.parametrize(
    ("throw", "reason"),
    [
        (_gate, DenialReason.GATE_STOPPED),
        (_manufacturer, DenialReason.MANUFACTURER_STOPPED),
        (_import, DenialReason.IMPORT_STOPPED),
        (_device, DenialReason.QUARANTINED),
        (_retirement, DenialReason.RETIRED),
        (_claim_certificate, DenialReason.CLAIM_CERTIFICATE_BLOCKED),
    ],
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
    late = _judged_with_what_is_known_now(request, store, judge, monkeypatch)
    committed: list[Registration] = []
    desk.meanwhile = lambda: committed.append(late())

    stopped = throw(desk, device, claim)

    assert [0 < seconds <= SETTLING_TIME.total_seconds() for seconds in desk.waited] == [True]
    (registration,) = committed
    if isinstance(registration.decision, Allowed):
        assert stopped.meanwhile.devices == 1
        assert stopped.meanwhile.endings == {CertificateResult.DEACTIVATED: 1}
        assert desk.status(request.certificate_id) == "INACTIVE"
    else:  # the hold is in the entry itself, on whose version every allow depends
        assert throw in {_device, _retirement}
        assert stopped.meanwhile.devices == 0
    assert judge(request, store).decision == Denied(reason)
    again = throw(desk, device, claim) if throw is not _import else stopped
    assert again.meanwhile.is_complete


@pytest.mark.parametrize("throw", [_gate, _claim_certificate])
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
    desk.meanwhile = _judged_with_what_is_known_now(request, store, judge, monkeypatch)
    _gate(desk, device, claim)
    assert desk.status(request.certificate_id) == "INACTIVE"

    start_gate(store=desk.switch, operator=desk.operator)
    assert judge(request, store).decision == Denied(DenialReason.CERTIFICATE_DEACTIVATED)
    assert desk.stopper.release_meanwhile(gate_stop()).endings == {CertificateResult.ACTIVATED: 1}
    assert desk.status(request.certificate_id) == "ACTIVE"
    allowed = judge(request, store).decision
    assert isinstance(allowed, Allowed)
    assert allowed.rule is AllowRule.SAME_CERTIFICATE_RETRY
    assert desk.stopper.release_meanwhile(gate_stop()) == Tally()


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
    late = _judged_with_what_is_known_now(request, store, judge, monkeypatch)

    def cut_off() -> None:
        late()
        raise KeyboardInterrupt

    desk.meanwhile = cut_off
    with pytest.raises(KeyboardInterrupt):
        _gate(desk, device, claim)
    assert desk.status(request.certificate_id) == "ACTIVE"

    again = _gate(desk, device, claim)
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
    _claim_certificate(desk, device, claim)
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
    _claim_certificate(desk, device, claim)
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


@pytest.mark.parametrize("throw", [_device, _manufacturer, _import])
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

    if throw is _device:
        release_device(device.serial_number, store=desk.devices, operator=desk.operator)
    elif throw is _manufacturer:
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
    _device(desk, device, claim)

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
    _claim_certificate(desk, device, claim)
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
    late = _judged_with_what_is_known_now(first, store, judge, monkeypatch)

    def slip_in() -> None:
        assert isinstance(late().decision, Allowed)
        rotation = replace(second, claim_certificate_id=first.certificate_id)
        assert isinstance(judge(rotation, store).decision, Allowed)

    desk.meanwhile = slip_in
    stopped = _claim_certificate(desk, device, claim)
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
    _claim_certificate(desk, device, claim)
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

    late = _judged_with_what_is_known_now(request, store, judge_ahead, monkeypatch)

    def cut_off() -> None:
        late()
        raise KeyboardInterrupt

    desk.meanwhile = cut_off
    with pytest.raises(KeyboardInterrupt):
        _claim_certificate(desk, device, claim)
    assert desk.status(request.certificate_id) == "ACTIVE"
    _claim_certificate(desk, device, claim)
    assert desk.status(request.certificate_id) == "INACTIVE"


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
    _device(desk, device, claim)
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


def _judged_with_what_is_known_now(
    request: RegistrationRequest, store: GateStore, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Registration]:
    """A decision whose facts are read now, and which goes on from there when it is called."""
    find = store.find
    known: list[Facts] = []

    def find_once(identity: PresentedIdentity) -> Facts:
        found = find(identity)
        return known.pop() if known else found

    class Read(Exception):
        """The facts are read, and the hook is held up."""

    def read_and_stop(identity: PresentedIdentity) -> Facts:
        known.append(find(identity))
        raise Read

    monkeypatch.setattr(store, "find", read_and_stop)
    with pytest.raises(Read):
        judge(request, store)
    monkeypatch.setattr(store, "find", find_once)
    return lambda: judge(request, store)
