"""What happened after an allow: signs from AWS IoT that a device finished, or did not, and what they mean for it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fleetgate.domain.allow_list import AllowListEntry, Purpose, Reservation
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
    SUPERSEDED_USED = (
        "superseded_used",
        "Somebody connected with a certificate that had lost its place; the first use after a fall-back is fell_back.",
        "Find out who has its key: the device, or somebody else. Quarantine the serial number if you cannot tell.",
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


# AWS IoT's presence events are timed to within two minutes, so a difference below that says nothing of the order.
# Source: AWS IoT Core developer guide, "Lifecycle events".
PRESENCE_TOLERANCE = timedelta(minutes=2)

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
    """The entry once the device was seen with its current certificate, first or again; None where that is no news.

    A device that fell back is back only where that is certain: then its old certificate is deactivated in the end.
    """
    current = entry.device_certificate
    if current is None or outcome.certificate_id != current.certificate_id:
        return None
    is_known = current.seen_at is not None and current.fell_back_to is None
    if outcome.reason is not OutcomeReason.CONNECTED or is_known:
        return None
    if not is_certainly_later(outcome.seen_at, current.seen_at):
        return None
    seen = replace(current, seen_at=outcome.seen_at, fell_back_to=None)
    return replace(entry, device_certificate=seen, version=entry.version + 1)


def fell_back(entry: AllowListEntry, outcome: OutcomeEvent) -> AllowListEntry | None:
    """The entry once the device was seen with a certificate that it holds no more; None where that is no news.

    The certificate has to be one that the device was promised, and that was not taken over. Where the order is not
    certain it counts as later, so that a certificate that the device may use is never deactivated.
    """
    current = entry.device_certificate
    if current is None or outcome.certificate_id in entry.certificate_ids:
        return None
    if outcome.reason is not OutcomeReason.CONNECTED or not _may_be_later(outcome.seen_at, current.seen_at):
        return None
    seen_at = max(outcome.seen_at, current.seen_at or outcome.seen_at)
    fallen = replace(current, seen_at=seen_at, fell_back_to=outcome.certificate_id)
    return replace(entry, device_certificate=fallen, version=entry.version + 1)


def is_certainly_later(seen_at: datetime, than: datetime | None) -> bool:
    """Whether a connection was later than another, or than the first, for all that presence events tell."""
    return than is None or seen_at > than + PRESENCE_TOLERANCE


def is_superseded_use(entry: AllowListEntry, outcome: OutcomeEvent, *, superseded_at: datetime, is_loser: bool) -> bool:
    """Whether somebody connected with a certificate after it had lost its place; it is not the sign of a fall-back.

    Of the loser of a take-over, and before the device has another, it is enough that it may have been after that. A
    device that rotates goes on with its old certificate for a moment, and its earlier connection may come late.

    Args:
        superseded_at: When its place was given to another certificate; aware UTC.
        is_loser: Whether that was a take-over.
    """
    current, used = entry.device_certificate, outcome.certificate_id
    if outcome.reason is not OutcomeReason.CONNECTED or used is None:
        return False
    if current is not None and used == current.fell_back_to:
        return current.seen_at is None or outcome.seen_at > current.seen_at
    if used in entry.certificate_ids:
        return False
    if is_loser or current is None:
        return _may_be_later(outcome.seen_at, superseded_at)
    return is_certainly_later(outcome.seen_at, superseded_at)


def _may_be_later(seen_at: datetime, than: datetime | None) -> bool:
    return than is None or seen_at > than - PRESENCE_TOLERANCE


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
