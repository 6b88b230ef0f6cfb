"""What is asked about a device that was stopped."""

from fleetgate.domain.allow_list import AllowListEntry
from harness.embedded import Embedded

WHY = ("--reason", "a test", "--json")


def certificate_of(entry: AllowListEntry) -> str:
    assert entry.device_certificate is not None
    return entry.device_certificate.certificate_id


def actions_on(embedded: Embedded, entry: AllowListEntry) -> list[str | None]:
    return [record.action for record in embedded.records(f"device#{entry.serial_number}")]
