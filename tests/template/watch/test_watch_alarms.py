"""The alarms of the watch: somebody guesses, or it could not be seen whether somebody does."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest

from fleetgate.domain.audit import Verdict
from fleetgate.domain.claim import ClaimCertificate
from harness.denials import denial, denial_image, insertion
from harness.embedded import Embedded
from tests.template.alarms import Alarms, Metric, emitted_by, of_dead_letters, of_function, watched_in
from tests.template.intrinsics import Deployment


@pytest.fixture(scope="module")
def emitted(deployment: Deployment, embedded: Embedded) -> set[Metric]:
    """The metrics that the watcher emits of a burst, of a misused certificate, and of a record that cannot be read."""
    claim = ClaimCertificate(certificate_id=secrets.token_hex(32), manufacturer="acme")
    embedded.put(claim)
    moment = datetime.now(UTC) - timedelta(hours=1)
    images = [denial_image(claim.certificate_id, f"ALARMS-{number}", moment) for number in range(21)]
    images.append({**images[0], "kind": {"S": "unheard-of"}})
    owner = denial(None, "ALARMS-owner", moment, certificate_id=secrets.token_hex(32), verdict=Verdict.ALLOWED)
    embedded.put_record(owner)
    images.append(denial_image(str(owner.certificate_id), "ALARMS-other", moment))
    event = {"Records": [insertion(image, number) for number, image in enumerate(images)]}
    return emitted_by(deployment, embedded, "WatcherFunction", event)


def test_there_is_an_alarm_for_a_burst_and_for_each_way_that_one_can_be_missed(
    alarms: Alarms,
) -> None:
    wanted = {
        "DenialBurstAlarm": "DenialBurst",
        "DeviceCertificateMisusedAlarm": "DeviceCertificateMisused",
        "WatcherFaultAlarm": "WatchFault",
        "WatcherErrorAlarm": "Errors",
        "WatchDelayAlarm": "IteratorAge",
        "WatchDeadLetterAlarm": "ApproximateNumberOfMessagesVisible",
    }

    assert {name: alarms[name]["MetricName"] for name in wanted} == wanted


def test_every_alarm_watches_a_metric_that_is_emitted(alarms: Alarms, emitted: set[Metric]) -> None:
    known = of_dead_letters("WatchDeadLetterQueue") | of_function("WatcherFunction", "Errors", "IteratorAge") | emitted

    assert watched_in("watch", alarms) - known == set()
