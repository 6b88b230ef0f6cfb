"""The pre-provisioning hook: AWS IoT asks whether a device may have its identity.

Its import path is kept short (no boto3, no pydantic, no X-Ray SDK), because a cold start eats into the 5 s that
AWS IoT waits.
"""

import os
import traceback
from functools import cache
from pathlib import Path
from typing import Any, assert_never

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from fleetgate.domain.faults import DeadlineExceeded, Fault
from fleetgate.domain.public_key import certificate_key_fingerprint
from fleetgate.domain.reasons import DenialReason, FaultReason
from fleetgate.domain.suspicion import Suspicion, reasons_for
from fleetgate.environment import InvalidSettings
from fleetgate.gate.deadline import answer_within
from fleetgate.gate.decision import Allowed, Denied
from fleetgate.gate.register_thing import Registration, register_thing
from fleetgate.gate.request import RegistrationRequest
from fleetgate.gate.settings import HookSettings
from fleetgate.gate.store import GateStore
from fleetgate.store.audit_items import make_clock

# What Lambda needs at the end of an invocation to get the answer out.
_RENDERING_SECONDS = 0.3
# Denials that have a metric of their own, beside that of all.
_METRICS = {
    DenialReason.MAC_ADDRESS_MISMATCH: "MacAddressMismatch",
    **dict.fromkeys(reasons_for(Suspicion.COPY), "SecondClaim"),
    DenialReason.KEY_ASSIGNED_TO_ANOTHER_DEVICE: "KeyReused",
    DenialReason.KEY_MISMATCH: "KeyMismatch",
}

_CLOCK = make_clock()

logger = Logger()
metrics = Metrics(namespace="Fleetgate")


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """Answer one pre-provisioning hook invocation.

    Args:
        event: `claimCertificateId`, `certificateId`, `certificatePem`, `templateArn`, `clientId`, `parameters`.

    Returns:
        `allowProvisioning` (a boolean) and `parameterOverrides` (string to string). The device learns no more than
        that it was denied; a fault is a denial to the device and a fault to us.

    Source: AWS IoT Core developer guide, "Pre-provisioning hooks".
    """
    try:
        settings = _settings()
        remaining_seconds = context.get_remaining_time_in_millis() / 1000 - _RENDERING_SECONDS
        with answer_within(min(settings.answer_seconds, remaining_seconds)):
            registration = register_thing(
                _request(event),
                policy=settings.policy,
                store=_store(),
                clock=_CLOCK,
                request_id=context.aws_request_id,
            )
    except Fault as fault:
        return _fault(fault.reason, fault)
    except DeadlineExceeded as late:
        return _fault(FaultReason.DEADLINE_EXCEEDED, late)
    except InvalidSettings as error:
        return _fault(FaultReason.CONFIGURATION_INVALID, error)
    except Exception as error:  # noqa: BLE001 - the last line of the gate: whatever happens, the answer is no
        return _fault(FaultReason.UNEXPECTED, error)
    return _answer(registration)


def _request(event: Any) -> RegistrationRequest:
    """The request of a hook event.

    Raises:
        Fault: It is not a hook event at all.
    """
    if not isinstance(event, dict):
        raise Fault(FaultReason.NOT_A_HOOK_EVENT)
    certificate_id, template_arn = event.get("certificateId"), event.get("templateArn")
    claim_certificate_id, parameters = event.get("claimCertificateId"), event.get("parameters")
    if (
        not (isinstance(certificate_id, str) and certificate_id)
        or not isinstance(template_arn, str)
        or not isinstance(claim_certificate_id, str | None)
        or not isinstance(parameters, dict | None)
    ):
        raise Fault(FaultReason.NOT_A_HOOK_EVENT)
    return RegistrationRequest(
        certificate_id=certificate_id,
        key_fingerprint=certificate_key_fingerprint(event.get("certificatePem")),
        claim_certificate_id=claim_certificate_id,
        template_arn=template_arn,
        presented_client_id=event.get("clientId", ""),
        presented_parameters=parameters or {},
    )


def _answer(registration: Registration) -> dict[str, Any]:
    decision, record = registration.decision, registration.record
    fields: dict[str, Any] = {
        "decision_id": record.decision_id,
        "record_id": record.record_id,
        "certificate_id": record.certificate_id,
        "key_fingerprint": record.key_fingerprint,
        "claim_certificate_id": record.claim_certificate_id,
        "manufacturer": record.manufacturer,
    }
    match decision:
        case Allowed(rule=rule):
            logger.info("registration allowed", rule=rule.value, taken_over=record.taken_over, **fields)
            metrics.add_metric("RegistrationAllowed", MetricUnit.Count, 1)
            return {"allowProvisioning": True, "parameterOverrides": dict(decision.parameter_overrides)}
        case Denied(reason):
            logger.warning("registration denied", reason=reason.value, **fields)
            metrics.add_metric("RegistrationDenied", MetricUnit.Count, 1)
            if reason in _METRICS:
                metrics.add_metric(_METRICS[reason], MetricUnit.Count, 1)
            metrics.add_metadata("reason", reason.value)
            return {"allowProvisioning": False, "parameterOverrides": {}}
        case _:
            assert_never(decision)


def _fault(reason: FaultReason, error: BaseException) -> dict[str, Any]:
    # Types and places only: a message may quote what a device sent.
    chain = [error, *_causes(error)]
    logger.error(
        "registration could not be judged",
        fault=reason.value,
        meaning=reason.meaning,
        exceptions=[type(link).__qualname__ for link in chain],
        places=[_place(frame) for frame in traceback.extract_tb(error.__traceback__)],
    )
    metrics.add_metric("RegistrationFault", MetricUnit.Count, 1)
    metrics.add_metadata("fault", reason.value)
    return {"allowProvisioning": False, "parameterOverrides": {}}


def _causes(error: BaseException) -> list[BaseException]:
    causes: list[BaseException] = []
    while (cause := error.__cause__ or error.__context__) is not None and len(causes) < 8:
        causes.append(cause)
        error = cause
    return causes


@cache
def _settings() -> HookSettings:
    return HookSettings.from_environment(os.environ)


@cache
def _store() -> GateStore:
    return GateStore(_settings().tables)


if os.environ.get("AWS_LAMBDA_FUNCTION_NAME"):  # in Lambda: build the client before the first request
    try:
        _store().prime()
    except Exception:  # noqa: BLE001 - the first request meets the same error, and there it is recorded as a fault
        logger.warning("the client could not be built at init")


def _place(frame: traceback.FrameSummary) -> str:
    """Where a frame stands, with its room: `gate/store.py:98`."""
    return f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno}"
