"""What is a burst, and where one is looked for."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from fleetgate.domain.audit import RecordKind, Verdict
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.reasons import DenialReason
from fleetgate.domain.suspicion import Suspicion, reasons_for
from fleetgate.watch import watcher
from harness.denials import denial, image_of, insertion
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
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


def test_a_burst_blocks_its_claim_certificate_and_says_why(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(guesses(claim, MANY, moment)) == QUIET

    assert is_blocked(embedded, claim)
    assert done_about(embedded, claim) == BLOCKED
    notice, block = sorted(embedded.records(f"claim#{claim.certificate_id}"), key=lambda record: record.kind)
    ended_at = moment + timedelta(seconds=20)
    why = f"21 identities denied in 0 min 20 s until {ended_at:%Y-%m-%dT%H:%M:%SZ}, more than 20 in 10 minutes"
    assert (block.reason, block.manufacturer) == (why, "acme")
    assert (notice.reason, notice.manufacturer, notice.recorded_at) == (f"{why}: blocked", "acme", ended_at)
    metrics = metrics_in(capsys.readouterr().out)
    assert metrics == {"WatchedRecords": MANY, "DenialBurst": 1, "ClaimBlocked": 1}


def test_as_many_as_the_threshold_are_no_burst(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime
) -> None:
    assert invoke(guesses(claim, MANY - 1, moment)) == QUIET
    assert not is_blocked(embedded, claim)
    assert done_about(embedded, claim) == []


def test_a_device_that_tries_again_and_again_does_not_block_its_factory(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime
) -> None:
    tries = [denial(claim.certificate_id, "SN-STUBBORN", moment + timedelta(seconds=number)) for number in range(100)]

    assert invoke(tries) == QUIET
    assert done_about(embedded, claim) == []


@pytest.mark.parametrize("suspicion", [one for one in Suspicion if one is not Suspicion.GUESS])
def test_denials_that_point_at_nobody_block_nobody(
    suspicion: Suspicion, embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime
) -> None:
    for reason in sorted(reasons_for(suspicion)):
        assert invoke(guesses(claim, MANY, moment, reason=reason.value)) == QUIET
    assert done_about(embedded, claim) == []


@pytest.mark.parametrize("reason", sorted(reasons_for(Suspicion.GUESS)))
def test_each_kind_of_guess_can_block(
    reason: DenialReason, embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime
) -> None:
    invoke(guesses(claim, MANY, moment, reason=reason.value))
    assert is_blocked(embedded, claim)


def test_what_was_let_in_or_is_no_decision_is_not_looked_at(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime
) -> None:
    invoke(guesses(claim, MANY, moment, verdict=Verdict.ALLOWED))
    invoke(guesses(claim, MANY, moment, verdict=None, kind=RecordKind.OPERATOR_ACTION))
    invoke([replace(one, claim_certificate_id=None) for one in guesses(claim, MANY, moment)])

    assert done_about(embedded, claim) == []


def test_changes_of_records_that_were_there_are_the_archivers_business(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime
) -> None:
    invoke([])
    changes = [insertion(image_of(one), number) for number, one in enumerate(guesses(claim, MANY, moment))]
    for kind in ("MODIFY", "REMOVE"):
        answer = watcher.handler({"Records": [{**change, "eventName": kind} for change in changes]}, context())
        assert answer == {"batchItemFailures": []}
    assert done_about(embedded, claim) == []


def test_what_the_index_has_and_what_it_lacks_yet_count_together(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime
) -> None:
    earlier, new = guesses(claim, 12, moment), guesses(claim, 9, moment + timedelta(minutes=9))
    for record in earlier:
        embedded.put_record(record)

    assert invoke(new) == QUIET
    assert is_blocked(embedded, claim)


def test_what_both_have_counts_once(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime
) -> None:
    records = guesses(claim, MANY - 1, moment)
    for record in records:
        embedded.put_record(record)

    assert invoke(records) == QUIET
    assert done_about(embedded, claim) == []


def test_what_is_older_than_the_window_does_not_count(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime
) -> None:
    for record in guesses(claim, 12, moment):
        embedded.put_record(record)

    invoke(guesses(claim, 9, moment + timedelta(minutes=11)))
    assert done_about(embedded, claim) == []


def test_other_claim_certificates_do_not_count(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, certificate_ids: Iterator[str], moment: datetime
) -> None:
    other = ClaimCertificate(certificate_id=next(certificate_ids), manufacturer="acme")
    for record in guesses(other, 12, moment):
        embedded.put_record(record)

    invoke([*guesses(claim, 12, moment), *guesses(other, 1, moment)])
    assert done_about(embedded, claim) == []


def test_a_burst_in_the_middle_of_a_batch_that_comes_late_is_found(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime
) -> None:
    quiet = [denial(claim.certificate_id, "SN-LATER", moment + timedelta(minutes=50))]

    invoke([*guesses(claim, MANY, moment), *quiet])
    assert is_blocked(embedded, claim)


def test_a_burst_that_the_batch_itself_shows_is_not_looked_up(
    embedded: Embedded, invoke: Invoke, faulty: FaultyDynamoDB, claim: ClaimCertificate, moment: datetime
) -> None:
    invoke(guesses(claim, MANY, moment), AWS_ENDPOINT_URL_DYNAMODB=faulty.endpoint_url)

    # What was done before, and the claim certificate; the block with its record, between two looks at who was let in;
    # the notice. Then, once for all of the batch, whether it is a device's certificate.
    block = ["Query", "GetItem", "TransactWriteItems", "Query"]
    assert faulty.operations == ["Query", "GetItem", *block, "PutItem", "Query"]
