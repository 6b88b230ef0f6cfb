"""`fleetgate allow-list`: a device is approved, found and listed."""

import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fleetgate.domain.allow_list import AllowListEntry, KeyAssignment
from fleetgate.domain.audit import RecordKind
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.domain.operator_action import Operator
from fleetgate.domain.refusals import Refusal, RefusalCode
from fleetgate.domain.things import ThingNames, ThingRules
from fleetgate.operators.approve import approve_device
from fleetgate.operators.device_store import DeviceStore
from fleetgate.operators.key_store import KeyStore
from fleetgate.store.allow_list import AllowList
from fleetgate.store.allow_list_items import KeyItem
from fleetgate.store.tables import TableSettings
from fleetgate_cli.errors import ExitCode
from fleetgate_cli.target import Target
from harness.certificates import issued_certificate, public_fingerprint
from harness.command import Fleetgate
from harness.embedded import Embedded
from local.demo.device import SigningRequest
from tests.integration.cli.commands.devices import ROOT_ARN, adding, next_mac, records_of

RULES = ThingRules(ThingNames(), frozenset())


@pytest.fixture
def store(table_settings: TableSettings) -> DeviceStore:
    """The store as the command builds it."""
    return DeviceStore(table_settings)


def test_an_approval_writes_entry_mac_addresses_and_audit_record(
    fleetgate: Fleetgate, embedded: Embedded, serial_number: str, mac: str
) -> None:
    answer = fleetgate(
        *adding(serial_number, mac.replace(":", "-").upper()),
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
    (record,) = records_of(embedded, serial_number)
    assert record.kind is RecordKind.OPERATOR_ACTION
    assert (record.action, record.actor, record.reason) == ("approve", ROOT_ARN, "hand-made sample")
    assert record.record_id == answer.document["record_id"]
    assert (record.mac_address, record.manufacturer, record.entry_version) == (mac, "acme", 1)


def test_the_same_approval_again_changes_nothing(
    fleetgate: Fleetgate, embedded: Embedded, approved: str, mac: str
) -> None:
    answer = fleetgate(*adding(approved, mac.upper()), "--json")
    assert answer.exit_code == ExitCode.DONE
    assert (answer.document["result"], answer.document["record_id"]) == ("unchanged", None)
    assert len(records_of(embedded, approved)) == 1


def test_another_approval_of_a_listed_serial_number_is_refused_and_names_the_difference(
    fleetgate: Fleetgate, embedded: Embedded, approved: str, mac: str
) -> None:
    before = embedded.entry(approved)
    answer = fleetgate(*adding(approved, mac, "globex"), "--json")
    assert answer.exit_code == ExitCode.REFUSED
    assert answer.error["code"] == RefusalCode.ALREADY_ON_ALLOW_LIST
    assert "another manufacturer" in answer.error["message"]
    assert embedded.entry(approved) == before
    assert len(records_of(embedded, approved)) == 1


def test_a_thing_group_that_the_stack_does_not_serve_is_refused_and_the_allowed_ones_are_named(
    fleetgate: Fleetgate, embedded: Embedded, serial_number: str, mac: str
) -> None:
    answer = fleetgate(*adding(serial_number, mac), "--attribute", "ThingGroup=Line4", "--json")
    assert answer.exit_code == ExitCode.REFUSED
    assert answer.error["code"] == RefusalCode.THING_GROUP_NOT_ALLOWED
    assert "fleetgate-devices" in answer.error["message"]
    assert embedded.device_item(serial_number) is None

    answer = fleetgate(*adding(serial_number, mac), "--attribute", "ThingGroup=fleetgate-devices", "--json")
    assert answer.exit_code == ExitCode.DONE


def test_a_thing_group_that_aws_iot_does_not_have_is_refused(
    fleetgate: Fleetgate, store: DeviceStore, operator: Operator, serial_number: str
) -> None:
    entry = AllowListEntry(
        serial_number=SerialNumber(serial_number), manufacturer="acme", attributes={"ThingGroup": "ghosts"}
    )
    rules = ThingRules(ThingNames(), frozenset({"ghosts"}))
    group_exists = Target.embedded(Path.cwd()).has_thing_group
    with pytest.raises(Refusal, match="AWS IoT has no thing group ghosts") as refused:
        approve_device(
            entry, rules=rules, check_manufacturer=id, group_exists=group_exists, store=store, operator=operator
        )
    assert refused.value.code is RefusalCode.THING_GROUP_MISSING


def test_a_serial_number_whose_thing_name_claim_certificates_may_connect_as_is_refused(
    store: DeviceStore, operator: Operator
) -> None:
    entry = AllowListEntry(serial_number=SerialNumber("claim-1"), manufacturer="acme")
    rules = ThingRules(ThingNames("fg-", "fg-claim-"), frozenset())
    with pytest.raises(Refusal, match="would start with fg-claim-") as refused:
        approve_device(
            entry, rules=rules, check_manufacturer=id, group_exists=lambda _: True, store=store, operator=operator
        )
    assert refused.value.code is RefusalCode.SERIAL_NUMBER_UNUSABLE


@pytest.mark.parametrize("name", ["AWS::IoT::Certificate::Id", "aws::x"])
def test_an_attribute_with_a_name_of_aws_iots_own_is_refused(
    name: str, fleetgate: Fleetgate, embedded: Embedded, serial_number: str, mac: str
) -> None:
    answer = fleetgate(*adding(serial_number, mac), "--attribute", f"{name}=x", "--json")
    assert answer.exit_code == ExitCode.USAGE
    assert "belong to AWS IoT" in answer.error["message"]
    assert embedded.device_item(serial_number) is None


def test_a_mac_address_of_another_serial_number_is_refused_and_nothing_is_written(
    fleetgate: Fleetgate, embedded: Embedded, approved: str, mac: str
) -> None:
    other = f"{approved}-clone"
    answer = fleetgate(*adding(other, mac), "--mac", next_mac(mac), "--json")
    assert answer.exit_code == ExitCode.REFUSED
    assert answer.error["code"] == RefusalCode.MAC_ADDRESS_TAKEN
    assert mac in answer.error["message"]
    assert approved in answer.error["message"]
    assert next_mac(mac) not in answer.error["message"]
    assert fleetgate("allow-list", "show", other).exit_code == ExitCode.REFUSED
    assert fleetgate("allow-list", "show", "--mac", next_mac(mac)).exit_code == ExitCode.REFUSED
    assert records_of(embedded, other) == []


def test_everything_in_the_way_is_named(fleetgate: Fleetgate, approved: str, mac: str) -> None:
    other = f"{approved}-2"
    fleetgate(*adding(other, next_mac(mac)))
    answer = fleetgate(*adding(other, mac), "--json")
    assert answer.error["code"] == RefusalCode.ALREADY_ON_ALLOW_LIST
    assert "other MAC addresses" in answer.error["message"]
    assert f"{mac} already belongs to serial number {approved}" in answer.error["message"]


def test_a_retired_serial_number_is_never_approved_again(
    fleetgate: Fleetgate, embedded: Embedded, approved: str, mac: str
) -> None:
    embedded.put(embedded.entry(approved).retired())
    answer = fleetgate(*adding(approved, mac))
    assert answer.exit_code == ExitCode.REFUSED
    assert "retired" in answer.stderr


def test_approvals_that_the_gate_may_not_honour_are_noted(fleetgate: Fleetgate, serial_number: str, mac: str) -> None:
    without = fleetgate("allow-list", "add", f"{serial_number}-a", "--manufacturer", "acme")
    assert "RequireMac" in without.stdout
    local = fleetgate(*adding(f"{serial_number}-b", "02" + mac[2:]))
    assert "AllowLocallyAdministeredMac" in local.stdout


def test_of_many_approvals_with_the_same_mac_address_one_wins(
    store: DeviceStore,
    table_settings: TableSettings,
    operator: Operator,
    embedded: Embedded,
    serial_number: str,
    mac: str,
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
            approve_device(
                entry, rules=RULES, check_manufacturer=id, group_exists=lambda _: True, store=store, operator=operator
            )
        except Refusal:
            return None
        return entry.serial_number

    with ThreadPoolExecutor(len(entries)) as pool:
        winners = [winner for winner in pool.map(approve, entries) if winner]
    assert len(winners) == 1
    assert AllowList(table_settings).mac_owner(MacAddress(mac)) == winners[0]
    assert [entry.serial_number for entry in entries if store.device(entry.serial_number)] == winners
    assert sum(len(records_of(embedded, str(entry.serial_number))) for entry in entries) == 1


def test_the_allow_list_lists_devices_up_to_a_limit(fleetgate: Fleetgate, serial_number: str, mac: str) -> None:
    for number in range(3):
        fleetgate("allow-list", "add", f"{serial_number}-{number}", "--manufacturer", "acme")
    everything = fleetgate("allow-list", "list", "--limit", "10000", "--json").document
    listed = {device["serial_number"] for device in everything["devices"]}
    assert {f"{serial_number}-{number}" for number in range(3)} <= listed
    assert everything["more"] is False
    some = fleetgate("allow-list", "list", "--limit", "2", "--json").document
    assert (len(some["devices"]), some["more"]) == (2, True)


# ---- Public keys --------------------------------------------------------------------------------------------------


def key_files() -> dict[str, tuple[str, str]]:
    """By kind, what a file holds and the fingerprint that it names."""
    key = ec.generate_private_key(ec.SECP256R1())
    issued, signing = issued_certificate(key), SigningRequest.of_a_new_key()
    private = serialization.load_pem_private_key(signing.private_key_pem.encode(), None)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    fingerprint = issued.key_fingerprint
    return {
        "public key": (public.decode(), fingerprint),
        "certificate": (issued.pem, fingerprint),
        "signing request": (signing.csr_pem, public_fingerprint(private.public_key())),
        "fingerprint": (fingerprint + "\n", fingerprint),
        "fingerprint as OpenSSL prints it": (
            f"sha256 {':'.join(re.findall('..', fingerprint.upper()))}\n",
            fingerprint,
        ),
    }


@pytest.mark.parametrize("kind", [*key_files()])
def test_an_approval_names_the_public_key_of_a_file(
    kind: str, fleetgate: Fleetgate, embedded: Embedded, serial_number: str, mac: str, tmp_path: Path
) -> None:
    content, fingerprint = key_files()[kind]
    path = tmp_path / "key"
    path.write_text(content)
    answer = fleetgate(*adding(serial_number, mac), "--public-key", str(path), "--json")

    assert answer.exit_code == ExitCode.DONE
    assert embedded.entry(serial_number).key_fingerprint == fingerprint
    shown = fleetgate("allow-list", "show", serial_number, "--json").document
    assert shown["key_fingerprint"] == fingerprint
    assert fingerprint in fleetgate("allow-list", "show", serial_number).stdout.replace("\n", "")
    again = fleetgate(*adding(serial_number, mac), "--public-key", str(path), "--json")
    assert again.document["result"] == "unchanged"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no key at all",
        b"ab" * 31,
        b"\xff\xfe\x00",
        SigningRequest.of_a_new_key().private_key_pem.encode(),
        issued_certificate().pem.encode()[:-60],
    ],
    ids=["nothing", "text", "a short fingerprint", "no text", "a private key", "half a certificate"],
)
def test_a_file_that_names_no_public_key_is_refused_with_what_would(
    content: bytes, fleetgate: Fleetgate, embedded: Embedded, serial_number: str, mac: str, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    answer = fleetgate(*adding(serial_number, mac), "--public-key", str(path), "--json")

    assert answer.exit_code == ExitCode.USAGE
    assert "public key" in answer.error["message"]
    assert embedded.device_item(serial_number) is None


def test_an_approval_of_a_listed_device_for_another_key_is_refused(
    fleetgate: Fleetgate, embedded: Embedded, approved: str, mac: str, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    path.write_text(issued_certificate().pem)
    before = embedded.entry(approved)
    answer = fleetgate(*adding(approved, mac), "--public-key", str(path), "--json")

    assert answer.exit_code == ExitCode.REFUSED
    assert answer.error["code"] == RefusalCode.ALREADY_ON_ALLOW_LIST
    assert "key" in answer.error["message"]
    assert embedded.entry(approved) == before


def key_of(table_settings: TableSettings, path: Path) -> KeyAssignment | None:
    """The assignment of the key whose fingerprint a file has."""
    return KeyStore(table_settings).key(path.read_text())


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A file with the fingerprint of a key that nobody has."""
    path = tmp_path / "fingerprint"
    path.write_text(secrets.token_hex(32))
    return path


def test_an_approval_that_names_a_key_assigns_it(
    fleetgate: Fleetgate, table_settings: TableSettings, serial_number: str, mac: str, key_file: Path
) -> None:
    assert fleetgate(*adding(serial_number, mac), "--public-key", str(key_file)).exit_code == ExitCode.DONE

    assigned = key_of(table_settings, key_file)
    assert assigned is not None
    assert (assigned.serial_number, assigned.is_unused) == (SerialNumber(serial_number), True)
    again = fleetgate(*adding(serial_number, mac), "--public-key", str(key_file), "--json")
    assert again.document["result"] == "unchanged"
    assert key_of(table_settings, key_file) == assigned


def test_a_key_of_another_serial_number_is_refused_and_nothing_is_written(
    fleetgate: Fleetgate,
    embedded: Embedded,
    table_settings: TableSettings,
    serial_number: str,
    mac: str,
    key_file: Path,
) -> None:
    fleetgate(*adding(serial_number, mac), "--public-key", str(key_file))
    other = f"{serial_number}-clone"
    answer = fleetgate(*adding(other, next_mac(mac)), "--public-key", str(key_file), "--json")

    assert answer.exit_code == ExitCode.REFUSED
    assert answer.error["code"] == RefusalCode.KEY_OF_ANOTHER_DEVICE
    assert f"belongs to serial number {serial_number}:" in answer.error["message"]
    assert embedded.device_item(other) is None
    assert fleetgate("allow-list", "show", "--mac", next_mac(mac)).exit_code == ExitCode.REFUSED
    assigned = key_of(table_settings, key_file)
    assert assigned is not None
    assert assigned.serial_number == SerialNumber(serial_number)


def test_a_key_that_the_device_was_let_in_with_stays_as_it_is_when_it_is_approved_anew(
    fleetgate: Fleetgate,
    embedded: Embedded,
    table_settings: TableSettings,
    serial_number: str,
    mac: str,
    key_file: Path,
) -> None:
    item = KeyItem(
        f"key#{key_file.read_text()}", serial_number=serial_number, stops={"superseded"}, updated_at=datetime.now(UTC)
    )
    embedded.put_raw(item.serialize())
    before = key_of(table_settings, key_file)
    assert fleetgate(*adding(serial_number, mac), "--public-key", str(key_file)).exit_code == ExitCode.DONE

    assert before is not None
    assert key_of(table_settings, key_file) == before


def test_of_two_serial_numbers_that_are_approved_for_one_key_at_once_one_is(
    store: DeviceStore, operator: Operator, serial_number: str
) -> None:
    """Both read before either writes."""
    key, together = secrets.token_hex(32), Barrier(2)
    read = store._key

    def read_together(entry: AllowListEntry) -> KeyAssignment | None:
        found = read(entry)
        if found is None:
            together.wait()
        return found

    store._key = read_together  # type: ignore[method-assign]

    def approve(number: int) -> str:
        entry = AllowListEntry(
            serial_number=SerialNumber(f"{serial_number}-{number}"), manufacturer="acme", key_fingerprint=key
        )
        try:
            approve_device(
                entry, rules=RULES, check_manufacturer=id, group_exists=lambda _: True, store=store, operator=operator
            )
        except Refusal as refusal:
            return refusal.code
        return "approved"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(approve, range(2))) == ["approved", RefusalCode.KEY_OF_ANOTHER_DEVICE]
