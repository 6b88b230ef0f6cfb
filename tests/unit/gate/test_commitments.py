"""What an allow commits: a first reservation, a take-over, a return, a rotation."""

from datetime import datetime, timedelta

import pytest

from fleetgate.domain.allow_list import Purpose
from fleetgate.domain.gate_switch import OPEN
from fleetgate.domain.reasons import AllowRule, DenialReason
from fleetgate.gate.decision import Allowed, Denied, decide
from fleetgate.gate.policy import ReprovisioningPolicy
from harness.builders import (
    CERTIFICATE_ID,
    CLAIM_CERTIFICATE_ID,
    CURRENT_CERTIFICATE_ID,
    DECISION_ID,
    EARLIER_DECISION_ID,
    KEY_FINGERPRINT,
    NOW,
    OTHER_CERTIFICATE_ID,
    claim,
    current_certificate,
    entry,
    identity,
    policy,
    reservation,
)
from tests.unit.gate.deciding import allowed, rotating

_SAME_IDENTITY = ReprovisioningPolicy.SAME_IDENTITY


# What an allow commits.


def test_a_first_reservation_promises_the_serial_number_to_the_asking_certificate() -> None:
    approved = entry(version=7)
    decision = allowed(approved, through=claim(), under=policy(reservation_time=timedelta(minutes=40)))
    assert decision.superseded_certificate_id is None
    assert decision.reserved == approved.reserve(
        reservation(
            reserved_at=NOW,
            certificate_id=CERTIFICATE_ID,
            key_fingerprint=KEY_FINGERPRINT,
            claim_certificate_id=CLAIM_CERTIFICATE_ID,
            decision_id=DECISION_ID,
            purpose=Purpose.ENROLMENT,
            deadline=NOW + timedelta(minutes=40),
        )
    )
    assert decision.reserved is not None
    assert decision.reserved.version == 8


def test_the_same_key_takes_over_without_counting_or_a_flag_and_names_who_lost_its_place() -> None:
    held = entry(
        reservation=reservation(certificate_id=OTHER_CERTIFICATE_ID, key_fingerprint=KEY_FINGERPRINT, attempts=3)
    )
    decision = allowed(held, through=claim(), under=policy(max_attempts=3))
    assert decision.rule is AllowRule.SAME_KEY
    assert decision.reserved is not None
    made = decision.reserved.reservation
    assert made is not None
    assert (made.certificate_id, made.attempts, made.taken_over) == (CERTIFICATE_ID, 3, False)
    assert made.key_fingerprint == KEY_FINGERPRINT
    assert made.purpose is Purpose.ENROLMENT
    assert decision.superseded_certificate_id == OTHER_CERTIFICATE_ID


def test_a_take_over_counts_flags_and_names_who_lost_its_place() -> None:
    long_ago = NOW - timedelta(days=1)
    held = entry(reservation=reservation(reserved_at=long_ago, certificate_id=OTHER_CERTIFICATE_ID, attempts=2))
    decision = allowed(held, through=claim())
    assert decision.reserved is not None
    made = decision.reserved.reservation
    assert made is not None
    assert (made.certificate_id, made.attempts, made.taken_over) == (CERTIFICATE_ID, 3, True)
    assert (made.reserved_at, made.deadline) == (NOW, NOW + timedelta(hours=1))
    assert decision.superseded_certificate_id == OTHER_CERTIFICATE_ID


def test_a_take_over_keeps_what_the_reservation_was_for() -> None:
    a_while_ago = NOW - timedelta(minutes=30)
    held = entry(
        device_certificate=current_certificate(),
        reservation=reservation(
            reserved_at=a_while_ago,
            deadline=a_while_ago + timedelta(hours=1),
            certificate_id=OTHER_CERTIFICATE_ID,
            purpose=Purpose.REPROVISIONING,
        ),
        reprovisioning_count=1,
    )
    reserved = allowed(held, through=claim()).reserved
    assert reserved is not None
    assert reserved.reservation is not None
    assert reserved.reservation.purpose is Purpose.REPROVISIONING
    assert reserved.reprovisioning_count == 1


@pytest.mark.parametrize(
    ("repair_window_until", "reprovisioning"),
    [(None, _SAME_IDENTITY), (NOW + timedelta(days=1), ReprovisioningPolicy.NEVER)],
)
def test_every_return_of_a_provisioned_device_is_counted(
    repair_window_until: datetime | None, reprovisioning: ReprovisioningPolicy
) -> None:
    provisioned = entry(device_certificate=current_certificate(), repair_window_until=repair_window_until)
    decision = allowed(provisioned, through=claim(), under=policy(reprovisioning=reprovisioning))
    assert decision.reserved is not None
    assert decision.reserved.reprovisioning_count == 1
    assert decision.reserved.device_certificate == current_certificate()
    assert decision.superseded_certificate_id == CURRENT_CERTIFICATE_ID


def test_a_rotation_keeps_the_current_certificate_until_the_new_one_is_seen() -> None:
    decision = allowed(entry(device_certificate=current_certificate()), asking=rotating(CURRENT_CERTIFICATE_ID))
    assert decision.rule is AllowRule.ROTATION
    assert decision.reserved is not None
    assert decision.reserved.device_certificate == current_certificate()
    assert decision.reserved.reservation is not None
    assert decision.reserved.reservation.purpose is Purpose.ROTATION
    assert decision.reserved.reprovisioning_count == 0
    assert decision.superseded_certificate_id == CURRENT_CERTIFICATE_ID


def test_a_reserved_certificate_that_rotates_has_been_seen_in_use() -> None:
    held = entry(reservation=reservation(certificate_id=OTHER_CERTIFICATE_ID, attempts=3), version=4)
    decision = allowed(held, asking=rotating(OTHER_CERTIFICATE_ID))
    assert decision.rule is AllowRule.ROTATION
    assert decision.reserved is not None
    assert decision.reserved.device_certificate is not None
    assert decision.reserved.device_certificate.certificate_id == OTHER_CERTIFICATE_ID
    assert decision.reserved.device_certificate.decision_id == EARLIER_DECISION_ID
    assert decision.reserved.version > 4
    made = decision.reserved.reservation
    assert made is not None
    assert (made.certificate_id, made.attempts, made.taken_over) == (CERTIFICATE_ID, 1, False)
    assert decision.superseded_certificate_id == OTHER_CERTIFICATE_ID


def test_a_reserved_certificate_in_use_proves_the_device_even_past_its_deadline() -> None:
    held = entry(reservation=reservation(certificate_id=OTHER_CERTIFICATE_ID))
    decision = allowed(held, asking=rotating(OTHER_CERTIFICATE_ID), now=NOW + timedelta(days=30))
    assert decision.rule is AllowRule.ROTATION


def test_the_newest_of_two_rotations_wins_once_the_device_uses_it() -> None:
    pending = entry(
        device_certificate=current_certificate(),
        reservation=reservation(certificate_id=OTHER_CERTIFICATE_ID, purpose=Purpose.ROTATION),
    )
    decision = allowed(pending, asking=rotating(OTHER_CERTIFICATE_ID))
    assert decision.reserved is not None
    assert decision.reserved.device_certificate is not None
    assert decision.reserved.device_certificate.certificate_id == OTHER_CERTIFICATE_ID


@pytest.mark.parametrize(
    ("age", "attempts", "expected"),
    [
        pytest.param(timedelta(minutes=1), 1, DenialReason.RESERVED_BY_ANOTHER_CERTIFICATE, id="fresh"),
        pytest.param(timedelta(minutes=5), 1, AllowRule.ROTATION, id="left unfinished"),
        pytest.param(timedelta(minutes=5), 3, DenialReason.TAKEOVER_LIMIT_REACHED, id="left unfinished too often"),
    ],
)
def test_a_contested_rotation_is_protected_like_any_reservation(
    age: timedelta, attempts: int, expected: AllowRule | DenialReason
) -> None:
    pending = entry(
        device_certificate=current_certificate(),
        reservation=reservation(
            reserved_at=NOW - age, certificate_id=OTHER_CERTIFICATE_ID, purpose=Purpose.ROTATION, attempts=attempts
        ),
    )
    decision = decide(
        rotating(CURRENT_CERTIFICATE_ID),
        pending,
        None,
        policy(),
        key=None,
        switch=OPEN,
        now=NOW,
        decision_id=DECISION_ID,
    )
    assert (decision.rule if isinstance(decision, Allowed) else decision.reason) is expected


def test_a_contested_rotation_counts_flags_and_names_who_lost_its_place() -> None:
    pending = entry(
        device_certificate=current_certificate(),
        reservation=reservation(
            reserved_at=NOW - timedelta(hours=1), certificate_id=OTHER_CERTIFICATE_ID, purpose=Purpose.ROTATION
        ),
    )
    decision = allowed(pending, asking=rotating(CURRENT_CERTIFICATE_ID))
    assert decision.reserved is not None
    made = decision.reserved.reservation
    assert made is not None
    assert (made.purpose, made.attempts, made.taken_over) == (Purpose.ROTATION, 2, True)
    assert decision.reserved.device_certificate == current_certificate()
    assert decision.superseded_certificate_id == OTHER_CERTIFICATE_ID


@pytest.mark.parametrize("age", [timedelta(minutes=1), timedelta(minutes=5), timedelta(hours=1), timedelta(days=30)])
@pytest.mark.parametrize("require_registered_claims", [True, False])
def test_a_shared_claim_certificate_never_takes_over_a_rotation(
    age: timedelta, require_registered_claims: bool
) -> None:
    pending = entry(
        device_certificate=current_certificate(),
        reservation=reservation(reserved_at=NOW - age, certificate_id=OTHER_CERTIFICATE_ID, purpose=Purpose.ROTATION),
    )
    decision = decide(
        identity(),
        pending,
        claim() if require_registered_claims else None,
        policy(require_registered_claims=require_registered_claims),
        key=None,
        switch=OPEN,
        now=NOW,
        decision_id=DECISION_ID,
    )
    assert isinstance(decision, Denied)


def test_a_superseded_certificate_cannot_vouch_for_the_device_any_more() -> None:
    rotated = entry(
        reservation=reservation(certificate_id=OTHER_CERTIFICATE_ID), device_certificate=current_certificate()
    ).provisioned()
    decision = decide(
        rotating(CURRENT_CERTIFICATE_ID),
        rotated,
        None,
        policy(),
        key=None,
        switch=OPEN,
        now=NOW,
        decision_id=DECISION_ID,
    )
    assert decision == Denied(DenialReason.CLAIM_CERTIFICATE_NOT_REGISTERED)
