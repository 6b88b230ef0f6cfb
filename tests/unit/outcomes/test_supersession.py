"""Which certificates a later one took the place of, and when that is certain."""

from dataclasses import replace

import pytest

from fleetgate.domain.allow_list import DeviceCertificate
from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.reasons import AllowRule
from fleetgate.outcomes.outcome import OutcomeReason
from fleetgate.outcomes.supersession import Superseded, Use, is_out_of_use, superseded_by
from harness.builders import (
    CLAIM_CERTIFICATE_ID,
    CURRENT_CERTIFICATE_ID,
    MANUFACTURER,
    NOW,
    SERIAL_NUMBER,
    entry,
    reservation,
)

FIRST, SECOND, THIRD = "de01" * 16, "de02" * 16, "de03" * 16
D1, D2, D3 = "01JNX0000000000000000000D1", "01JNX0000000000000000000D2", "01JNX0000000000000000000D3"


def allow(decision_id: str, certificate_id: str, superseded: str | None = None, **changes: object) -> AuditRecord:
    """A decision that let the device in."""
    decision = AuditRecord(
        record_id=decision_id,
        recorded_at=NOW,
        kind=RecordKind.DECISION,
        verdict=Verdict.ALLOWED,
        reason=AllowRule.ROTATION if superseded else AllowRule.FIRST_RESERVATION,
        serial_number=SERIAL_NUMBER,
        decision_id=decision_id,
        certificate_id=certificate_id,
        claim_certificate_id=CLAIM_CERTIFICATE_ID,
        superseded_certificate_id=superseded,
        manufacturer=MANUFACTURER,
    )
    return replace(decision, **changes)  # type: ignore[arg-type]


def outcome(reason: OutcomeReason, decision_id: str, certificate_id: str, superseded: str | None = None) -> AuditRecord:
    """What was seen of a decision."""
    return allow(decision_id, certificate_id, superseded, kind=RecordKind.OUTCOME, verdict=None, reason=reason.value)


def use(certificate_id: str) -> Use:
    """A certificate of the device came into use."""
    return Use(serial_number=SerialNumber(SERIAL_NUMBER), certificate_id=certificate_id)


def found(records: list[AuditRecord], certificate_id: str) -> list[tuple[str, str]]:
    """The superseded certificates, each with the decision that says so."""
    return [(one.certificate_id, one.decision_id) for one in superseded_by(use(certificate_id), records)]


ROTATIONS = [allow(D1, FIRST), allow(D2, SECOND, FIRST), allow(D3, THIRD, SECOND)]


@pytest.mark.parametrize("reason", OutcomeReason)
def test_only_a_connection_tells_of_use(reason: OutcomeReason) -> None:
    told = Use.told_by(outcome(reason, D1, FIRST))
    assert told == (use(FIRST) if reason is OutcomeReason.CONNECTED else None)


def test_a_device_that_rotates_with_its_reserved_certificate_uses_it() -> None:
    assert Use.told_by(allow(D3, THIRD, SECOND, claim_certificate_id=SECOND)) == use(SECOND)


def test_a_rotation_that_takes_a_reservation_over_tells_nothing_of_the_one_it_took() -> None:
    assert Use.told_by(allow(D3, THIRD, SECOND, claim_certificate_id=FIRST)) is None


def test_a_decision_through_a_claim_certificate_tells_of_no_use() -> None:
    assert Use.told_by(allow(D1, FIRST)) is None
    assert Use.told_by(allow(D2, SECOND, FIRST, reason=AllowRule.RESERVATION_TAKEOVER)) is None


def test_all_that_lost_their_place_before_are_superseded() -> None:
    assert found(ROTATIONS, THIRD) == [(FIRST, D2), (SECOND, D3)]


def test_what_lost_its_place_only_later_has_its_own_time() -> None:
    assert found(ROTATIONS, SECOND) == [(FIRST, D2)]
    assert found(ROTATIONS, FIRST) == []


def test_a_certificate_that_no_decision_let_in_supersedes_nothing() -> None:
    assert found(ROTATIONS, CURRENT_CERTIFICATE_ID) == []


def test_an_outcome_says_what_else_was_superseded() -> None:
    """A take-over names the reserved certificate; that the current one was in its place is known at the end."""
    records = [allow(D1, FIRST), allow(D2, SECOND), allow(D3, THIRD, SECOND)]
    records.append(outcome(OutcomeReason.CONNECTED, D3, THIRD, FIRST))
    assert found(records, THIRD) == [(SECOND, D3), (FIRST, D3)]


def test_what_was_reported_is_known_to_be() -> None:
    records = [*ROTATIONS, outcome(OutcomeReason.SUPERSEDED_ACTIVE, D2, FIRST, FIRST)]
    reported = {one.certificate_id: one.is_reported for one in superseded_by(use(THIRD), records)}
    assert reported == {FIRST: True, SECOND: False}


SUPERSEDED = Superseded(
    serial_number=SerialNumber(SERIAL_NUMBER), certificate_id=FIRST, decision_id=D2, manufacturer=MANUFACTURER
)


def current(certificate_id: str, decision_id: str) -> DeviceCertificate:
    """What a device is known to use."""
    return DeviceCertificate(certificate_id=certificate_id, decision_id=decision_id)


@pytest.mark.parametrize(("certificate_id", "decision_id"), [(SECOND, D2), (THIRD, D3)])
def test_a_certificate_is_out_of_use_once_a_later_one_is_in_use(certificate_id: str, decision_id: str) -> None:
    assert is_out_of_use(entry(device_certificate=current(certificate_id, decision_id)), SUPERSEDED)


def test_a_device_that_uses_no_certificate_yet_may_use_any() -> None:
    assert not is_out_of_use(entry(), SUPERSEDED)
    assert not is_out_of_use(entry(reservation=reservation(certificate_id=SECOND, decision_id=D2)), SUPERSEDED)


def test_the_certificate_stays_what_it_was_where_its_successor_never_completed() -> None:
    assert not is_out_of_use(entry(device_certificate=current(FIRST, D1)), SUPERSEDED)
    assert not is_out_of_use(entry(device_certificate=current(CURRENT_CERTIFICATE_ID, D1)), SUPERSEDED)


def test_what_the_device_may_use_is_never_out_of_use() -> None:
    assert not is_out_of_use(entry(device_certificate=current(FIRST, D3)), SUPERSEDED)
    fallen = replace(current(SECOND, D2), fell_back_to=FIRST)
    assert not is_out_of_use(entry(device_certificate=fallen), SUPERSEDED)
    again = reservation(certificate_id=FIRST, decision_id=D3)
    assert not is_out_of_use(entry(device_certificate=current(SECOND, D2), reservation=again), SUPERSEDED)
