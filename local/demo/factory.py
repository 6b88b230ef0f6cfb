"""The demo's factories: their lists, as messy as such lists are, and the claim certificates they flash."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.manufacturer import Manufacturer
from fleetgate.domain.operator_action import Operator
from fleetgate.imports.delivery import DeliveryMode
from fleetgate.imports.options import ReadingOptions
from fleetgate.imports.record import ImportRecord
from fleetgate.imports.store.drop_box import DropBox
from fleetgate.imports.store.records import ImportRecords
from fleetgate.operators.claim_store import ClaimStore
from fleetgate.operators.claims import register_claim
from fleetgate.operators.device_store import DeviceStore
from fleetgate.operators.devices import quarantine_device
from fleetgate.operators.manufacturer_store import ManufacturerStore
from fleetgate.operators.manufacturers import add_manufacturer
from fleetgate.store.allow_list import AllowList
from fleetgate.store.audit_items import make_clock
from fleetgate.store.tables import TableSettings
from fleetgate_cli.imports.deliveries import ReadyFile, put, wait
from local.demo.device import Identity

# As a German Excel saves it: semicolons, Windows-1252, a blank line in the middle, and four rows that are wrong.
FACTORY_LIST = Path(__file__).with_name("factory_list.csv")

_CORRECTIONS = {
    "00:1b:44:33:00:0;": "00:1b:44:33:00:01;",
    "4.71108E+11": "ACME-2002",
    "ACME-2003;00:1b:44:33:00:04": "ACME-2004;00:1b:44:33:00:04",
}
_GLOBEX_LIST = "Serial,EUI-64,Model\nGLOBEX-0001,00:25:96:ff:fe:12:34:56,meter-1\nACME-0001,00:25:96:12:34:57,meter-1\n"


@dataclass(frozen=True, slots=True)
class Device:
    """One device that the factory made."""

    serial_number: str
    mac_address: str


@dataclass(frozen=True, slots=True)
class ListDelivered:
    """One list, and what should have come of it.

    Attributes:
        expected: Rows by class.
    """

    story: str
    record: ImportRecord
    expected: dict[str, int]

    @property
    def as_expected(self) -> bool:
        """Whether it came."""
        return dict(self.record.findings.rows) == self.expected


class Factory:
    """Delivers lists for the factories, and acts as the operator of the stack."""

    def __init__(
        self,
        *,
        tables: TableSettings,
        records: ImportRecords,
        drop_box: DropBox,
        iot: Any,
        claim_policy_name: str,
        actor: str,
    ) -> None:
        self._allow_list = AllowList(tables)
        self._devices = DeviceStore(tables)
        self._claims = ClaimStore(tables)
        self._manufacturers = ManufacturerStore(tables)
        self._records = records
        self._drop_box = drop_box
        self._iot = iot
        self._claim_policy_name = claim_policy_name
        self._actor = actor

    def register_manufacturers(self) -> None:
        """Register the two that deliver lists. Only acme's are held to patterns; globex still names any device."""
        acme = Manufacturer(name="acme", serial_numbers=frozenset({"ACME-####"}), mac_prefixes=frozenset({"00:1b:44"}))
        for manufacturer in (acme, Manufacturer(name="globex")):
            add_manufacturer(manufacturer, store=self._manufacturers, operator=self._operator("delivers lists"))

    def deliver_lists(self, watch: Callable[[ListDelivered], None]) -> list[ListDelivered]:
        """Deliver one list after the other, each through the drop box.

        Args:
            watch: Told of each when its import has ended.
        """
        delivered: list[ListDelivered] = []

        def deliver(story: str, manufacturer: str, name: str, content: bytes, **expected: int) -> ImportRecord:
            delivered.append(ListDelivered(story, self._import(manufacturer, name, content), expected))
            watch(delivered[-1])
            return delivered[-1].record

        export = FACTORY_LIST.read_bytes()
        first = deliver("the line's export", "acme", "line-4.csv", export, added=24, rejected=4)
        rejects = self._drop_box.open_report(f"{first.delivery.reports}rejects.csv").read().decode("utf-8-sig")
        for wrong, right in _CORRECTIONS.items():
            rejects = rejects.replace(wrong, right)
        deliver("its rejects, corrected", "acme", "line-4-rejects.csv", rejects.encode(), added=4)
        deliver("the export once more", "acme", "line-4.csv", export, unchanged=24, rejected=4)
        deliver("a list that wants too much", "globex", "meters.csv", _GLOBEX_LIST.encode(), added=1, conflict=1)
        return delivered

    def deliver_key(self, device: Device, csr_pem: str) -> ListDelivered:
        """Deliver a list of one device that names its public key, by the signing request that the line reads of it."""
        csr = csr_pem.strip().replace("\n", "\\n")  # in one line, as lists are written
        content = f"Serial,MAC,CSR\n{device.serial_number},{device.mac_address},{csr}\n"
        record = self._import("acme", "line-5-keys.csv", content.encode())
        return ListDelivered("a device with its key", record, {"added": 1})

    def devices(self) -> dict[str, Device]:
        """What is on the allow-list, by serial number."""
        return {
            entry.serial_number.value: Device(entry.serial_number.value, min(entry.mac_addresses).value)
            for entry in self._allow_list.devices(limit=1000).items
        }

    def claim_certificate(self, manufacturer: str) -> tuple[str, Identity]:
        """A claim certificate that enrols the devices of one manufacturer: its ID, and what is flashed."""
        created = self._iot.create_keys_and_certificate(setAsActive=True)
        self._iot.attach_policy(policyName=self._claim_policy_name, target=created["certificateArn"])
        claim = ClaimCertificate(certificate_id=created["certificateId"], manufacturer=manufacturer)
        register_claim(claim, store=self._claims, operator=self._operator(f"flashed by {manufacturer}"))
        flashed = Identity(certificate_pem=created["certificatePem"], private_key_pem=created["keyPair"]["PrivateKey"])
        return created["certificateId"], flashed

    def quarantine(self, device: Device, reason: str) -> None:
        """Stop a device."""
        quarantine_device(SerialNumber(device.serial_number), store=self._devices, operator=self._operator(reason))

    def _import(self, manufacturer: str, name: str, content: bytes) -> ImportRecord:
        delivery = put(
            ReadyFile(io.BytesIO(content), name, len(content), is_workbook=False),
            manufacturer=manufacturer,
            mode=DeliveryMode.LIVE,
            drop_box=self._drop_box,
            uploader=self._actor,
            options=ReadingOptions(),
            watch=lambda _bytes: None,
        )
        return wait(delivery.import_id, records=self._records.reader, watch=lambda _record: None)

    def _operator(self, reason: str) -> Operator:
        return Operator(
            actor=self._actor,
            reason=reason,
            clock=make_clock(),
        )
