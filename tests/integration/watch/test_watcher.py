"""The watcher under its own role: somebody guesses with a claim certificate, and is stopped without a person.

The deployed watcher is at work on the same table; so what a test leaves there is never a burst by itself, and the rest
of one is in the events that the test makes.
"""

import json
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ulid import ULID

from fleetgate.domain.audit import AuditRecord, RecordKind, Verdict
from fleetgate.domain.claim import ClaimCertificate, ClaimStatus
from fleetgate.domain.reasons import DenialReason
from fleetgate.domain.suspicion import Suspicion, reasons_for
from fleetgate.watch import store as claim_watch
from fleetgate.watch import watcher
from fleetgate.watch.burst import WATCHER
from fleetgate.watch.denials import watch_denials
from harness import faulty_dynamodb as faults
from harness.denials import among_questions, denial, image_of, insertion
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from tests.integration.conftest import Forge

Invoke = Callable[..., list[str]]

MANY = 21  # one more than the stack's threshold
QUIET: list[str] = []


@pytest.fixture
def variables(embedded: Embedded) -> dict[str, str]:
    """The environment of the deployed watcher, credentials of its role included."""
    outputs = embedded.stack.outputs
    function = embedded.client("lambda").get_function_configuration(FunctionName=outputs["WatcherFunctionName"])
    credentials = embedded.credentials_of(outputs["WatcherFunctionRoleArn"])
    return {
        **function["Environment"]["Variables"],
        **{name.upper(): value for name, value in credentials.items()},
        "AWS_DEFAULT_REGION": embedded.stack.region,
        "AWS_ENDPOINT_URL": embedded.stack.endpoint_url,
    }


@pytest.fixture
def invoke(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Invoke]:
    """Hands records to the watcher as the stream would; the record IDs of those that it wants again."""
    (stream_handler,) = watcher.logger.handlers
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    def run(records: Sequence[AuditRecord], **changed: str) -> list[str]:
        # The logger took hold of stdout when it was imported, before pytest began to capture this test's.
        monkeypatch.setattr(stream_handler, "stream", sys.stdout)
        for name, value in changed.items():
            monkeypatch.setenv(name, value)
        forget()
        event = {"Records": [insertion(image_of(record), number) for number, record in enumerate(records)]}
        failures = watcher.handler(event, context())["batchItemFailures"]
        return [records[int(failure["itemIdentifier"])].record_id for failure in failures]

    yield run
    forget()


def forget() -> None:
    watcher._settings.cache_clear()
    watcher._responder.cache_clear()


def context() -> Any:
    return SimpleNamespace(
        function_name="watcher", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="1"
    )


@pytest.fixture
def moment() -> datetime:
    """A while ago, and the start of a window as notices are numbered by them."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)


def guesses(claim: ClaimCertificate, count: int, moment: datetime, **changes: Any) -> list[AuditRecord]:
    """Denials of one identity each, a second apart."""
    return [
        denial(claim.certificate_id, f"GUESS-{secrets.token_hex(4)}", moment + timedelta(seconds=number), **changes)
        for number in range(count)
    ]


def is_blocked(embedded: Embedded, claim: ClaimCertificate) -> bool:
    return bool(embedded.claim_item(claim.certificate_id)["status"]["S"] == ClaimStatus.BLOCKED.value)


def done_about(embedded: Embedded, claim: ClaimCertificate) -> list[tuple[str, str | None]]:
    """What is on record about a claim certificate, decisions aside: action and actor, sorted."""
    records = embedded.records(f"claim#{claim.certificate_id}")
    return sorted((record.action or "", record.actor) for record in records if record.kind is not RecordKind.DECISION)


BLOCKED: list[tuple[str, str | None]] = [("block_claim", WATCHER), ("denial_burst", WATCHER)]
TOLD: list[tuple[str, str | None]] = [("denial_burst", WATCHER)]


def metrics_in(captured: str) -> dict[str, float]:
    """The metrics that were emitted, by name."""
    lines = [json.loads(line) for line in captured.splitlines()]
    return {
        metric["Name"]: sum(line[metric["Name"]])
        for line in lines
        for group in line.get("_aws", {}).get("CloudWatchMetrics", [])
        for metric in group["Metrics"]
    }


@pytest.fixture
def told(faulty: FaultyDynamoDB, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The events that are published, as they come."""
    published: list[dict[str, Any]] = []

    def listen(doorman: Any) -> None:
        published.extend(json.loads(doorman.request_body)["Entries"])
        faults.behave(doorman)

    faulty.always(listen)
    monkeypatch.setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", faulty.endpoint_url)
    return published


# ---- What is a burst --------------------------------------------------------------------------------------------


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


# ---- Where it is looked for -------------------------------------------------------------------------------------


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

    # What was done before; the claim certificate, twice; the block with its record; the notice.
    assert faulty.operations == ["Query", "GetItem", "GetItem", "TransactWriteItems", "PutItem"]


# ---- Twice, in pieces, at once ----------------------------------------------------------------------------------


def test_a_batch_that_comes_twice_backwards_and_in_pieces_is_one_burst(
    embedded: Embedded, invoke: Invoke, claim: ClaimCertificate, moment: datetime, told: list[dict[str, Any]]
) -> None:
    records = guesses(claim, MANY + 9, moment)
    for batch in (records, records[::-1], records[:10], records[10:], records[-1:], records):
        assert invoke(batch) == QUIET

    assert done_about(embedded, claim) == BLOCKED
    assert len(told) == 1


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


# ---- What operators do ------------------------------------------------------------------------------------------


def acted(embedded: Embedded, claim: ClaimCertificate, action: str, status: ClaimStatus, moment: datetime) -> None:
    """An operator acted on a claim certificate."""
    embedded.put(replace(claim, status=status))
    embedded.put_record(
        AuditRecord(
            record_id=str(ULID.from_datetime(moment)),
            recorded_at=moment,
            kind=RecordKind.OPERATOR_ACTION,
            action=action,
            actor="arn:aws:iam::123456789012:user/alice",
            reason="case 4711",
            claim_certificate_id=claim.certificate_id,
        )
    )


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
    (question,) = [body for body in asked if "KeyConditionExpression" in body]
    assert question["ConsistentRead"] is True
    assert "IndexName" not in question


# ---- What cannot be blocked, or must not be ---------------------------------------------------------------------


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


# ---- What could not be checked ----------------------------------------------------------------------------------


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
    assert metrics_in(captured) == {"WatchedRecords": MANY, "WatchFault": 1}
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
    monkeypatch.setattr(claim_watch, "_MOST_PAGES", 0)

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


# ---- What somebody wrote who may write questions only -------------------------------------------------------------


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


# ---- The example events ------------------------------------------------------------------------------------------

_EVENTS = Path(__file__).parents[3] / "events" / "watcher"
_EXAMPLES_CLAIM = ClaimCertificate(certificate_id="c1a2" * 16, manufacturer="acme")

# By example: what is on record of its claim certificate, and how many records could not be read.
_EXAMPLES: dict[str, tuple[list[tuple[str, str | None]], int]] = {
    "one-device-again-and-again": ([], 0),
    "stopped-gate": ([], 0),
    "unreadable-record": ([], 1),
    "burst": (BLOCKED, 0),
}


def test_every_example_event_is_known_here() -> None:
    assert {path.stem for path in _EVENTS.iterdir()} == set(_EXAMPLES)


def test_an_example_leads_to_what_its_name_says(
    embedded: Embedded, invoke: Invoke, capsys: pytest.CaptureFixture[str]
) -> None:
    embedded.put(_EXAMPLES_CLAIM)
    for name, (done, unreadable) in _EXAMPLES.items():
        invoke([])
        capsys.readouterr()
        answer = watcher.handler(json.loads((_EVENTS / f"{name}.json").read_text()), context())

        assert answer == {"batchItemFailures": []}, name
        assert done_about(embedded, _EXAMPLES_CLAIM) == done, name
        assert metrics_in(capsys.readouterr().out).get("WatchFault", 0) == unreadable, name


# ---- Its role ---------------------------------------------------------------------------------------------------


def test_the_watcher_may_not_do_anything_else(embedded: Embedded, claim: ClaimCertificate) -> None:
    """dynamodb:LeadingKeys, which keeps its updates to claim certificates, is held by a template test."""
    outputs = embedded.stack.outputs
    credentials = embedded.credentials_of(outputs["WatcherFunctionRoleArn"])
    dynamodb, sns = embedded.client("dynamodb", credentials), embedded.client("sns", credentials)
    allow_list, audit = outputs["AllowListTableName"], outputs["AuditTableName"]
    item = {"pk": {"S": f"claim#{claim.certificate_id}"}}
    record = {"subject": {"S": "claim#x"}, "record_id": {"S": "x"}}
    forbidden: dict[str, Callable[[], Any]] = {
        "register a claim certificate": lambda: dynamodb.put_item(TableName=allow_list, Item=item),
        "remove a claim certificate": lambda: dynamodb.delete_item(TableName=allow_list, Key=item),
        "read the whole allow-list": lambda: dynamodb.scan(TableName=allow_list),
        "remove a record": lambda: dynamodb.delete_item(TableName=audit, Key=record),
        "change a record": lambda: dynamodb.update_item(
            TableName=audit,
            Key=record,
            UpdateExpression="SET reason = :r",
            ExpressionAttributeValues={":r": {"S": "x"}},
        ),
        "tell people by itself": lambda: sns.publish(TopicArn=outputs["WatchTopicArn"], Message="x"),
    }
    for deed, attempt in forbidden.items():
        with pytest.raises(ClientError) as refused:
            attempt()
        code = refused.value.response["Error"]["Code"]
        assert code in {"AccessDenied", "AccessDeniedException", "AuthorizationError"}, deed
