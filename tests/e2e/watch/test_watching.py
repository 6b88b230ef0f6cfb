"""What the deployed watcher stops by itself: a stolen claim certificate that guesses, and the loser of a take-over."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from awscrt.exceptions import AwsCrtError

from fleetgate.domain.allow_list import AllowListEntry, DeviceState, Purpose, Reservation
from fleetgate.domain.audit import NoticeAction, OperatorAction, RecordKind, Verdict
from fleetgate.domain.claim import ClaimStatus
from fleetgate.watch.burst import WATCHER
from harness.certificates import fingerprint_of_certificate
from harness.embedded import Embedded
from local.demo.device import Broker, Identity, Registered, RegistrationRefused, connected
from tests.e2e.conftest import Ask
from tests.e2e.notices import listener
from tests.e2e.waiting import PATIENCE_SECONDS, eventually


def test_a_stolen_claim_certificate_that_guesses_serial_numbers_is_blocked_and_people_hear_of_it(
    embedded: Embedded, make_claim: Callable[..., Identity], ask: Ask, device: AllowListEntry
) -> None:
    notice_with = listener(embedded, embedded.stack.outputs["WatchTopicArn"])
    stolen = make_claim("acme")

    def guess() -> str:
        serial_number = f"GUESS-{secrets.token_hex(6)}"
        _, answer = ask(device, claim=stolen, SerialNumber=serial_number)
        assert isinstance(answer, RegistrationRefused)
        return serial_number

    (first,) = embedded.records(f"device#{guess()}")
    claim_certificate_id = first.claim_certificate_id
    assert claim_certificate_id is not None

    def guess_until_blocked() -> bool | None:
        guess()
        is_blocked = embedded.claim_item(claim_certificate_id)["status"]["S"] == ClaimStatus.BLOCKED.value
        return is_blocked or None

    assert eventually(guess_until_blocked)
    assert isinstance(ask(device, claim=stolen)[1], RegistrationRefused)
    (denied,) = embedded.records(f"device#{device.serial_number}")
    assert denied.reason == "claim_certificate_blocked"
    assert isinstance(ask(device)[1], Registered), "with another claim certificate the device is let in"

    assert "was blocked" in notice_with(claim_certificate_id)

    def actions() -> list[tuple[str | None, str | None]] | None:
        records = embedded.records(f"claim#{claim_certificate_id}")
        done = [(record.action, record.actor) for record in records if record.kind is not RecordKind.DECISION]
        return done if len(done) > 1 else None

    assert sorted(eventually(actions)) == [("block_claim", WATCHER), (NoticeAction.DENIAL_BURST, WATCHER)]


def test_of_two_contestants_only_the_winner_has_a_working_identity(
    embedded: Embedded, broker: Broker, device: AllowListEntry, ask: Ask
) -> None:
    loser, answer = ask(device)
    assert isinstance(answer, Registered)
    name = answer.thing_name
    with connected(broker, loser.identity, name) as session:
        seen = eventually(lambda: _provisioned(embedded, device))
        # As if the connection was not noted, and the reservation is old enough to be taken over.
        before = datetime.now(UTC) - timedelta(minutes=30)
        held = Reservation(
            certificate_id=loser.certificate_id,
            claim_certificate_id=secrets.token_hex(32),
            decision_id=seen.device_certificate.decision_id if seen.device_certificate else "",
            purpose=Purpose.ENROLMENT,
            reserved_at=before,
            deadline=before + timedelta(hours=1),
            key_fingerprint=fingerprint_of_certificate(loser.identity.certificate_pem),
        )
        embedded.put(replace(seen, device_certificate=None, reservation=held, version=seen.version + 1))
        winner, answer = ask(device)
        assert isinstance(answer, Registered)
        session.interrupted.result(PATIENCE_SECONDS)

    found = embedded.client("iot").describe_certificate(certificateId=loser.certificate_id)
    assert found["certificateDescription"]["status"] == "INACTIVE"
    with pytest.raises(AwsCrtError), connected(broker, loser.identity, name):
        pass
    with connected(broker, winner.identity, name) as session:
        assert session.echo(f"{name}/telemetry", {"on": True}) == {"on": True}
    assert isinstance(ask(device, issued=loser)[1], RegistrationRefused)
    records = embedded.records(f"device#{device.serial_number}")
    (denied,) = [record for record in records if record.verdict is Verdict.DENIED]
    assert denied.reason == "certificate_deactivated"
    (done,) = [record for record in records if record.action == OperatorAction.DEACTIVATE_CERTIFICATE]
    assert (done.actor, done.certificate_id) == (WATCHER, loser.certificate_id)


def _provisioned(embedded: Embedded, device: AllowListEntry) -> AllowListEntry | None:
    entry = embedded.entry(device.serial_number)
    return entry if entry.state is DeviceState.PROVISIONED else None
