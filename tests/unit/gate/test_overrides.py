"""What a device is answered: the same again for the same certificate, and every parameter of the template."""

from datetime import timedelta
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.gate_switch import OPEN
from fleetgate.domain.reasons import AllowRule
from fleetgate.gate.decision import Allowed, decide
from harness.builders import (
    CURRENT_CERTIFICATE_ID,
    DECISION_ID,
    NOW,
    OTHER_CERTIFICATE_ID,
    claim,
    current_certificate,
    entry,
    identity,
    policy,
    reservation,
)
from tests.unit.gate.allowed_cases import ALLOWED
from tests.unit.gate.cases import Judged, by_behaviour
from tests.unit.gate.deciding import allowed, rotating

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
        key=None,
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
    asking = rotating(CURRENT_CERTIFICATE_ID)
    provisioned = entry(device_certificate=current_certificate())
    first = allowed(provisioned, asking=asking)
    assert first.reserved is not None
    device = _after_the_first_answer(first.reserved, outcome_seen)
    # Once the outcome is seen the old certificate vouches for nothing, so that the retry needs another claim.
    through = claim() if outcome_seen else None
    again = allowed(device, asking=asking, through=through, now=NOW + timedelta(minutes=30))
    assert again.rule is AllowRule.SAME_CERTIFICATE_RETRY
    assert again.reserved is None
    assert again.decision_id == first.decision_id
    assert dict(again.parameter_overrides) == dict(first.parameter_overrides)


# Parameter overrides.

_ALWAYS = {"SerialNumber", "MacAddress", "ThingName", "DecisionId", "Model", "HardwareRevision", "ThingGroup"}


@pytest.mark.parametrize("case", by_behaviour(ALLOWED))
def test_every_parameter_of_the_template_is_overridden_so_that_none_is_left_to_the_device(case: Judged) -> None:
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
    overrides = decision.parameter_overrides
    assert set(overrides) == _ALWAYS
    assert all(isinstance(value, str) and value for value in overrides.values())
    assert overrides["DecisionId"] == decision.decision_id


def test_the_overrides_hold_the_canonical_identity_and_the_entrys_attributes() -> None:
    attributes = {"Model": "gateway-2", "HardwareRevision": "B", "ThingGroup": "gateways"}
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


@pytest.mark.parametrize("name", ["SerialNumber", "MacAddress", "ThingName", "DecisionId", "Site", "ThingTypeName"])
def test_an_entrys_other_attributes_are_not_handed_to_the_template(name: str) -> None:
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
