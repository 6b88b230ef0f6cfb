"""What each denial says about whoever asked."""

from collections import Counter

import pytest

from fleetgate.domain.reasons import DenialReason
from fleetgate.domain.suspicion import Suspicion, reasons_for

# Stopping a device, a manufacturer or everybody must never make a factory look like a thief.
STOPS = {
    DenialReason.GATE_STOPPED,
    DenialReason.MANUFACTURER_STOPPED,
    DenialReason.IMPORT_STOPPED,
    DenialReason.QUARANTINED,
    DenialReason.RETIRED,
    DenialReason.CERTIFICATE_DEACTIVATED,
}
CLAIMS_OWN_STATE = {
    DenialReason.CLAIM_CERTIFICATE_MISSING,
    DenialReason.CLAIM_CERTIFICATE_NOT_REGISTERED,
    DenialReason.CLAIM_CERTIFICATE_BLOCKED,
    DenialReason.CLAIM_CERTIFICATE_EXPIRED,
    DenialReason.CLAIM_TEMPLATE_OUT_OF_SCOPE,
}


def test_every_reason_has_exactly_one_place() -> None:
    """Who adds a reason decides here whether it points at somebody."""
    assert Counter(reason for suspicion in Suspicion for reason in reasons_for(suspicion)) == Counter(DenialReason)


def test_a_guess_presents_what_is_nobodys_or_somebody_elses() -> None:
    assert reasons_for(Suspicion.GUESS) == {
        DenialReason.NOT_ON_ALLOW_LIST,
        DenialReason.MAC_ADDRESS_MISMATCH,
        DenialReason.KEY_MISMATCH,
        DenialReason.MANUFACTURER_MISMATCH,
        DenialReason.CLAIM_SERIAL_NUMBER_OUT_OF_SCOPE,
    }


def test_a_copy_presents_what_is_right_and_taken() -> None:
    assert reasons_for(Suspicion.COPY) == {
        DenialReason.KEY_ASSIGNED_TO_ANOTHER_DEVICE,
        DenialReason.RESERVED_BY_ANOTHER_CERTIFICATE,
        DenialReason.TAKEOVER_LIMIT_REACHED,
        DenialReason.ALREADY_PROVISIONED,
        DenialReason.REPROVISIONING_LIMIT_REACHED,
    }


@pytest.mark.parametrize("reason", sorted(STOPS))
def test_an_operators_stop_points_at_nobody(reason: DenialReason) -> None:
    assert reason in reasons_for(Suspicion.STOPPED)


@pytest.mark.parametrize("reason", sorted(CLAIMS_OWN_STATE))
def test_the_claim_certificates_own_state_points_at_nobody(reason: DenialReason) -> None:
    assert reason in reasons_for(Suspicion.CLAIM)


def test_what_cannot_be_read_points_at_nobody() -> None:
    """Faulty firmware presents it on a whole line, and it gets in with no list at all."""
    unreadable = {reason for reason in DenialReason if reason.startswith(("parameter", "serial_number_"))}

    assert unreadable | {DenialReason.CERTIFICATE_UNREADABLE} <= reasons_for(Suspicion.UNREADABLE)
