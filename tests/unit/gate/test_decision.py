"""What is decided about a request with a sound identity: each reason, each rule, each boundary in time and number."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry, Purpose
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.gate_switch import OPEN
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.reasons import AllowRule, DenialReason
from fleetgate.gate.decision import Allowed, Denied, decide
from fleetgate.gate.policy import GatePolicy, ReprovisioningPolicy
from fleetgate.gate.request import Identity
from harness.builders import (
    A_MOMENT,
    CERTIFICATE_ID,
    CLAIM_CERTIFICATE_ID,
    CURRENT_CERTIFICATE_ID,
    DECISION_ID,
    EARLIER_DECISION_ID,
    NOW,
    OTHER_CERTIFICATE_ID,
    claim,
    current_certificate,
    entry,
    identity,
    policy,
    reservation,
)
from tests.unit.gate.cases import ALLOWED, DENIED, Judged, by_behaviour

_SAME_IDENTITY = ReprovisioningPolicy.SAME_IDENTITY


def outcome(
    *,
    asking: Identity | None = None,
    of: AllowListEntry | None = None,
    through: ClaimCertificate | None = None,
    under: GatePolicy | None = None,
    now: datetime = NOW,
) -> AllowRule | DenialReason:
    """The rule or the reason of a decision about the approved device."""
    decision = decide(
        asking or identity(),
        of or entry(),
        through or claim(),
        under or policy(),
        switch=OPEN,
        now=now,
        decision_id=DECISION_ID,
    )
    return decision.rule if isinstance(decision, Allowed) else decision.reason


def allowed(
    of: AllowListEntry | None = None,
    *,
    asking: Identity | None = None,
    through: ClaimCertificate | None = None,
    under: GatePolicy | None = None,
    now: datetime = NOW,
) -> Allowed:
    """The allow of a request that must be allowed."""
    decision = decide(
        asking or identity(), of or entry(), through, under or policy(), switch=OPEN, now=now, decision_id=DECISION_ID
    )
    assert isinstance(decision, Allowed), decision
    return decision


@pytest.mark.parametrize("case", by_behaviour(DENIED))
def test_who_is_turned_away(case: Judged) -> None:
    decision = decide(
        case.identity, case.entry, case.claim, case.policy, switch=case.switch, now=NOW, decision_id=DECISION_ID
    )
    assert isinstance(decision, Denied)
    assert decision.reason is case.outcome


@pytest.mark.parametrize("case", by_behaviour(ALLOWED))
def test_who_is_let_in(case: Judged) -> None:
    decision = decide(
        case.identity, case.entry, case.claim, case.policy, switch=case.switch, now=NOW, decision_id=DECISION_ID
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
    assert outcome(of=entry(valid_from=NOW, valid_until=NOW + timedelta(days=1)), now=at) is expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(NOW - A_MOMENT, AllowRule.FIRST_RESERVATION, id="just before"),
        pytest.param(NOW, DenialReason.CLAIM_CERTIFICATE_EXPIRED, id="as it ends"),
    ],
)
def test_a_claim_registration_excludes_its_end(at: datetime, expected: AllowRule | DenialReason) -> None:
    assert outcome(through=claim(expires_at=NOW), now=at) is expected


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
    assert outcome(of=held, under=policy(takeover_time=timedelta(minutes=5)), now=at) is expected


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
    assert outcome(of=unfinished, now=at) is expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(NOW - A_MOMENT, AllowRule.REPAIR_WINDOW, id="just before it closes"),
        pytest.param(NOW, DenialReason.ALREADY_PROVISIONED, id="as it closes"),
    ],
)
def test_a_repair_window_excludes_its_end(at: datetime, expected: AllowRule | DenialReason) -> None:
    provisioned = entry(device_certificate=current_certificate(), repair_window_until=NOW)
    assert outcome(of=provisioned, now=at) is expected


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
    assert outcome(of=held, under=policy(max_attempts=max_attempts)) is expected


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
    assert outcome(of=provisioned, under=under) is expected


# What an allow commits.


def test_a_first_reservation_promises_the_serial_number_to_the_asking_certificate() -> None:
    approved = entry(version=7)
    decision = allowed(approved, through=claim(), under=policy(reservation_time=timedelta(minutes=40)))
    assert decision.superseded_certificate_id is None
    assert decision.reserved == approved.reserve(
        reservation(
            reserved_at=NOW,
            certificate_id=CERTIFICATE_ID,
            claim_certificate_id=CLAIM_CERTIFICATE_ID,
            decision_id=DECISION_ID,
            purpose=Purpose.ENROLMENT,
            deadline=NOW + timedelta(minutes=40),
        )
    )
    assert decision.reserved is not None
    assert decision.reserved.version == 8


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


# Rotation: the claim certificate is the device's own.


def _rotating(own_certificate_id: str) -> Identity:
    return identity(claim_certificate_id=own_certificate_id)


def test_a_rotation_keeps_the_current_certificate_until_the_new_one_is_seen() -> None:
    decision = allowed(entry(device_certificate=current_certificate()), asking=_rotating(CURRENT_CERTIFICATE_ID))
    assert decision.rule is AllowRule.ROTATION
    assert decision.reserved is not None
    assert decision.reserved.device_certificate == current_certificate()
    assert decision.reserved.reservation is not None
    assert decision.reserved.reservation.purpose is Purpose.ROTATION
    assert decision.reserved.reprovisioning_count == 0
    assert decision.superseded_certificate_id == CURRENT_CERTIFICATE_ID


def test_a_reserved_certificate_that_rotates_has_been_seen_in_use() -> None:
    held = entry(reservation=reservation(certificate_id=OTHER_CERTIFICATE_ID, attempts=3), version=4)
    decision = allowed(held, asking=_rotating(OTHER_CERTIFICATE_ID))
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
    decision = allowed(held, asking=_rotating(OTHER_CERTIFICATE_ID), now=NOW + timedelta(days=30))
    assert decision.rule is AllowRule.ROTATION


def test_the_newest_of_two_rotations_wins_once_the_device_uses_it() -> None:
    pending = entry(
        device_certificate=current_certificate(),
        reservation=reservation(certificate_id=OTHER_CERTIFICATE_ID, purpose=Purpose.ROTATION),
    )
    decision = allowed(pending, asking=_rotating(OTHER_CERTIFICATE_ID))
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
        _rotating(CURRENT_CERTIFICATE_ID), pending, None, policy(), switch=OPEN, now=NOW, decision_id=DECISION_ID
    )
    assert (decision.rule if isinstance(decision, Allowed) else decision.reason) is expected


def test_a_contested_rotation_counts_flags_and_names_who_lost_its_place() -> None:
    pending = entry(
        device_certificate=current_certificate(),
        reservation=reservation(
            reserved_at=NOW - timedelta(hours=1), certificate_id=OTHER_CERTIFICATE_ID, purpose=Purpose.ROTATION
        ),
    )
    decision = allowed(pending, asking=_rotating(CURRENT_CERTIFICATE_ID))
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
        _rotating(CURRENT_CERTIFICATE_ID), rotated, None, policy(), switch=OPEN, now=NOW, decision_id=DECISION_ID
    )
    assert decision == Denied(DenialReason.CLAIM_CERTIFICATE_NOT_REGISTERED)


# The same certificate asking again.


def _after_the_first_answer(device: AllowListEntry, outcome_seen: bool) -> AllowListEntry:
    return device.provisioned() if outcome_seen else device


@pytest.mark.parametrize("outcome_seen", [False, True], ids=["before the outcome", "after the outcome"])
def test_the_same_certificate_gets_the_same_answer_and_changes_nothing(outcome_seen: bool) -> None:
    first = allowed(through=claim())
    assert first.reserved is not None
    device = _after_the_first_answer(first.reserved, outcome_seen)
    again = decide(
        identity(),
        device,
        claim(),
        policy(),
        switch=OPEN,
        now=NOW + timedelta(minutes=30),
        decision_id="01JNX0000000000000000000DB",
    )
    assert isinstance(again, Allowed)
    assert again.rule is AllowRule.SAME_CERTIFICATE_RETRY
    assert again.reserved is None
    assert again.decision_id == first.decision_id
    assert dict(again.parameter_overrides) == dict(first.parameter_overrides)
    assert again.superseded_certificate_id is None


@pytest.mark.parametrize("outcome_seen", [False, True], ids=["before the outcome", "after the outcome"])
def test_the_same_certificate_gets_the_same_answer_to_its_rotation(outcome_seen: bool) -> None:
    rotating = _rotating(CURRENT_CERTIFICATE_ID)
    provisioned = entry(device_certificate=current_certificate())
    first = allowed(provisioned, asking=rotating)
    assert first.reserved is not None
    device = _after_the_first_answer(first.reserved, outcome_seen)
    # Once the outcome is seen the old certificate vouches for nothing, so that the retry needs another claim.
    through = claim() if outcome_seen else None
    again = allowed(device, asking=rotating, through=through, now=NOW + timedelta(minutes=30))
    assert again.rule is AllowRule.SAME_CERTIFICATE_RETRY
    assert again.reserved is None
    assert again.decision_id == first.decision_id
    assert dict(again.parameter_overrides) == dict(first.parameter_overrides)


# Parameter overrides.

_ALWAYS = {"SerialNumber", "MacAddress", "ThingName", "DecisionId", "Model", "HardwareRevision", "ThingGroup"}


@pytest.mark.parametrize("case", by_behaviour(ALLOWED))
def test_every_parameter_of_the_template_is_overridden_so_that_none_is_left_to_the_device(case: Judged) -> None:
    decision = decide(
        case.identity, case.entry, case.claim, case.policy, switch=case.switch, now=NOW, decision_id=DECISION_ID
    )
    assert isinstance(decision, Allowed)
    overrides = decision.parameter_overrides
    assert set(overrides) >= _ALWAYS
    assert all(isinstance(value, str) and value for value in overrides.values())
    assert overrides["DecisionId"] == decision.decision_id


def test_the_overrides_hold_the_canonical_identity_and_the_entrys_attributes() -> None:
    attributes = {"Model": "gateway-2", "HardwareRevision": "B", "ThingGroup": "gateways", "Site": "Graz"}
    asking = identity(mac_address="001B.4411.3AB7")
    decision = allowed(
        entry(attributes=attributes), asking=asking, through=claim(), under=policy(thing_name_prefix="fg-")
    )
    assert dict(decision.parameter_overrides) == attributes | {
        "SerialNumber": "FG-0001",
        "MacAddress": "00:1b:44:11:3a:b7",
        "ThingName": "fg-FG-0001",
        "DecisionId": DECISION_ID,
    }


def test_what_an_entry_does_not_name_has_a_value_all_the_same() -> None:
    decision = allowed(
        entry(mac_addresses=(), attributes={}),
        asking=identity(mac_address=None),
        through=claim(),
        under=policy(require_mac=False, default_thing_group="everything"),
    )
    overrides = decision.parameter_overrides
    assert (overrides["Model"], overrides["HardwareRevision"], overrides["MacAddress"]) == ("none", "none", "none")
    assert overrides["ThingGroup"] == "everything"


@pytest.mark.parametrize("name", ["SerialNumber", "MacAddress", "ThingName", "DecisionId"])
def test_an_entrys_attributes_never_replace_the_identity(name: str) -> None:
    plain = allowed(entry(attributes={}), through=claim())
    forged = allowed(entry(attributes={name: "forged"}), through=claim())
    assert dict(forged.parameter_overrides) == dict(plain.parameter_overrides)


def test_the_answers_of_two_decisions_share_nothing() -> None:
    first, second = allowed(through=claim()), allowed(through=claim())
    assert first.parameter_overrides is not second.parameter_overrides


def test_a_decision_leaves_the_entry_it_judged_as_it_was() -> None:
    changes: dict[str, Any] = {"reservation": reservation(reserved_at=NOW - timedelta(days=1), attempts=1)}
    judged = entry(**changes)
    allowed(judged, asking=identity(certificate_id=OTHER_CERTIFICATE_ID), through=claim())
    assert judged == entry(**changes)


def test_a_serial_number_that_differs_in_case_is_out_of_a_trusted_users_claim() -> None:
    other_case = claim(serial_number=SerialNumber.parse("fg-0001"))
    assert outcome(through=other_case) is DenialReason.CLAIM_SERIAL_NUMBER_OUT_OF_SCOPE
