"""`fleetgate hook invoke`, and what `fleetgate device show` tells of the answer."""

from collections.abc import Iterator
from pathlib import Path

from fleetgate_cli.errors import ExitCode
from harness.command import Fleetgate
from harness.embedded import Embedded
from tests.integration.cli.commands.devices import Ask, next_mac


def test_the_hook_answers_and_device_show_explains_the_denial(
    ask: Ask, fleetgate: Fleetgate, embedded: Embedded, approved: str, mac: str, certificate_ids: Iterator[str]
) -> None:
    denied = ask(approved, next_mac(mac), next(certificate_ids))
    assert denied.exit_code == ExitCode.REFUSED
    assert denied.document["answer"] == {"allowProvisioning": False, "parameterOverrides": {}}
    assert denied.document["reason"] == "mac_address_mismatch"

    certificate_id = next(certificate_ids)
    allowed = ask(approved, mac, certificate_id)
    assert allowed.exit_code == ExitCode.DONE
    assert allowed.document["answer"]["allowProvisioning"] is True
    assert allowed.document["reason"] == "first_reservation"

    report = fleetgate("device", "show", approved, "--json").document
    assert report["state"] == "reserved"
    assert report["device"]["reservation"]["certificate_id"] == certificate_id
    assert [record["verdict"] or record["action"] for record in report["history"]] == ["allowed", "denied", "approve"]
    assert report["last_denial"]["reason"] == "mac_address_mismatch"
    assert "other hardware" in report["last_denial"]["meaning"]
    assert report["last_denial"]["remedy"]

    shown = fleetgate("device", "show", approved).stdout
    for told in ("reserved", certificate_id, "mac_address_mismatch", "other hardware", next_mac(mac), "Since then"):
        assert told in shown
    assert max(map(len, shown.splitlines())) <= 120
    assert embedded.stack.claim_certificate_id[:8] in shown


def test_a_device_that_asked_without_being_approved_is_shown_with_its_denial(
    ask: Ask, fleetgate: Fleetgate, serial_number: str, mac: str, certificate_ids: Iterator[str]
) -> None:
    assert ask(serial_number, mac, next(certificate_ids)).document["reason"] == "not_on_allow_list"
    answer = fleetgate("device", "show", serial_number)
    assert answer.exit_code == ExitCode.DONE
    assert "unknown" in answer.stdout
    assert "fleetgate allow-list add" in answer.stdout


def test_the_last_denial_is_found_behind_a_long_history(
    ask: Ask, fleetgate: Fleetgate, approved: str, mac: str, certificate_ids: Iterator[str]
) -> None:
    ask(approved, next_mac(mac), next(certificate_ids))
    certificate_id = next(certificate_ids)
    for _ in range(3):
        ask(approved, mac, certificate_id)
    report = fleetgate("device", "show", approved, "--limit", "2", "--json").document
    assert [record["verdict"] for record in report["history"]] == ["allowed", "allowed"]
    assert report["more"] is True
    assert report["last_denial"]["reason"] == "mac_address_mismatch"


def test_a_hook_that_could_not_judge_is_not_a_denial(fleetgate: Fleetgate, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text("[]")
    answer = fleetgate("hook", "invoke", "--event", str(event), "--json")
    assert answer.exit_code == ExitCode.COULD_NOT_CHECK
    assert answer.error["code"] == "not_a_hook_event"
