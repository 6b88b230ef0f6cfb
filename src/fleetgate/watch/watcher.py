"""The watcher: what the gate turns away is looked at for somebody who guesses with a stolen claim certificate, and for
a device's certificate that asks for another device; the losers of take-overs are deactivated.

Batches come from the audit table's stream, at least once. The event source leaves out most of what is neither a denial
nor a take-over; here nothing relies on that.
"""

import os
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.faults import Fault
from fleetgate.domain.operator_action import Operator
from fleetgate.operators.certificates import CertificateService
from fleetgate.operators.claim_store import ClaimStore
from fleetgate.operators.device_store import DeviceStore
from fleetgate.operators.key_store import KeyStore
from fleetgate.operators.stop_store import StopStore
from fleetgate.operators.stops import Stopper
from fleetgate.operators.switch_store import SwitchStore
from fleetgate.operators.tally import CertificateResult
from fleetgate.store.announcements import Announcements
from fleetgate.store.audit_items import make_clock
from fleetgate.store.audit_reader import UnreadableRecord, believed
from fleetgate.store.certificates import Certificates, Sessions
from fleetgate.store.tables import StackTables
from fleetgate.watch.answer import BurstResponder, Measure
from fleetgate.watch.burst import WATCHER
from fleetgate.watch.denials import Watched, watch_denials
from fleetgate.watch.misuse import Checked, MisuseReporter, watch_misuse
from fleetgate.watch.settings import WatcherSettings
from fleetgate.watch.store import ClaimWatchStore
from fleetgate.watch.takeover import Loser, watch_takeovers

logger = Logger()
metrics = Metrics(namespace="Fleetgate")

# What fails comes again with the batch.
_IOT_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
_WHY_DEACTIVATED = "another certificate took the reservation over"
# A stop waits with it.
sleep = time.sleep


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
    # First, for the answer to a burst takes seconds.
    for loser in watch_takeovers(records, store=ClaimWatchStore(_tables()), service=_service_of_takeovers):
        _report_loser(loser)
        again += [loser.record_id] if loser.problem else []
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


def _report_loser(loser: Loser) -> None:
    if loser.problem is not None:
        logger.error(
            "loser of a take-over could not be deactivated, or its session not be ended",
            serial_number=loser.serial_number,
            certificate_id=loser.certificate_id,
            ending=loser.handled and loser.handled.ending,
            session=loser.handled and loser.handled.session,
            fault=loser.problem.reason.value if isinstance(loser.problem, Fault) else loser.problem.obstacle.value,
            exceptions=[type(link).__qualname__ for link in (loser.problem, loser.problem.__cause__) if link],
            comes_again=True,
        )
        metrics.add_metric("WatchFault", MetricUnit.Count, 1)
        return
    handled = loser.handled
    logger.warning(
        "reservation was taken over",
        serial_number=loser.serial_number,
        certificate_id=loser.certificate_id,
        ending=handled and handled.ending,
        session=handled and handled.session,
    )
    is_deactivated = handled is not None and handled.ending is CertificateResult.DEACTIVATED
    metrics.add_metric("LoserDeactivated", MetricUnit.Count, int(is_deactivated))


def _report_misuse(checked: Checked) -> None:
    if checked.problem is not None:
        logger.error(
            "certificate could not be checked",
            about=checked.about,
            fault=checked.problem.reason.value,
            exceptions=[type(link).__qualname__ for link in (checked.problem, checked.problem.__cause__) if link],
            comes_again=True,
        )
        metrics.add_metric("WatchFault", MetricUnit.Count, 1)
    for misuse in checked.misuses:
        logger.warning(
            "device certificate or key asked for another device",
            certificate_id=misuse.certificate_id,
            serial_number=misuse.owner,
            asked_for=misuse.other,
            key_fingerprint=misuse.key_fingerprint,
        )
        # Of a key that is used for another device the hook counts each denial itself.
        metrics.add_metric("DeviceCertificateMisused", MetricUnit.Count, int(misuse.key_fingerprint is None))


@cache
def _settings() -> WatcherSettings:
    return WatcherSettings.from_environment(os.environ)


@cache
def _tables() -> StackTables:
    return StackTables(_settings().tables)


@cache
def _iot(service: str) -> Any:
    return botocore.session.get_session().create_client(service, config=_IOT_CONFIG)


def _service_of_takeovers() -> CertificateService:
    return _service(Operator(actor=WATCHER, reason=_WHY_DEACTIVATED, clock=make_clock()))


def _service(operator: Operator) -> CertificateService:
    return CertificateService(
        devices=DeviceStore(_tables()),
        keys=KeyStore(_tables()),
        switch=SwitchStore(_tables()),
        records=StopStore(_tables()),
        certificates=Certificates(_iot("iot")),
        sessions=Sessions(_iot("iot-data"), _settings().thing_name_prefix),
        operator=operator,
    )


def _stopper(operator: Operator) -> Stopper:
    return Stopper(store=StopStore(_tables()), service=_service(operator), sleep=sleep)


@cache
def _responder() -> BurstResponder:
    settings = _settings()
    return BurstResponder(
        store=ClaimWatchStore(_tables()),
        claims=ClaimStore(_tables()),
        stopper_of=_stopper,
        announcements=Announcements.of_environment(),
        policy=settings.policy,
        audit_table=settings.tables.audit_table,
        clock=make_clock(),
    )


@cache
def _reporter() -> MisuseReporter:
    settings = _settings()
    return MisuseReporter(
        store=ClaimWatchStore(_tables()),
        keys=KeyStore(_tables()),
        announcements=Announcements.of_environment(),
        audit_table=settings.tables.audit_table,
    )
