"""What could not be checked comes again; what somebody forged counts for nothing."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from fleetgate.domain.audit import RecordKind
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.watch import store as claim_watch
from fleetgate.watch import watcher
from fleetgate.watch.burst import WATCHER
from harness import faulty_dynamodb as faults
from harness.denials import among_questions, image_of, insertion
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from tests.integration.conftest import Forge
from tests.integration.watch.guessing import (
    BLOCKED,
    MANY,
    QUIET,
    Invoke,
    context,
    done_about,
    guesses,
    is_blocked,
    metrics_in,
)


@pytest.mark.parametrize("fault", [faults.fail, faults.throttle])
def test_what_could_not_be_checked_comes_again_and_is_counted(
    fault: faults.Fault,
    embedded: Embedded,
    invoke: Invoke,
    faulty: FaultyDynamoDB,
    claim: ClaimCertificate,
    moment: datetime,
    capsys: pytest.CaptureFixture[str],
) -> None:
    records = guesses(claim, MANY, moment)
    faulty.always(fault)
    assert sorted(invoke(records, AWS_ENDPOINT_URL_DYNAMODB=faulty.endpoint_url)) == sorted(
        record.record_id for record in records
    )
    captured = capsys.readouterr().out
    # For a burst, and for a device's certificate.
    assert metrics_in(captured) == {"WatchedRecords": MANY, "WatchFault": 2}
    assert '"comes_again":true' in captured.replace(" ", "")

    faulty.heal()
    assert invoke(records) == QUIET
    assert done_about(embedded, claim) == BLOCKED


def test_a_quiet_claim_certificate_that_could_not_be_checked_comes_again_too(
    invoke: Invoke, faulty: FaultyDynamoDB, claim: ClaimCertificate, moment: datetime
) -> None:
    records = guesses(claim, 1, moment)
    faulty.next(faults.behave, *[faults.fail] * 5)  # the index fails

    assert invoke(records, AWS_ENDPOINT_URL_DYNAMODB=faulty.endpoint_url) == [records[0].record_id]


def test_one_claim_certificate_that_fails_does_not_hold_up_another(
    embedded: Embedded,
    invoke: Invoke,
    faulty: FaultyDynamoDB,
    claim: ClaimCertificate,
    certificate_ids: Iterator[str],
    moment: datetime,
) -> None:
    other = ClaimCertificate(certificate_id=next(certificate_ids), manufacturer="acme")
    embedded.put(other)
    first, second = guesses(other, MANY, moment), guesses(claim, MANY, moment)
    faulty.next(*[faults.fail] * 5)
    again = invoke([*first, *second], AWS_ENDPOINT_URL_DYNAMODB=faulty.endpoint_url)

    assert sorted(again) == sorted(record.record_id for record in first)
    assert is_blocked(embedded, claim)
    assert not is_blocked(embedded, other)


def test_people_who_cannot_be_told_do_not_keep_the_claim_certificate_open_and_are_told_later(
    embedded: Embedded, invoke: Invoke, faulty: FaultyDynamoDB, claim: ClaimCertificate, moment: datetime
) -> None:
    records = guesses(claim, MANY, moment)
    faulty.always(faults.fail)
    assert invoke(records, AWS_ENDPOINT_URL_EVENTBRIDGE=faulty.endpoint_url)
    assert done_about(embedded, claim) == [("block_claim", WATCHER)]

    faulty.heal()
    assert invoke(records) == QUIET
    assert done_about(embedded, claim) == BLOCKED
    assert faulty.operations[-1] == "PutEvents"


def test_a_notice_whose_record_is_lost_is_told_of_again(
    embedded: Embedded,
    invoke: Invoke,
    faulty: FaultyDynamoDB,
    claim: ClaimCertificate,
    moment: datetime,
) -> None:
    records = guesses(claim, MANY, moment)
    faulty.next(*[faults.behave] * 4, *[faults.fail] * 5)  # the record of the notice fails
    assert invoke(records, AWS_ENDPOINT_URL_DYNAMODB=faulty.endpoint_url)

    assert invoke(records) == QUIET
    assert done_about(embedded, claim) == BLOCKED


def test_more_than_can_be_read_is_no_reason_to_read_it_again_and_again_but_one_to_say_so(
    embedded: Embedded,
    invoke: Invoke,
    claim: ClaimCertificate,
    moment: datetime,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(claim_watch, "_MAX_PAGES", 0)

    assert invoke(guesses(claim, 1, moment)) == QUIET
    captured = capsys.readouterr().out
    assert metrics_in(captured) == {"WatchedRecords": 1, "WatchFault": 1}
    assert "too_much_to_read" in captured


def test_a_record_that_cannot_be_read_is_counted_and_does_not_hold_up_the_rest(
    embedded: Embedded,
    invoke: Invoke,
    claim: ClaimCertificate,
    moment: datetime,
    capsys: pytest.CaptureFixture[str],
) -> None:
    invoke([])
    capsys.readouterr()
    images = [image_of(record) for record in guesses(claim, MANY + 1, moment)]
    images[0]["kind"] = {"S": "unheard-of"}
    answer = watcher.handler({"Records": [insertion(image, number) for number, image in enumerate(images)]}, context())

    assert answer == {"batchItemFailures": []}
    assert is_blocked(embedded, claim)
    assert metrics_in(capsys.readouterr().out)["WatchFault"] == 1


def test_denials_among_the_questions_block_nobody_and_are_counted(
    embedded: Embedded,
    invoke: Invoke,
    claim: ClaimCertificate,
    moment: datetime,
    capsys: pytest.CaptureFixture[str],
) -> None:
    invoke([])
    capsys.readouterr()
    images = [among_questions(image_of(record)) for record in guesses(claim, MANY, moment)]
    answer = watcher.handler({"Records": [insertion(image, number) for number, image in enumerate(images)]}, context())

    assert answer == {"batchItemFailures": []}
    assert done_about(embedded, claim) == []
    assert metrics_in(capsys.readouterr().out) == {"WatchedRecords": 0, "WatchFault": MANY}


@pytest.mark.parametrize("kind", [RecordKind.DECISION, RecordKind.QUERY])
def test_denials_among_the_questions_do_not_count_in_the_index_either(
    kind: RecordKind, embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime, forge: Forge
) -> None:
    for record in guesses(claim, MANY, moment):
        forge(record, kind=kind.value)

    assert invoke(guesses(claim, 1, moment + timedelta(minutes=1))) == QUIET
    assert done_about(embedded, claim) == []


def test_what_cannot_be_read_in_the_index_does_not_keep_a_burst_from_being_found(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime, forge: Forge
) -> None:
    forge(*guesses(claim, 1, moment), kind="unheard-of", day="1999-01-01")
    earlier, new = guesses(claim, 12, moment), guesses(claim, 9, moment + timedelta(minutes=9))
    for record in earlier:
        embedded.put_record(record)

    assert invoke(new) == QUIET
    assert is_blocked(embedded, claim)
