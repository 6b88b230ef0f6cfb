"""Parts of the stack under faults: a deployed function that is killed and a service that fails, each now and then."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any
from zlib import crc32

from botocore.config import Config

from fleetgate_cli.local_session import root_session
from harness import faulty_dynamodb as faults
from harness.archive_world import ArchiveWorld
from harness.event_source import Batch, Record, Shard, newest
from harness.faulty_dynamodb import Fault, FaultyDynamoDB, behave
from harness.function_process import FunctionProcess

SHARDS = 3

_MODULES = {
    "Hook": "fleetgate.gate.hook",
    "Archiver": "fleetgate.archive.archiver",
    "Sealer": "fleetgate.archive.sealer",
}
_BATCH_SIZE = 50
_READ_REFUSED = 0.1
# After so large a share of the batches the place in the stream is forgotten.
_PLACE_FORGOTTEN = 0.1
_POLL_SECONDS = 0.5

TellsTime = Callable[[], datetime]
# By name, how likely a request is to meet which fault.
Likelihoods = Mapping[str, tuple[float, Fault]]


@dataclass(frozen=True, slots=True)
class Chance:
    """Meets each request with one of some faults, or with none.

    Attributes:
        happened: How often each was met.
    """

    random: Random
    faults: Likelihoods
    happened: Counter[str] = field(default_factory=Counter)

    def __call__(self, doorman: Any) -> None:
        """Draw, and do it."""
        draw = self.random.random()
        for name, (likelihood, fault) in self.faults.items():
            if draw < likelihood:
                self.happened[name] += 1
                fault(doorman)
                return
            draw -= likelihood
        behave(doorman)


@dataclass(frozen=True, slots=True)
class UnreliableFunction:
    """A deployed function's handler in a process of its own, and the faults between it and AWS."""

    process: FunctionProcess
    faults: Chance

    @classmethod
    @contextmanager
    def of(
        cls, name: str, environment: Mapping[str, str], random: Random, *, killed: float, others: Likelihoods
    ) -> Iterator["UnreliableFunction"]:
        """A function of the stack.

        Args:
            name: Hook, Archiver or Sealer.
            environment: All of it, with the endpoint of AWS.
            killed: How likely it is killed at a request that has not taken effect, and at one that has.
            others: The other faults.
        """
        with FaultyDynamoDB.before(environment["AWS_ENDPOINT_URL"]) as door:
            variables = {**environment, "AWS_ENDPOINT_URL": door.endpoint_url}
            with FunctionProcess(_MODULES[name], variables) as process:
                chance = Chance(
                    random,
                    {
                        "killed before a request": (killed, faults.killing(process.kill, done=False)),
                        "killed after a request": (killed, faults.killing(process.kill, done=True)),
                        **others,
                    },
                )
                door.always(chance)
                yield cls(process, chance)


class ArchivedShard:
    """One shard of the audit table's stream, and the archiver that it is handed to."""

    def __init__(self, number: int, archiver: UnreliableFunction, door: FaultyDynamoDB, archive: ArchiveWorld) -> None:
        self.archiver = archiver
        self._door = door
        self._reads = Chance(archiver.faults.random, {"read refused": (_READ_REFUSED, _refuse_read)})
        # As root: the embedded AWS does not find the permission to read a stream in a statement that names it.
        streams: Any = root_session().client(
            "dynamodbstreams",
            endpoint_url=door.endpoint_url,
            config=Config(proxies={}, retries={"total_max_attempts": 1}),
        )
        stream_arn, start = newest(streams, archive.tables.audit_table)
        self._shard = Shard(
            streams=streams,
            stream_arn=stream_arn,
            holds=partial(_is_of, number, f"{archive.day:%Y-%m-%d}"),
            invoke=self._archive,
            batch_size=_BATCH_SIZE,
            iterator=start,
        )
        self._clock: TellsTime = _utc_now

    @classmethod
    @contextmanager
    def of(cls, archive: ArchiveWorld, number: int, archiver: UnreliableFunction) -> Iterator["ArchivedShard"]:
        """What one of the shards has of the archive's day, from now on."""
        with FaultyDynamoDB.before(archive.embedded.stack.endpoint_url) as door:
            yield cls(number, archiver, door, archive)

    @property
    def happened(self) -> Counter[str]:
        """How often what was done to it."""
        return self._shard.happened

    def run(self, clock: TellsTime, end: threading.Event, *, is_stalled: bool) -> None:
        """Archive until the end, beyond which all that is left is late.

        Args:
            is_stalled: Whether the stream cannot be read all that time.
        """
        self._clock = clock
        self._door.always(_refuse_read if is_stalled else self._reads)
        while not end.is_set():
            if not self._shard.step():
                end.wait(_POLL_SECONDS)
            elif self._reads.random.random() < _PLACE_FORGOTTEN:
                self._shard.read_again()

    def catch_up(self, now: datetime) -> None:
        """Archive all that there is."""
        self._clock = lambda: now
        self._door.heal()
        while self._shard.step():
            pass

    def _archive(self, batch: Batch) -> Any:
        answer = self.archiver.process.invoke({"Records": batch}, now=self._clock())
        return answer and answer.value


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _is_of(number: int, day: str, record: Record) -> bool:
    """Whether a shard holds a record of the day: all records of a subject are in one."""
    recorded_at = record["dynamodb"].get("NewImage", {}).get("recorded_at", {"S": ""})["S"]
    return recorded_at.startswith(day) and crc32(record["dynamodb"]["Keys"]["subject"]["S"].encode()) % SHARDS == number


def _refuse_read(doorman: Any) -> None:
    """The throttling answer of DynamoDB Streams."""
    doorman.refuse("com.amazonaws.dynamodb.v20120810#LimitExceededException", {})
