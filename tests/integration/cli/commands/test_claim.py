"""`fleetgate claim`: claim certificates are made, registered and blocked."""

import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.refusals import RefusalCode
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.run import now
from harness.command import Fleetgate
from harness.embedded import Embedded
from tests.integration.cli.commands.devices import ROOT_ARN, Ask


def test_a_created_claim_is_active_registered_and_its_key_is_for_its_owner_only(
    fleetgate: Fleetgate, embedded: Embedded, tmp_path: Path
) -> None:
    answer = fleetgate("claim", "create", "--manufacturer", "acme", "--out", str(tmp_path / "a" / "b"), "--json")

    assert answer.exit_code == ExitCode.DONE
    certificate_id = answer.document["claim"]["certificate_id"]
    certificate_path = Path(answer.document["certificate_path"])
    private_key_path = Path(answer.document["private_key_path"])
    assert certificate_path.read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE KEY" in private_key_path.read_text()
    assert stat.S_IMODE(private_key_path.stat().st_mode) == 0o600
    assert "PRIVATE KEY" not in answer.stdout + answer.stderr

    iot = embedded.client("iot")
    certificate = iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]
    assert certificate["status"] == "ACTIVE"
    policies = iot.list_attached_policies(target=certificate["certificateArn"])["policies"]
    assert [policy["policyName"] for policy in policies] == [embedded.stack.outputs["ClaimPolicyName"]]
    assert embedded.claim_item(certificate_id)["manufacturer"] == {"S": "acme"}
    (record,) = embedded.records(f"claim#{certificate_id}")
    assert (record.action, record.actor, record.manufacturer) == ("register_claim", ROOT_ARN, "acme")


@pytest.mark.parametrize("broken", ["AuditTableName", "ClaimPolicyName"])
def test_a_claim_that_cannot_be_set_up_is_deactivated_again(
    broken: str, fleetgate: Fleetgate, embedded: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = {**embedded.stack.outputs, broken: "there-is-none"}
    (tmp_path / ".local").mkdir()
    embedded.stack.model_copy(update={"outputs": outputs}).save(tmp_path)
    monkeypatch.chdir(tmp_path)
    iot = embedded.client("iot")
    before = _certificates(iot)

    answer = fleetgate("claim", "create", "--manufacturer", "acme", "--out", "claim", "--json")

    assert answer.exit_code == ExitCode.COULD_NOT_CHECK
    (certificate_id,) = _certificates(iot).keys() - before.keys()
    assert _certificates(iot)[certificate_id] == "INACTIVE"
    assert certificate_id in answer.error["message"]
    assert "deactivated" in answer.error["message"]
    assert list((tmp_path / "claim").iterdir()) == []


def test_a_registration_is_safe_to_repeat_and_keeps_its_scope(
    fleetgate: Fleetgate, embedded: Embedded, certificate_ids: Iterator[str]
) -> None:
    certificate_id = next(certificate_ids)
    scope = ("--manufacturer", "acme", "--template", "fleetgate", "--serial-number", "SN-1", "--unlisted")

    first = fleetgate("claim", "register", certificate_id, *scope, "--json")
    assert first.document["result"] == "registered"
    assert first.document["claim"] == {
        "certificate_id": certificate_id,
        "manufacturer": "acme",
        "templates": ["fleetgate"],
        "status": "active",
        "serial_number": "SN-1",
        "expires_at": None,
    }
    again = fleetgate("claim", "register", certificate_id, *scope, "--json")
    assert (again.exit_code, again.document["result"]) == (ExitCode.DONE, "unchanged")
    other = fleetgate("claim", "register", certificate_id, "--any-manufacturer", "--unlisted", "--json")
    assert other.exit_code == ExitCode.REFUSED
    assert other.error["code"] == RefusalCode.CLAIM_CERTIFICATE_REGISTERED_OTHERWISE
    assert len(embedded.records(f"claim#{certificate_id}")) == 1


def test_a_registration_that_has_run_out_is_replaced(
    fleetgate: Fleetgate, embedded: Embedded, certificate_ids: Iterator[str]
) -> None:
    certificate_id = next(certificate_ids)
    yesterday = now() - timedelta(days=1)
    embedded.put(ClaimCertificate(certificate_id=certificate_id, manufacturer="acme", expires_at=yesterday))
    answer = fleetgate("claim", "register", certificate_id, "--manufacturer", "globex", "--unlisted", "--json")
    assert answer.document["result"] == "registered"
    assert embedded.claim_item(certificate_id)["manufacturer"] == {"S": "globex"}
    assert "expires_at" not in embedded.claim_item(certificate_id)


def test_a_blocked_claim_is_denied_by_the_gate_and_stays_blocked(
    fleetgate: Fleetgate,
    embedded: Embedded,
    ask: Ask,
    approved: str,
    mac: str,
    certificate_ids: Iterator[str],
    tmp_path: Path,
) -> None:
    created = fleetgate("claim", "create", "--any-manufacturer", "--out", str(tmp_path / "claim"), "--json").document
    certificate_id = created["claim"]["certificate_id"]
    iot = embedded.client("iot")

    blocked = fleetgate("claim", "block", certificate_id[:12], "--reason", "key leaked", "--json")
    assert blocked.document["result"] == "blocked"
    assert blocked.document["claim"]["certificate_id"] == certificate_id
    assert "were not changed" in " ".join(blocked.document["notes"])
    assert _certificates(iot)[certificate_id] == "ACTIVE"

    again = fleetgate("claim", "block", certificate_id, "--reason", "key leaked", "--deactivate", "--json")
    assert (again.exit_code, again.document["result"]) == (ExitCode.DONE, "unchanged")
    assert _certificates(iot)[certificate_id] == "INACTIVE"

    refused = fleetgate("claim", "register", certificate_id, "--any-manufacturer", "--json")
    assert refused.error["code"] == RefusalCode.CLAIM_CERTIFICATE_BLOCKED
    assert [(record.action, record.reason) for record in embedded.records(f"claim#{certificate_id}")] == [
        ("register_claim", "not given"),
        ("block_claim", "key leaked"),
    ]
    shown = fleetgate("claim", "list").stdout
    assert certificate_id[:8] in shown
    assert certificate_id not in shown


def test_a_plain_block_after_a_thorough_one_says_nothing_that_is_not_so(fleetgate: Fleetgate, tmp_path: Path) -> None:
    created = fleetgate("claim", "create", "--any-manufacturer", "--out", str(tmp_path / "claim"), "--json").document
    certificate_id = created["claim"]["certificate_id"]
    why = ("--reason", "key leaked")
    fleetgate("claim", "block", certificate_id, *why, "--deactivate", "--deactivate-devices")

    assert fleetgate("claim", "block", certificate_id, *why).stdout.splitlines() == [
        f"No change: claim certificate {certificate_id} is already blocked. "
        "The gate denies every device that asks with it.",
        "The certificate was not changed in AWS IoT; with --deactivate AWS IoT refuses its connections too.",
        "Device certificates that were issued through it before were not changed; "
        "--deactivate-devices deactivates them.",
        "No device was let in while the stop was written.",
    ]


def test_a_claim_that_aws_iot_does_not_know_is_blocked_and_no_failure(
    fleetgate: Fleetgate, certificate_ids: Iterator[str]
) -> None:
    certificate_id = next(certificate_ids)
    fleetgate("claim", "register", certificate_id, "--any-manufacturer", "--unlisted")
    answer = fleetgate("claim", "block", certificate_id, "--reason", "key leaked", "--deactivate", "--json")

    assert (answer.exit_code, answer.document["result"]) == (ExitCode.DONE, "blocked")
    assert answer.document["deactivated"] is False
    assert answer.document["notes"][0] == "AWS IoT does not know it: no device can connect with it."


def test_a_claim_that_is_not_registered_cannot_be_blocked(fleetgate: Fleetgate, certificate_ids: Iterator[str]) -> None:
    certificate_id = next(certificate_ids)
    for given in (certificate_id, certificate_id[:8]):
        answer = fleetgate("claim", "block", given, "--reason", "a test", "--json")
        assert answer.exit_code == ExitCode.REFUSED
        assert answer.error["code"] == RefusalCode.CLAIM_CERTIFICATE_NOT_REGISTERED


def test_a_certificate_id_that_several_claims_start_with_blocks_none(
    fleetgate: Fleetgate, certificate_ids: Iterator[str]
) -> None:
    start = next(certificate_ids)[:62]
    for end in ("aa", "bb"):
        fleetgate("claim", "register", start + end, "--any-manufacturer", "--unlisted")
    answer = fleetgate("claim", "block", start, "--reason", "a test", "--json")
    assert answer.exit_code == ExitCode.REFUSED
    assert answer.error["message"].endswith(f"They are {start}aa, {start}bb.")
    listed = fleetgate("claim", "list", "--limit", "10000", "--json").document["claims"]
    assert [claim["status"] for claim in listed if claim["certificate_id"].startswith(start)] == ["active", "active"]


def _certificates(iot: Any) -> dict[str, str]:
    pages = iot.get_paginator("list_certificates").paginate()
    return {found["certificateId"]: found["status"] for page in pages for found in page["certificates"]}
