"""The desk of somebody who stops devices, and each kind of stop as it is thrown there."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import OperatorAction
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.operator_action import Change, Operator
from fleetgate.domain.reasons import DenialReason
from fleetgate.gate.register_thing import Registration
from fleetgate.gate.request import PresentedIdentity, RegistrationRequest
from fleetgate.gate.store import Facts, GateStore
from fleetgate.operators.certificates import CertificateService
from fleetgate.operators.claim_store import ClaimStore
from fleetgate.operators.claims import block_claim
from fleetgate.operators.device_store import DeviceStore
from fleetgate.operators.devices import quarantine_device, retire_device
from fleetgate.operators.key_store import KeyStore
from fleetgate.operators.stop_store import StopStore
from fleetgate.operators.stops import (
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
    stop_gate,
)
from fleetgate.operators.switch_store import SwitchStore
from fleetgate.store.certificates import Certificates, Sessions
from fleetgate.store.tables import StackTables
from harness.embedded import Embedded
from tests.integration.conftest import Judge


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


Throw = Callable[[Desk, AllowListEntry, ClaimCertificate], Stopped[Any]]


def throw_gate(desk: Desk, _device: AllowListEntry, _claim: ClaimCertificate) -> Stopped[Any]:
    return desk.stop(gate_stop(), stop_gate, store=desk.switch)


def throw_manufacturer(desk: Desk, device: AllowListEntry, _claim: ClaimCertificate) -> Stopped[Any]:
    name = device.manufacturer
    return desk.stop(manufacturer_stop(name), quarantine_manufacturer, name, store=desk.switch)


def throw_import(desk: Desk, device: AllowListEntry, _claim: ClaimCertificate) -> Stopped[Any]:
    assert device.import_id

    def write(*, operator: Operator) -> Change[Any]:
        """As quarantine_import does for an import that there is."""
        switch = desk.switch.switch().stopping_import(str(device.import_id))
        record = replace(operator.record(OperatorAction.QUARANTINE_IMPORT), import_id=device.import_id)
        assert desk.switch.change(switch, record)
        return Change(switch, record)

    return desk.stop(import_stop(device.import_id), write)


def throw_device(desk: Desk, device: AllowListEntry, _claim: ClaimCertificate) -> Stopped[Any]:
    return desk.stop(device_stop(device.serial_number), quarantine_device, device.serial_number, store=desk.devices)


def throw_retirement(desk: Desk, device: AllowListEntry, _claim: ClaimCertificate) -> Stopped[Any]:
    stop = device_stop(device.serial_number, OperatorAction.RETIRE)
    return desk.stop(stop, retire_device, device.serial_number, store=desk.devices)


def throw_claim_certificate(desk: Desk, _device: AllowListEntry, claim: ClaimCertificate) -> Stopped[Any]:
    return desk.stop(claim_stop(claim.certificate_id), block_claim, claim.certificate_id, store=desk.claims)


STOPS = pytest.mark.parametrize(
    ("throw", "reason"),
    [
        (throw_gate, DenialReason.GATE_STOPPED),
        (throw_manufacturer, DenialReason.MANUFACTURER_STOPPED),
        (throw_import, DenialReason.IMPORT_STOPPED),
        (throw_device, DenialReason.QUARANTINED),
        (throw_retirement, DenialReason.RETIRED),
        (throw_claim_certificate, DenialReason.CLAIM_CERTIFICATE_BLOCKED),
    ],
)


def judged_with_what_is_known_now(
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
