"""What the worlds of all rooms share: a stack, its tables, people who act, and names that nobody used before."""

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ulid import ULID

from fleetgate.domain.operator_action import Operator
from fleetgate.store.audit_items import make_clock
from fleetgate.store.tables import TableSettings
from harness.embedded import Embedded

ALICE = "arn:aws:sts::123456789012:assumed-role/Manufacturing/alice"
BOB = "arn:aws:sts::123456789012:assumed-role/Operations/bob"


@dataclass(frozen=True)
class RoomWorld:
    """A stack as the tests of one room use it, in this process and as root."""

    embedded: Embedded

    @property
    def tables(self) -> TableSettings:
        """The tables; each call to them is made once."""
        return replace(self.embedded.tables(), total_attempts=1)

    def operator(self, actor: str, reason: str = "counted, order 4711") -> Operator:
        """Somebody who acts now."""
        return Operator(actor=actor, reason=reason, clock=make_clock(now))


def now() -> datetime:
    """The time, aware UTC."""
    return datetime.now(UTC)


def record_id(moment: datetime) -> str:
    """A new record ID."""
    return str(ULID.from_datetime(moment))


def certificate_id() -> str:
    """The ID of a certificate that AWS IoT need not know."""
    return secrets.token_hex(32)


def serial_number() -> str:
    """A serial number that nobody approved."""
    return f"SN-{secrets.token_hex(6)}"


def mac() -> str:
    """A MAC address, as a label shows it."""
    return "-".join(["00", "1B", *(secrets.token_hex(1).upper() for _ in range(4))])
