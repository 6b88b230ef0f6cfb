"""Every decision is in the audit table and in the archive once, whatever is killed, throttled, repeated or late."""

import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import pytest
from botocore.config import Config

from fleetgate.archive.audit_lines import AuditLines
from fleetgate.archive.digest import Folder
from fleetgate.archive.records import put_batch
from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.canonical_json import canonical_json
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.identifiers import SerialNumber
from fleetgate_cli.local_session import root_session
from harness.archive_world import ArchiveWorld
from harness.certificates import issued_certificate
from harness.completeness.compare import Completeness, Told, compare
from harness.completeness.run import Run
from harness.embedded import Embedded
from harness.event_source import Batch, Record, Shard, newest
from harness.faulty_dynamodb import Fault, FaultyDynamoDB, behave, killing, lose_answer, throttle
from harness.faulty_s3 import deny, slow_down
from harness.function_process import FunctionProcess
from harness.gate_world import GateWorld
from tests.integration.conftest import MAC

COMPLETE = Completeness(lost_from_table=(), duplicated_in_table=(), lost_from_archive=(), duplicated_in_archive=())


@dataclass(kw_only=True)
class AskedHook:
    """The hook in a process of its own, and what its callers heard."""

    world: ArchiveWorld
    process: FunctionProcess
    tables: FaultyDynamoDB
    template_arn: str
    claim: ClaimCertificate
    told: list[Told] = field(default_factory=list)
    issued: dict[str, str] = field(default_factory=dict)

    def ask(self, serial_number: str, *met: Fault, hour: float, certificate_id: str = "") -> str:
        """Ask at some time of the day, with calls that meet these faults; the device certificate asked about."""
        if not certificate_id:
            certificate = issued_certificate()
            certificate_id = certificate.certificate_id
            self.issued[certificate_id] = certificate.pem
        event = {
            "claimCertificateId": self.claim.certificate_id,
            "certificateId": certificate_id,
            "certificatePem": self.issued[certificate_id],
            "templateArn": self.template_arn,
            "clientId": "claim-test",
            "parameters": {"SerialNumber": serial_number, "MacAddress": MAC},
        }
        request_id = secrets.token_hex(8)
        self.tables.next(*met)
        answer = self.process.invoke(event, now=self.world.at(hour), request_id=request_id)
        verdict = ("allowed" if answer.value["allowProvisioning"] else "denied") if answer else None
        self.told.append(Told(request_id=request_id, verdict=verdict))
        return certificate_id

    def killed(self, *, done: bool) -> Fault:
        """The hook is killed at its write, before or after that has taken effect."""
        return killing(self.process.kill, done=done)


@dataclass(kw_only=True)
class Archiver:
    """The archiver in a process of its own, and the stream as Lambda would hand it over."""

    world: ArchiveWorld
    process: FunctionProcess
    bucket: FaultyDynamoDB
    stream: FaultyDynamoDB
    hour: float = 0

    def __post_init__(self) -> None:
        """Begin where the stream ends."""
        once = Config(proxies={}, retries={"total_max_attempts": 1})
        streams: Any = root_session().client("dynamodbstreams", endpoint_url=self.stream.endpoint_url, config=once)
        stream_arn, start = newest(streams, self.world.tables.audit_table)
        self.shard = Shard(
            streams=streams,
            stream_arn=stream_arn,
            holds=self._is_of_the_day,
            invoke=self._invoke,
            batch_size=100,
            iterator=start,
        )

    def step(self, *met: Fault, hour: float) -> bool:
        """Hand over one batch at some time of the day, with calls to S3 that meet these faults."""
        self.hour = hour
        self.bucket.next(*met)
        return self.shard.step()

    def killed(self, *, done: bool) -> Fault:
        """The archiver is killed at its write, before or after that has taken effect."""
        return killing(self.process.kill, done=done)

    def _invoke(self, batch: Batch) -> Any:
        answer = self.process.invoke({"Records": batch}, now=self.world.at(self.hour))
        return answer and answer.value

    def _is_of_the_day(self, record: Record) -> bool:
        recorded_at = record["dynamodb"].get("NewImage", {}).get("recorded_at", {"S": ""})["S"]
        return bool(recorded_at.startswith(f"{self.world.day:%Y-%m-%d}"))


@pytest.fixture
def gate(
    world: ArchiveWorld, role_environment: dict[str, str], faulty: FaultyDynamoDB, claim: ClaimCertificate
) -> Iterator[AskedHook]:
    """The hook under its own role; what it records of 2001 is to be kept."""
    variables = {
        **role_environment,
        "AWS_ENDPOINT_URL": faulty.endpoint_url,
        "AUDIT_RETENTION_DAYS": str(365 * 80),
    }
    with FunctionProcess("fleetgate.gate.hook", variables) as process:
        yield AskedHook(
            world=world,
            process=process,
            tables=faulty,
            template_arn=role_environment["PROVISIONING_TEMPLATE_ARN"],
            claim=claim,
        )


@pytest.fixture
def archiver(world: ArchiveWorld) -> Iterator[Archiver]:
    """The archiver, as root, with the test's archive."""
    upstream = world.embedded.stack.endpoint_url
    with FaultyDynamoDB.before(upstream) as bucket, FaultyDynamoDB.before(upstream) as stream:
        variables = {**world.environment_of("ArchiverFunction"), "AWS_ENDPOINT_URL": bucket.endpoint_url}
        with FunctionProcess("fleetgate.archive.archiver", variables) as process:
            yield Archiver(world=world, process=process, bucket=bucket, stream=stream)


@pytest.fixture
def serial_numbers(embedded: Embedded, approved: AllowListEntry) -> list[str]:
    """Approved devices."""
    several = [SerialNumber(f"SN-{secrets.token_hex(6)}") for _ in range(4)]
    for serial_number in several:
        embedded.put(replace(approved, serial_number=serial_number))
    return [serial_number.value for serial_number in several]


def found(gate: AskedHook, world: ArchiveWorld, serial_numbers: list[str]) -> Completeness:
    """What was lost or duplicated on the day."""
    held = [world.embedded.entry(serial_number).reservation for serial_number in serial_numbers]
    return compare(
        gate.told,
        reserved=[reservation.decision_id for reservation in held if reservation],
        table=AuditLines(world.tables).of_day(world.day.date()),
        archive=world.documents(),
    )


def test_every_decision_is_in_the_table_and_in_the_archive_once_whatever_is_killed_repeated_or_late(
    world: ArchiveWorld, gate: AskedHook, archiver: Archiver, serial_numbers: list[str]
) -> None:
    first, second, third, fourth = serial_numbers
    held = gate.ask(first, hour=0.19)
    gate.ask(first, hour=0.2, certificate_id=held)
    gate.ask(first, throttle, behave, lose_answer, hour=0.2)
    asked = gate.ask(second, behave, gate.killed(done=False), hour=0.2)
    gate.ask(second, hour=0.3, certificate_id=asked)
    asked = gate.ask(third, behave, gate.killed(done=True), hour=0.3)
    gate.ask(third, behave, lose_answer, hour=0.4, certificate_id=asked)
    gate.ask("SN-of-nobody", behave, gate.killed(done=True), hour=0.4)
    assert [one.verdict for one in gate.told] == ["allowed"] * 2 + ["denied", None, "allowed", None, "allowed", None]

    assert archiver.step(archiver.killed(done=False), hour=0.5)  # comes again in halves
    assert archiver.step(archiver.killed(done=True), hour=0.5)  # the first half, and comes again in quarters
    while archiver.step(slow_down, hour=0.6):
        pass
    archiver.shard.read_again()  # and now in one
    assert archiver.step(hour=0.7)
    gate.ask(fourth, hour=0.9)
    gate.ask(fourth, hour=1.02)
    archiver.stream.next(throttle)
    assert not archiver.step(hour=1.03)
    assert archiver.step(behave, deny, hour=1.03)  # in time for both hours, of which the second fails
    world.sealed(hour=1.2)

    assert archiver.step(hour=1.3)  # what failed
    archiver.shard.read_again()  # the first hour is sealed
    assert archiver.step(hour=1.3)
    gate.ask(second, hour=1.5)
    world.sealed(hour=2.2)
    assert archiver.step(hour=2.3)  # too late for its own hour
    world.sealed(hour=3.2)

    happened = archiver.shard.happened
    assert (gate.process.unanswered, archiver.process.unanswered) == (3, 2)
    assert (happened["read_again"], happened["read_refused"], happened["in_part"]) == (2, 1, 1)
    assert [sum(one.record_count for one in world.digest(hour).late) for hour in range(3)] == [0, 0, 1]
    assert found(gate, world, serial_numbers) == COMPLETE
    assert world.verified(0, 3).is_sound


def test_every_decision_is_on_record_once_while_many_ask_and_what_fails_is_up_to_chance(
    embedded: Embedded, world: ArchiveWorld
) -> None:
    run = Run(GateWorld.of(embedded), world, seed="the same each time", harshness=4)
    run.through(2, decisions_an_hour=50)

    assert {one.verdict for one in run.told} >= {"allowed", "denied"}
    assert sum(run.happened.values()) > 0
    assert run.found() == COMPLETE
    assert run.archive.verified(0, 3).is_sound


def test_a_record_that_is_taken_away_or_archived_twice_is_noticed(
    world: ArchiveWorld, gate: AskedHook, archiver: Archiver, serial_numbers: list[str]
) -> None:
    gate.ask(serial_numbers[0], hour=0.1)
    gate.ask("SN-of-nobody", hour=0.2)
    while archiver.step(hour=0.3):
        pass
    world.sealed(hour=1.2)
    assert found(gate, world, serial_numbers) == COMPLETE

    allow, denial = AuditLines(world.tables).of_day(world.day.date())
    put_batch(world.archive, Folder.RECORDS, world.day, [(denial["record_id"], canonical_json(denial))])
    twice = {**asdict(COMPLETE), "duplicated_in_archive": (denial["record_id"],)}
    assert asdict(found(gate, world, serial_numbers)) == twice

    key = {name: {"S": allow[name]} for name in ("subject", "record_id")}
    world.embedded.dynamodb.delete_item(TableName=world.tables.audit_table, Key=key)
    missing = (gate.told[0].request_id, allow["record_id"], allow["record_id"])
    assert asdict(found(gate, world, serial_numbers)) == {**twice, "lost_from_table": missing}
