"""Devices that get one certificate after another, and what was done about them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from fleetgate.domain.allow_list import AllowListEntry, Purpose, Reservation
from fleetgate.domain.audit import AuditRecord, RecordKind
from harness.embedded import Embedded
from harness.outcome_world import GRACE, OutcomeWorld
from tests.integration.conftest import Ask

# When the later certificate was seen in use; the decision is an hour older, and the one before it two.
USED = GRACE + timedelta(hours=1)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Devices:
    """Devices that get certificates."""

    world: OutcomeWorld
    ask: Ask

    def enrol(self, device: AllowListEntry) -> str:
        """The certificate that a device came with, and uses."""
        certificate_id = self.let_in(device, USED + 3 * HOUR)
        self.world.connect(device.serial_number, certificate_id, USED + 3 * HOUR)
        return certificate_id

    def let_in(self, device: AllowListEntry, ago: timedelta, *, own: str | None = None) -> str:
        """A new certificate that a device was let in with, through a claim certificate or its own."""
        certificate_id = self.world.certificate()
        request = self.ask(device.serial_number.value, certificate_id=certificate_id)
        self.world.let_in(replace(request, claim_certificate_id=own or request.claim_certificate_id), ago)
        return certificate_id

    def rotate(self, device: AllowListEntry, *, used: timedelta = USED) -> tuple[str, str]:
        """The certificate that a device had first, and the one that it has used for a while."""
        first = self.enrol(device)
        second = self.let_in(device, USED + HOUR, own=first)
        self.world.connect(device.serial_number, second, used)
        return first, second


def actions(embedded: Embedded, device: AllowListEntry) -> list[AuditRecord]:
    """What was done about a device, oldest first."""
    records = embedded.records(f"device#{device.serial_number}")
    return [one for one in records if one.kind is RecordKind.OPERATOR_ACTION]


def reserved_again(embedded: Embedded, device: AllowListEntry, certificate_id: str) -> None:
    """The device holds a reservation of its old certificate."""
    entry = embedded.entry(device.serial_number)
    moment = datetime.now(UTC)
    reservation = Reservation(
        certificate_id=certificate_id,
        claim_certificate_id=certificate_id[::-1],
        decision_id="01ZZZZZZZZZZZZZZZZZZZZZZZZ",
        purpose=Purpose.REPROVISIONING,
        reserved_at=moment,
        deadline=moment + HOUR,
    )
    embedded.put(entry.reserve(reservation))
