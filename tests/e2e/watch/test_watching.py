"""Somebody guesses with a stolen claim certificate over MQTT, and the deployed watcher stops them by itself."""

import secrets
from collections.abc import Callable

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import NoticeAction, RecordKind
from fleetgate.domain.claim import ClaimStatus
from fleetgate.watch.burst import WATCHER
from harness.embedded import Embedded
from local.demo.device import Identity, Registered, RegistrationRefused
from tests.e2e.conftest import Ask
from tests.e2e.notices import listener
from tests.e2e.waiting import eventually


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
