"""Contenders for one serial number, all at once: exactly one gets it, and the record says so exactly once."""

import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import RecordKind, Verdict
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.gate.decision import Allowed
from fleetgate.gate.register_thing import Registration
from fleetgate.gate.request import PresentedIdentity, RegistrationRequest
from fleetgate.gate.store import GateStore
from harness.embedded import Embedded
from tests.integration.conftest import Ask, Judge

CONTENDERS = 8
ROUNDS = 50

T = TypeVar("T")


@pytest.fixture
def at_once() -> Iterator[Callable[[list[Callable[[], T]]], list[T]]]:
    """Runs functions in threads that start together."""
    with ThreadPoolExecutor(CONTENDERS) as pool:

        def run(functions: list[Callable[[], T]]) -> list[T]:
            gate = threading.Barrier(len(functions))

            def started(function: Callable[[], T]) -> T:
                gate.wait()
                return function()

            return list(pool.map(started, functions))

        yield run


def _contest(
    requests: list[RegistrationRequest], store: GateStore, judge: Judge, at_once: Callable[..., list[Registration]]
) -> list[Registration]:
    return at_once([lambda request=request: judge(request, store) for request in requests])


def _assert_one_winner(embedded: Embedded, serial_number: str, outcomes: list[Registration]) -> None:
    winners = [outcome for outcome in outcomes if isinstance(outcome.decision, Allowed)]
    assert len(winners) == 1
    records = embedded.records(f"device#{serial_number}")
    assert len(records) == len(outcomes)
    (allow,) = [record for record in records if record.verdict is Verdict.ALLOWED]
    held = embedded.entry(serial_number).reservation
    assert held is not None
    assert held.certificate_id == allow.certificate_id == winners[0].record.certificate_id


def test_eight_certificates_racing_for_one_serial_number_have_one_winner_in_each_of_fifty_rounds(
    embedded: Embedded,
    store: GateStore,
    approved: AllowListEntry,
    ask: Ask,
    judge: Judge,
    at_once: Callable[..., list[Registration]],
) -> None:
    for _ in range(ROUNDS):
        serial_number = f"RACE-{secrets.token_hex(6)}"
        embedded.put(replace(approved, serial_number=SerialNumber(serial_number)))
        outcomes = _contest([ask(serial_number) for _ in range(CONTENDERS)], store, judge, at_once)
        _assert_one_winner(embedded, serial_number, outcomes)


def test_eight_serial_numbers_racing_for_one_key_have_one_winner_in_each_of_fifty_rounds(
    embedded: Embedded,
    store: GateStore,
    approved: AllowListEntry,
    ask: Ask,
    judge: Judge,
    at_once: Callable[..., list[Registration]],
) -> None:
    for number in range(ROUNDS):
        serial_numbers = [f"RACE-{secrets.token_hex(6)}" for _ in range(CONTENDERS)]
        for serial_number in serial_numbers:
            embedded.put(replace(approved, serial_number=SerialNumber(serial_number)))
        # One certificate for all of them in every other round, else a certificate each.
        key_fingerprint, certificate_id = secrets.token_hex(32), secrets.token_hex(32)
        requests = [
            ask(one, key_fingerprint=key_fingerprint, certificate_id=certificate_id if number % 2 else None)
            for one in serial_numbers
        ]
        outcomes = _contest(requests, store, judge, at_once)

        (winner,) = [outcome.record.serial_number for outcome in outcomes if isinstance(outcome.decision, Allowed)]
        reserved = [one for one in serial_numbers if embedded.entry(one).reservation is not None]
        assert reserved == [winner]
        losers = [f"device#{one}" for one in serial_numbers if one != winner]
        records = [record for subject in losers for record in embedded.records(subject)]
        # The watcher may have put a notice beside them.
        lost = [record.reason for record in records if record.kind is RecordKind.DECISION]
        assert lost == ["key_assigned_to_another_device"] * (CONTENDERS - 1)


def test_certificates_of_one_key_racing_for_its_serial_number_are_all_let_in_and_one_holds_it(
    embedded: Embedded,
    store: GateStore,
    approved: AllowListEntry,
    ask: Ask,
    judge: Judge,
    at_once: Callable[..., list[Registration]],
) -> None:
    for _ in range(5):
        serial_number, key_fingerprint = f"RACE-{secrets.token_hex(6)}", secrets.token_hex(32)
        embedded.put(replace(approved, serial_number=SerialNumber(serial_number)))
        # As many as a decision is tried again: a device asks one after the other, not all at once.
        requests = [ask(serial_number, key_fingerprint=key_fingerprint) for _ in range(3)]
        outcomes = _contest(requests, store, judge, at_once)

        assert sorted(outcome.record.reason for outcome in outcomes) == ["first_reservation", "same_key", "same_key"]
        held = embedded.entry(serial_number).reservation
        assert held is not None
        assert (held.attempts, held.taken_over) == (1, False)


def test_eight_certificates_racing_to_take_over_one_reservation_have_one_winner(
    embedded: Embedded,
    store: GateStore,
    approved: AllowListEntry,
    ask: Ask,
    judge: Judge,
    at_once: Callable[..., list[Registration]],
) -> None:
    judge(ask(approved.serial_number.value), store)
    reserved = embedded.entry(approved.serial_number)
    assert reserved.reservation is not None
    unprotected = replace(reserved.reservation, reserved_at=datetime.now(UTC) - timedelta(minutes=30))
    for _ in range(10):
        serial_number = f"RACE-{secrets.token_hex(6)}"
        embedded.put(replace(reserved, serial_number=SerialNumber(serial_number), reservation=unprotected))
        outcomes = _contest([ask(serial_number) for _ in range(CONTENDERS)], store, judge, at_once)
        _assert_one_winner(embedded, serial_number, outcomes)


def test_one_certificate_asking_eight_times_at_once_is_allowed_every_time_and_reserved_once(
    embedded: Embedded,
    store: GateStore,
    approved: AllowListEntry,
    ask: Ask,
    judge: Judge,
    at_once: Callable[..., list[Registration]],
) -> None:
    for _ in range(10):
        serial_number = f"RACE-{secrets.token_hex(6)}"
        embedded.put(replace(approved, serial_number=SerialNumber(serial_number)))
        request = ask(serial_number)
        outcomes = _contest([request] * CONTENDERS, store, judge, at_once)

        allowed = [outcome.decision for outcome in outcomes if isinstance(outcome.decision, Allowed)]
        assert len(allowed) == CONTENDERS
        assert len({tuple(sorted(decision.parameter_overrides.items())) for decision in allowed}) == 1
        assert embedded.entry(serial_number).version == approved.version + 1
        reasons = [record.reason for record in embedded.records(f"device#{serial_number}")]
        assert sorted(reasons) == ["first_reservation"] + ["same_certificate_retry"] * (CONTENDERS - 1)


def test_a_quarantine_that_lands_between_the_read_and_the_write_wins(
    embedded: Embedded,
    store: GateStore,
    approved: AllowListEntry,
    ask: Ask,
    judge: Judge,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find = store.find

    def find_then_quarantine(identity: PresentedIdentity) -> object:
        facts = find(identity)
        embedded.put(embedded.entry(identity.serial_number).quarantined())
        return facts

    monkeypatch.setattr(store, "find", find_then_quarantine)
    registration = judge(ask(approved.serial_number.value), store)

    assert registration.record.reason == "quarantined"
    assert embedded.entry(approved.serial_number).reservation is None
