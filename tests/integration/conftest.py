"""The gate under the hook's own role, against the tables of the embedded stack."""

import secrets
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.gate.register_thing import Registration, register_thing
from fleetgate.gate.request import RegistrationRequest
from fleetgate.gate.settings import HookSettings
from fleetgate.gate.store import GateStore
from fleetgate.store.allow_list_items import claim_key
from fleetgate.store.audit_items import make_clock
from harness.command import Answer, Fleetgate, run
from harness.denials import among_questions, image_of
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from harness.import_world import ImportWorld
from harness.outcome_world import OutcomeWorld

MAC = "00:1b:44:11:3a:b7"


@pytest.fixture
def role_environment(embedded: Embedded, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of the deployed hook, credentials of its role included, in force in this process."""
    environment = embedded.environment_of("HookFunction")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment


@pytest.fixture
def settings(role_environment: dict[str, str]) -> HookSettings:
    """The settings the deployed hook reads."""
    return HookSettings.from_environment(role_environment)


@pytest.fixture
def store(settings: HookSettings) -> GateStore:
    """The hook's store, under its role."""
    store = GateStore(settings.tables)
    store.prime()
    return store


@pytest.fixture
def faulty(embedded: Embedded) -> Iterator[FaultyDynamoDB]:
    """DynamoDB that can be told to misbehave."""
    with FaultyDynamoDB.before(embedded.stack.endpoint_url) as world:
        yield world


@pytest.fixture
def faulty_store(settings: HookSettings, faulty: FaultyDynamoDB) -> GateStore:
    """The hook's store with its own time-outs and retries, talking to the misbehaving DynamoDB."""
    store = GateStore(replace(settings.tables, endpoint_url=faulty.endpoint_url))
    store.prime()
    return store


Forge = Callable[..., None]


@pytest.fixture
def forge(embedded: Embedded) -> Iterator[Forge]:
    """Puts what is no question among the questions, as somebody could who may write questions; gone in the end."""
    table = embedded.stack.outputs["AuditTableName"]
    forged: list[dict[str, Any]] = []

    def put(record: AuditRecord, *, without: Collection[str] = (), **attributes: str) -> None:
        item = {**among_questions(image_of(record)), **{name: {"S": value} for name, value in attributes.items()}}
        item = {name: value for name, value in item.items() if name not in without}
        embedded.dynamodb.put_item(TableName=table, Item=item)
        forged.append({name: item[name] for name in ("subject", "record_id")})

    yield put
    for key in forged:
        embedded.dynamodb.delete_item(TableName=table, Key=key)


@pytest.fixture
def claim(embedded: Embedded, certificate_ids: Iterator[str]) -> Iterator[ClaimCertificate]:
    """A registered claim certificate of the manufacturer acme; gone in the end, so that walks over all stay short."""
    claim = ClaimCertificate(certificate_id=next(certificate_ids), manufacturer="acme")
    embedded.put(claim)
    yield claim
    key = {"pk": {"S": claim_key(claim.certificate_id)}}
    embedded.dynamodb.delete_item(TableName=embedded.stack.outputs["AllowListTableName"], Key=key)


@pytest.fixture
def approved(embedded: Embedded, serial_number: str) -> AllowListEntry:
    """An approved device of the manufacturer acme."""
    entry = AllowListEntry(
        serial_number=SerialNumber(serial_number),
        manufacturer="acme",
        mac_addresses=frozenset({MacAddress.parse(MAC)}),
        attributes={"Model": "thermostat-2"},
        import_id="import-1",
    )
    embedded.put(entry)
    return entry


@pytest.fixture
def imports(embedded: Embedded) -> ImportWorld:
    """A drop box of the test's own, and a registered manufacturer."""
    bucket = f"test-{secrets.token_hex(8)}"
    s3 = embedded.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    world = ImportWorld(embedded, bucket)
    embedded.register_manufacturer(world.manufacturer)
    return world


@pytest.fixture
def reconciling(embedded: Embedded, settings: HookSettings) -> OutcomeWorld:
    """The reconciler under its own role, and devices with a past."""
    return OutcomeWorld(embedded, settings)


Ask = Callable[..., RegistrationRequest]


@pytest.fixture
def ask(settings: HookSettings, claim: ClaimCertificate, certificate_ids: Iterator[str]) -> Ask:
    """Builds the request of a device; a fresh device certificate unless one is given."""

    def build(
        serial_number: str,
        *,
        certificate_id: str | None = None,
        key_fingerprint: str | None = None,
        mac_address: str = MAC,
    ) -> RegistrationRequest:
        asked_for = certificate_id or next(certificate_ids)
        return RegistrationRequest(
            certificate_id=asked_for,
            # Each certificate has a key of its own, unless a test says otherwise.
            key_fingerprint=key_fingerprint or sha256(asked_for.encode()).hexdigest(),
            claim_certificate_id=claim.certificate_id,
            template_arn=settings.policy.template_arn,
            presented_client_id="claim-test",
            presented_parameters={"SerialNumber": serial_number, "MacAddress": mac_address},
        )

    return build


Judge = Callable[[RegistrationRequest, GateStore], Registration]


@pytest.fixture
def judge(settings: HookSettings) -> Judge:
    """Runs the workflow as the handler does."""

    def run(request: RegistrationRequest, store: GateStore) -> Registration:
        return register_thing(
            request,
            policy=settings.policy,
            store=store,
            clock=make_clock(),
        )

    return run


@pytest.fixture
def fleetgate(embedded: Embedded, stack_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Fleetgate:
    """Runs the command with --local in the folder of the stack."""
    assert embedded.stack.outputs
    monkeypatch.chdir(stack_folder)
    # The command adds the stack's host to it; put back what was there.
    monkeypatch.setenv("no_proxy", "")

    def local(*arguments: str) -> Answer:
        return run("--local", *arguments)

    return local
