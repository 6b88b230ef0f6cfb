"""When denials with one claim certificate are a burst."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.reasons import DenialReason
from fleetgate.watch.burst import GUESS_REASONS, Burst, Guess, WatchPolicy, burst_in, guess_of
from harness.builders import CLAIM_CERTIFICATE_ID, NOW
from harness.denials import denial

POLICY = WatchPolicy(window=timedelta(minutes=10), threshold=3)
MINUTE = timedelta(minutes=1)


def guess(number: int, at: datetime, identity: str | None = None) -> Guess:
    return Guess(f"{at.isoformat()} {number}", at, (identity or f"FG-{number}", None))


def guesses(count: int, *, start: datetime = NOW, apart: timedelta = MINUTE) -> list[Guess]:
    """Guesses of one identity each."""
    return [guess(number, start + number * apart) for number in range(count)]


def test_more_identities_than_the_threshold_in_a_window_are_a_burst() -> None:
    assert burst_in(guesses(4), POLICY) == Burst(identities=4, began_at=NOW, ended_at=NOW + 3 * MINUTE)


def test_as_many_as_the_threshold_are_none() -> None:
    assert burst_in(guesses(3), POLICY) is None


def test_a_device_that_tries_again_and_again_is_one_identity() -> None:
    stubborn = [guess(number, NOW + number * timedelta(seconds=1), "FG-1") for number in range(500)]

    assert burst_in(stubborn, POLICY) is None


def test_one_serial_number_with_many_mac_addresses_is_many_identities() -> None:
    tried = [Guess(str(number), NOW, ("FG-1", f"00:1b:44:00:00:{number:02x}")) for number in range(4)]

    assert burst_in(tried, POLICY) == Burst(identities=4, began_at=NOW, ended_at=NOW)


def test_what_lies_a_whole_window_apart_is_not_counted_together() -> None:
    last = NOW + POLICY.window

    assert burst_in([*guesses(3, apart=timedelta()), guess(9, last)], POLICY) is None
    assert burst_in([*guesses(3, apart=timedelta()), guess(9, last - timedelta(microseconds=1))], POLICY) is not None


def test_a_burst_between_quiet_times_is_found() -> None:
    quiet = [guess(100 + number, NOW + number * 15 * MINUTE) for number in range(-10, 10)]
    busy = guesses(5, start=NOW + MINUTE, apart=timedelta(seconds=1))

    assert burst_in([*quiet, *busy], POLICY) == Burst(6, NOW, NOW + MINUTE + timedelta(seconds=4))


def test_the_same_guess_twice_and_in_any_order_is_one() -> None:
    assert burst_in([*reversed(guesses(3)), *guesses(3)], POLICY) is None
    assert burst_in([*reversed(guesses(4)), *guesses(4)], POLICY) == burst_in(guesses(4), POLICY)


def test_what_an_operator_saw_to_does_not_count() -> None:
    assert burst_in(guesses(4), POLICY, since=NOW) is None
    assert burst_in(guesses(5), POLICY, since=NOW) == Burst(4, NOW + MINUTE, NOW + 4 * MINUTE)


@pytest.mark.parametrize("away", [timedelta(), timedelta(minutes=9), timedelta(minutes=-9)])
def test_a_burst_that_was_told_of_is_not_another(away: timedelta) -> None:
    ended_at = NOW + 3 * MINUTE

    assert burst_in(guesses(4), POLICY, noticed=[ended_at + away]) is None


@pytest.mark.parametrize("away", [timedelta(minutes=10), timedelta(minutes=-10)])
def test_a_burst_a_window_away_from_one_that_was_told_of_is_another(away: timedelta) -> None:
    ended_at = NOW + 3 * MINUTE

    assert burst_in(guesses(4), POLICY, noticed=[ended_at + away]) is not None


@pytest.mark.parametrize("reason", sorted(DenialReason))
def test_only_denials_that_point_at_guessing_are_guesses(reason: DenialReason) -> None:
    found = guess_of(denial(CLAIM_CERTIFICATE_ID, "FG-0001", NOW, reason=reason.value))

    assert (found is not None) is (reason in GUESS_REASONS)


def test_a_guess_is_what_was_presented_and_when() -> None:
    record = denial(CLAIM_CERTIFICATE_ID, "FG-0001", NOW, presented_mac_address=None)

    assert guess_of(record) == Guess(record.record_id, NOW, ("FG-0001", None))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"verdict": Verdict.ALLOWED}, id="an allow"),
        pytest.param({"verdict": None, "kind": RecordKind.OPERATOR_ACTION}, id="what an operator wrote"),
        pytest.param({"kind": RecordKind.OUTCOME}, id="an outcome"),
    ],
)
def test_records_of_other_things_are_no_guesses(changes: dict[str, Any]) -> None:
    record: AuditRecord = denial(CLAIM_CERTIFICATE_ID, "FG-0001", NOW, **changes)

    assert guess_of(record) is None
