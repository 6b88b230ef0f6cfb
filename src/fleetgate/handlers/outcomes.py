"""The outcome recorder: AWS IoT tells what became of devices that the gate let in."""

import os
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from ulid import ULID

from fleetgate.config import OutcomeSettings
from fleetgate.store.outcomes import OutcomeStore
from fleetgate.workflows.note_outcome import Noted, OutcomeRecorder
from fleetgate.workflows.read_signs import signs_in

logger = Logger()
metrics = Metrics(namespace="Fleetgate")

_METRICS = {
    Noted.COMPLETED: "RegistrationCompleted",
    Noted.REGISTERED: "ThingRegistered",
    Noted.FAILED: "ProvisioningFailed",
    Noted.UNAPPROVED: "UnapprovedThing",
    Noted.KNOWN: "OutcomeKnown",
    Noted.NOT_OURS: "OutcomeNotOurs",
}


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, int]:
    """Note the outcomes that one event tells of.

    Args:
        event: A registry event or a presence event of a topic rule, or entries of the log group AWSIotLogsV2.

    Returns:
        How many signs led to what.

    Raises:
        Exception: The tables could not be asked; Lambda delivers the event again, then to the dead letters.
    """
    noted: Counter[Noted] = Counter()
    for outcome in signs_in(event, thing_type_name=_settings().thing_type_name):
        what = _recorder().note(outcome)
        noted[what] += 1
        say = logger.warning if what in (Noted.FAILED, Noted.UNAPPROVED) else logger.info
        say(
            "outcome noted",
            noted=what.value,
            evidence=outcome.evidence.value,
            certificate_id=outcome.certificate_id,
            decision_id=outcome.decision_id,
        )
    metrics.add_metric("OutcomeSigns", MetricUnit.Count, noted.total())
    for what, count in noted.items():
        metrics.add_metric(_METRICS[what], MetricUnit.Count, count)
    return {what.value: count for what, count in noted.items()}


@cache
def _settings() -> OutcomeSettings:
    return OutcomeSettings.from_environment(os.environ)


@cache
def _recorder() -> OutcomeRecorder:
    settings = _settings()
    return OutcomeRecorder(
        store=OutcomeStore(settings.tables),
        thing_name_prefix=settings.thing_name_prefix,
        now=lambda: datetime.now(UTC),
        new_record_id=lambda moment: str(ULID.from_datetime(moment)),
    )
