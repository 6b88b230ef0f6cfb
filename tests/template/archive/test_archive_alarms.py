"""The alarms of the archive: it lags, it fails, or a record was touched."""

import secrets
from datetime import timedelta

import pytest

from fleetgate.archive.digest import DEFAULT_SETTLING_TIME
from harness.embedded import Embedded
from tests.template.alarms import Alarms, Metric, emitted_by, of_dead_letters, of_function, watched_in
from tests.template.intrinsics import Deployment


@pytest.fixture(scope="module")
def emitted(deployment: Deployment, embedded: Embedded) -> set[Metric]:
    """The metrics that the archiver emits of a record that is removed."""
    keys = {"subject": {"S": "device#ALARMS"}, "record_id": {"S": secrets.token_hex(13)}}
    details = {"Keys": keys, "SequenceNumber": "1", "ApproximateCreationDateTime": 1_700_000_000.0}
    event = {"Records": [{"eventName": "REMOVE", "dynamodb": details}]}
    return emitted_by(deployment, embedded, "ArchiverFunction", event)


def test_there_is_an_alarm_for_each_way_the_archive_can_fail_and_for_a_record_that_was_touched(
    alarms: Alarms,
) -> None:
    wanted = {
        "ArchiveDeadLetterAlarm": "ApproximateNumberOfMessagesVisible",
        "ArchiveDelayAlarm": "IteratorAge",
        "AuditTableChangedAlarm": "AuditTableChanged",
        "SealerErrorAlarm": "Errors",
    }

    assert {name: alarms[name]["MetricName"] for name in wanted} == wanted


def test_an_archiver_that_lags_is_noticed_before_hours_are_sealed_without_their_records(
    alarms: Alarms,
) -> None:
    alarm = alarms["ArchiveDelayAlarm"]

    assert (alarm["Statistic"], alarm["EvaluationPeriods"]) == ("Maximum", 5)
    # From then on a record is too late for its own hour.
    assert timedelta(milliseconds=alarm["Threshold"]) == DEFAULT_SETTLING_TIME / 2


def test_every_alarm_watches_a_metric_that_is_emitted(alarms: Alarms, emitted: set[Metric]) -> None:
    known = (
        of_dead_letters("ArchiveDeadLetterQueue")
        | of_function("ArchiverFunction", "IteratorAge")
        | of_function("SealerFunction", "Errors")
        | emitted
    )

    assert watched_in("archive", alarms) - known == set()
