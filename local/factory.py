"""The demo's factory: its list of devices, put on the allow-list, and the claim certificates it flashes."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ulid import ULID

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.store.operators import OperatorStore
from fleetgate.workflows.approve_device import approve_device
from fleetgate.workflows.claims import register_claim
from fleetgate.workflows.operator_action import Operator
from fleetgate.workflows.quarantine_device import quarantine_device
from local.device import Identity

FACTORY_LIST = Path(__file__).with_name("demo_factory_list.csv")


@dataclass(frozen=True, slots=True)
class Device:
    """One line of the factory list."""

    serial_number: str
    mac_address: str
    manufacturer: str
    attributes: dict[str, str]


def read_factory_list() -> list[Device]:
    """The devices the factory made."""
    with FACTORY_LIST.open(newline="") as file:
        return [
            Device(
                serial_number=row["serial_number"],
                mac_address=row["mac_address"],
                manufacturer=row["manufacturer"],
                attributes={"Model": row["model"], "HardwareRevision": row["hardware_revision"]},
            )
            for row in csv.DictReader(file)
        ]


class Factory:
    """Acts as the operator of the stack."""

    def __init__(self, store: OperatorStore, iot: Any, claim_policy_name: str, actor: str) -> None:
        self._store = store
        self._iot = iot
        self._claim_policy_name = claim_policy_name
        self._actor = actor

    def approve(self, devices: list[Device]) -> Iterator[Device]:
        """Put devices on the allow-list, one at a time; gives each when it is there."""
        for device in devices:
            entry = AllowListEntry(
                serial_number=SerialNumber.parse(device.serial_number),
                manufacturer=device.manufacturer,
                mac_addresses=frozenset({MacAddress.parse(device.mac_address)}),
                attributes=device.attributes,
            )
            approve_device(entry, store=self._store, operator=self._operator(f"factory list {FACTORY_LIST.name}"))
            yield device

    def claim_certificate(self, manufacturer: str) -> Identity:
        """A claim certificate that enrols the devices of one manufacturer."""
        created = self._iot.create_keys_and_certificate(setAsActive=True)
        self._iot.attach_policy(policyName=self._claim_policy_name, target=created["certificateArn"])
        claim = ClaimCertificate(certificate_id=created["certificateId"], manufacturer=manufacturer)
        register_claim(claim, store=self._store, operator=self._operator(f"flashed by {manufacturer}"))
        return Identity(certificate_pem=created["certificatePem"], private_key_pem=created["keyPair"]["PrivateKey"])

    def quarantine(self, device: Device, reason: str) -> None:
        """Stop a device."""
        quarantine_device(SerialNumber(device.serial_number), store=self._store, operator=self._operator(reason))

    def _operator(self, reason: str) -> Operator:
        return Operator(
            actor=self._actor,
            reason=reason,
            now=lambda: datetime.now(UTC),
            new_record_id=lambda moment: str(ULID.from_datetime(moment)),
        )
