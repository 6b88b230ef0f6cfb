"""What is decided about a request with a sound identity: each reason, each rule, each boundary in time and number."""

from datetime import datetime, timedelta

import pytest

from fleetgate.domain.allow_list import Purpose
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.reasons import AllowRule, DenialReason
from fleetgate.gate.decision import Allowed, Denied, decide
from fleetgate.gate.policy import ReprovisioningPolicy
from harness.builders import (
    A_MOMENT,
    DECISION_ID,
    NOW,
    OTHER_CERTIFICATE_ID,
    claim,
    current_certificate,
    entry,
    policy,
    reservation,
)
from tests.unit.gate.allowed_cases import ALLOWED
from tests.unit.gate.cases import Judged, by_behaviour
from tests.unit.gate.deciding import allowed, outcome_of
from tests.unit.gate.denied_cases import DENIED

_SAME_IDENTITY = ReprovisioningPolicy.SAME_IDENTITY


@pytest.mark.parametrize("case", by_behaviour(DENIED))
def test_who_is_turned_away(case: Judged) -> None:
    decision = decide(
        case.identity,
        case.entry,
        case.claim,
        case.policy,
        key=case.key,
        switch=case.switch,
        now=NOW,
        decision_id=DECISION_ID,
    )
    assert isinstance(decision, Denied)
    assert decision.reason is case.outcome


@pytest.mark.parametrize("case", by_behaviour(ALLOWED))
def test_who_is_let_in(case: Judged) -> None:
    decision = decide(
        case.identity,
        case.entry,
        case.claim,
        case.policy,
        key=case.key,
        switch=case.switch,
        now=NOW,
        decision_id=DECISION_ID,
    )
    assert isinstance(decision, Allowed)
    assert decision.rule is case.outcome
    assert decision.entry is case.entry


# Boundaries in time. `at` is the moment of the request.


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(NOW - A_MOMENT, DenialReason.NOT_YET_VALID, id="just before it starts"),
        pytest.param(NOW, AllowRule.FIRST_RESERVATION, id="as it starts"),
        pytest.param(NOW + timedelta(days=1) - A_MOMENT, AllowRule.FIRST_RESERVATION, id="just before it ends"),
        pytest.param(NOW + timedelta(days=1), DenialReason.APPROVAL_EXPIRED, id="as it ends"),
    ],
)
def test_an_approval_includes_its_start_and_excludes_its_end(at: datetime, expected: AllowRule | DenialReason) -> None:
    assert outcome_of(of=entry(valid_from=NOW, valid_until=NOW + timedelta(days=1)), now=at) is expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(NOW - A_MOMENT, AllowRule.FIRST_RESERVATION, id="just before"),
        pytest.param(NOW, DenialReason.CLAIM_CERTIFICATE_EXPIRED, id="as it ends"),
    ],
)
def test_a_claim_registration_excludes_its_end(at: datetime, expected: AllowRule | DenialReason) -> None:
    assert outcome_of(through=claim(expires_at=NOW), now=at) is expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(NOW, DenialReason.RESERVED_BY_ANOTHER_CERTIFICATE, id="as it is made"),
        pytest.param(
            NOW + timedelta(minutes=5) - A_MOMENT, DenialReason.RESERVED_BY_ANOTHER_CERTIFICATE, id="just before"
        ),
        pytest.param(NOW + timedelta(minutes=5), AllowRule.RESERVATION_TAKEOVER, id="as the time is over"),
        pytest.param(NOW + timedelta(days=9), AllowRule.RESERVATION_TAKEOVER, id="long after the deadline"),
    ],
)
def test_a_reservation_is_protected_for_the_take_over_time(at: datetime, expected: AllowRule | DenialReason) -> None:
    held = entry(reservation=reservation(reserved_at=NOW, certificate_id=OTHER_CERTIFICATE_ID))
    assert outcome_of(of=held, under=policy(takeover_time=timedelta(minutes=5)), now=at) is expected


def test_a_certificate_gets_its_answer_again_even_past_its_deadline() -> None:
    held = entry(reservation=reservation(reserved_at=NOW, deadline=NOW + timedelta(hours=1)))
    decision = allowed(held, through=claim(), now=NOW + timedelta(days=1))
    assert decision.rule is AllowRule.SAME_CERTIFICATE_RETRY
    assert decision.reserved is None


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(NOW - A_MOMENT, AllowRule.RESERVATION_TAKEOVER, id="just before its deadline"),
        pytest.param(NOW, DenialReason.ALREADY_PROVISIONED, id="at its deadline"),
    ],
)
def test_a_return_that_was_let_in_once_is_open_until_its_deadline(
    at: datetime, expected: AllowRule | DenialReason
) -> None:
    unfinished = entry(
        device_certificate=current_certificate(),
        reservation=reservation(
            reserved_at=NOW - timedelta(hours=1),
            deadline=NOW,
            certificate_id=OTHER_CERTIFICATE_ID,
            purpose=Purpose.REPROVISIONING,
        ),
        reprovisioning_count=1,
    )
    assert outcome_of(of=unfinished, now=at) is expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(NOW - A_MOMENT, AllowRule.REPAIR_WINDOW, id="just before it closes"),
        pytest.param(NOW, DenialReason.ALREADY_PROVISIONED, id="as it closes"),
    ],
)
def test_a_repair_window_excludes_its_end(at: datetime, expected: AllowRule | DenialReason) -> None:
    provisioned = entry(device_certificate=current_certificate(), repair_window_until=NOW)
    assert outcome_of(of=provisioned, now=at) is expected


# Boundaries in number.


@pytest.mark.parametrize(
    ("attempts", "max_attempts", "expected"),
    [
        (1, 1, DenialReason.TAKEOVER_LIMIT_REACHED),
        (1, 2, AllowRule.RESERVATION_TAKEOVER),
        (2, 3, AllowRule.RESERVATION_TAKEOVER),
        (3, 3, DenialReason.TAKEOVER_LIMIT_REACHED),
        (4, 3, DenialReason.TAKEOVER_LIMIT_REACHED),
    ],
)
def test_a_reservation_is_made_at_most_max_attempts_times(
    attempts: int, max_attempts: int, expected: AllowRule | DenialReason
) -> None:
    long_ago = NOW - timedelta(days=1)
    held = entry(reservation=reservation(reserved_at=long_ago, certificate_id=OTHER_CERTIFICATE_ID, attempts=attempts))
    assert outcome_of(of=held, under=policy(max_attempts=max_attempts)) is expected


@pytest.mark.parametrize(
    ("count", "limit", "expected"),
    [
        (0, 0, DenialReason.REPROVISIONING_LIMIT_REACHED),
        (0, 1, AllowRule.REPROVISIONING),
        (1, 1, DenialReason.REPROVISIONING_LIMIT_REACHED),
        (1, 2, AllowRule.REPROVISIONING),
        (3, 2, DenialReason.REPROVISIONING_LIMIT_REACHED),
    ],
)
def test_a_device_comes_back_at_most_as_often_as_the_limit(
    count: int, limit: int, expected: AllowRule | DenialReason
) -> None:
    provisioned = entry(device_certificate=current_certificate(), reprovisioning_count=count)
    under = policy(reprovisioning=_SAME_IDENTITY, reprovisioning_limit=limit)
    assert outcome_of(of=provisioned, under=under) is expected


def test_a_serial_number_that_differs_in_case_is_out_of_a_trusted_users_claim() -> None:
    other_case = claim(serial_number=SerialNumber.parse("fg-0001"))
    assert outcome_of(through=other_case) is DenialReason.CLAIM_SERIAL_NUMBER_OUT_OF_SCOPE
