"""The archiver: what is written to the audit table goes into the archive.

Batches come from the table's stream, in the order of each subject, at least once.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from fleetgate.archive.records import ArchivedBatch, StreamChange, StreamChangeKind, archive_records
from fleetgate.archive.settings import ArchiverSettings
from fleetgate.archive.store import Archive

logger = Logger()
metrics = Metrics(namespace="Fleetgate")

# DynamoDB developer guide, "DynamoDB Streams and Time to Live".
_TIME_TO_LIVE = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Archive a batch.

    Args:
        event: Of DynamoDB Streams, with new images.

    Returns:
        What has to come again. Lambda goes on at the first of these, so that what follows comes again too.
    """
    done = archive_records(
        [_change(record) for record in event["Records"]],
        archive=_archive(),
        now=datetime.now(UTC),
        settling_time=_settings().settling_time,
    )
    _report(done)
    return {"batchItemFailures": [{"itemIdentifier": number} for number in done.failed]}


def _change(record: Mapping[str, Any]) -> StreamChange:
    details, identity = record["dynamodb"], record.get("userIdentity") or {}
    return StreamChange(
        sequence_number=details["SequenceNumber"],
        change=StreamChangeKind(record["eventName"]),
        at=datetime.fromtimestamp(float(details["ApproximateCreationDateTime"]), UTC),
        keys=details["Keys"],
        image=details.get("NewImage"),
        has_expired=record["eventName"] == StreamChangeKind.REMOVED and _TIME_TO_LIVE.items() <= identity.items(),
    )


def _report(done: ArchivedBatch) -> None:
    metrics.add_metric("ArchivedRecords", MetricUnit.Count, done.records)
    if done.late:
        logger.warning("records came too late for their own hour", records=done.late)
    if done.anomalies:
        logger.error("records of the audit table were changed or removed", changes=done.anomalies)
        metrics.add_metric("AuditTableChanged", MetricUnit.Count, done.anomalies)
    for fault in done.faults:
        logger.error("records could not be archived", fault=fault.reason.value, exc_info=fault)
        metrics.add_metric("ArchiveFault", MetricUnit.Count, 1)


@cache
def _settings() -> ArchiverSettings:
    return ArchiverSettings.from_environment(os.environ)


@cache
def _archive() -> Archive:
    return Archive.of_environment(_settings().bucket)
