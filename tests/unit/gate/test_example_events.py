"""The named example events in events/hook: each is what its name says."""

import json
from pathlib import Path
from typing import Any

import pytest

from fleetgate.domain.gate_switch import OPEN
from fleetgate.domain.reasons import AllowRule, DenialReason, FaultReason
from fleetgate.gate.decision import Allowed, decide
from fleetgate.gate.hook import _request
from fleetgate.gate.request import identify
from harness.builders import (
    DECISION_ID,
    HOOK_ENVIRONMENT,
    NOW,
    OTHER_CERTIFICATE_ID,
    claim,
    entry,
    identity,
    policy,
    request,
)
from harness.certificates import fingerprint_of_certificate
from tests.unit.gate.hook_invocation import invoke

_FOLDER = Path(__file__).parents[3] / "events" / "hook"
_DOCUMENTED_KEYS = {"claimCertificateId", "certificateId", "certificatePem", "templateArn", "clientId", "parameters"}
_NO_HOOK_EVENT = "not-a-hook-event"

# What the gate says of each, where the approved device of the builders is the only one on the allow-list.
_OUTCOMES: dict[str, AllowRule | DenialReason] = {
    "alias-parameter-names": AllowRule.FIRST_RESERVATION,
    "approved-device": AllowRule.FIRST_RESERVATION,
    "cloned-mac-address": DenialReason.MAC_ADDRESS_MISMATCH,
    "no-claim-certificate": DenialReason.CLAIM_CERTIFICATE_MISSING,
    "no-parameters": DenialReason.PARAMETERS_MISSING,
    "non-ascii-parameter": DenialReason.PARAMETER_INVALID,
    "oversize-parameter": DenialReason.PARAMETER_INVALID,
    "unknown-serial-number": DenialReason.NOT_ON_ALLOW_LIST,
    "unknown-template": DenialReason.UNKNOWN_TEMPLATE,
    "unreadable-certificate": DenialReason.CERTIFICATE_UNREADABLE,
}


def _event(name: str) -> Any:
    return json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def _outcome(event: Any) -> AllowRule | DenialReason:
    approved = entry()
    identified = identify(_request(event), policy())
    if isinstance(identified, DenialReason):
        return identified
    found = approved if identified.serial_number == approved.serial_number else None
    decision = decide(identified, found, claim(), policy(), key=None, switch=OPEN, now=NOW, decision_id=DECISION_ID)
    return decision.rule if isinstance(decision, Allowed) else decision.reason


def test_every_folder_of_examples_has_its_tests() -> None:
    """The others have modules of their own, beside this one and in tests/integration."""
    tested = {
        "hook",
        "importer",
        "import-steps",
        "archiver",
        "sealer",
        "reconciler",
        "watcher",
        "query-api",
        "action-api",
    }
    assert {path.name for path in _FOLDER.parent.iterdir()} == tested


def test_every_example_event_is_tested() -> None:
    assert {path.stem for path in _FOLDER.iterdir()} == {*_OUTCOMES, _NO_HOOK_EVENT}


@pytest.mark.parametrize("name", _OUTCOMES)
def test_the_gate_says_of_an_example_what_its_name_promises(name: str) -> None:
    assert _outcome(_event(name)) is _OUTCOMES[name]


@pytest.mark.parametrize("name", _OUTCOMES)
def test_an_example_has_the_documented_shape(name: str) -> None:
    event = _event(name)
    assert set(event) <= _DOCUMENTED_KEYS
    assert all(isinstance(value, str) for value in event.get("parameters", {}).values())


@pytest.mark.parametrize("name", _OUTCOMES)
def test_an_example_holds_no_private_key_and_no_ownership_token(name: str) -> None:
    text = json.dumps(_event(name))
    assert "PRIVATE KEY" not in text
    assert "wnershipToken" not in text


def test_the_approved_device_is_the_builders_own() -> None:
    event = _event("approved-device")
    assert _request(event) == request(key_fingerprint=fingerprint_of_certificate(event["certificatePem"]))


def test_alias_parameter_names_are_the_same_identity() -> None:
    event = _event("alias-parameter-names")
    own = identity(key_fingerprint=fingerprint_of_certificate(event["certificatePem"]))
    assert identify(_request(event), policy()) == own


def test_a_clone_has_a_device_certificate_of_its_own() -> None:
    assert _request(_event("cloned-mac-address")).certificate_id == OTHER_CERTIFICATE_ID


def test_what_is_not_a_hook_event_is_a_fault() -> None:
    invocation = invoke(_event(_NO_HOOK_EVENT), environment=HOOK_ENVIRONMENT)
    assert invocation.answer == {"allowProvisioning": False, "parameterOverrides": {}}
    assert invocation.metrics[0]["fault"] == FaultReason.NOT_A_HOOK_EVENT.value
