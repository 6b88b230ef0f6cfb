"""Devices with certificates that AWS IoT really has."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry, DeviceCertificate
from fleetgate.domain.identifiers import SerialNumber
from harness.command import Fleetgate
from harness.embedded import Embedded
from tests.integration.cli.stops.devices import WHY


@pytest.fixture(autouse=True)
def let_go(fleetgate: Fleetgate) -> Iterator[None]:
    """However a test ends, the gate is open for the next."""
    yield
    fleetgate("gate", "start", *WHY)


@pytest.fixture
def manufacturer(embedded: Embedded, serial_number: str) -> str:
    """A registered manufacturer with few devices."""
    return embedded.register_manufacturer(f"maker-of-{serial_number.lower()}")


@pytest.fixture
def status_of(embedded: Embedded) -> Callable[[str], str]:
    """What AWS IoT says of a certificate."""

    def ask(certificate_id: str) -> str:
        found = embedded.client("iot").describe_certificate(certificateId=certificate_id)
        return str(found["certificateDescription"]["status"])

    return ask


@pytest.fixture
def issue(embedded: Embedded) -> Callable[..., str]:
    """Has AWS IoT issue a certificate; gives its ID."""

    def issue(*, active: bool = True) -> str:
        return str(embedded.client("iot").create_keys_and_certificate(setAsActive=active)["certificateId"])

    return issue


@pytest.fixture
def provisioned(embedded: Embedded, issue: Callable[..., str], manufacturer: str) -> Callable[..., AllowListEntry]:
    """Puts a provisioned device of the manufacturer on the allow-list."""
    made: list[AllowListEntry] = []

    def make(**changes: Any) -> AllowListEntry:
        entry = AllowListEntry(
            **{
                "serial_number": SerialNumber(f"{manufacturer}-{len(made)}"),
                "manufacturer": manufacturer,
                "device_certificate": DeviceCertificate(certificate_id=issue(), decision_id="a-decision"),
                **changes,
            }
        )
        embedded.put(entry)
        made.append(entry)
        return entry

    return make
