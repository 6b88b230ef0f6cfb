"""Every question gets exactly the records that meet it, newest first, whatever the size of its pages."""

import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ulid import ULID

from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.trail import store as audit_trail
from fleetgate.trail.query import AuditQuery, InvalidQuery, Place
from fleetgate.trail.store import AuditTrail
from harness.archive_world import ArchiveWorld
from harness.denials import denial
from harness.embedded import Embedded
from tests.integration.conftest import Forge

A_DAY = timedelta(days=1)
SERIAL_NUMBERS = tuple(f"TRAIL-{letter}-{secrets.token_hex(3)}" for letter in "ABC")
MACS = ("00:1b:44:11:3a:01", "00:1b:44:11:3a:02")
CLAIMS = (secrets.token_hex(32), secrets.token_hex(32))
CERTIFICATES = (secrets.token_hex(32), secrets.token_hex(32))


@pytest.fixture(scope="module")
def world(embedded: Embedded) -> ArchiveWorld:
    """Two days that no other test records on."""
    return ArchiveWorld.of(embedded)


@pytest.fixture(scope="module")
def records(world: ArchiveWorld) -> list[AuditRecord]:
    """Records of all kinds, over two days, oldest first; some about a decision of the day before."""
    made = []
    for number in range(60):
        moment = world.day + timedelta(minutes=48 * number, seconds=number)
        record = AuditRecord(
            record_id=str(ULID.from_datetime(moment)),
            recorded_at=moment,
            kind=[RecordKind.DECISION, RecordKind.DECISION, RecordKind.OUTCOME, RecordKind.OPERATOR_ACTION][number % 4],
            verdict=[Verdict.DENIED, Verdict.ALLOWED, None, None][number % 4],
            reason=["mac_mismatch", "approved", "connected", "stolen"][number % 4],
            actor="alice" if number % 4 == 3 else None,
            serial_number=[*SERIAL_NUMBERS, None][number % 7 % 4],
            mac_address=MACS[number % 2],
            certificate_id=CERTIFICATES[number % 3 % 2],
            claim_certificate_id=CLAIMS[number % 5 % 2],
            client_id=f"claim-{number % 3}",
            manufacturer=["acme", "globex"][number % 2],
            import_id=f"import-{number % 3}",
        )
        if number % 10 == 2:
            # What AWS IoT says of a decision comes later and stands beside it.
            record = replace(record, record_id=str(ULID.from_datetime(moment - timedelta(hours=30))))
        made.append(record)
        world.embedded.put_record(record)
    return sorted(made, key=lambda record: record.record_id)


@pytest.fixture
def trail(world: ArchiveWorld) -> AuditTrail:
    """The trail, as root."""
    return AuditTrail(world.tables)


QUESTIONS: dict[str, dict[str, Any]] = {
    "everything": {},
    "a device": {"serial_number": SerialNumber(SERIAL_NUMBERS[0])},
    "a device's denials": {"serial_number": SerialNumber(SERIAL_NUMBERS[1]), "verdict": Verdict.DENIED},
    "a MAC address": {"mac_address": MacAddress(MACS[0])},
    "a device certificate": {"certificate_id": CERTIFICATES[0]},
    "a claim certificate": {"claim_certificate_id": CLAIMS[1]},
    "a claim certificate's devices": {"claim_certificate_id": CLAIMS[0], "certificate_id": CERTIFICATES[1]},
    "a client ID": {"client_id": "claim-2"},
    "a manufacturer": {"manufacturer": "globex"},
    "an import": {"import_id": "import-1", "kinds": frozenset({RecordKind.OUTCOME})},
    "a reason": {"reason": "mac_mismatch"},
    "an operator": {"actor": "alice"},
    "decisions and outcomes": {"kinds": frozenset({RecordKind.DECISION, RecordKind.OUTCOME})},
    "nothing that is there": {"client_id": "nobody"},
}


def read(trail: AuditTrail, query: AuditQuery, limit: int) -> Iterator[AuditRecord]:
    """All pages, each checked to be no longer than it may be."""
    place: Place | None = None
    while True:
        page = trail.page(query, limit=limit, place=place)
        assert len(page.records) <= limit
        yield from page.records
        if page.next_place is None:
            return
        assert page.next_place != place
        place = page.next_place


@pytest.mark.parametrize("limit", [1, 7, 500])
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_gets_the_records_that_meet_it_newest_first(
    world: ArchiveWorld, records: list[AuditRecord], trail: AuditTrail, question: str, limit: int
) -> None:
    query = AuditQuery(start=world.day, end=world.day + 2 * A_DAY, **QUESTIONS[question])
    found = list(read(trail, query, limit))
    expected = [record for record in records if query.matches(record)]

    assert bool(expected) == (question != "nothing that is there")
    assert Counter(record.record_id for record in found) == Counter(record.record_id for record in expected)
    assert {record.record_id: record for record in found} == {record.record_id: record for record in expected}
    if query.is_keyed:
        assert [record.record_id for record in found] == [record.record_id for record in reversed(expected)]
    else:
        by_day = [(record.recorded_at.date(), record.record_id) for record in found]
        assert by_day == sorted(by_day, reverse=True)


@pytest.mark.parametrize("question", ["everything", "a device", "a claim certificate"])
def test_the_start_is_included_and_the_end_is_not(
    world: ArchiveWorld, records: list[AuditRecord], trail: AuditTrail, question: str
) -> None:
    whole = AuditQuery(start=world.day, end=world.day + 2 * A_DAY, **QUESTIONS[question])
    times = sorted(record.recorded_at for record in records if whole.matches(record))
    query = replace(whole, start=times[3], end=times[8])

    assert sorted(record.recorded_at for record in read(trail, query, 2)) == times[3:8]


def test_a_page_reads_so_much_and_no_more(
    world: ArchiveWorld, records: list[AuditRecord], trail: AuditTrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert records
    monkeypatch.setattr(audit_trail, "_MAX_ITEMS_A_CALL", 4)
    monkeypatch.setattr(audit_trail, "_MAX_CALLS", 2)
    query = AuditQuery(start=world.day, end=world.day + 2 * A_DAY, client_id="nobody")
    first = trail.page(query, limit=4)

    assert first.records == ()
    assert first.next_place is not None
    assert list(read(trail, query, 4)) == []
    everyone = replace(query, client_id="claim-1")
    expected = {record.record_id for record in records if everyone.matches(record)}
    assert {record.record_id for record in read(trail, everyone, 4)} == expected


def test_records_are_counted_by_day_verdict_and_reason(
    world: ArchiveWorld, records: list[AuditRecord], trail: AuditTrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_trail, "_MAX_CALLS", 1)
    query = AuditQuery(start=world.day, end=world.day + 2 * A_DAY, kinds=frozenset({RecordKind.DECISION}))
    counted: Counter[tuple[str, str, str]] = Counter()
    pages, place = 0, None
    while pages == 0 or place is not None:
        page = trail.counts(query, place=place)
        counted.update(page.counts)
        pages, place = pages + 1, page.next_place

    assert pages == 2
    assert counted == Counter(
        (record.recorded_at.date().isoformat(), record.verdict.value, record.reason)
        for record in records
        if record.verdict and query.matches(record)
    )


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_what_is_no_record_or_lies_where_it_does_not_belong_is_passed_over(
    limit: int, trail: AuditTrail, embedded: Embedded, forge: Forge, caplog: pytest.LogCaptureFixture
) -> None:
    world = ArchiveWorld.of(embedded)
    claim_certificate_id = secrets.token_hex(32)
    genuine = [
        denial(claim_certificate_id, f"TRAIL-{number}", world.at(0.1 * number), reason="not_on_allow_list")
        for number in range(5)
    ]
    for record in genuine:
        embedded.put_record(record)
        forged = replace(record, record_id=f"{record.record_id[:-1]}!")
        forge(forged)
        forge(replace(forged, record_id=f"{record.record_id[:-1]}~"), recorded_at=f"{world.day:%Y-%m-%d}T99")
    forge(replace(genuine[0], record_id=f"{genuine[0].record_id[:-1]}+"), without=("reason", "verdict"))
    of_day = AuditQuery(start=world.day, end=world.day + A_DAY)
    for query in (of_day, replace(of_day, claim_certificate_id=claim_certificate_id)):
        assert list(read(trail, query, limit)) == genuine[::-1]
    counted = {(f"{world.day:%Y-%m-%d}", "denied", "not_on_allow_list"): 5}
    assert trail.counts(of_day).counts == counted
    assert {record.__dict__["subject"] for record in caplog.records} == {"queries"}


def test_a_question_is_noted_once_and_is_no_part_of_a_device_s_story(world: ArchiveWorld, trail: AuditTrail) -> None:
    moment = world.at(30)
    record = AuditRecord(
        record_id=str(ULID.from_datetime(moment)),
        recorded_at=moment,
        kind=RecordKind.QUERY,
        action="list_records",
        actor="alice",
        reason=AuditQuery(start=world.day, end=moment, serial_number=SerialNumber(SERIAL_NUMBERS[0])).words,
    )
    trail.note(record)
    trail.note(record)
    query = AuditQuery(start=world.day, end=world.day + 2 * A_DAY, kinds=frozenset({RecordKind.QUERY}))

    assert [found.record_id for found in read(trail, query, 10)] == [record.record_id]
    assert record.subject == "queries"
    assert f"serial_number={SERIAL_NUMBERS[0]}" in record.reason


def test_a_time_of_which_there_can_be_no_record_has_none(trail: AuditTrail) -> None:
    ends_of_time = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    for start, end in (
        (ends_of_time[0], datetime(229, 4, 21, tzinfo=UTC)),
        (datetime(9999, 1, 1, tzinfo=UTC), ends_of_time[1]),
    ):
        query = AuditQuery(start=start, end=end, serial_number=SerialNumber(SERIAL_NUMBERS[0]))
        assert trail.page(query, limit=5).records == ()


def test_a_time_that_ends_before_it_starts_is_no_question(world: ArchiveWorld) -> None:
    with pytest.raises(InvalidQuery):
        AuditQuery(start=world.day, end=world.day)
