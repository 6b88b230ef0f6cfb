"""What a sign of use changes in an entry."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from fleetgate.domain.allow_list import DeviceCertificate, Purpose
from fleetgate.outcomes.outcome import (
    OutcomeEvent,
    OutcomeReason,
    came_into_use,
    completed,
    fell_back,
    is_superseded_use,
    may_complete_unseen,
)
from harness.builders import (
    CERTIFICATE_ID,
    CURRENT_CERTIFICATE_ID,
    NOW,
    OTHER_CERTIFICATE_ID,
    current_certificate,
    entry,
    reservation,
)

# Presence events are timed to within two minutes.
LATER, EARLIER = NOW + timedelta(seconds=121), NOW - timedelta(seconds=121)
SEEN = replace(current_certificate(), seen_at=NOW)
FALLEN = replace(SEEN, fell_back_to=OTHER_CERTIFICATE_ID)


def sign(
    certificate_id: str, seen_at: datetime = LATER, reason: OutcomeReason = OutcomeReason.CONNECTED
) -> OutcomeEvent:
    """A sign that a certificate is in use."""
    return OutcomeEvent(reason=reason, seen_at=seen_at, event_id="1", certificate_id=certificate_id)


def test_a_certificate_that_only_aws_iot_says_is_active_was_not_seen() -> None:
    reserved = entry(reservation=reservation())
    for reason, seen_at in [(OutcomeReason.CONNECTED, LATER), (OutcomeReason.CERTIFICATE_ACTIVE, None)]:
        after = completed(reserved, sign(CERTIFICATE_ID, reason=reason))
        assert after is not None
        assert after.device_certificate is not None
        assert after.device_certificate.seen_at == seen_at


@pytest.mark.parametrize("purpose", Purpose)
def test_only_a_rotation_may_not_complete_unseen(purpose: Purpose) -> None:
    assert may_complete_unseen(reservation(purpose=purpose)) is (purpose is not Purpose.ROTATION)


@pytest.mark.parametrize("before", [current_certificate(), FALLEN], ids=["never seen", "fell back"])
def test_a_device_that_is_seen_with_its_certificate_uses_it(before: DeviceCertificate) -> None:
    after = came_into_use(entry(device_certificate=before, version=2), sign(CURRENT_CERTIFICATE_ID))
    assert after == entry(device_certificate=replace(SEEN, seen_at=LATER), version=3)


def test_a_device_that_goes_on_using_its_certificate_is_no_news() -> None:
    assert came_into_use(entry(device_certificate=SEEN), sign(CURRENT_CERTIFICATE_ID)) is None


@pytest.mark.parametrize("before", [current_certificate(), SEEN], ids=["never seen", "seen"])
def test_a_device_that_is_seen_with_a_certificate_that_it_does_not_hold_fell_back(before: DeviceCertificate) -> None:
    after = fell_back(entry(device_certificate=before, version=2), sign(OTHER_CERTIFICATE_ID))
    assert after == entry(device_certificate=replace(FALLEN, seen_at=LATER), version=3)
    assert after is not None
    assert after.certificate_ids == (CURRENT_CERTIFICATE_ID, OTHER_CERTIFICATE_ID)
    assert fell_back(after, sign(OTHER_CERTIFICATE_ID, LATER + timedelta(seconds=1))) is None


def test_a_device_with_its_current_or_its_reserved_certificate_did_not_fall_back() -> None:
    held = entry(device_certificate=SEEN, reservation=reservation())
    assert fell_back(held, sign(CURRENT_CERTIFICATE_ID)) is None
    assert fell_back(held, sign(CERTIFICATE_ID)) is None


def test_a_sign_that_comes_late_takes_nothing_back() -> None:
    assert came_into_use(entry(device_certificate=FALLEN), sign(CURRENT_CERTIFICATE_ID, EARLIER)) is None
    assert fell_back(entry(device_certificate=SEEN), sign(OTHER_CERTIFICATE_ID, EARLIER)) is None


@pytest.mark.parametrize("seconds", [-119, 0, 119])
def test_where_the_order_is_not_certain_the_device_keeps_both_certificates(seconds: int) -> None:
    seen_at = NOW + timedelta(seconds=seconds)
    after = fell_back(entry(device_certificate=SEEN), sign(OTHER_CERTIFICATE_ID, seen_at))
    assert after is not None
    assert after.certificate_ids == (CURRENT_CERTIFICATE_ID, OTHER_CERTIFICATE_ID)
    assert after.device_certificate
    assert after.device_certificate.seen_at == max(NOW, seen_at)
    assert came_into_use(entry(device_certificate=FALLEN), sign(CURRENT_CERTIFICATE_ID, seen_at)) is None


@pytest.mark.parametrize(("seconds", "is_use"), [(-121, False), (-119, True), (0, True), (3600, True)])
def test_a_certificate_is_used_after_it_lost_its_place_unless_that_was_certainly_before(
    seconds: int, is_use: bool
) -> None:
    contested = entry(reservation=reservation())
    used = sign(OTHER_CERTIFICATE_ID, NOW + timedelta(seconds=seconds))
    assert is_superseded_use(contested, used, superseded_at=NOW, is_loser=True) is is_use
    assert not is_superseded_use(contested, sign(CERTIFICATE_ID), superseded_at=NOW, is_loser=True)


@pytest.mark.parametrize(("seconds", "is_loser", "is_use"), [(0, True, True), (120, False, False), (121, False, True)])
def test_an_earlier_certificate_of_a_device_that_rotated_is_in_use_where_that_is_certain(
    seconds: int, is_loser: bool, is_use: bool
) -> None:
    rotated = entry(device_certificate=SEEN)
    used = sign(OTHER_CERTIFICATE_ID, NOW + timedelta(seconds=seconds))
    assert is_superseded_use(rotated, used, superseded_at=NOW, is_loser=is_loser) is is_use


@pytest.mark.parametrize(("seen_at", "is_use"), [(EARLIER, False), (NOW, False), (NOW + timedelta(seconds=1), True)])
def test_each_later_use_of_the_certificate_that_a_device_fell_back_to_counts(seen_at: datetime, is_use: bool) -> None:
    fallen, used = entry(device_certificate=FALLEN), sign(OTHER_CERTIFICATE_ID, seen_at)
    assert is_superseded_use(fallen, used, superseded_at=EARLIER, is_loser=False) is is_use


@pytest.mark.parametrize("reason", sorted(set(OutcomeReason) - {OutcomeReason.CONNECTED}))
def test_nothing_but_a_connection_says_which_certificate_a_device_uses(reason: OutcomeReason) -> None:
    assert came_into_use(entry(device_certificate=FALLEN), sign(CURRENT_CERTIFICATE_ID, reason=reason)) is None
    assert fell_back(entry(device_certificate=SEEN), sign(OTHER_CERTIFICATE_ID, reason=reason)) is None
