"""Every alarm belongs to a room, whose tests say what it watches, and tells whoever is to be told."""

from tests.template.alarms import AGES, ALARMS, TUNED, Alarms
from tests.template.intrinsics import Deployment


def test_every_alarm_belongs_to_one_room(alarms: Alarms) -> None:
    assert sorted(name for names in ALARMS.values() for name in names) == sorted(alarms)


def test_one_failure_is_enough_and_silence_is_no_failure(alarms: Alarms) -> None:
    assert {alarm["TreatMissingData"] for alarm in alarms.values()} == {"notBreaching"}
    assert {alarm["ComparisonOperator"] for alarm in alarms.values()} == {"GreaterThanOrEqualToThreshold"}
    for name, alarm in alarms.items():
        if name in AGES or name in TUNED:  # not failures
            continue
        # Messages are counted over and over as long as they lie there; failures once, when they happen.
        statistic = "Maximum" if name.endswith("DeadLetterAlarm") else "Sum"
        assert (alarm["Statistic"], alarm["Threshold"], alarm["EvaluationPeriods"]) == (statistic, 1, 1)


def test_alarms_tell_the_topic_where_there_is_one(alarms: Alarms, defaults: Deployment) -> None:
    assert {tuple(alarm["AlarmActions"]) for alarm in alarms.values()} == {("topic-arn",)}
    assert all("AlarmActions" not in defaults.resource(name) for name in alarms)


def test_alarms_say_what_they_mean_and_where_to_read_on(alarms: Alarms) -> None:
    assert all("docs/runbook.md" in alarm["AlarmDescription"] for alarm in alarms.values())
