"""What happened after an allow: signs from AWS IoT that a device finished, or did not, and what they mean for it."""

from dataclasses import dataclass, replace
from datetime import datetime

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.reasons import Reason


class Evidence(Reason):
    """How an outcome was seen."""

    CONNECTED = (
        "connected",
        "The device connected with the certificate that it was promised.",
        "Nothing to do.",
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
        "The reservation ran out unseen, and AWS IoT says that its certificate is active.",
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


# What proves that the device holds its certificate, or that it is too late for it to come with another. That AWS IoT
# did its part proves neither: a device that lost power before it heard must be able to come back.
PROOFS = frozenset({Evidence.CONNECTED, Evidence.CERTIFICATE_ACTIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One sign. Signs come more than once and in any order.

    Attributes:
        seen_at: When AWS IoT saw it; aware UTC.
        sign_id: The same whenever this very sign comes.
        certificate_id: The device certificate it is about, where the sign says so.
        thing_name: The thing it is about, where the sign says so.
        decision_id: The decision that the thing says it comes from.
        is_of_stack: Whether the thing says to be of this stack's thing type.
    """

    evidence: Evidence
    seen_at: datetime
    sign_id: str
    certificate_id: str | None = None
    thing_name: str | None = None
    decision_id: str | None = None
    is_of_stack: bool = False


def completed(entry: AllowListEntry, outcome: Outcome) -> AllowListEntry | None:
    """The entry once its reservation is proven to have been used; None where the sign proves nothing of it."""
    held = entry.reservation
    if held is None or outcome.evidence not in PROOFS or held.certificate_id != outcome.certificate_id:
        return None
    return entry.provisioned()


def never_completed(entry: AllowListEntry) -> AllowListEntry:
    """The entry without its reservation, which nobody used: the device stands where it stood before the allow."""
    return replace(entry, reservation=None, version=entry.version + 1)


def decision_meant(entry: AllowListEntry, outcome: Outcome) -> str | None:
    """The decision that a sign is about, if what the device holds comes from it."""
    for held in (entry.reservation, entry.device_certificate):
        if held is not None and (
            held.certificate_id == outcome.certificate_id or held.decision_id == outcome.decision_id
        ):
            return held.decision_id
    return None
