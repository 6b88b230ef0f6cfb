"""The reconciler: now and then, what the gate knows is compared with what AWS IoT says.

The gate itself comes first: whether AWS IoT still asks it, and in the way that was deployed. Three sweeps follow:
reservations that ran out, superseded certificates, and AWS IoT's own list of things.
"""

import os
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from functools import cache
from typing import Any

import botocore.session
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from fleetgate.domain.operator_action import Operator
from fleetgate.operators.device_store import DeviceStore
from fleetgate.operators.key_store import KeyStore
from fleetgate.outcomes.attachment import Finding, GateFinding
from fleetgate.outcomes.gate_check import GateCheck
from fleetgate.outcomes.iot_gate import GateInAws
from fleetgate.outcomes.iot_things import Things
from fleetgate.outcomes.note import Noted, OutcomeRecorder
from fleetgate.outcomes.reservations import Reconciler, ReservationResult
from fleetgate.outcomes.settings import ReconcilerSettings
from fleetgate.outcomes.superseded import SupersededCertificates, SupersessionResult
from fleetgate.outcomes.sweep import RecordSweep
from fleetgate.outcomes.sweep_store import Sweep, SweepStore
from fleetgate.outcomes.things import ThingInspector
from fleetgate.outcomes.turns import SweepRun, take_turns
from fleetgate.store.allow_list import AllowList
from fleetgate.store.certificates import Certificates

logger = Logger()
metrics = Metrics(namespace="Fleetgate")

# The account's limit for such calls is some ten a second; the next run goes on where one stopped.
_MAX_CLAIMS = 500
# A certificate may be activated until the last second of its reservation.
_PATIENCE = timedelta(minutes=10)
# Three attempts that hang fit into what is left for closing.
_IOT_CONFIG = Config(connect_timeout=1, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 3})
_WHY_DEACTIVATED = "superseded: the device has used a later certificate for longer than SupersededGraceHours"

_METRICS: Mapping[tuple[Sweep, StrEnum], str] = {
    (Sweep.RESERVATIONS, ReservationResult.COMPLETED): "ReservationCompleted",
    (Sweep.RESERVATIONS, ReservationResult.RELEASED): "ReservationReleased",
    (Sweep.RESERVATIONS, ReservationResult.LEFT_OPEN): "ReservationLeftOpen",
    (Sweep.RESERVATIONS, ReservationResult.UNREADABLE): "ItemUnreadable",
    (Sweep.SUPERSEDED, SupersessionResult.DEACTIVATED): "SupersededDeactivated",
    (Sweep.SUPERSEDED, SupersessionResult.REPORTED): "SupersededReported",
    (Sweep.SUPERSEDED, SupersessionResult.THROTTLED): "SupersededOutOfReach",
    (Sweep.SUPERSEDED, SupersessionResult.REFUSED): "SupersededOutOfReach",
    (Sweep.SUPERSEDED, SupersessionResult.GIVEN_UP): "SupersededGivenUp",
    (Sweep.SUPERSEDED, SupersessionResult.UNREADABLE): "ItemUnreadable",
    (Sweep.THINGS, Noted.UNREADABLE): "ItemUnreadable",
    (Sweep.THINGS, Noted.UNAPPROVED): "UnapprovedThing",
    **{(Sweep.GATE, finding): "GateDetached" for finding in GateFinding},
}


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(_event: Any, context: LambdaContext) -> dict[str, dict[str, int]]:
    """Let each sweep go on for a while.

    Returns:
        By sweep, how often what became of it.

    Raises:
        ExceptionGroup: Walks that failed. The others had their turn, and the next run goes on.
    """
    turns = take_turns(_sweeps(context.invoked_function_arn), context.get_remaining_time_in_millis)
    emitted: Counter[str] = Counter(dict.fromkeys(_METRICS.values(), 0))
    for (sweep, what), name in _METRICS.items():
        emitted[name] += turns.counts[sweep][what]
    for name, count in emitted.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    done = {name: {what.value: count for what, count in counts.items()} for name, counts in turns.counts.items()}
    logger.info("sweeps had their turns", done=done)
    for name, failure in turns.failures.items():
        logger.error("sweep failed", sweep=name, exc_info=failure)
    if turns.failures:
        raise ExceptionGroup("sweeps failed", list(turns.failures.values()))
    return done


def _tell_unreadable(what: str) -> None:
    logger.error("item could not be read", what=what)


def _tell_finding(finding: Finding) -> None:
    logger.error(
        "gate is not attached as deployed",
        finding=finding.kind.value,
        about=finding.about,
        meaning=finding.kind.meaning,
        remedy=finding.kind.remedy,
    )


@cache
def _sweeps(actor: str) -> Mapping[str, SweepRun]:
    settings = ReconcilerSettings.from_environment(os.environ)
    session = botocore.session.get_session()
    iot = session.create_client("iot", config=_IOT_CONFIG)
    outcomes = OutcomeRecorder.of_stack(settings.tables, settings.thing_name_prefix)
    sweep_store, certificates = SweepStore(settings.tables), Certificates(iot)
    reservations = Reconciler(
        recorder=outcomes,
        sweep=RecordSweep(
            sweep_store=sweep_store,
            sweep=Sweep.RESERVATIONS,
            patience=settings.reservation_time + _PATIENCE,
            max_records=settings.max_records,
        ),
        certificates=certificates,
        tell_unreadable=_tell_unreadable,
    )
    superseded = SupersededCertificates(
        sweep=RecordSweep(
            sweep_store=sweep_store,
            sweep=Sweep.SUPERSEDED,
            patience=settings.superseded_grace,
            max_records=settings.max_records,
        ),
        sweep_store=sweep_store,
        devices=DeviceStore(settings.tables),
        keys=KeyStore(settings.tables),
        certificates=certificates,
        system=Operator(actor=actor, reason=_WHY_DEACTIVATED, clock=outcomes.clock),
        policy=settings.superseded_policy,
        tell_unreadable=_tell_unreadable,
    )
    things = ThingInspector(
        recorder=outcomes,
        sweep_store=sweep_store,
        things=Things(iot, settings.thing_type_name),
        max_things=settings.max_things,
        tell_unreadable=_tell_unreadable,
    )
    gate = GateCheck(
        aws=GateInAws(iot, session.create_client("lambda", config=_IOT_CONFIG), settings.gate),
        allow_list=AllowList(settings.tables),
        parts=settings.gate,
        now=outcomes.clock.now,
        tell=_tell_finding,
        places=sweep_store,
        max_claims=_MAX_CLAIMS,
    )
    return {
        Sweep.GATE: gate.run,
        Sweep.RESERVATIONS: reservations.run,
        Sweep.SUPERSEDED: superseded.run,
        Sweep.THINGS: things.run,
    }
