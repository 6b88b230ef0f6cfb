"""Reasons are read by people and counted by machines: codes that never collide, sentences that say something."""

import re
from typing import Any

import pytest

from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import AllowRule, DenialReason, FaultReason

Reason = AllowRule | DenialReason | FaultReason

EVERY_REASON: list[Reason] = [*AllowRule, *DenialReason, *FaultReason]


def test_no_two_reasons_share_a_code() -> None:
    assert len({reason.value for reason in EVERY_REASON}) == len(EVERY_REASON)


def test_no_two_reasons_share_a_meaning() -> None:
    assert len({reason.meaning for reason in EVERY_REASON}) == len(EVERY_REASON)


@pytest.mark.parametrize("reason", EVERY_REASON)
def test_a_code_is_snake_case_and_the_member_its_upper_case(reason: Reason) -> None:
    assert re.fullmatch(r"[a-z]+(?:_[a-z]+)*", reason.value)
    assert reason.name == reason.value.upper()


@pytest.mark.parametrize("reason", EVERY_REASON)
@pytest.mark.parametrize("part", ["meaning", "remedy"])
def test_a_meaning_and_a_remedy_are_sentences(reason: Reason, part: str) -> None:
    sentence = getattr(reason, part)
    assert re.fullmatch(r"[A-Z][^\n]*[a-zA-Z]\.", sentence)
    assert "  " not in sentence
    assert len(sentence.split()) >= 3


@pytest.mark.parametrize("reason", EVERY_REASON)
def test_a_reason_is_found_by_its_code_and_written_as_it(reason: Reason) -> None:
    look_up: Any = type(reason)  # mypy takes the members' sentences for arguments of the look-up
    assert look_up(reason.value) is reason
    assert f"{reason}" == reason.value


@pytest.mark.parametrize("reason", list(FaultReason))
def test_a_fault_says_what_its_reason_means(reason: FaultReason) -> None:
    fault = Fault(reason)
    assert fault.reason is reason
    assert str(fault) == reason.meaning
