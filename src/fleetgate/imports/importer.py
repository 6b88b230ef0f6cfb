"""The importer: imports the file in the drop box that an announcement names.

Announcements come from S3 by way of EventBridge and a queue, one in each invocation, at least once.
"""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason
from fleetgate.imports.check import SafetyGates
from fleetgate.imports.delivery import Delivery
from fleetgate.imports.distribute import Distributor
from fleetgate.imports.documents import sentence_of
from fleetgate.imports.fences import Fences
from fleetgate.imports.journal import ImportJournal
from fleetgate.imports.record import ImportRecord
from fleetgate.imports.run import Importer
from fleetgate.imports.settings import ImportSettings
from fleetgate.imports.store.map_runs import MapRuns
from fleetgate.imports.store.rows import ImportStore
from fleetgate.store.manufacturers import ManufacturerReader
from fleetgate.store.thing_groups import ThingGroups

logger = Logger()
metrics = Metrics(namespace="Fleetgate")


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(event: dict[str, Any], _context: LambdaContext) -> None:
    """Import the file that a message announces.

    Args:
        event: Of SQS; each body is an S3 "Object Created" event of EventBridge, or the part of its `detail` that names
            the file.

    Raises:
        Exception: The file could not be imported; the queue delivers the message again.
    """
    metrics.add_metric("ImportAnnouncement", MetricUnit.Count, len(event["Records"]))
    for message in SQSEvent(event).records:
        detail = message.json_body["detail"]
        if not detail["object"]["key"].endswith("/"):  # the S3 console makes a folder by storing such an object
            _import(detail, is_last_try=int(message.attributes.approximate_receive_count or 1) >= _max_receives())


def _import(detail: Mapping[str, Any], *, is_last_try: bool) -> None:
    importer = _importer()
    try:
        delivery = Delivery.of(
            importer.journal.drop_box.look(detail["object"]["key"], detail["object"].get("version-id")),
            requester=detail.get("requester"),
            source_ip_address=detail.get("source-ip-address"),
        )
        logger.append_keys(import_id=delivery.import_id, manufacturer=delivery.manufacturer)
        try:
            _report(importer.run(delivery))
        except Exception as error:
            if is_last_try:
                fault = error if isinstance(error, Fault) else Fault(FaultReason.UNEXPECTED)
                _report(importer.give_up(delivery, fault))
            raise
    except Exception:
        logger.exception("import could not be carried out", is_last_try=is_last_try)
        metrics.add_metric("ImportFault", MetricUnit.Count, 1)
        raise


def _report(record: ImportRecord) -> None:
    logger.info("import was run", how=sentence_of(record))
    metrics.add_metric("ImportRun", MetricUnit.Count, 1)
    if record.problem:
        metrics.add_metric("ImportFailed", MetricUnit.Count, 1)


def _max_receives() -> int:
    return _settings().max_receives


@cache
def _settings() -> ImportSettings:
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
