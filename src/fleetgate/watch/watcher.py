"""The watcher: what the gate turns away is looked at for somebody who guesses with a stolen claim certificate, and for
a device's certificate that asks for another device.

Batches come from the audit table's stream, at least once. The event source leaves out most of what is no denial; here
nothing relies on that.
"""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.faults import Fault
from fleetgate.operators.claim_store import ClaimStore
from fleetgate.store.announcements import Announcements
from fleetgate.store.audit_items import make_clock
from fleetgate.store.audit_reader import UnreadableRecord, believed
from fleetgate.watch.answer import BurstResponder, Measure
from fleetgate.watch.denials import Watched, watch_denials
from fleetgate.watch.misuse import Checked, MisuseReporter, watch_misuse
from fleetgate.watch.settings import WatcherSettings
from fleetgate.watch.store import ClaimWatchStore

logger = Logger()
metrics = Metrics(namespace="Fleetgate")


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Look at a batch.

    Args:
        event: Of DynamoDB Streams, with new images.

    Returns:
        What has to come again. Lambda goes on at the first of these, so that what follows comes again too.
    """
    numbers: dict[str, str] = {}
    records: list[AuditRecord] = []
    for change in event["Records"]:
        if change["eventName"] == "INSERT" and (record := _record(change["dynamodb"])) is not None:
            records.append(record)
            numbers[record.record_id] = change["dynamodb"]["SequenceNumber"]
    metrics.add_metric("WatchedRecords", MetricUnit.Count, len(records))
    again: list[str] = []
    for watched in watch_denials(records, responder=_responder()):
        _report(watched)
        again += watched.record_ids if watched.has_to_come_again else ()
    for checked in watch_misuse(records, reporter=_reporter()):
        _report_misuse(checked)
        again += checked.record_ids if checked.problem else ()
    return {"batchItemFailures": [{"itemIdentifier": numbers[record_id]} for record_id in dict.fromkeys(again)]}


def _record(change: Mapping[str, Any]) -> AuditRecord | None:
    record = believed(change["NewImage"])
    if isinstance(record, UnreadableRecord):
        # It would count no more the next time. What it holds is for the table, not for the log.
        logger.error("audit record is passed over", record_id=change["Keys"]["record_id"]["S"], why=record.why)
        metrics.add_metric("WatchFault", MetricUnit.Count, 1)
        return None
    return record


def _report(watched: Watched) -> None:
    if watched.problem is not None:
        logger.error(
            "denials could not be checked",
            claim_certificate_id=watched.claim_certificate_id,
            fault=watched.problem.reason.value if isinstance(watched.problem, Fault) else "too_much_to_read",
            exceptions=[type(link).__qualname__ for link in (watched.problem, watched.problem.__cause__) if link],
            comes_again=watched.has_to_come_again,
        )
        metrics.add_metric("WatchFault", MetricUnit.Count, 1)
    if watched.burst is not None:
        logger.warning(
            "burst of denials",
            claim_certificate_id=watched.claim_certificate_id,
            identities=watched.burst.identities,
            measure=watched.measure,
        )
        metrics.add_metric("DenialBurst", MetricUnit.Count, 1)
        metrics.add_metric("ClaimBlocked", MetricUnit.Count, int(watched.measure is Measure.BLOCKED))


def _report_misuse(checked: Checked) -> None:
    if checked.problem is not None:
        logger.error(
            "certificate could not be checked",
            claim_certificate_id=checked.claim_certificate_id,
            fault=checked.problem.reason.value,
            exceptions=[type(link).__qualname__ for link in (checked.problem, checked.problem.__cause__) if link],
            comes_again=True,
        )
        metrics.add_metric("WatchFault", MetricUnit.Count, 1)
    for misuse in checked.misuses:
        logger.warning(
            "device certificate asked for another device",
            certificate_id=misuse.certificate_id,
            serial_number=misuse.owner,
            asked_for=misuse.other,
        )
        metrics.add_metric("DeviceCertificateMisused", MetricUnit.Count, 1)


@cache
def _settings() -> WatcherSettings:
    return WatcherSettings.from_environment(os.environ)


@cache
def _responder() -> BurstResponder:
    settings = _settings()
    return BurstResponder(
        store=ClaimWatchStore(settings.tables),
        claims=ClaimStore(settings.tables),
        announcements=Announcements.of_environment(),
        policy=settings.policy,
        audit_table=settings.tables.audit_table,
        clock=make_clock(),
    )


@cache
def _reporter() -> MisuseReporter:
    settings = _settings()
    return MisuseReporter(
        store=ClaimWatchStore(settings.tables),
        announcements=Announcements.of_environment(),
        audit_table=settings.tables.audit_table,
    )
