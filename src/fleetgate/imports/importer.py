"""The importer: imports the file in the drop box that an announcement names.

Announcements come from S3 by way of EventBridge and a queue, one in each invocation, at least once.
"""

import os
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSEvent, SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason
from fleetgate.imports.announcement import Announcement
from fleetgate.imports.check import SafetyGates
from fleetgate.imports.collector import collect_rarely
from fleetgate.imports.deadline import Deadline
from fleetgate.imports.distribute import Distributor
from fleetgate.imports.documents import sentence_of
from fleetgate.imports.fences import Fences
from fleetgate.imports.journal import ImportJournal
from fleetgate.imports.record import ImportRecord
from fleetgate.imports.run import GoesOn, Importer, WaitsForTurn
from fleetgate.imports.settings import ImportSettings
from fleetgate.imports.store.drop_box import ImportQueue
from fleetgate.imports.store.map_runs import MapRuns
from fleetgate.imports.store.rows import ImportStore
from fleetgate.store.manufacturers import ManufacturerReader
from fleetgate.store.thing_groups import ThingGroups

logger = Logger()
metrics = Metrics(namespace="Fleetgate")


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Import the file that a message announces.

    Args:
        event: Of SQS; each body is an S3 "Object Created" event of EventBridge, or an `Announcement`.

    Raises:
        Exception: The file could not be imported; the queue delivers the message again.
    """
    metrics.add_metric("ImportAnnouncement", MetricUnit.Count, len(event["Records"]))
    deadline = Deadline.after(context.get_remaining_time_in_millis() / 1000)
    for message in SQSEvent(event).records:
        receives = int(message.attributes.approximate_receive_count or 1)
        try:
            _take(Announcement.parse(message.body, sent_at=_sent_at(message), receives=receives), deadline)
        except Exception:
            logger.exception("import could not be carried out", receives=receives, message_id=message.message_id)
            metrics.add_metric("ImportFault", MetricUnit.Count, 1)
            raise


def _sent_at(message: SQSRecord) -> datetime:
    milliseconds = message.attributes.get("SentTimestamp")
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if milliseconds else datetime.now(UTC)


def _take(announced: Announcement, deadline: Deadline) -> None:
    if announced.is_of_folder:
        logger.info("folder was made", key=announced.key)
        metrics.add_metric("ImportFolder", MetricUnit.Count, 1)
        return
    try:
        _import(announced, replace(_importer(), deadline=deadline))
    except WaitsForTurn:
        logger.info("import waits for its turn", postponed=announced.postponed)
        metrics.add_metric("ImportPostponed", MetricUnit.Count, 1)
        _queue().announce(announced.waiting())
    except GoesOn:
        logger.info("import goes on in another run")
        _queue().announce(announced.going_on())


def _import(announced: Announcement, importer: Importer) -> None:
    drop_box = importer.journal.drop_box
    delivery = announced.unseen(drop_box.bucket)
    logger.append_keys(import_id=delivery.import_id, manufacturer=delivery.manufacturer)
    try:
        delivery = announced.delivery(drop_box.look(announced.key, announced.version_id))
        logger.append_keys(import_id=delivery.import_id, manufacturer=delivery.manufacturer)
        if announced.receives <= _max_tries():
            _report(importer.run(delivery))
            return
        fault = Fault(FaultReason.IMPORT_CUT_OFF)
    except (WaitsForTurn, GoesOn):
        raise
    except Exception as error:
        if announced.receives < _max_tries():
            raise
        fault = error if isinstance(error, Fault) else Fault(FaultReason.UNEXPECTED)
        fault.__cause__ = error.__cause__ if fault is error else error
    record = importer.give_up(delivery, fault)
    _report(record)
    if not record.has_ended:
        raise fault


def _report(record: ImportRecord) -> None:
    logger.info("import was run", how=sentence_of(record))
    metrics.add_metric("ImportRun", MetricUnit.Count, 1)
    if record.problem:
        metrics.add_metric("ImportFailed", MetricUnit.Count, 1)


def _max_tries() -> int:
    return _settings().max_tries


@cache
def _queue() -> ImportQueue:
    return ImportQueue.of_environment(_settings().queue_url)


@cache
def _settings() -> ImportSettings:
    collect_rarely()  # all that an invocation needs is loaded by now
    return ImportSettings.from_environment(os.environ)


@cache
def _importer() -> Importer:
    settings = _settings()
    return Importer(
        journal=ImportJournal.of_environment(settings.journal),
        rows=ImportStore(settings.journal.tables),
        policy=settings.policy,
        gates=SafetyGates(
            max_rows_per_file=settings.max_rows_per_file,
            max_rows_per_day=settings.max_rows_per_day,
            max_rejected_share=settings.max_rejected_share,
        ),
        fences=Fences(
            manufacturers=ManufacturerReader(settings.journal.tables),
            requires_registration=settings.require_registered_manufacturers,
        ),
        is_held=settings.require_import_approval,
        distributor=Distributor(
            map_runs=MapRuns.of_environment(settings.state_machine_arn), above_rows=settings.distribute_above_rows
        ),
        thing_groups=ThingGroups.of_environment(),
    )
