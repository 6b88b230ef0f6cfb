"""The tables of cases leave out no reason: a new one without a case fails here."""

from fleetgate.domain.reasons import AllowRule, DenialReason
from tests.unit.gate.allowed_cases import ALLOWED
from tests.unit.gate.denied_cases import DENIED
from tests.unit.gate.unreadable_cases import UNREADABLE


def test_every_denial_reason_has_a_case() -> None:
    assert {case.reason for case in UNREADABLE} | {case.outcome for case in DENIED} == set(DenialReason)


def test_every_allow_rule_has_a_case() -> None:
    assert {case.outcome for case in ALLOWED} == set(AllowRule)


def test_every_case_states_a_behaviour_of_its_own() -> None:
    behaviours = [case.behaviour for table in (UNREADABLE, DENIED, ALLOWED) for case in table]
    assert len(set(behaviours)) == len(behaviours)
