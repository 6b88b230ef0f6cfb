"""The operators' command against the embedded stack, as an operator types it."""

import json
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry, DeviceState, Purpose, Reservation
from fleetgate.domain.audit import AuditRecord, RecordKind
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.domain.operator_action import Operator
from fleetgate.domain.refusals import Refusal, RefusalCode
from fleetgate.operators.approve import approve_device
from fleetgate.operators.devices import quarantine_device
from fleetgate.operators.store import OperatorStore
from fleetgate.store.lost_race import LostRace
from fleetgate.store.tables import TableSettings
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.run import new_record_id, now
from fleetgate_cli.target import Target
from harness.command import Answer, Fleetgate, run
from harness.embedded import Embedded
from local.embedded.deploy import STACK_NAME

ROOT_ARN = "arn:aws:iam::000000000000:root"


@pytest.fixture
def mac(serial_number: str) -> str:
    """A MAC address nobody used before."""
    return MacAddress.parse("00" + serial_number[-10:]).value


@pytest.fixture
def approved(fleetgate: Fleetgate, serial_number: str, mac: str) -> str:
    """The serial number of an approved device."""
    assert fleetgate(*_add(serial_number, mac)).exit_code == ExitCode.DONE
    return serial_number


@pytest.fixture
def table_settings(fleetgate: Fleetgate) -> TableSettings:
    """The stack's tables as the command reaches them."""
    return Target.embedded(Path.cwd()).table_settings()


@pytest.fixture
def store(table_settings: TableSettings) -> OperatorStore:
    """The store as the command builds it."""
    return OperatorStore(table_settings)


@pytest.fixture
def operator() -> Operator:
    """Somebody who acts."""
    return Operator(actor=ROOT_ARN, reason="a test", now=now, new_record_id=new_record_id)


def _add(serial_number: str, mac: str, manufacturer: str = "acme") -> list[str]:
    return ["allow-list", "add", serial_number, "--mac", mac, "--manufacturer", manufacturer]


def _records(embedded: Embedded, serial_number: str) -> list[AuditRecord]:
    return embedded.records(f"device#{serial_number}")


# ---- allow-list ----------------------------------------------------------------------------------------------------


def test_an_approval_writes_entry_mac_addresses_and_audit_record(
    fleetgate: Fleetgate, embedded: Embedded, serial_number: str, mac: str
) -> None:
    answer = fleetgate(
        *_add(serial_number, mac.replace(":", "-").upper()),
        *("--template", "fleetgate", "--attribute", "Model=thermostat-2"),
        *("--valid-until", "2099-01-01", "--reason", "hand-made sample", "--json"),
    )

    assert answer.exit_code == ExitCode.DONE
    assert answer.document["result"] == "approved"
    entry = embedded.entry(serial_number)
    assert entry == AllowListEntry(
        serial_number=SerialNumber(serial_number),
        manufacturer="acme",
        mac_addresses=frozenset({MacAddress(mac)}),
        templates=frozenset({"fleetgate"}),
        attributes={"Model": "thermostat-2"},
        valid_until=datetime(2099, 1, 1, tzinfo=UTC),
    )
    assert fleetgate("allow-list", "show", "--mac", mac, "--json").document["serial_number"] == serial_number
    (record,) = _records(embedded, serial_number)
    assert record.kind is RecordKind.OPERATOR_ACTION
    assert (record.action, record.actor, record.reason) == ("approve", ROOT_ARN, "hand-made sample")
    assert record.record_id == answer.document["record_id"]
    assert (record.mac_address, record.manufacturer, record.entry_version) == (mac, "acme", 1)


def test_the_same_approval_again_changes_nothing(
    fleetgate: Fleetgate, embedded: Embedded, approved: str, mac: str
) -> None:
    answer = fleetgate(*_add(approved, mac.upper()), "--json")
    assert answer.exit_code == ExitCode.DONE
    assert (answer.document["result"], answer.document["record_id"]) == ("unchanged", None)
    assert len(_records(embedded, approved)) == 1


def test_another_approval_of_a_listed_serial_number_is_refused_and_names_the_difference(
    fleetgate: Fleetgate, embedded: Embedded, approved: str, mac: str
) -> None:
    before = embedded.entry(approved)
    answer = fleetgate(*_add(approved, mac, "globex"), "--json")
    assert answer.exit_code == ExitCode.REFUSED
    assert answer.error["code"] == RefusalCode.ALREADY_ON_ALLOW_LIST
    assert "another manufacturer" in answer.error["message"]
    assert embedded.entry(approved) == before
    assert len(_records(embedded, approved)) == 1


def test_a_mac_address_of_another_serial_number_is_refused_and_nothing_is_written(
    fleetgate: Fleetgate, embedded: Embedded, approved: str, mac: str
) -> None:
    other = f"{approved}-clone"
    answer = fleetgate(*_add(other, mac), "--mac", _next(mac), "--json")
    assert answer.exit_code == ExitCode.REFUSED
    assert answer.error["code"] == RefusalCode.MAC_ADDRESS_TAKEN
    assert mac in answer.error["message"]
    assert approved in answer.error["message"]
    assert _next(mac) not in answer.error["message"]
    assert fleetgate("allow-list", "show", other).exit_code == ExitCode.REFUSED
    assert fleetgate("allow-list", "show", "--mac", _next(mac)).exit_code == ExitCode.REFUSED
    assert _records(embedded, other) == []


def test_everything_in_the_way_is_named(fleetgate: Fleetgate, approved: str, mac: str) -> None:
    other = f"{approved}-2"
    fleetgate(*_add(other, _next(mac)))
    answer = fleetgate(*_add(other, mac), "--json")
    assert answer.error["code"] == RefusalCode.ALREADY_ON_ALLOW_LIST
    assert "other MAC addresses" in answer.error["message"]
    assert f"{mac} already belongs to serial number {approved}" in answer.error["message"]


def test_a_retired_serial_number_is_never_approved_again(
    fleetgate: Fleetgate, embedded: Embedded, approved: str, mac: str
) -> None:
    embedded.put(embedded.entry(approved).retired())
    answer = fleetgate(*_add(approved, mac))
    assert answer.exit_code == ExitCode.REFUSED
    assert "retired" in answer.stderr


def test_approvals_that_the_gate_may_not_honour_are_noted(fleetgate: Fleetgate, serial_number: str, mac: str) -> None:
    without = fleetgate("allow-list", "add", f"{serial_number}-a", "--manufacturer", "acme")
    assert "RequireMac" in without.stdout
    local = fleetgate(*_add(f"{serial_number}-b", "02" + mac[2:]))
    assert "AllowLocallyAdministeredMac" in local.stdout


def test_of_many_approvals_with_the_same_mac_address_one_wins(
    store: OperatorStore, operator: Operator, embedded: Embedded, serial_number: str, mac: str
) -> None:
    entries = [
        AllowListEntry(
            serial_number=SerialNumber(f"{serial_number}-{number}"),
            manufacturer="acme",
            mac_addresses=frozenset({MacAddress(mac)}),
        )
        for number in range(8)
    ]

    def approve(entry: AllowListEntry) -> SerialNumber | None:
        try:
            approve_device(entry, store=store, operator=operator)
        except Refusal:
            return None
        return entry.serial_number

    with ThreadPoolExecutor(len(entries)) as pool:
        winners = [winner for winner in pool.map(approve, entries) if winner]
    assert len(winners) == 1
    assert store.mac_owner(MacAddress(mac)) == winners[0]
    assert [entry.serial_number for entry in entries if store.device(entry.serial_number)] == winners
    assert sum(len(_records(embedded, str(entry.serial_number))) for entry in entries) == 1


def test_the_allow_list_lists_devices_up_to_a_limit(fleetgate: Fleetgate, serial_number: str, mac: str) -> None:
    for number in range(3):
        fleetgate("allow-list", "add", f"{serial_number}-{number}", "--manufacturer", "acme")
    everything = fleetgate("allow-list", "list", "--limit", "10000", "--json").document
    listed = {device["serial_number"] for device in everything["devices"]}
    assert {f"{serial_number}-{number}" for number in range(3)} <= listed
    assert everything["more"] is False
    some = fleetgate("allow-list", "list", "--limit", "2", "--json").document
    assert (len(some["devices"]), some["more"]) == (2, True)


# ---- device --------------------------------------------------------------------------------------------------------


def test_a_quarantine_stops_a_device_and_a_release_puts_it_back(
    fleetgate: Fleetgate, embedded: Embedded, approved: str
) -> None:
    before = embedded.entry(approved)

    stopped = fleetgate("device", "quarantine", approved, "--reason", "stolen, case 4711", "--json")
    assert (stopped.exit_code, stopped.document["result"]) == (ExitCode.DONE, "quarantined")
    assert embedded.entry(approved).state is DeviceState.QUARANTINED
    again = fleetgate("device", "quarantine", approved, "--reason", "stolen twice", "--json")
    assert (again.exit_code, again.document["result"]) == (ExitCode.DONE, "unchanged")

    freed = fleetgate("device", "release", approved, "--reason", "found", "--json")
    assert (freed.exit_code, freed.document["result"]) == (ExitCode.DONE, "released")
    assert embedded.entry(approved) == replace(before, version=before.version + 2)
    again = fleetgate("device", "release", approved, "--reason", "found twice", "--json")
    assert (again.exit_code, again.document["result"]) == (ExitCode.DONE, "unchanged")

    assert [(record.action, record.reason, record.entry_version) for record in _records(embedded, approved)] == [
        ("approve", "not given", 1),
        ("quarantine", "stolen, case 4711", 2),
        ("release", "found", 3),
    ]


@pytest.mark.parametrize("action", ["quarantine", "release", "retire"])
def test_an_unknown_device_cannot_be_held(fleetgate: Fleetgate, serial_number: str, action: str) -> None:
    answer = fleetgate("device", action, serial_number, "--reason", "a test", "--json")
    assert answer.exit_code == ExitCode.REFUSED
    assert answer.error["code"] == RefusalCode.UNKNOWN_DEVICE
    assert answer.error["message"].endswith("check the serial number (case matters).")


@pytest.mark.parametrize("action", ["quarantine", "release"])
def test_a_retired_device_stays_retired(fleetgate: Fleetgate, embedded: Embedded, approved: str, action: str) -> None:
    embedded.put(embedded.entry(approved).retired())
    answer = fleetgate("device", action, approved, "--reason", "a test", "--json")
    assert answer.exit_code == ExitCode.REFUSED
    assert answer.error["code"] == RefusalCode.DEVICE_RETIRED
    assert embedded.entry(approved).state is DeviceState.RETIRED


def test_a_quarantine_that_loses_a_race_against_the_gate_keeps_what_the_gate_wrote(
    table_settings: TableSettings,
    operator: Operator,
    embedded: Embedded,
    approved: str,
    certificate_ids: Iterator[str],
) -> None:
    reserved = embedded.entry(approved).reserve(
        Reservation(
            certificate_id=next(certificate_ids),
            claim_certificate_id=next(certificate_ids),
            decision_id="a-decision",
            purpose=Purpose.ENROLMENT,
            reserved_at=now(),
            deadline=now() + timedelta(hours=1),
        )
    )

    losses: list[LostRace | None] = []

    class Overtaken(OperatorStore):
        """The gate reserves the device between this operator's read and write, once."""

        def change_device(self, changed: AllowListEntry, record: AuditRecord) -> LostRace | None:
            if not losses:
                embedded.put(reserved)
            losses.append(super().change_device(changed, record))
            return losses[-1]

    change = quarantine_device(SerialNumber(approved), store=Overtaken(table_settings), operator=operator)

    assert losses == [LostRace(reserved), None]
    assert change.subject == embedded.entry(approved) == reserved.quarantined()
    assert [record.action for record in _records(embedded, approved)] == ["approve", "quarantine"]


def test_a_device_nobody_heard_of_is_not_shown(fleetgate: Fleetgate, serial_number: str) -> None:
    answer = fleetgate("device", "show", serial_number, "--json")
    assert answer.exit_code == ExitCode.REFUSED
    assert answer.error["code"] == RefusalCode.UNKNOWN_DEVICE


# ---- hook, and what device show tells of it ------------------------------------------------------------------------

Ask = Callable[..., Answer]


@pytest.fixture
def ask(fleetgate: Fleetgate, embedded: Embedded, tmp_path: Path) -> Ask:
    """Has the deployed hook asked about a device."""
    event = tmp_path / "event.json"

    def ask(serial_number: str, mac: str, certificate_id: str) -> Answer:
        event.write_text(
            json.dumps(
                {
                    "claimCertificateId": embedded.stack.claim_certificate_id,
                    "certificateId": certificate_id,
                    "certificatePem": "placeholder",
                    "templateArn": embedded.hook_environment["PROVISIONING_TEMPLATE_ARN"],
                    "clientId": "claim-test",
                    "parameters": {"SerialNumber": serial_number, "MacAddress": mac},
                }
            )
        )
        return fleetgate("hook", "invoke", "--event", str(event), "--json")

    return ask


def test_the_hook_answers_and_device_show_explains_the_denial(
    ask: Ask, fleetgate: Fleetgate, embedded: Embedded, approved: str, mac: str, certificate_ids: Iterator[str]
) -> None:
    denied = ask(approved, _next(mac), next(certificate_ids))
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
    for told in ("reserved", certificate_id, "mac_address_mismatch", "other hardware", _next(mac), "Since then"):
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
    ask(approved, _next(mac), next(certificate_ids))
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


# ---- claim ---------------------------------------------------------------------------------------------------------


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
    scope = ("--manufacturer", "acme", "--template", "fleetgate", "--serial-number", "SN-1")

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
    other = fleetgate("claim", "register", certificate_id, "--any-manufacturer", "--json")
    assert other.exit_code == ExitCode.REFUSED
    assert other.error["code"] == RefusalCode.CLAIM_CERTIFICATE_REGISTERED_OTHERWISE
    assert len(embedded.records(f"claim#{certificate_id}")) == 1


def test_a_registration_that_has_run_out_is_replaced(
    fleetgate: Fleetgate, embedded: Embedded, certificate_ids: Iterator[str]
) -> None:
    certificate_id = next(certificate_ids)
    yesterday = now() - timedelta(days=1)
    embedded.put(ClaimCertificate(certificate_id=certificate_id, manufacturer="acme", expires_at=yesterday))
    answer = fleetgate("claim", "register", certificate_id, "--manufacturer", "globex", "--json")
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
        "Device certificates that were issued through it were not changed; --deactivate-devices deactivates them.",
    ]


def test_a_claim_that_aws_iot_does_not_know_is_blocked_and_no_failure(
    fleetgate: Fleetgate, certificate_ids: Iterator[str]
) -> None:
    certificate_id = next(certificate_ids)
    fleetgate("claim", "register", certificate_id, "--any-manufacturer")
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
        fleetgate("claim", "register", start + end, "--any-manufacturer")
    answer = fleetgate("claim", "block", start, "--reason", "a test", "--json")
    assert answer.exit_code == ExitCode.REFUSED
    assert answer.error["message"].endswith(f"They are {start}aa, {start}bb.")
    listed = fleetgate("claim", "list", "--limit", "10000", "--json").document["claims"]
    assert [claim["status"] for claim in listed if claim["certificate_id"].startswith(start)] == ["active", "active"]


# ---- which stack, with whose credentials ---------------------------------------------------------------------------


@pytest.fixture
def profiles(embedded: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS profiles `root` and `visitor`, and nothing else that could be taken for credentials.

    The visitor may look up the stack, but not its tables.
    """
    iam = embedded.client("iam")
    iam.create_user(UserName="visitor")
    statement = {"Effect": "Allow", "Action": "cloudformation:DescribeStacks", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="visitor", PolicyName="look", PolicyDocument=document)
    visitor = iam.create_access_key(UserName="visitor")["AccessKey"]
    (tmp_path / "credentials").write_text(
        "[root]\naws_access_key_id=test\naws_secret_access_key=test\n"
        f"[visitor]\naws_access_key_id={visitor['AccessKeyId']}\naws_secret_access_key={visitor['SecretAccessKey']}\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", embedded.stack.endpoint_url)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("FLEETGATE_STACK_NAME", STACK_NAME)
    yield
    iam.delete_access_key(UserName="visitor", AccessKeyId=visitor["AccessKeyId"])
    iam.delete_user_policy(UserName="visitor", PolicyName="look")
    iam.delete_user(UserName="visitor")


def test_a_stack_is_found_by_its_name_and_reached_with_the_profile(
    profiles: None, embedded: Embedded, approved: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ("--profile", "root", "--region", embedded.stack.region)
    by_environment = run(*where, "allow-list", "show", approved, "--json")
    assert by_environment.exit_code == ExitCode.DONE
    monkeypatch.setenv("AWS_REGION", embedded.stack.region)
    assert run("--profile", "root", "allow-list", "show", approved).exit_code == ExitCode.DONE
    by_option = run("allow-list", "show", approved, *where, "--stack-name", "another")
    assert by_option.exit_code == ExitCode.COULD_NOT_CHECK
    assert "there is no stack another" in by_option.stderr


def test_without_a_region_the_way_to_set_one_is_told(profiles: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    answer = run("--profile", "root", "claim", "list", "--json")
    assert answer.exit_code == ExitCode.COULD_NOT_CHECK
    assert answer.error == {
        "code": "no_region",
        "message": "No AWS region is set: give --region, or set AWS_REGION.",
    }


def test_the_tables_are_asked_with_the_credentials_of_the_profile(
    profiles: None, embedded: Embedded, approved: str
) -> None:
    answer = run("--profile", "visitor", "--region", embedded.stack.region, "allow-list", "show", approved, "--json")
    assert answer.exit_code == ExitCode.COULD_NOT_CHECK
    assert answer.error["code"] == "store_access_denied"


def test_an_audit_record_is_kept_as_long_as_the_stack_says(
    profiles: None, embedded: Embedded, serial_number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The stack's own default is the same as the command's, and would hide which of them was taken.
    monkeypatch.setattr("fleetgate_cli.target.DEFAULT_AUDIT_RETENTION", timedelta(days=1))
    where = ("--profile", "root", "--region", embedded.stack.region)
    assert run(*where, "allow-list", "add", serial_number, "--manufacturer", "acme").exit_code == ExitCode.DONE
    (item,) = embedded.dynamodb.query(
        TableName=embedded.stack.outputs["AuditTableName"],
        KeyConditionExpression="subject = :subject",
        ExpressionAttributeValues={":subject": {"S": f"device#{serial_number}"}},
    )["Items"]
    days = int(embedded.hook_environment["AUDIT_RETENTION_DAYS"])
    recorded_at = _records(embedded, serial_number)[0].recorded_at
    assert int(item["expires_at_epoch_seconds"]["N"]) == int((recorded_at + timedelta(days=days)).timestamp())


def _certificates(iot: Any) -> dict[str, str]:
    pages = iot.get_paginator("list_certificates").paginate()
    return {found["certificateId"]: found["status"] for page in pages for found in page["certificates"]}


def _next(mac: str) -> str:
    """Another MAC address that nobody used."""
    return bytes.fromhex(mac.replace(":", ""))[:-1].hex(":") + f":{(int(mac[-2:], 16) + 1) % 256:02x}"
