"""Device certificates that a later one took the place of: which they are, and whether that is certain by now."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.reasons import AllowRule
from fleetgate.outcomes.outcome import OutcomeReason


class SupersededPolicy(StrEnum):
    """What becomes of a superseded certificate that is still active."""

    DEACTIVATE = "deactivate"
    REPORT = "report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A device certificate that was seen in use."""

    serial_number: SerialNumber
    certificate_id: str

    @classmethod
    def told_by(cls, record: AuditRecord) -> Self | None:
        """What an audit record tells of a certificate that came into use; None if it tells nothing.

        That is a connection, or a rotation: the device asked with a certificate that was reserved until then. That
        AWS IoT activated a certificate is no use of it.
        """
        if record.kind is RecordKind.OUTCOME and record.reason == OutcomeReason.CONNECTED:
            used = record.certificate_id
        elif record.reason == AllowRule.ROTATION and record.claim_certificate_id == record.superseded_certificate_id:
            used = record.claim_certificate_id
        else:
            return None
        if used is None or record.serial_number is None:
            return None
        return cls(serial_number=SerialNumber(record.serial_number), certificate_id=used)


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded:
    """A device certificate that lost its place by a decision.

    Attributes:
        decision_id: The decision that gave its place to another certificate.
        is_reported: Whether it is on record that it was still active when it had long been out of use.
        key_fingerprint: Of its public key; None where that is not on record.
    """

    serial_number: SerialNumber
    certificate_id: str
    decision_id: str
    manufacturer: str | None
    is_reported: bool = False
    key_fingerprint: str | None = None


def superseded_by(use: Use, records: Iterable[AuditRecord]) -> tuple[Superseded, ...]:
    """The certificates that had lost their place when a certificate came into use, oldest first.

    Args:
        records: The device's, oldest first.
    """
    known = tuple(records)
    lets_in = [
        one.decision_id
        for one in known
        if one.verdict is Verdict.ALLOWED and one.certificate_id == use.certificate_id and one.decision_id is not None
    ]
    if not lets_in:
        return ()
    keys = {one.certificate_id: one.key_fingerprint for one in known if one.verdict is Verdict.ALLOWED}
    reported = {one.superseded_certificate_id for one in known if one.reason == OutcomeReason.SUPERSEDED_ACTIVE}
    # Record IDs, and so decision IDs, sort by time. The last decision that names a certificate counts.
    found = {
        one.superseded_certificate_id: one
        for one in known
        if one.superseded_certificate_id is not None
        and one.decision_id is not None
        and one.decision_id <= max(lets_in)
        and one.reason != OutcomeReason.SUPERSEDED_ACTIVE
    }
    return tuple(
        Superseded(
            serial_number=use.serial_number,
            certificate_id=certificate_id,
            decision_id=by.decision_id or "",
            manufacturer=by.manufacturer,
            is_reported=certificate_id in reported,
            key_fingerprint=keys.get(certificate_id),
        )
        for certificate_id, by in found.items()
    )


def is_out_of_use(entry: AllowListEntry, superseded: Superseded) -> bool:
    """Whether a device is known to use the certificate that superseded this one, or a later one.

    It is not while the device may still use it, and not where the decision came to nothing: then the certificate stays
    what it was.
    """
    current = entry.device_certificate
    return (
        current is not None
        and superseded.certificate_id not in entry.certificate_ids
        and current.decision_id >= superseded.decision_id
    )
