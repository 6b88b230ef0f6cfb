"""Certificates that a later one took the place of: deactivated after a while, never one that a device may use."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from types import SimpleNamespace

import pytest

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import RecordKind
from fleetgate.operators.device_store import DeviceStore
from fleetgate.operators.devices import reopen_device
from fleetgate.operators.key_store import SUPERSEDED_STOP, KeyStore
from fleetgate.operators.stop_store import StopStore
from fleetgate.outcomes import recorder
from fleetgate.outcomes.note import Noted
from fleetgate.outcomes.reservations import ReservationResult
from fleetgate.outcomes.superseded import SupersessionResult
from fleetgate.outcomes.supersession import SupersededPolicy
from fleetgate.outcomes.sweep_store import Sweep
from harness.command import Fleetgate
from harness.embedded import Embedded
from harness.outcome_world import GRACE, OutcomeWorld
from tests.integration.outcomes.superseded.devices import HOUR, USED, Devices, actions


def test_the_old_certificate_is_deactivated_after_the_grace_and_that_is_on_record(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld, embedded: Embedded
) -> None:
    first, second = devices.rotate(approved)
    assert list(world.superseded().run()) == [SupersessionResult.DEACTIVATED]

    assert (world.status(first), world.status(second)) == ("INACTIVE", "ACTIVE")
    (record,) = actions(embedded, approved)
    assert (record.action, record.certificate_id) == ("deactivate_certificate", first)
    assert (record.actor, record.reason, record.manufacturer) == ("the reconciler", "superseded", "acme")
    (rotation,) = [one for one in embedded.records(record.subject) if one.reason == "rotation"]
    assert record.decision_id == rotation.decision_id
    assert embedded.entry(approved.serial_number).version == record.entry_version
    assert list(world.superseded().run()) == []


def test_a_device_may_fall_back_to_its_old_certificate_for_a_while(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld
) -> None:
    first, _ = devices.rotate(approved, used=GRACE - HOUR)
    assert list(world.superseded().run()) == []
    assert world.status(first) == "ACTIVE"

    assert list(world.superseded(later=2 * HOUR).run()) == [SupersessionResult.DEACTIVATED]
    assert world.status(first) == "INACTIVE"


def test_a_walk_whose_grace_was_made_longer_waits_until_its_place_is_due_again(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld
) -> None:
    first, _ = devices.rotate(approved)
    longer = replace(world.superseded(), sweep=replace(world.superseded().sweep, patience=USED + HOUR))
    assert list(longer.run()) == []
    assert list(world.superseded().run()) == [SupersessionResult.DEACTIVATED]
    assert world.status(first) == "INACTIVE"


def test_a_certificate_that_is_only_to_be_reported_is_reported_once_and_left_alone(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld, embedded: Embedded
) -> None:
    first, _ = devices.rotate(approved)
    before = embedded.entry(approved.serial_number)
    assert list(world.superseded(SupersededPolicy.REPORT).run()) == [SupersessionResult.REPORTED]

    assert world.status(first) == "ACTIVE"
    assert embedded.entry(approved.serial_number) == before
    (record,) = [one for one in embedded.records(f"device#{approved.serial_number}") if one.certificate_id == first][
        -1:
    ]
    assert (record.kind, record.reason) == (RecordKind.OUTCOME, "superseded_certificate_active")
    assert actions(embedded, approved) == []
    world.begin(Sweep.SUPERSEDED, USED + HOUR)
    assert SupersessionResult.REPORTED not in set(world.superseded(SupersededPolicy.REPORT).run())


def test_where_the_new_certificate_was_never_used_the_old_one_stays_what_it_was(
    approved: AllowListEntry,
    devices: Devices,
    world: OutcomeWorld,
    certificate_ids: Iterator[str],
    embedded: Embedded,
) -> None:
    first = devices.let_in(approved, USED + HOUR)
    world.connect(approved.serial_number, first, USED)
    request = devices.ask(approved.serial_number.value, certificate_id=next(certificate_ids))
    world.begin(Sweep.RESERVATIONS, timedelta(hours=2))
    world.let_in(replace(request, claim_certificate_id=first), timedelta(hours=2))
    assert list(world.superseded().run()) == []
    assert ReservationResult.RELEASED in set(world.reservations().run())

    world.begin(Sweep.SUPERSEDED, USED)
    list(world.superseded(later=2 * GRACE).run())  # by then others have something to be done
    assert world.status(first) == "ACTIVE"
    current = embedded.entry(approved.serial_number).device_certificate
    assert current is not None
    assert current.certificate_id == first


def test_a_device_that_came_back_on_its_old_certificate_before_it_heard_of_the_new_one_keeps_it(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld
) -> None:
    first = devices.enrol(approved)
    second = devices.let_in(approved, USED + HOUR, own=first)
    world.begin(Sweep.RESERVATIONS, USED + 2 * HOUR)
    assert ReservationResult.LEFT_OPEN in set(world.reservations().run())
    world.connect(approved.serial_number, first, USED)

    assert SupersessionResult.DEACTIVATED not in set(world.superseded(later=2 * GRACE).run())
    assert (world.status(first), world.status(second)) == ("ACTIVE", "ACTIVE")


def test_a_certificate_that_completed_unseen_takes_no_others_place_until_it_is_seen(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld, embedded: Embedded
) -> None:
    first = devices.enrol(approved)
    embedded.put(embedded.entry(approved.serial_number).reopened(datetime.now(UTC)))
    second = devices.let_in(approved, USED + HOUR)
    world.begin(Sweep.RESERVATIONS, USED + 2 * HOUR)
    assert ReservationResult.COMPLETED in set(world.reservations().run())
    list(world.superseded(later=2 * GRACE).run())  # by then others have something to be done
    assert world.status(first) == "ACTIVE"

    world.connect(approved.serial_number, second, timedelta(0))
    world.begin(Sweep.SUPERSEDED, HOUR)
    assert SupersessionResult.DEACTIVATED in set(world.superseded(later=GRACE + HOUR).run())
    assert (world.status(first), world.status(second)) == ("INACTIVE", "ACTIVE")


def test_a_certificate_that_a_device_fell_back_to_is_left_alone_and_has_a_grace_of_its_own_when_it_is_back(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld
) -> None:
    first, second = devices.rotate(approved)
    world.connect(approved.serial_number, first, 3 * HOUR)
    assert list(world.superseded().run()) == [SupersessionResult.NOTHING_TO_DO]
    assert world.status(first) == "ACTIVE"
    assert world.outcomes(approved)[-1] == "fell_back"

    world.connect(approved.serial_number, second, 2 * HOUR)
    assert world.outcomes(approved)[-1] == "connected"
    world.begin(Sweep.SUPERSEDED, 3 * HOUR)
    assert list(world.superseded(later=GRACE - 3 * HOUR).run()) == []
    assert list(world.superseded(later=GRACE - HOUR).run()) == [SupersessionResult.DEACTIVATED]
    assert (world.status(first), world.status(second)) == ("INACTIVE", "ACTIVE")


def test_each_use_of_the_certificate_that_a_device_fell_back_to_is_on_record_once(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld
) -> None:
    first, _ = devices.rotate(approved)
    assert world.connect(approved.serial_number, first, 3 * HOUR) is Noted.FELL_BACK
    noted = [world.connect(approved.serial_number, first, ago) for ago in (2 * HOUR, HOUR)]
    assert noted == [Noted.SUPERSEDED_USED, Noted.SUPERSEDED_USED]
    assert world.outcomes(approved)[-3:] == ["fell_back", "superseded_used", "superseded_used"]


def test_a_use_of_an_earlier_certificate_within_two_minutes_of_the_later_one_counts_for_the_alarm(
    approved: AllowListEntry,
    devices: Devices,
    world: OutcomeWorld,
    embedded: Embedded,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, _ = devices.rotate(approved)
    for name, value in embedded.environment_of("OutcomeFunction").items():
        monkeypatch.setenv(name, value)
    recorder._settings.cache_clear()
    recorder._recorder.cache_clear()
    seen_at = datetime.now(UTC) - USED - timedelta(minutes=1)
    event = {
        "eventType": "connected",
        "timestamp": int(seen_at.timestamp() * 1000),
        "sessionIdentifier": approved.serial_number.value,
        "principalIdentifier": first,
        "clientId": embedded.thing_name(approved.serial_number),
    }
    context = SimpleNamespace(
        function_name="outcomes", memory_limit_in_mb=256, invoked_function_arn="arn", aws_request_id="1"
    )
    recorder.handler(event, context)

    assert world.outcomes(approved)[-1] == "fell_back"
    (emitted,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert (emitted["DeviceFellBack"], emitted["SupersededCertificateUsed"]) == ([1], [1])


def test_the_use_of_an_earlier_certificate_while_the_device_used_a_later_one_is_on_record_however_late_it_comes(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld, embedded: Embedded
) -> None:
    first, second = devices.rotate(approved)
    third = devices.let_in(approved, HOUR, own=second)
    world.connect(approved.serial_number, third, timedelta(0))
    before = embedded.entry(approved.serial_number)
    assert world.connect(approved.serial_number, first, 2 * HOUR) is Noted.SUPERSEDED_USED
    assert embedded.entry(approved.serial_number) == before


def test_a_quarantine_takes_the_certificate_that_a_device_fell_back_to(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld, fleetgate: Fleetgate
) -> None:
    first, second = devices.rotate(approved)
    world.connect(approved.serial_number, first, HOUR)
    assert first in fleetgate("device", "show", approved.serial_number.value).stdout
    fleetgate("device", "quarantine", approved.serial_number.value, "--reason", "a test")
    assert (world.status(first), world.status(second)) == ("INACTIVE", "INACTIVE")


def test_a_certificate_that_the_device_was_never_promised_is_none_that_it_fell_back_to(
    approved: AllowListEntry, other: AllowListEntry, devices: Devices, world: OutcomeWorld, embedded: Embedded
) -> None:
    devices.rotate(approved)
    before = embedded.entry(approved.serial_number)
    for strange in (world.certificate(), devices.enrol(other)):
        world.connect(approved.serial_number, strange, HOUR)
        assert embedded.entry(approved.serial_number) == before


def test_a_reservation_that_was_taken_over_leaves_no_certificate_behind(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld
) -> None:
    lost = devices.let_in(approved, USED + 2 * HOUR)
    kept = devices.let_in(approved, USED + HOUR)
    world.connect(approved.serial_number, kept, USED)

    list(world.superseded().run())  # the watcher may have been quicker
    assert (world.status(lost), world.status(kept)) == ("INACTIVE", "ACTIVE")


@pytest.mark.parametrize("has_connected", [False, True], ids=["before the winner connected", "after"])
def test_the_use_of_a_certificate_whose_reservation_was_taken_over_is_on_record_and_no_fall_back(
    has_connected: bool, approved: AllowListEntry, devices: Devices, world: OutcomeWorld, embedded: Embedded
) -> None:
    lost = devices.let_in(approved, USED + 2 * HOUR)
    kept = devices.let_in(approved, USED + HOUR)
    if has_connected:
        world.connect(approved.serial_number, kept, USED)
    before = embedded.entry(approved.serial_number)
    assert world.connect(approved.serial_number, lost, HOUR) is Noted.SUPERSEDED_USED

    after = embedded.entry(approved.serial_number)
    assert (after.reservation, after.device_certificate) == (before.reservation, before.device_certificate)
    assert world.outcomes(approved)[has_connected:] == ["superseded_used"]
    (used,) = [one for one in embedded.records(f"device#{approved.serial_number}") if one.reason == "superseded_used"]
    assert used.certificate_id == lost


def test_a_superseded_certificate_is_let_in_by_the_gate_no_more(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld, embedded: Embedded
) -> None:
    first, second = devices.rotate(approved)
    assert list(world.superseded().run()) == [SupersessionResult.DEACTIVATED]
    key = embedded.key_item(sha256(first.encode()).hexdigest())
    assert (key["stops"]["SS"], key["serial_number"]["S"]) == ([SUPERSEDED_STOP], approved.serial_number.value)
    assert key["deactivated_certificates"]["SS"] == [first]
    world.be_denied(devices.ask(approved.serial_number.value, certificate_id=first), HOUR)
    (denial,) = [one for one in embedded.records(f"device#{approved.serial_number}") if one.verdict == "denied"]
    assert denial.reason == "certificate_deactivated"
    assert world.status(second) == "ACTIVE"


def test_in_its_repair_window_a_device_comes_back_with_an_earlier_key_but_not_with_the_certificate(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld, embedded: Embedded
) -> None:
    first, _ = devices.rotate(approved)
    list(world.superseded().run())
    tables, key = embedded.tables(), sha256(first.encode()).hexdigest()
    for _ in range(2):
        reopen_device(
            approved.serial_number,
            duration=HOUR,
            store=DeviceStore(tables),
            keys=KeyStore(tables),
            stops=StopStore(tables),
            operator=world.operator("alice"),
        )

    assert "stops" not in embedded.key_item(key)
    released = [one for one in actions(embedded, approved) if one.action == "release_key"]
    assert [(one.actor, one.key_fingerprint) for one in released] == [("alice", key)]
    world.be_denied(devices.ask(approved.serial_number.value, certificate_id=first), timedelta(0))
    same_key = replace(devices, ask=partial(devices.ask, key_fingerprint=key))
    same_key.let_in(approved, timedelta(0))


def test_a_device_that_rotates_with_one_key_goes_on_rotating(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld, embedded: Embedded
) -> None:
    """By a CSR: only the certificate loses its place."""
    key = sha256(approved.serial_number.value.encode()).hexdigest()
    same_key = replace(devices, ask=partial(devices.ask, key_fingerprint=key))
    first, second = same_key.rotate(approved)
    assert list(world.superseded().run()) == [SupersessionResult.DEACTIVATED]

    assert "stops" not in embedded.key_item(key)
    assert embedded.key_item(key)["deactivated_certificates"]["SS"] == [first]
    asked_again = same_key.ask(approved.serial_number.value, certificate_id=first)
    world.be_denied(replace(asked_again, claim_certificate_id=second), HOUR)
    third = same_key.let_in(approved, HOUR, own=second)
    assert (world.status(first), world.status(second), world.status(third)) == ("INACTIVE", "ACTIVE", "ACTIVE")


def test_a_key_that_the_device_is_about_to_use_again_is_not_stopped(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld, embedded: Embedded
) -> None:
    first, second = devices.rotate(approved)
    key = sha256(first.encode()).hexdigest()
    same_key = replace(devices, ask=partial(devices.ask, key_fingerprint=key))
    same_key.let_in(approved, HOUR, own=second)

    assert list(world.superseded().run()) == [SupersessionResult.DEACTIVATED]
    assert "stops" not in embedded.key_item(key)
    assert embedded.key_item(key)["deactivated_certificates"]["SS"] == [first]


def test_a_device_that_rotates_with_a_reserved_certificate_has_shown_that_it_uses_it(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld
) -> None:
    first = devices.enrol(approved)
    second = devices.let_in(approved, USED + HOUR, own=first)
    third = devices.let_in(approved, USED, own=second)

    assert list(world.superseded().run()) == [SupersessionResult.DEACTIVATED]
    assert [world.status(one) for one in (first, second, third)] == ["INACTIVE", "ACTIVE", "ACTIVE"]


def test_the_release_of_a_quarantine_does_not_bring_a_superseded_certificate_back(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld, embedded: Embedded, fleetgate: Fleetgate
) -> None:
    first = devices.enrol(approved)
    second = devices.let_in(approved, USED + HOUR, own=first)
    fleetgate("device", "quarantine", approved.serial_number.value, "--reason", "a test")
    assert embedded.entry(approved.serial_number).deactivated_certificates == {first, second}
    world.connect(approved.serial_number, second, USED)  # it had connected before, and the sign comes late

    assert list(world.superseded().run()) == [SupersessionResult.DEACTIVATED]
    assert embedded.entry(approved.serial_number).deactivated_certificates == {second}
    fleetgate("device", "release", approved.serial_number.value, "--reason", "a test")
    assert (world.status(first), world.status(second)) == ("INACTIVE", "ACTIVE")


@pytest.mark.parametrize("status", ["INACTIVE", "REVOKED"])
def test_a_superseded_certificate_that_cannot_connect_already_is_left_as_it_is(
    status: str, approved: AllowListEntry, devices: Devices, world: OutcomeWorld, embedded: Embedded
) -> None:
    first, _ = devices.rotate(approved)
    embedded.client("iot").update_certificate(certificateId=first, newStatus=status)
    assert list(world.superseded().run()) == [SupersessionResult.NOTHING_TO_DO]
    assert (world.status(first), actions(embedded, approved)) == (status, [])


def test_a_superseded_certificate_that_aws_iot_does_not_have_is_no_trouble(
    approved: AllowListEntry, devices: Devices, world: OutcomeWorld, embedded: Embedded
) -> None:
    first, _ = devices.rotate(approved)
    iot = embedded.client("iot")
    iot.update_certificate(certificateId=first, newStatus="INACTIVE")
    iot.delete_certificate(certificateId=first)
    assert list(world.superseded().run()) == [SupersessionResult.NOTHING_TO_DO]
    assert actions(embedded, approved) == []
