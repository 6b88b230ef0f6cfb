"""What the hook answers, logs and counts where it cannot judge: malformed events and a broken function."""

from typing import Any

import pytest

from fleetgate.domain.reasons import FaultReason
from fleetgate.gate import hook
from harness.builders import HOOK_ENVIRONMENT
from harness.certificates import issued_certificate
from tests.unit.gate.hook_invocation import Context, Invocation, invoke

_SECRET = "PRESENTED-BY-THE-DEVICE"
_CERTIFICATE = issued_certificate()
_BASE64_LINE = _CERTIFICATE.pem.splitlines()[1]
_EVENT: dict[str, Any] = {
    "claimCertificateId": "c1a1" * 16,
    "certificateId": _CERTIFICATE.certificate_id,
    "certificatePem": _CERTIFICATE.pem,
    "templateArn": HOOK_ENVIRONMENT["PROVISIONING_TEMPLATE_ARN"],
    "clientId": _SECRET,
    "parameters": {"SerialNumber": _SECRET, "MacAddress": _SECRET},
}


def _without(name: str) -> dict[str, Any]:
    return {key: value for key, value in _EVENT.items() if key != name}


_MALFORMED: list[Any] = [
    pytest.param(None, id="nothing"),
    pytest.param(5, id="a number"),
    pytest.param(_SECRET, id="a text"),
    pytest.param([_EVENT], id="a list"),
    pytest.param({}, id="an empty object"),
    pytest.param({"source": "aws.events", "detail": _SECRET}, id="an event of another service"),
    pytest.param(_without("certificateId"), id="no certificate ID"),
    pytest.param(_EVENT | {"certificateId": ""}, id="an empty certificate ID"),
    pytest.param(_EVENT | {"certificateId": None}, id="a null certificate ID"),
    pytest.param(_EVENT | {"certificateId": 1}, id="a number for a certificate ID"),
    pytest.param(_without("templateArn"), id="no template ARN"),
    pytest.param(_EVENT | {"templateArn": None}, id="a null template ARN"),
    pytest.param(_EVENT | {"templateArn": [_SECRET]}, id="a list for a template ARN"),
    pytest.param(_EVENT | {"claimCertificateId": 1}, id="a number for a claim certificate ID"),
    pytest.param(_EVENT | {"claimCertificateId": {"value": _SECRET}}, id="an object for a claim certificate ID"),
    pytest.param(_EVENT | {"parameters": [_SECRET]}, id="a list for parameters"),
    pytest.param(_EVENT | {"parameters": _SECRET}, id="a text for parameters"),
    pytest.param(_EVENT | {"parameters": 0}, id="a number for parameters"),
    pytest.param(_EVENT | {"parameters": False}, id="false for parameters"),
]


def _is_fault(invocation: Invocation, reason: FaultReason) -> None:
    """The device is told no and nothing else; we are told which fault, once, and nothing of what was presented."""
    assert invocation.answer == {"allowProvisioning": False, "parameterOverrides": {}}
    [log] = invocation.logs
    assert (log["level"], log["message"], log["fault"]) == ("ERROR", "registration could not be judged", reason.value)
    assert log["function_request_id"] == Context.aws_request_id
    [metric] = invocation.metrics
    assert metric["RegistrationFault"] == [1.0]
    assert metric["fault"] == reason.value
    assert "RegistrationDenied" not in metric
    assert "RegistrationAllowed" not in metric
    assert _SECRET not in invocation.output
    assert "BEGIN CERTIFICATE" not in invocation.output
    assert _BASE64_LINE not in invocation.output


@pytest.mark.parametrize("event", _MALFORMED)
def test_what_is_not_a_hook_event_is_a_fault(event: Any) -> None:
    _is_fault(invoke(event, environment=HOOK_ENVIRONMENT), FaultReason.NOT_A_HOOK_EVENT)


@pytest.mark.parametrize("name", HOOK_ENVIRONMENT)
def test_a_missing_environment_variable_is_a_fault(name: str) -> None:
    environment = {other: value for other, value in HOOK_ENVIRONMENT.items() if other != name}
    _is_fault(invoke(_EVENT, environment=environment), FaultReason.CONFIGURATION_INVALID)


def test_an_environment_variable_that_cannot_be_read_is_a_fault_which_does_not_repeat_it() -> None:
    invocation = invoke(_EVENT, environment={**HOOK_ENVIRONMENT, "MAX_ATTEMPTS": _SECRET})
    _is_fault(invocation, FaultReason.CONFIGURATION_INVALID)


def test_a_broken_environment_is_found_before_a_broken_event() -> None:
    _is_fault(invoke(None, environment={}), FaultReason.CONFIGURATION_INVALID)


def test_a_failure_nobody_foresaw_is_a_fault() -> None:
    class WithoutATime(Context):
        def get_remaining_time_in_millis(self) -> int:
            raise RuntimeError(_SECRET)

    invocation = invoke(_EVENT, environment=HOOK_ENVIRONMENT, context=WithoutATime())
    _is_fault(invocation, FaultReason.UNEXPECTED)
    assert invocation.logs[0]["exceptions"] == ["RuntimeError"]


def test_a_fault_says_where_it_arose() -> None:
    [log] = invoke(_EVENT, environment={}).logs
    assert log["exceptions"] == ["InvalidSettings"]
    assert any(place.startswith("gate/settings.py:") for place in log["places"])


def test_an_answer_is_never_carried_into_the_next_invocation() -> None:
    first = invoke(None, environment=HOOK_ENVIRONMENT).answer
    first["allowProvisioning"] = True
    first["parameterOverrides"]["ThingName"] = "left over"
    assert invoke(None, environment=HOOK_ENVIRONMENT).answer == {"allowProvisioning": False, "parameterOverrides": {}}


def test_log_fields_are_never_carried_into_the_next_invocation() -> None:
    hook.logger.append_keys(presented=_SECRET)  # as code that handled an earlier device might have left it
    _is_fault(invoke(None, environment=HOOK_ENVIRONMENT), FaultReason.NOT_A_HOOK_EVENT)
