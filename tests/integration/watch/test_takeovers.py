"""A reservation is taken over, and the watcher deactivates the loser's certificate, under its own role."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry, Hold, Purpose, Reservation
from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.reasons import DenialReason
from fleetgate.gate.decision import Denied
from fleetgate.gate.store import GateStore
from fleetgate.operators.key_store import SUPERSEDED_STOP, claim_stop_name
from fleetgate.store.allow_list_items import assignment_key, device_key
from fleetgate.store.audit_items import make_clock
from fleetgate.store.certificates import Certificates
from fleetgate.watch.burst import WATCHER
from harness.embedded import Embedded
from tests.integration.conftest import Ask, Judge
from tests.integration.watch.guessing import QUIET, Invoke, metrics_in

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Contest:
    """Two certificates of one serial number; the stream does not tell the deployed watcher of it.

    Attributes:
        record: Of the decision that took the reservation over.
        key: The fingerprint of the loser's public key.
    """

    embedded: Embedded
    record: AuditRecord
    key: str

    @property
    def winner(self) -> str:
        return self.record.certificate_id or ""

    @property
    def loser(self) -> str:
        return self.record.superseded_certificate_id or ""

    @property
    def entry(self) -> AllowListEntry:
        return self.embedded.entry(self.record.serial_number or "")

    @property
    def stops(self) -> set[str]:
        """What holds the loser's key."""
        return set(self.embedded.key_item(self.key).get("stops", {"SS": []})["SS"])

    @property
    def deactivated(self) -> set[str]:
        """The certificates of the loser's key that are never let in again."""
        return set(self.embedded.key_item(self.key)["deactivated_certificates"]["SS"])

    @property
    def records(self) -> list[AuditRecord]:
        """What is on record of the device."""
        return self.embedded.records(f"device#{self.record.serial_number}")

    def statuses(self) -> tuple[str, str]:
        """What AWS IoT says of the winner's certificate, and of the loser's."""
        iot = self.embedded.client("iot")
        found = [iot.describe_certificate(certificateId=one) for one in (self.winner, self.loser)]
        winner, loser = (str(one["certificateDescription"]["status"]) for one in found)
        return winner, loser

    def hold(self, **changes: Any) -> None:
        """Have the device hold another reservation."""
        held = self.entry.reservation
        assert held
        self.embedded.put(replace(self.entry, reservation=replace(held, **changes), version=self.entry.version + 1))


@pytest.fixture
def contest(embedded: Embedded) -> Callable[[], Contest]:
    """Makes contests, each with a serial number of its own."""

    def make() -> Contest:
        iot = embedded.client("iot")
        winner, loser = (str(iot.create_keys_and_certificate(setAsActive=True)["certificateId"]) for _ in range(2))
        moment = datetime.now(UTC)
        record = AuditRecord(
            record_id=make_clock().new_record_id(moment),
            recorded_at=moment,
            kind=RecordKind.DECISION,
            verdict=Verdict.ALLOWED,
            reason="reservation_takeover",
            serial_number=f"TAKEN-{secrets.token_hex(6)}",
            decision_id=make_clock().new_record_id(moment),
            certificate_id=winner,
            key_fingerprint=Certificates(iot).describe(winner).key_fingerprint,
            superseded_certificate_id=loser,
            taken_over=True,
            manufacturer="acme",
        )
        reservation = Reservation(
            certificate_id=winner,
            claim_certificate_id=secrets.token_hex(32),
            decision_id=record.decision_id or "",
            purpose=Purpose.ENROLMENT,
            reserved_at=moment,
            deadline=moment + HOUR,
            attempts=2,
            taken_over=True,
            key_fingerprint=record.key_fingerprint,
        )
        entry = AllowListEntry(serial_number=SerialNumber(record.serial_number or ""), manufacturer="acme")
        embedded.put(entry.reserve(reservation))
        return Contest(embedded, record, Certificates(iot).describe(loser).key_fingerprint or "")

    return make


def sessions_in(captured: str) -> list[str | None]:
    """What became of the live session, for each take-over in the log."""
    lines = [json.loads(line) for line in captured.splitlines()]
    return [line.get("session") for line in lines if line.get("message") == "reservation was taken over"]


def test_the_losers_certificate_is_deactivated_and_its_key_is_stopped(
    embedded: Embedded, invoke: Invoke, contest: Callable[[], Contest], capsys: pytest.CaptureFixture[str]
) -> None:
    one = contest()
    assert invoke([one.record]) == QUIET

    assert one.statuses() == ("ACTIVE", "INACTIVE")
    assert (one.stops, one.deactivated) == ({SUPERSEDED_STOP}, {one.loser})
    assert embedded.key_item(one.key)["serial_number"]["S"] == one.record.serial_number
    (done,) = one.records
    assert (done.action, done.actor, done.certificate_id) == ("deactivate_certificate", WATCHER, one.loser)
    assert (done.decision_id, done.key_fingerprint) == (one.record.decision_id, one.key)
    told = capsys.readouterr().out
    assert metrics_in(told)["LoserDeactivated"] == 1
    assert sessions_in(told) == ["not_connected"]


def test_a_record_that_comes_again_changes_nothing_and_ends_no_session_of_the_winner(
    invoke: Invoke, contest: Callable[[], Contest], capsys: pytest.CaptureFixture[str]
) -> None:
    one = contest()
    invoke([one.record])
    before = one.entry
    capsys.readouterr()
    assert invoke([one.record, one.record]) == QUIET

    assert (len(one.records), one.entry) == (1, before)
    assert sessions_in(capsys.readouterr().out) == [None, None]


def test_the_gate_denies_the_loser_whoever_asks_with_its_certificate(
    embedded: Embedded,
    invoke: Invoke,
    contest: Callable[[], Contest],
    variables: dict[str, str],
    ask: Ask,
    judge: Judge,
) -> None:
    one = contest()
    invoke([one.record], **variables)  # those of the hook are in force
    store = GateStore(embedded.tables("HookFunction"))
    store.prime()
    again = replace(ask(one.record.serial_number or "", certificate_id=one.loser), key_fingerprint=one.key)
    with_a_new_one = replace(again, certificate_id=secrets.token_hex(32))
    one.hold(reserved_at=datetime.now(UTC) - HOUR)  # it may be taken over

    for request in (again, with_a_new_one):
        assert judge(request, store).decision == Denied(DenialReason.CERTIFICATE_DEACTIVATED)


def test_a_release_does_not_bring_the_loser_back(invoke: Invoke, contest: Callable[[], Contest]) -> None:
    one = contest()
    one.embedded.put(
        replace(one.entry, hold=Hold.QUARANTINED, deactivated_certificates=frozenset({one.winner, one.loser}))
    )
    assert invoke([one.record]) == QUIET

    assert one.entry.deactivated_certificates == {one.winner}


def test_a_certificate_that_took_over_in_its_turn_stays_active(
    embedded: Embedded, invoke: Invoke, contest: Callable[[], Contest]
) -> None:
    one = contest()
    one.hold(certificate_id=one.loser, key_fingerprint=one.key)

    assert invoke([one.record]) == QUIET
    assert one.statuses() == ("ACTIVE", "ACTIVE")
    assert one.records == []


@pytest.mark.parametrize("is_known", [True, False], ids=["the same key", "a key that is not on record"])
def test_a_key_that_the_device_may_use_is_not_stopped(
    is_known: bool, invoke: Invoke, contest: Callable[[], Contest]
) -> None:
    one = contest()
    one.hold(key_fingerprint=one.key if is_known else None)

    assert invoke([one.record]) == QUIET
    assert one.statuses() == ("ACTIVE", "INACTIVE")
    assert (one.stops, one.deactivated) == (set(), {one.loser})


def test_a_stop_of_an_operator_stays_beside_that_of_the_takeover(
    embedded: Embedded, invoke: Invoke, contest: Callable[[], Contest]
) -> None:
    one = contest()
    stop = claim_stop_name(secrets.token_hex(32))
    embedded.put_raw(
        {
            "pk": {"S": assignment_key(one.key)},
            "kind": {"S": "key"},
            "serial_number": {"S": one.record.serial_number},
            "stops": {"SS": [stop]},
            "updated_at": {"S": "2025-01-01T00:00:00.000000+0000"},
        }
    )
    assert invoke([one.record]) == QUIET
    assert one.stops == {SUPERSEDED_STOP, stop}


def test_a_decision_that_took_nothing_over_changes_no_certificate(
    invoke: Invoke, contest: Callable[[], Contest]
) -> None:
    one = contest()
    assert invoke([replace(one.record, taken_over=False, reason="rotation")]) == QUIET
    assert one.statuses() == ("ACTIVE", "ACTIVE")


def test_a_loser_that_aws_iot_does_not_deactivate_comes_again_and_is_kept_out_meanwhile(
    invoke: Invoke,
    contest: Callable[[], Contest],
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    one = contest()
    known = replace(
        one.record, record_id=make_clock().new_record_id(datetime.now(UTC)), certificate_id=one.loser, taken_over=False
    )
    one.embedded.put_record(replace(known, key_fingerprint=one.key, superseded_certificate_id=None))

    for _ in range(2):
        assert invoke([one.record], AWS_ENDPOINT_URL_IOT="http://127.0.0.1:9") == [one.record.record_id]
        assert metrics_in(capsys.readouterr().out)["WatchFault"] == 1
        assert (one.stops, one.deactivated) == ({SUPERSEDED_STOP}, {one.loser})
    assert len([done for done in one.records if done.action == "deactivate_certificate"]) == 1

    monkeypatch.delenv("AWS_ENDPOINT_URL_IOT")
    assert invoke([one.record]) == QUIET
    assert one.statuses() == ("ACTIVE", "INACTIVE")


def test_a_session_that_could_not_be_ended_comes_again_and_is_ended_then(
    invoke: Invoke,
    contest: Callable[[], Contest],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    one = contest()
    for _ in range(2):
        told = invoke([one.record], AWS_ENDPOINT_URL_IOT_DATA_PLANE="http://127.0.0.1:9")
        assert told == [one.record.record_id]
        assert one.statuses() == ("ACTIVE", "INACTIVE")
    assert metrics_in(capsys.readouterr().out)["WatchFault"] == 1
    done = ["deactivate_certificate", "certificate_out_of_reach"]
    assert [record.action for record in one.records] == done

    monkeypatch.delenv("AWS_ENDPOINT_URL_IOT_DATA_PLANE")
    for _ in range(2):
        assert invoke([one.record]) == QUIET
    assert sessions_in(capsys.readouterr().out) == ["not_connected", None]
    assert [record.action for record in one.records] == [*done, "deactivate_certificate"]


def test_a_device_that_takes_over_within_its_rotation_keeps_its_session(
    invoke: Invoke, contest: Callable[[], Contest], capsys: pytest.CaptureFixture[str]
) -> None:
    one = contest()
    assert invoke([replace(one.record, reason="rotation")]) == QUIET

    assert one.statuses() == ("ACTIVE", "INACTIVE")
    assert sessions_in(capsys.readouterr().out) == [None]


def test_a_device_that_cannot_be_read_does_not_hold_up_the_others(
    embedded: Embedded, invoke: Invoke, contest: Callable[[], Contest]
) -> None:
    broken, one = contest(), contest()
    serial_number = SerialNumber(broken.record.serial_number or "")
    embedded.put_raw({"pk": {"S": device_key(serial_number)}, "kind": {"S": "device"}})

    assert invoke([broken.record, one.record]) == [broken.record.record_id]
    assert one.statuses() == ("ACTIVE", "INACTIVE")
    assert broken.statuses() == ("ACTIVE", "ACTIVE")
