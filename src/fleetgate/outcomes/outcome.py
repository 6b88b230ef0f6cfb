"""What happened after an allow: signs from AWS IoT that a device finished, or did not, and what they mean for it."""

from dataclasses import dataclass, replace
from datetime import datetime

from fleetgate.domain.allow_list import AllowListEntry, DeviceCertificate, Purpose, Reservation
from fleetgate.domain.reasons import Reason


class OutcomeReason(Reason):
    """How an outcome was seen."""

    CONNECTED = (
        "connected",
        "The device connected with the certificate that it was promised.",
        "Nothing to do.",
    )
    FELL_BACK = (
        "fell_back",
        "The device connected with a certificate that a later one had taken the place of.",
        "Find out why it fell back. If its later certificate is lost, open a repair window; if the key of the old one "
        "may be in other hands, quarantine the device.",
    )
    THING_REGISTERED = (
        "thing_registered",
        "AWS IoT made or changed the thing of this decision; whether the device heard of it is not known yet.",
        "Nothing to do.",
    )
    PROVISIONING_SUCCEEDED = (
        "provisioning_succeeded",
        "AWS IoT logged that it provisioned the device certificate; whether the device heard of it is not known yet.",
        "Nothing to do.",
    )
    PROVISIONING_FAILED = (
        "provisioning_failed",
        "AWS IoT logged that it could not provision the device certificate that the gate had let in.",
        "Read the log entry in AWSIotLogsV2; most often the provisioning role or a thing group is wrong.",
    )
    CERTIFICATE_ACTIVE = (
        "certificate_active",
        "The reservation ran out unseen, and AWS IoT says that its certificate is active; whether the device heard of "
        "it is not known.",
        "Nothing to do.",
    )
    NEVER_COMPLETED = (
        "never_completed",
        "The reservation ran out, and AWS IoT never activated its certificate: approved, not completed.",
        "Nothing to do; the device may ask again.",
    )
    UNAPPROVED_THING = (
        "unapproved_thing",
        "A thing of this stack exists that no decision of the gate stands behind.",
        "Find out who made it: the hook was removed or bypassed, or somebody has too many permissions.",
    )
    SUPERSEDED_ACTIVE = (
        "superseded_certificate_active",
        "AWS IoT still accepts a device certificate that was superseded, though its device uses a later one.",
        "Deactivate it in AWS IoT. With SupersededCertificates at deactivate the stack would have done so.",
    )


# What ends a reservation: the device holds its certificate, or it is too late for it to come with another. That AWS IoT
# did its part does neither: a device that lost power before it heard must be able to come back.
_COMPLETES = frozenset({OutcomeReason.CONNECTED, OutcomeReason.CERTIFICATE_ACTIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeEvent:
    """One sign. Signs come more than once and in any order.

    Attributes:
        seen_at: When AWS IoT saw it; aware UTC.
        event_id: The same whenever this very sign comes.
        certificate_id: The device certificate it is about, where the sign says so.
        thing_name: The thing it is about, where the sign says so.
        decision_id: The decision that the thing says it comes from.
        is_of_stack: Whether the thing says to be of this stack's thing type.
    """

    reason: OutcomeReason
    seen_at: datetime
    event_id: str
    certificate_id: str | None = None
    thing_name: str | None = None
    decision_id: str | None = None
    is_of_stack: bool = False


def completed(entry: AllowListEntry, outcome: OutcomeEvent) -> AllowListEntry | None:
    """The entry once its reservation is at its end with that sign; None where the sign says nothing of it."""
    held = entry.reservation
    if held is None or outcome.reason not in _COMPLETES or held.certificate_id != outcome.certificate_id:
        return None
    return entry.provisioned(seen_at=outcome.seen_at if outcome.reason is OutcomeReason.CONNECTED else None)


def may_complete_unseen(held: Reservation) -> bool:
    """Whether a reservation is at its end once its certificate is active, though nobody saw the device with it.

    Not in a rotation. A device that lost power before it heard has its old certificate only, and has to be able to
    connect and to rotate with that one.
    """
    return held.purpose is not Purpose.ROTATION


def came_into_use(entry: AllowListEntry, outcome: OutcomeEvent) -> AllowListEntry | None:
    """The entry once the device was seen with its current certificate, first or again; None where that is no news."""
    current = entry.device_certificate
    if current is None or outcome.certificate_id != current.certificate_id or not _is_news(current, outcome):
        return None
    if current.seen_at is not None and current.fell_back_to is None:
        return None
    seen = replace(current, seen_at=outcome.seen_at, fell_back_to=None)
    return replace(entry, device_certificate=seen, version=entry.version + 1)


def fell_back(entry: AllowListEntry, outcome: OutcomeEvent) -> AllowListEntry | None:
    """The entry once the device was seen with a certificate that it holds no more; None where that is no news.

    The certificate has to be one that the device was promised.
    """
    current = entry.device_certificate
    if current is None or outcome.certificate_id in entry.certificate_ids or not _is_news(current, outcome):
        return None
    fallen = replace(current, seen_at=outcome.seen_at, fell_back_to=outcome.certificate_id)
    return replace(entry, device_certificate=fallen, version=entry.version + 1)


def _is_news(current: DeviceCertificate, outcome: OutcomeEvent) -> bool:
    """Whether a connection is later than the last one that counted: signs come in any order."""
    is_later = current.seen_at is None or outcome.seen_at > current.seen_at
    return outcome.reason is OutcomeReason.CONNECTED and is_later


def never_completed(entry: AllowListEntry) -> AllowListEntry:
    """The entry without its reservation, which nobody used: the device stands where it stood before the allow."""
    return replace(entry, reservation=None, version=entry.version + 1)


def decision_meant(entry: AllowListEntry, outcome: OutcomeEvent) -> str | None:
    """The decision that a sign is about, if what the device holds comes from it."""
    for held in (entry.reservation, entry.device_certificate):
        if held is not None and (
            held.certificate_id == outcome.certificate_id or held.decision_id == outcome.decision_id
        ):
            return held.decision_id
    return None
