"""The alarms of imports: one fails, or never comes to an end."""

import json

import pytest

from fleetgate.imports.delivery import import_id_of
from fleetgate.imports.store.drop_box import DropBox
from harness.embedded import Embedded
from tests.template.alarms import STACK_NAME, Alarms, Metric, emitted_by, of_dead_letters, watched_in
from tests.template.intrinsics import Deployment


@pytest.fixture(scope="module")
def emitted(deployment: Deployment, embedded: Embedded) -> dict[str, set[Metric]]:
    """By function, the metrics that the import emits of a file that is refused.

    The running stack takes the file too; it may come first or last.
    """
    outputs, key = embedded.stack.outputs, "incoming/alarms/empty.csv"
    stored = embedded.client("s3").put_object(Bucket=outputs["DropBoxName"], Key=key, Body=b"")
    file = DropBox(outputs["DropBoxName"], embedded.client("s3")).look(key, stored["VersionId"])
    announcement = {"detail": {"object": {"key": key, "version-id": file.version_id}}}
    message = {"body": json.dumps(announcement), "attributes": {"ApproximateReceiveCount": "1"}}
    events = {
        "ImportFunction": {"Records": [message]},
        "ImportStepFunction": {"step": "give_up", "import_id": import_id_of(file)},
    }
    return {function: emitted_by(deployment, embedded, function, event) for function, event in events.items()}


def test_there_is_an_alarm_for_an_import_that_fails_and_for_one_that_never_comes_to_an_end(
    alarms: Alarms,
) -> None:
    imports = {alarm["MetricName"] for name, alarm in alarms.items() if name.startswith("Import")}

    assert imports == {"ImportFailed", "ApproximateNumberOfMessagesVisible", "ExecutionsFailed"}


@pytest.mark.parametrize("function", ["ImportFunction", "ImportStepFunction"])
def test_a_failed_import_is_the_same_metric_wherever_it_fails(function: str, emitted: dict[str, set[Metric]]) -> None:
    service = frozenset({("service", f"{STACK_NAME}-import")})
    names = {"ImportRun", "ImportFailed"} | ({"ImportAnnouncement"} if function == "ImportFunction" else set())

    assert emitted[function] == {("Fleetgate", name, service) for name in names}


def test_every_alarm_watches_a_metric_that_is_emitted(alarms: Alarms, emitted: dict[str, set[Metric]]) -> None:
    known = of_dead_letters("ImportDeadLetterQueue") | set().union(*emitted.values())
    known.add(("AWS/States", "ExecutionsFailed", frozenset({("StateMachineArn", "ImportStateMachine")})))

    assert watched_in("imports", alarms) - known == set()
