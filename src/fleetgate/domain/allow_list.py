"""A device's entry in the allow-list, and the changes it can go through."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Self

from fleetgate.domain.identifiers import MacAddress, SerialNumber

# AWS IoT, AttributePayload: name and value patterns and lengths.
_ATTRIBUTE_NAME = re.compile(r"[a-zA-Z0-9_.,@/:#-]{1,128}")
_ATTRIBUTE_VALUE = re.compile(r"[a-zA-Z0-9_.,@/:#-]{1,800}")


# An import makes a million entries, and thousands of them are of the same model.
@lru_cache(maxsize=1_000)
def _why_no_attribute(name: str, value: str) -> str | None:
    if is_of_aws(name):
        return "names that start with AWS:: belong to AWS IoT"
    if _ATTRIBUTE_NAME.fullmatch(name) and _ATTRIBUTE_VALUE.fullmatch(value):
        return None
    return (
        "names and values are made of a-z A-Z 0-9 _ . , @ / : # - (AWS IoT thing attributes have no spaces), at most "
        "128 and 800 characters"
    )


def is_of_aws(name: str) -> bool:
    """Whether an attribute has a name such as AWS IoT's own parameters of a provisioning template."""
    return name[:5].upper() == "AWS::"


class DeviceState(StrEnum):
    """Where a device stands (design, section 4)."""

    APPROVED = "approved"
    REVOKED = "revoked"
    RESERVED = "reserved"
    PROVISIONED = "provisioned"
    QUARANTINED = "quarantined"
    RETIRED = "retired"


class Hold(StrEnum):
    """An operator's hand on a device: nothing, a stop that can be lifted, or a stop for good."""

    NONE = "none"
    QUARANTINED = "quarantined"
    RETIRED = "retired"


class Purpose(StrEnum):
    """What a reservation is for; a take-over keeps it."""

    ENROLMENT = "enrolment"
    REPROVISIONING = "reprovisioning"
    ROTATION = "rotation"


class InvalidEntry(ValueError):
    """An allow-list entry that cannot be; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A serial number promised to one device certificate until the outcome is seen.

    Attributes:
        certificate_id: The device certificate it is promised to.
        deadline: Aware UTC. After it the ownership token is gone and the certificate can no longer finish.
        attempts: 1 for the first; each take-over adds 1.
        taken_over: Whether another device certificate held it before.
        decision_id: The decision that made it; a retry of the same certificate is answered with it.
        key_fingerprint: Of the device certificate's public key.
    """

    certificate_id: str
    claim_certificate_id: str
    decision_id: str
    purpose: Purpose
    reserved_at: datetime
    deadline: datetime
    attempts: int = 1
    taken_over: bool = False
    key_fingerprint: str | None = None

    def is_live(self, now: datetime) -> bool:
        """Whether the promise still stands."""
        return now < self.deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCertificate:
    """The certificate that a device has, and the decision that let it have it.

    Attributes:
        seen_at: When the device was first seen with it, or with the one that it fell back to; aware UTC. None until
            then: that AWS IoT activated it does not say that the device heard of it.
        fell_back_to: The ID of a superseded certificate, if the device was last seen with that one.
        key_fingerprint: Of its public key.
    """

    certificate_id: str
    decision_id: str
    seen_at: datetime | None = None
    fell_back_to: str | None = None
    key_fingerprint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAssignment:
    """A public key that was given to one serial number, and never is to another.

    Attributes:
        fingerprint: SHA-256 over the DER SubjectPublicKeyInfo.
        is_unused: Whether an approval named it, and no device was let in with it yet.
        stops: Which stops deactivated it, by name; while there is one, no certificate of the key is let in.
        deactivated_certificates: IDs of certificates of the key that lost their place; they are not let in again.
    """

    fingerprint: str
    serial_number: SerialNumber
    is_unused: bool = False
    stops: frozenset[str] = field(default_factory=frozenset)
    deactivated_certificates: frozenset[str] = field(default_factory=frozenset)

    def is_deactivated(self, certificate_id: str) -> bool:
        """Whether a certificate of the key may not be let in."""
        return bool(self.stops) or certificate_id in self.deactivated_certificates


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalTerms:
    """What an approval says beside the device that it is for; each term is a column of a factory's list.

    Attributes:
        templates: Names of the provisioning templates that the device may use; empty means all.
        valid_from: Aware UTC, inclusive. valid_until: aware UTC, exclusive.
        attributes: Handed to the provisioning template (model, hardware revision, group).
        key_fingerprint: Of the only public key that may enrol as the device; None means any.
    """

    templates: frozenset[str] = field(default_factory=frozenset)
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    attributes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    key_fingerprint: str | None = None

    def __post_init__(self) -> None:
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise InvalidEntry("the approval would end before it starts")
        for name, value in self.attributes.items():
            if why := _why_no_attribute(name, value):
                raise InvalidEntry(f"attribute {name!r}: {why}")

    @property
    def terms(self) -> "ApprovalTerms":
        """The terms alone."""
        return ApprovalTerms(**self.term_fields())

    def term_fields(self) -> dict[str, Any]:
        """The terms by their names, for an entry that is made or changed."""
        return {name: getattr(self, name) for name in _TERM_NAMES}

    def differing_terms(self, other: "ApprovalTerms") -> list[str]:
        """The terms in which another approval differs, in words."""
        is_same = {
            "other provisioning templates": self.templates == other.templates,
            "another validity": (self.valid_from, self.valid_until) == (other.valid_from, other.valid_until),
            "other attributes": dict(self.attributes) == dict(other.attributes),
            "another public key": self.key_fingerprint == other.key_fingerprint,
        }
        return [difference for difference, same in is_same.items() if not same]


_TERM_NAMES = tuple(term.name for term in fields(ApprovalTerms))


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowListEntry(ApprovalTerms):
    """One approved device.

    Attributes:
        mac_addresses: Any of these proves the hardware; empty means the serial number alone was approved.
        reservation: An unfinished promise, or None.
        device_certificate: None until an outcome is seen.
        repair_window_until: Aware UTC, exclusive; until then the device may come back, however often it did.
        deactivated_certificates: IDs of the device certificates that quarantines deactivated; the release of the last
            of them activates these again, and no other.
        is_revoked: Whether the factory withdrew the approval before the device used it.
        import_id: The import that wrote the approval last. import_line: the line of its file that says so.
        first_import_id: The import that put the device on the allow-list.
        changed_from: What `import_id` changed, as the entry said it before: text by the name of the field.
        version: Grows with every change; all writers make their writes conditional on it.
    """

    serial_number: SerialNumber
    manufacturer: str
    mac_addresses: frozenset[MacAddress] = field(default_factory=frozenset)
    hold: Hold = Hold.NONE
    reservation: Reservation | None = None
    device_certificate: DeviceCertificate | None = None
    reprovisioning_count: int = 0
    repair_window_until: datetime | None = None
    deactivated_certificates: frozenset[str] = field(default_factory=frozenset)
    is_revoked: bool = False
    import_id: str | None = None
    import_line: int | None = None
    first_import_id: str | None = None
    changed_from: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    version: int = 1

    def __post_init__(self) -> None:
        if not self.manufacturer:
            raise InvalidEntry("an allow-list entry names its manufacturer")
        ApprovalTerms.__post_init__(self)  # super() finds no class that has slots
        if self.is_revoked and (self.reservation or self.device_certificate):
            raise InvalidEntry("only an unused approval can be revoked")

    @property
    def state(self) -> DeviceState:
        """The device's place in its life, which follows from what the entry holds."""
        if self.hold is not Hold.NONE:
            return DeviceState(self.hold)
        if self.device_certificate is not None:
            return DeviceState.PROVISIONED
        if self.reservation is not None:
            return DeviceState.RESERVED
        return DeviceState.REVOKED if self.is_revoked else DeviceState.APPROVED

    @property
    def certificate_ids(self) -> tuple[str, ...]:
        """The device certificates that the device may use: the current, the one it fell back to, the reserved one."""
        current, reservation = self.device_certificate, self.reservation
        held = (
            current and current.certificate_id,
            current and current.fell_back_to,
            reservation and reservation.certificate_id,
        )
        return tuple(one for one in held if one)

    def is_own(self, certificate_id: str) -> bool:
        """Whether a certificate is the device's current or its reserved one."""
        held = (self.reservation, self.device_certificate)
        return any(one is not None and one.certificate_id == certificate_id for one in held)

    def reserve(self, reservation: Reservation) -> Self:
        """The entry with a new reservation in place of the one it holds, if any."""
        already_counted = self.reservation is not None and self.reservation.purpose is Purpose.REPROVISIONING
        counts = reservation.purpose is Purpose.REPROVISIONING and not already_counted
        return replace(
            self,
            reservation=reservation,
            reprovisioning_count=self.reprovisioning_count + counts,
            version=self.version + 1,
        )

    def provisioned(self, seen_at: datetime | None = None) -> Self:
        """The entry once the reserved certificate is the device's.

        Args:
            seen_at: When the device was seen with it, if it was; aware UTC.

        Raises:
            InvalidEntry: Nothing is reserved.
        """
        if self.reservation is None:
            raise InvalidEntry("nothing is reserved, so no outcome can be expected")
        return replace(
            self,
            reservation=None,
            device_certificate=DeviceCertificate(
                certificate_id=self.reservation.certificate_id,
                decision_id=self.reservation.decision_id,
                seen_at=seen_at,
                key_fingerprint=self.reservation.key_fingerprint,
            ),
            version=self.version + 1,
        )

    def quarantined(self) -> Self:
        """The entry, stopped until released.

        Raises:
            InvalidEntry: The device is retired.
        """
        if self.hold is Hold.RETIRED:
            raise InvalidEntry("a retired device stays retired")
        return replace(self, hold=Hold.QUARANTINED, version=self.version + 1)

    def released(self) -> Self:
        """The entry, back where it stood before the quarantine.

        Raises:
            InvalidEntry: The device is not in quarantine.
        """
        if self.hold is not Hold.QUARANTINED:
            raise InvalidEntry(f"the device is {self.state.value}, not quarantined")
        return replace(self, hold=Hold.NONE, version=self.version + 1)

    def retired(self) -> Self:
        """The entry as a tombstone."""
        return replace(self, hold=Hold.RETIRED, version=self.version + 1)

    def reopened(self, until: datetime) -> Self:
        """The entry with a repair window in place of the one it has, if any.

        Raises:
            InvalidEntry: The device is in quarantine or retired, which no window lifts.
        """
        if self.hold is not Hold.NONE:
            raise InvalidEntry(f"the device is {self.state.value}, and a repair window does not lift that")
        return replace(self, repair_window_until=until, version=self.version + 1)

    def with_deactivated(self, certificate_id: str) -> Self:
        """The entry with a certificate noted that a quarantine deactivates."""
        noted = self.deactivated_certificates | {certificate_id}
        return replace(self, deactivated_certificates=noted, version=self.version + 1)

    def without_deactivated(self, certificate_id: str) -> Self:
        """The entry with a certificate no longer noted."""
        noted = self.deactivated_certificates - {certificate_id}
        return replace(self, deactivated_certificates=noted, version=self.version + 1)
