"""The reconciler: now and then, AWS IoT is asked what became of reservations that ran out."""

import os
from datetime import timedelta
from functools import cache, partial
from typing import Any

import botocore.session
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from fleetgate.config import ReconcilerSettings
from fleetgate.handlers.outcome_recorder import recorder
from fleetgate.store.certificates import Certificates
from fleetgate.store.reconciliation import Reconciliation
from fleetgate.workflows.reconcile import Reconciler

logger = Logger()
metrics = Metrics(namespace="Fleetgate")

# What it leaves of its time to note its place.
_CLOSING_MILLISECONDS = 20_000
# A certificate may be activated until the last second of its reservation.
_GRACE = timedelta(minutes=10)


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(_event: Any, context: LambdaContext) -> dict[str, int]:
    """Look into what is due.

    Returns:
        How many reservations were completed or released, and how many decisions had nothing open.

    Raises:
        Fault: The tables or AWS IoT could not be asked; the next run goes on.
    """
    settled = _reconciler().run(goes_on=partial(_has_time, context))
    logger.info("reservations were reconciled", settled={what.value: count for what, count in settled.items()})
    for name, what in (("ReservationCompleted", "completed"), ("ReservationReleased", "released")):
        metrics.add_metric(name, MetricUnit.Count, sum(count for one, count in settled.items() if one.value == what))
    return {what.value: count for what, count in settled.items()}


def _has_time(context: LambdaContext) -> bool:
    return context.get_remaining_time_in_millis() > _CLOSING_MILLISECONDS


@cache
def _reconciler() -> Reconciler:
    settings = ReconcilerSettings.from_environment(os.environ)
    return Reconciler(
        recorder=recorder(settings.tables, settings.thing_name_prefix),
        reconciliation=Reconciliation(settings.tables),
        certificates=Certificates(botocore.session.get_session().create_client("iot")),
        patience=settings.reservation_time + _GRACE,
        most_records=settings.most_records,
    )
