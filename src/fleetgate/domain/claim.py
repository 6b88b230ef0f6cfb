"""Claim certificates: who may ask on behalf of a device, and for which devices."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from fleetgate.domain.identifiers import SerialNumber

# Stands for any manufacturer where a name is stored; no manufacturer is called so.
ANY_MANUFACTURER = "*"


class ClaimStatus(StrEnum):
    """Whether a claim certificate may still be used."""

    ACTIVE = "active"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimCertificate:
    """A claim certificate as it was registered with the gate.

    Attributes:
        certificate_id: AWS IoT's certificate ID, 64 lower-case hexadecimal digits.
        manufacturer: Whose devices it may enrol; None when it was registered for any manufacturer.
        templates: Names of the provisioning templates it may be used with; empty means all.
        serial_number: The only one it may enrol (a trusted user's claim); None means any.
        expires_at: Aware UTC; None means never.
    """

    certificate_id: str
    manufacturer: str | None
    templates: frozenset[str] = field(default_factory=frozenset)
    status: ClaimStatus = ClaimStatus.ACTIVE
    serial_number: SerialNumber | None = None
    expires_at: datetime | None = None
