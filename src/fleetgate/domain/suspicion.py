"""What a denial says about whoever asked: that they guess, that they copied a device, or nothing of the kind."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from fleetgate.domain.reasons import DenialReason


class Suspicion(StrEnum):
    """What a denial points at."""

    GUESS = "guess"  # what was presented is nobody's, or somebody else's: made up, or tried out
    COPY = "copy"  # what was presented is right, and somebody has it already
    UNREADABLE = "unreadable"  # it could not get in whatever is on the list; faulty firmware does so on a whole line
    APPROVAL = "approval"  # the device is known, and its approval or the stack's settings do not fit
    CLAIM = "claim"  # the claim certificate's own state
    STOPPED = "stopped"  # an operator's decision


_BY_SUSPICION: Mapping[Suspicion, frozenset[DenialReason]] = MappingProxyType(
    {
        Suspicion.GUESS: frozenset(
            {
                DenialReason.NOT_ON_ALLOW_LIST,
                DenialReason.MAC_ADDRESS_MISMATCH,
                DenialReason.KEY_MISMATCH,
                DenialReason.MANUFACTURER_MISMATCH,
                DenialReason.CLAIM_SERIAL_NUMBER_OUT_OF_SCOPE,
            }
        ),
        Suspicion.COPY: frozenset(
            {
                DenialReason.KEY_ASSIGNED_TO_ANOTHER_DEVICE,
                DenialReason.RESERVED_BY_ANOTHER_CERTIFICATE,
                DenialReason.TAKEOVER_LIMIT_REACHED,
                DenialReason.ALREADY_PROVISIONED,
                DenialReason.REPROVISIONING_LIMIT_REACHED,
            }
        ),
        Suspicion.UNREADABLE: frozenset(
            {
                DenialReason.CERTIFICATE_UNREADABLE,
                DenialReason.PARAMETERS_MISSING,
                DenialReason.PARAMETER_INVALID,
                DenialReason.SERIAL_NUMBER_MISSING,
                DenialReason.SERIAL_NUMBER_AMBIGUOUS,
                DenialReason.SERIAL_NUMBER_INVALID,
                DenialReason.MAC_ADDRESS_MISSING,
                DenialReason.MAC_ADDRESS_AMBIGUOUS,
                DenialReason.MAC_ADDRESS_INVALID,
                DenialReason.MAC_ADDRESS_LOCALLY_ADMINISTERED,
            }
        ),
        Suspicion.APPROVAL: frozenset(
            {
                DenialReason.UNKNOWN_TEMPLATE,
                DenialReason.ENTRY_WITHOUT_MAC_ADDRESS,
                DenialReason.TEMPLATE_NOT_ALLOWED,
                DenialReason.NOT_YET_VALID,
                DenialReason.APPROVAL_EXPIRED,
                DenialReason.APPROVAL_REVOKED,
                DenialReason.ROTATION_NOT_ALLOWED,
            }
        ),
        Suspicion.CLAIM: frozenset(
            {
                DenialReason.CLAIM_CERTIFICATE_MISSING,
                DenialReason.CLAIM_CERTIFICATE_NOT_REGISTERED,
                DenialReason.CLAIM_CERTIFICATE_BLOCKED,
                DenialReason.CLAIM_CERTIFICATE_EXPIRED,
                DenialReason.CLAIM_TEMPLATE_OUT_OF_SCOPE,
            }
        ),
        Suspicion.STOPPED: frozenset(
            {
                DenialReason.GATE_STOPPED,
                DenialReason.QUARANTINED,
                DenialReason.MANUFACTURER_STOPPED,
                DenialReason.IMPORT_STOPPED,
                DenialReason.RETIRED,
                DenialReason.CERTIFICATE_DEACTIVATED,
            }
        ),
    }
)


def reasons_for(suspicion: Suspicion) -> frozenset[DenialReason]:
    """The reasons that point at it."""
    return _BY_SUSPICION[suspicion]
