"""The command lines of these tests, and what is on record of their devices."""

from collections.abc import Callable

from fleetgate.domain.audit import AuditRecord
from harness.command import Answer
from harness.embedded import Embedded

ROOT_ARN = "arn:aws:iam::000000000000:root"


def adding(serial_number: str, mac: str, manufacturer: str = "acme") -> list[str]:
    return ["allow-list", "add", serial_number, "--mac", mac, "--manufacturer", manufacturer]


def records_of(embedded: Embedded, serial_number: str) -> list[AuditRecord]:
    return embedded.records(f"device#{serial_number}")


Ask = Callable[..., Answer]


def next_mac(mac: str) -> str:
    """Another MAC address that nobody used."""
    return bytes.fromhex(mac.replace(":", ""))[:-1].hex(":") + f":{(int(mac[-2:], 16) + 1) % 256:02x}"
