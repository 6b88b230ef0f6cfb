"""The outcome recorder: AWS IoT tells what became of devices that the gate let in."""

import os
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from fleetgate.outcomes.note import Noted, OutcomeRecorder
from fleetgate.outcomes.outcome_events import outcomes_in
from fleetgate.outcomes.settings import OutcomeSettings

logger = Logger()
metrics = Metrics(namespace="Fleetgate")
_processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)

_METRICS = {
    Noted.COMPLETED: "RegistrationCompleted",
    Noted.IN_USE: "CertificateCameIntoUse",
    Noted.FELL_BACK: "DeviceFellBack",
    Noted.MAY_HAVE_FALLEN_BACK: "DeviceFellBack",
    Noted.SUPERSEDED_USED: "SupersededCertificateUsed",
    Noted.REGISTERED: "ThingRegistered",
    Noted.FAILED: "ProvisioningFailed",
    Noted.UNAPPROVED: "UnapprovedThing",
    Noted.KNOWN: "OutcomeKnown",
    Noted.NOT_OURS: "OutcomeNotOurs",
}


_NOTEWORTHY = frozenset(
    {Noted.FAILED, Noted.FELL_BACK, Noted.MAY_HAVE_FALLEN_BACK, Noted.SUPERSEDED_USED, Noted.UNAPPROVED}
)


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(event: Mapping[str, Any], context: LambdaContext) -> Any:
    """Note the outcomes that some events tell of.

    Args:
        event: Of SQS, each body a registry event or a presence event; or entries of the log group AWSIotLogsV2.

    Returns:
        `batchItemFailures`: the messages that have to come again.

    Raises:
        Exception: Log entries could not be noted; Lambda delivers them again, then to the dead letters.
    """
    metrics.add_metric("OutcomeEvents", MetricUnit.Count, len(event.get("Records", [event])))
    if "Records" in event:
        return process_partial_response(dict(event), _note_message, _processor, context)
    _note(event)
    return {}


def _note_message(record: SQSRecord) -> None:
    try:
        _note(record.json_body)
    except Exception:
        logger.exception("outcome could not be noted", message_id=record.message_id)
        raise


def _note(event: Mapping[str, Any]) -> None:
    noted: Counter[Noted] = Counter()
    for outcome in outcomes_in(event, thing_type_name=_settings().thing_type_name):
        what = _recorder().note(outcome)
        noted[what] += 1
        say = logger.warning if what in _NOTEWORTHY else logger.info
        say(
            "outcome noted",
            noted=what.value,
            reason=outcome.reason.value,
            certificate_id=outcome.certificate_id,
            decision_id=outcome.decision_id,
        )
    for what, count in noted.items():
        metrics.add_metric(_METRICS[what], MetricUnit.Count, count)
    # A device that fell back, or may have, uses a superseded certificate too.
    if fallen := noted[Noted.FELL_BACK] + noted[Noted.MAY_HAVE_FALLEN_BACK]:
        metrics.add_metric(_METRICS[Noted.SUPERSEDED_USED], MetricUnit.Count, fallen)


@cache
def _settings() -> OutcomeSettings:
    return OutcomeSettings.from_environment(os.environ)


@cache
def _recorder() -> OutcomeRecorder:
    settings = _settings()
    return OutcomeRecorder.of_stack(settings.tables, settings.thing_name_prefix)
