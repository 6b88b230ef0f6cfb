"""The load and the faults under which an audit trail has to be complete: a gate and its archive over made-up hours."""

import secrets
import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from fleetgate.archive.audit_lines import AuditLines
from fleetgate.archive.digest import closes_at
from harness import faulty_dynamodb as faults
from harness.archive_world import SETTLE, ArchiveWorld
from harness.completeness.compare import Completeness, Told, compare
from harness.completeness.load import requests
from harness.completeness.parts import SHARDS, ArchivedShard, Likelihoods, TellsTime, UnreliableFunction
from harness.faulty_s3 import deny, slow_down
from harness.gate_world import GateWorld

ASKERS = 3

# What is asked in an hour is spread over so much of it.
_FIRST_MINUTE, _MINUTES = 15, 40
_KILLED_EVERY_SECONDS = (0.5, 3.0)

_HOOK_FAULTS = {"hook throttled": (0.01, faults.throttle), "answer to the hook lost": (0.01, faults.lose_answer)}
_ARCHIVER_FAULTS = {"archiver throttled": (0.05, slow_down), "archiver denied": (0.05, deny)}
_SEALER_FAULTS = {"sealer throttled": (0.01, slow_down)}


@dataclass
class Run:
    """Hours in which processes ask the hook while others archive; each is sealed when it closes.

    Attributes:
        archive: Of a day in the past: functions are told what time it is.
        harshness: How many times as likely faults of hook and sealer are as in a long run.
        told: What the callers heard.
        asked: The serial numbers that they presented.
        happened: How often each fault was met.
    """

    gate: GateWorld
    archive: ArchiveWorld
    seed: str
    harshness: int = 1
    told: list[Told] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    happened: Counter[str] = field(default_factory=Counter)

    def through(self, hours: int, *, decisions_an_hour: int) -> None:
        """Go through so many hours, and through one more for what came late."""
        with ExitStack() as undo:
            askers = [
                self._function("Hook", undo, number, killed=0.001 * self.harshness, others=self._likelier(_HOOK_FAULTS))
                for number in range(ASKERS)
            ]
            sealer = self._function("Sealer", undo, killed=0.008 * self.harshness, others=_SEALER_FAULTS)
            shards = [self._shard(number, undo) for number in range(SHARDS)]
            for number in range(hours):
                hour = self.archive.at(number)
                self._hour(hour, decisions_an_hour, askers, shards, stalled=number % SHARDS)
                _seal(sealer, hour)
            last = self.archive.at(hours)
            for shard in shards:
                shard.catch_up(last + timedelta(minutes=_FIRST_MINUTE))
            _seal(sealer, last)
            self._count("asker killed", askers)
            self._count("archiver killed", [shard.archiver for shard in shards])
            self._count("sealer killed", [sealer])
            for shard in shards:
                self.happened.update(shard.happened)

    def found(self) -> Completeness:
        """What is lost or duplicated, by what the callers were told."""
        return compare(
            self.told,
            reserved=self._reserved(),
            table=AuditLines(self.archive.tables).of_day(self.archive.day.date()),
            archive=self.archive.documents(),
        )

    def _reserved(self) -> Iterator[str]:
        for serial_number in self.asked:
            if self.gate.embedded.device_item(serial_number):
                reservation = self.gate.embedded.entry(serial_number).reservation
                if reservation:
                    yield reservation.decision_id

    def _hour(
        self,
        hour: datetime,
        number: int,
        askers: list[UnreliableFunction],
        shards: list[ArchivedShard],
        *,
        stalled: int,
    ) -> None:
        waiting = requests(self.gate, self._random(f"load {hour}"), number)
        before, all_told = len(self.told), threading.Event()

        def clock() -> datetime:
            share = min(1.0, (len(self.told) - before) / number)
            return hour + timedelta(minutes=_FIRST_MINUTE + _MINUTES * share)

        asking = [threading.Thread(target=self._ask, args=(asker, waiting, clock)) for asker in askers]
        others = [
            threading.Thread(target=shard.run, args=(clock, all_told), kwargs={"is_stalled": place == stalled})
            for place, shard in enumerate(shards)
        ]
        others.append(threading.Thread(target=self._kill, args=([shard.archiver for shard in shards], all_told)))
        for thread in (*asking, *others):
            thread.start()
        for thread in asking:
            thread.join()
        all_told.set()
        for thread in others:
            thread.join()

    def _ask(self, hook: UnreliableFunction, waiting: deque[dict[str, Any]], clock: TellsTime) -> None:
        while waiting:
            try:
                event = waiting.popleft()
            except IndexError:  # another took the last one
                return
            self.asked.update(event["parameters"].get("SerialNumber", "").split())
            request_id = secrets.token_hex(16)
            answer = hook.process.invoke(event, now=clock(), request_id=request_id)
            verdict = None
            if answer and "RegistrationFault" not in answer.printed:
                verdict = "allowed" if answer.value["allowProvisioning"] else "denied"
            self.told.append(Told(request_id=request_id, verdict=verdict))
            if verdict is None:
                waiting.append(event)  # as a device does

    def _kill(self, functions: list[UnreliableFunction], end: threading.Event) -> None:
        random = self._random("kill")
        while not end.wait(random.uniform(*_KILLED_EVERY_SECONDS)):
            random.choice(functions).process.kill()

    def _function(self, name: str, undo: ExitStack, number: int = 0, **how: Any) -> UnreliableFunction:
        random = self._random(f"{name} {number}")
        return undo.enter_context(UnreliableFunction.of(name, self._environment_of(name), random, **how))

    def _environment_of(self, name: str) -> Mapping[str, str]:
        if name == "Hook":  # what it records of a day long past is to be kept
            return {**self.gate.environment, "AUDIT_RETENTION_DAYS": str(365 * 80)}
        return self.archive.environment_of(f"{name}Function")

    def _likelier(self, faults: Likelihoods) -> Likelihoods:
        return {name: (likelihood * self.harshness, fault) for name, (likelihood, fault) in faults.items()}

    def _shard(self, number: int, undo: ExitStack) -> ArchivedShard:
        archiver = self._function("Archiver", undo, number, killed=0.05, others=_ARCHIVER_FAULTS)
        return undo.enter_context(ArchivedShard.of(self.archive, number, archiver))

    def _count(self, killed: str, functions: list[UnreliableFunction]) -> None:
        for function in functions:
            self.happened[killed] += function.process.unanswered
            self.happened.update(function.faults.happened)

    def _random(self, what: str) -> Random:
        return Random(f"{self.seed} {what}")  # noqa: S311 - a load, and no secret


def _seal(sealer: UnreliableFunction, hour: datetime) -> None:
    answer = None
    while not (answer and answer.value["is_done"]):
        answer = sealer.process.invoke({}, now=closes_at(hour, SETTLE))
