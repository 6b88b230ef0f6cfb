"""The reconciler: now and then, what the gate knows is compared with what AWS IoT says.

Three walks take turns: reservations that ran out, superseded certificates, and AWS IoT's own list of things.
"""

import os
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any

import botocore.session
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from fleetgate.domain.operator_action import Operator
from fleetgate.operators.device_store import DeviceStore
from fleetgate.outcomes.assembly import recorder
from fleetgate.outcomes.iot_things import Things
from fleetgate.outcomes.note import Noted
from fleetgate.outcomes.reservations import Reconciler, Settled
from fleetgate.outcomes.settings import ReconcilerSettings
from fleetgate.outcomes.superseded import Retired, SupersededCertificates
from fleetgate.outcomes.sweep import RecordWalk
from fleetgate.outcomes.sweep_store import Reconciliation, Walk
from fleetgate.outcomes.things import ThingInspector
from fleetgate.outcomes.turns import Run, take_turns
from fleetgate.store.certificates import Certificates

logger = Logger()
metrics = Metrics(namespace="Fleetgate")

# A certificate may be activated until the last second of its reservation.
_PATIENCE = timedelta(minutes=10)
# Three attempts that hang fit into what is left for closing.
_IOT_CONFIG = Config(connect_timeout=1, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 3})
_WHY_DEACTIVATED = "superseded: the device has used a later certificate for longer than SupersededGraceHours"

_METRICS = {
    (Walk.RESERVATIONS, Settled.COMPLETED): "ReservationCompleted",
    (Walk.RESERVATIONS, Settled.RELEASED): "ReservationReleased",
    (Walk.RESERVATIONS, Settled.LEFT_OPEN): "ReservationLeftOpen",
    (Walk.RESERVATIONS, Settled.UNREADABLE): "ItemUnreadable",
    (Walk.SUPERSEDED, Retired.DEACTIVATED): "SupersededDeactivated",
    (Walk.SUPERSEDED, Retired.REPORTED): "SupersededReported",
    (Walk.SUPERSEDED, Retired.THROTTLED): "SupersededOutOfReach",
    (Walk.SUPERSEDED, Retired.REFUSED): "SupersededOutOfReach",
    (Walk.SUPERSEDED, Retired.GIVEN_UP): "SupersededGivenUp",
    (Walk.SUPERSEDED, Retired.UNREADABLE): "ItemUnreadable",
    (Walk.THINGS, Noted.UNREADABLE): "ItemUnreadable",
    (Walk.THINGS, Noted.UNAPPROVED): "UnapprovedThing",
}


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(_event: Any, context: LambdaContext) -> dict[str, dict[str, int]]:
    """Let each walk go on for a while.

    Returns:
        By walk, how often what became of it.

    Raises:
        ExceptionGroup: Walks that failed. The others had their turn, and the next run goes on.
    """
    turns = take_turns(_walks(context.invoked_function_arn), context.get_remaining_time_in_millis)
    emitted: Counter[str] = Counter(dict.fromkeys(_METRICS.values(), 0))
    for (walk, what), name in _METRICS.items():
        emitted[name] += turns.counts[walk][what]
    for name, count in emitted.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    done = {name: {what.value: count for what, count in counts.items()} for name, counts in turns.counts.items()}
    logger.info("walks had their turns", done=done)
    for name, failure in turns.failures.items():
        logger.error("walk failed", walk=name, exc_info=failure)
    if turns.failures:
        raise ExceptionGroup("walks failed", list(turns.failures.values()))
    return done


def _tell_unreadable(what: str) -> None:
    logger.error("item could not be read", what=what)


@cache
def _walks(actor: str) -> Mapping[str, Run]:
    settings = ReconcilerSettings.from_environment(os.environ)
    iot = botocore.session.get_session().create_client("iot", config=_IOT_CONFIG)
    outcomes = recorder(settings.tables, settings.thing_name_prefix)
    reconciliation, certificates = Reconciliation(settings.tables), Certificates(iot)
    reservations = Reconciler(
        recorder=outcomes,
        walk=RecordWalk(
            reconciliation=reconciliation,
            walk=Walk.RESERVATIONS,
            patience=settings.reservation_time + _PATIENCE,
            max_records=settings.max_records,
        ),
        certificates=certificates,
        tell_unreadable=_tell_unreadable,
    )
    superseded = SupersededCertificates(
        walk=RecordWalk(
            reconciliation=reconciliation,
            walk=Walk.SUPERSEDED,
            patience=settings.superseded_grace,
            max_records=settings.max_records,
        ),
        reconciliation=reconciliation,
        devices=DeviceStore(settings.tables),
        certificates=certificates,
        system=Operator(actor=actor, reason=_WHY_DEACTIVATED, clock=outcomes.clock),
        policy=settings.superseded_policy,
        tell_unreadable=_tell_unreadable,
    )
    things = ThingInspector(
        recorder=outcomes,
        reconciliation=reconciliation,
        things=Things(iot, settings.thing_type_name),
        max_things=settings.max_things,
        tell_unreadable=_tell_unreadable,
    )
    return {Walk.RESERVATIONS: reservations.run, Walk.SUPERSEDED: superseded.run, Walk.THINGS: things.run}
