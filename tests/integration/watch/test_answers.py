"""A burst is answered once, as the policy says, and not against what operators did since."""

import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import Verdict
from fleetgate.domain.claim import ClaimCertificate, ClaimStatus
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.public_key import certificate_key_fingerprint
from fleetgate.operators.key_store import claim_stop_name
from fleetgate.operators.stops import SETTLING_TIME
from fleetgate.watch import watcher
from fleetgate.watch.burst import WATCHER
from fleetgate.watch.denials import watch_denials
from harness import faulty_dynamodb as faults
from harness.denials import denial
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from tests.integration.watch.guessing import BLOCKED, MANY, QUIET, TOLD, Invoke, acted, done_about, guesses, is_blocked


def test_a_batch_that_comes_twice_backwards_and_in_pieces_is_one_burst(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime, told: list[dict[str, Any]]
) -> None:
    records = guesses(claim, MANY + 9, moment)
    for batch in (records, records[::-1], records[:10], records[10:], records[-1:], records):
        assert invoke(batch) == QUIET

    assert done_about(embedded, claim) == BLOCKED
    assert len(told) == 1


def test_what_was_let_in_while_a_claim_certificate_was_blocked_is_deactivated(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    iot, waited = embedded.client("iot"), list[float]()
    before, meanwhile = (str(iot.create_keys_and_certificate(setAsActive=True)["certificateId"]) for _ in range(2))

    def let_in(certificate_id: str) -> None:
        serial_number = SerialNumber(f"LATE-{secrets.token_hex(6)}")
        embedded.put(AllowListEntry(serial_number=serial_number, manufacturer="acme"))
        allow = {"verdict": Verdict.ALLOWED, "reason": "first_reservation", "certificate_id": certificate_id}
        embedded.put_record(denial(claim.certificate_id, serial_number.value, datetime.now(UTC), **allow))

    def wait(seconds: float) -> None:
        assert is_blocked(embedded, claim)
        waited.append(seconds)
        let_in(meanwhile)

    monkeypatch.setattr(watcher, "sleep", wait)
    let_in(before)
    invoke(guesses(claim, MANY, moment))

    assert [0 < seconds <= SETTLING_TIME.total_seconds() for seconds in waited] == [True]
    found = [iot.describe_certificate(certificateId=one)["certificateDescription"] for one in (before, meanwhile)]
    assert [(one["status"]) for one in found] == ["ACTIVE", "INACTIVE"]
    fingerprint = certificate_key_fingerprint(found[1]["certificatePem"])
    assert embedded.key_item(fingerprint or "")["stops"]["SS"] == [claim_stop_name(claim.certificate_id)]


def test_a_burst_that_goes_on_is_told_of_once(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime, told: list[dict[str, Any]]
) -> None:
    for number in range(3):
        invoke(guesses(claim, MANY, moment + timedelta(seconds=40 * number)), CLAIM_WATCH_POLICY="notify")

    assert not is_blocked(embedded, claim)
    assert done_about(embedded, claim) == TOLD
    assert len(told) == 1


def test_a_burst_that_goes_on_for_longer_than_the_window_is_told_of_again(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime
) -> None:
    for minutes in (0, 11):
        invoke(guesses(claim, MANY, moment + timedelta(minutes=minutes)), CLAIM_WATCH_POLICY="notify")

    assert done_about(embedded, claim) == TOLD * 2


def test_two_watchers_at_once_are_one_block_and_one_notice(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime
) -> None:
    records = guesses(claim, MANY, moment)
    invoke([])
    # Not the handler: Powertools has one set of metrics a process, and in Lambda a process has one batch at a time.
    responder = watcher._responder()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: list(watch_denials(records, responder=responder)), range(4)))

    assert [[watched.problem for watched in answer] for answer in answers] == [[None]] * 4
    assert done_about(embedded, claim) == BLOCKED


def test_a_claim_certificate_that_was_released_is_not_blocked_for_what_was_before(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime
) -> None:
    before = guesses(claim, MANY, moment)
    invoke(before)
    acted(embedded, claim, "release_claim", ClaimStatus.ACTIVE, moment + timedelta(minutes=2))

    invoke([*before, *guesses(claim, MANY - 1, moment + timedelta(minutes=3))])
    assert not is_blocked(embedded, claim)


def test_a_new_burst_after_a_release_blocks_again_and_is_told_of_again(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime
) -> None:
    invoke(guesses(claim, MANY, moment))
    acted(embedded, claim, "release_claim", ClaimStatus.ACTIVE, moment + timedelta(minutes=2))
    invoke(guesses(claim, MANY, moment + timedelta(minutes=3)))

    assert is_blocked(embedded, claim)
    by_watcher = [done for done in done_about(embedded, claim) if done[1] == WATCHER]
    assert by_watcher == sorted(BLOCKED * 2)


def test_a_claim_certificate_that_an_operator_blocked_meanwhile_needs_no_notice(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime
) -> None:
    acted(embedded, claim, "block_claim", ClaimStatus.BLOCKED, moment + timedelta(minutes=2))
    invoke(guesses(claim, MANY, moment))

    assert [actor for _, actor in done_about(embedded, claim)] == ["arn:aws:iam::123456789012:user/alice"]


def test_what_operators_did_is_read_as_it_stands(
    invoke: Invoke, faulty: FaultyDynamoDB, claim: ClaimCertificate, moment: datetime
) -> None:
    """An index or a lagging read could show the claim certificate as it was before its release."""
    asked: list[dict[str, Any]] = []

    def listen(doorman: Any) -> None:
        asked.append(json.loads(doorman.request_body))
        faults.behave(doorman)

    faulty.always(listen)
    invoke(guesses(claim, MANY, moment), AWS_ENDPOINT_URL_DYNAMODB=faulty.endpoint_url)
    # Whose certificate it may be, and who was let in meanwhile, are other questions.
    questions = [body for body in asked if "KeyConditionExpression" in body]
    (question,) = [body for body in questions if "IndexName" not in body]
    assert question["ConsistentRead"] is True


def test_an_event_tells_people_what_happened_and_what_to_do(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime, told: list[dict[str, Any]]
) -> None:
    invoke(guesses(claim, MANY, moment))

    (event,) = told
    detail = json.loads(event["Detail"])
    sentence = detail.pop("sentence")
    assert (event["Source"], event["DetailType"]) == ("fleetgate", "Denial Burst")
    assert detail == {
        "audit_table": embedded.stack.outputs["AuditTableName"],
        "claim_certificate_id": claim.certificate_id,
        "manufacturer": "acme",
        "identities": MANY,
        "began_at": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "ended_at": f"{moment + timedelta(seconds=20):%Y-%m-%dT%H:%M:%SZ}",
        "measure": "blocked",
    }
    for said in (claim.certificate_id, "acme", "21 identities", "was blocked", "fleetgate audit list", "release"):
        assert said in sentence


def test_a_claim_certificate_that_is_not_registered_cannot_be_blocked_and_people_are_told_so(
    embedded: Embedded, invoke: Invoke, certificate_ids: Iterator[str], moment: datetime, told: list[dict[str, Any]]
) -> None:
    unknown = ClaimCertificate(certificate_id=next(certificate_ids), manufacturer=None)

    assert invoke(guesses(unknown, MANY, moment)) == QUIET
    assert done_about(embedded, unknown) == TOLD
    detail = json.loads(told[0]["Detail"])
    assert (detail["measure"], detail["manufacturer"]) == ("not_registered", None)
    assert "not registered with the gate, and so cannot be blocked" in detail["sentence"]


def test_where_the_policy_is_to_notify_nothing_is_blocked_and_people_are_told_so(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime, told: list[dict[str, Any]]
) -> None:
    invoke(guesses(claim, MANY, moment), CLAIM_WATCH_POLICY="notify")

    assert not is_blocked(embedded, claim)
    assert "was not blocked" in json.loads(told[0]["Detail"])["sentence"]


def test_the_limits_are_the_stacks_own(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime
) -> None:
    limits = {"CLAIM_WATCH_THRESHOLD": "2", "CLAIM_WATCH_WINDOW_MINUTES": "1"}
    spread = [
        denial(claim.certificate_id, f"GUESS-{minute}", moment + minute * timedelta(minutes=1)) for minute in range(9)
    ]
    invoke(spread, **limits)
    assert not is_blocked(embedded, claim)

    invoke(guesses(claim, 3, moment), **limits)
    assert is_blocked(embedded, claim)


def test_nothing_that_a_device_presented_is_logged_or_told(
    invoke: Invoke,
    claim: ClaimCertificate,
    moment: datetime,
    told: list[dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    records = guesses(claim, MANY, moment)
    broken = replace(records[0], record_id="broken", reason="an unheard-of reason")
    invoke([*records, broken])

    said = capsys.readouterr().out + json.dumps(told)
    assert claim.certificate_id in said
    assert "GUESS-" not in said
    assert "00:1b:44" not in said
