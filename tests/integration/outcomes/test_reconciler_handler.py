"""The reconciler as Lambda invokes it: under its role, with the named event, and what it answers."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fleetgate.outcomes import reconciler
from fleetgate.outcomes.attachment import GateFinding
from fleetgate.outcomes.sweep_store import Sweep, SweepStore
from harness.embedded import Embedded
from harness.outcome_world import THING_TYPE, OutcomeWorld
from harness.sabotage import SABOTAGES

_EVENTS = Path(__file__).parents[3] / "events" / "reconciler"
ACTOR = "arn:aws:lambda:eu-central-1:123456789012:function:reconciler"


@pytest.fixture
def world(reconciling: OutcomeWorld, embedded: Embedded, monkeypatch: pytest.MonkeyPatch) -> Iterator[OutcomeWorld]:
    """The deployed function's environment and role, in force in this process, and nothing that is due."""
    for name, value in embedded.environment_of("ReconcilerFunction").items():
        monkeypatch.setenv(name, value)
    for sweep in (Sweep.RESERVATIONS, Sweep.SUPERSEDED):
        reconciling.begin(sweep, timedelta(0))
    SweepStore(reconciling.tables).note_next_token(None)
    reconciling.let_go_of_everything()
    reconciler._sweeps.cache_clear()
    with embedded.without_registry_events():
        yield reconciling
    reconciler._sweeps.cache_clear()
    reconciling.begin(Sweep.RESERVATIONS, timedelta(0))


DETACHED = "gate is not attached as deployed"


def invoke(milliseconds: int = 300_000) -> Any:
    """What the reconciler answers to its schedule."""
    context = SimpleNamespace(
        function_name="reconciler",
        memory_limit_in_mb=512,
        invoked_function_arn=ACTOR,
        aws_request_id="1",
        get_remaining_time_in_millis=lambda: milliseconds,
    )
    return reconciler.handler(json.loads((_EVENTS / "schedule.json").read_text()), context)


def make_a_thing(embedded: Embedded, serial_number: str) -> None:
    """Make a thing past the gate."""
    embedded.client("iot").create_thing(thingName=embedded.thing_name(serial_number), thingTypeName=THING_TYPE)


def metrics_in(printed: str) -> dict[str, float]:
    """The metrics that were emitted."""
    lines = [json.loads(line) for line in printed.splitlines() if '"_aws"' in line]
    names = {metric["Name"] for line in lines for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    return {name: sum(line[name][0] for line in lines) for name in names}


def test_every_example_event_is_known_here() -> None:
    assert [path.stem for path in _EVENTS.iterdir()] == ["schedule"]


def test_every_walk_has_its_turn_and_says_what_it_did(
    world: OutcomeWorld, embedded: Embedded, serial_number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make_a_thing(embedded, serial_number)
    answer = invoke()

    assert set(answer) == {"gate", "reservations", "superseded", "things"}
    assert answer["things"]["unapproved"] >= 1
    emitted = metrics_in(capsys.readouterr().out)
    assert emitted.pop("UnapprovedThing") == answer["things"]["unapproved"]
    # Other tests leave claim certificates behind that the gate knows and nobody attached a policy to.
    assert emitted.pop("GateDetached") == sum(answer["gate"].values())
    assert emitted == {
        "ReservationCompleted": 0,
        "ReservationReleased": 0,
        "ReservationLeftOpen": 0,
        "ItemUnreadable": 0,
        "SupersededDeactivated": 0,
        "SupersededReported": 0,
        "SupersededOutOfReach": 0,
        "SupersededGivenUp": 0,
    }


def test_a_walk_that_fails_ends_the_invocation_as_an_error_once_the_others_had_their_turn(
    world: OutcomeWorld,
    embedded: Embedded,
    serial_number: str,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    SweepStore(world.tables).note_done(Sweep.RESERVATIONS, "somebody wrote to it by hand")
    make_a_thing(embedded, serial_number)
    with pytest.raises(ExceptionGroup) as raised:
        invoke()

    assert len(raised.value.exceptions) == 1
    # Other tests leave claim certificates behind that have no policy.
    errors = [vars(one) for one in caplog.records if one.levelname == "ERROR"]
    (told,) = [one for one in errors if one["msg"] != DETACHED]
    assert (told["msg"], told["sweep"]) == ("sweep failed", "reservations")
    assert metrics_in(capsys.readouterr().out)["UnapprovedThing"] >= 1
    assert [one.reason for one in embedded.records(f"device#{serial_number}")] == ["unapproved_thing"]


def test_nothing_is_begun_that_may_not_be_finished(world: OutcomeWorld, embedded: Embedded, serial_number: str) -> None:
    make_a_thing(embedded, serial_number)
    assert invoke(10_000) == {"gate": {}, "reservations": {}, "superseded": {}, "things": {}}
    assert embedded.records(f"device#{serial_number}") == []


def test_the_function_itself_is_on_record_as_who_acts(world: OutcomeWorld) -> None:
    run = reconciler._sweeps(ACTOR)[Sweep.SUPERSEDED]
    system = run.__self__.system  # type: ignore[attr-defined]
    assert (system.actor, "SupersededGraceHours" in system.reason) == (ACTOR, True)


def test_a_gate_that_aws_iot_does_not_ask_is_counted_and_named_in_the_log(
    world: OutcomeWorld,
    embedded: Embedded,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with SABOTAGES[GateFinding.HOOK_REMOVED](embedded) as template_name:
        answer = invoke()

    assert answer["gate"]["hook_removed"] == 1
    assert metrics_in(capsys.readouterr().out)["GateDetached"] == sum(answer["gate"].values())
    told = [vars(one) for one in caplog.records if one.msg == DETACHED]
    assert ("hook_removed", template_name) in {(one["finding"], one["about"]) for one in told}
