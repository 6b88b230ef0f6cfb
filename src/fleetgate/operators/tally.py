"""How actions on certificates ended: of one, and counted over many devices."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from fleetgate.domain.identifiers import SerialNumber
from fleetgate.store.certificates import SessionResult


class CertificateResult(StrEnum):
    """How an action on a certificate ended."""

    DEACTIVATED = "deactivated"
    ACTIVATED = "activated"
    UNCHANGED = "unchanged"
    STILL_STOPPED = "still_stopped"
    NOT_FOUND = "not_found"
    NOT_PERMITTED = "not_permitted"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"


# AWS IoT deletes a certificate that nobody used in its first hour, so one that it does not know is no failure: nobody
# can connect with it either.
FAILURES = frozenset({CertificateResult.NOT_PERMITTED, CertificateResult.THROTTLED, CertificateResult.UNAVAILABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """What became of one certificate.

    Attributes:
        key_fingerprint: Of its public key; None where that is not known.
        session: What became of the device's live session; None where nobody asked for its end, or another
            certificate of the device says.
    """

    certificate_id: str
    serial_number: SerialNumber | None
    ending: CertificateResult
    key_fingerprint: str | None = None
    session: SessionResult | None = None


@dataclass(slots=True)
class Tally:
    """What became of many certificates.

    Attributes:
        devices: How many were looked at.
        endings: Certificates by how they ended.
        sessions: Live sessions by how they ended.
        noteworthy: Those that could not be reached or found, each.
        sessions_not_ended: Devices whose session may go on.
    """

    devices: int = 0
    endings: Counter[CertificateResult] = field(default_factory=Counter)
    sessions: Counter[SessionResult] = field(default_factory=Counter)
    noteworthy: list[Handled] = field(default_factory=list)
    sessions_not_ended: list[SerialNumber] = field(default_factory=list)

    def add(self, handled: Iterable[Handled]) -> None:
        """Count what became of the certificates of one more device."""
        self.devices += 1
        for one in handled:
            self.endings[one.ending] += 1
            if one.ending in FAILURES | {CertificateResult.NOT_FOUND}:
                self.noteworthy.append(one)
            if one.session is not None:
                self.sessions[one.session] += 1
            if one.session is SessionResult.NOT_ENDED and one.serial_number is not None:
                self.sessions_not_ended.append(one.serial_number)

    def merge(self, other: "Tally") -> None:
        """Count what became of the certificates of more devices."""
        self.devices += other.devices
        self.endings += other.endings
        self.sessions += other.sessions
        self.noteworthy += other.noteworthy
        self.sessions_not_ended += other.sessions_not_ended

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to be done."""
        return not self.sessions_not_ended and not any(self.endings[ending] for ending in FAILURES)
