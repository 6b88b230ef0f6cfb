"""The load and the faults under which audit completeness is measured: a gate and its archive over made-up hours."""

import secrets
import threading
from collections import Counter, deque
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from fleetgate.archive.digest import DEFAULT_SETTLING_TIME, HOUR, closes_at
from harness import faulty_dynamodb as faults
from harness.completeness.compare import Told
from harness.completeness.load import requests
from harness.completeness.parts import SHARDS, ArchivedShard, TellsTime, UnreliableFunction
from harness.faulty_s3 import deny, slow_down
from harness.hook_world import World

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
        first_hour: Any in the past: functions are told what time it is.
        told: What the callers heard.
        happened: How often each fault was met.
    """

    world: World
    seed: str
    first_hour: datetime
    told: list[Told] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)

    def through(self, hours: int, *, decisions_an_hour: int) -> None:
        """Go through so many hours, and through one more for what came late."""
        self._stop_mapping()
        with ExitStack() as undo:
            askers = [
                self._function("Hook", undo, number, killed=0.001, others=_HOOK_FAULTS) for number in range(ASKERS)
            ]
            sealer = self._function("Sealer", undo, killed=0.008, others=_SEALER_FAULTS)
            shards = [self._shard(number, undo) for number in range(SHARDS)]
            for number in range(hours):
                hour = self.first_hour + number * HOUR
                self._hour(hour, decisions_an_hour, askers, shards, stalled=number % SHARDS)
                _seal(sealer, hour)
            last = self.first_hour + hours * HOUR
            for shard in shards:
                shard.catch_up(last + timedelta(minutes=_FIRST_MINUTE))
            _seal(sealer, last)
            self._count("asker killed", askers)
            self._count("archiver killed", [shard.archiver for shard in shards])
            self._count("sealer killed", [sealer])
            for shard in shards:
                self.happened.update(shard.happened)

    def _hour(
        self,
        hour: datetime,
        number: int,
        askers: list[UnreliableFunction],
        shards: list[ArchivedShard],
        *,
        stalled: int,
    ) -> None:
        waiting = requests(self.world, self._random(f"load {hour}"), number)
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
        return undo.enter_context(UnreliableFunction.of(self.world.embedded, name, random, **how))

    def _shard(self, number: int, undo: ExitStack) -> ArchivedShard:
        archiver = self._function("Archiver", undo, number, killed=0.05, others=_ARCHIVER_FAULTS)
        return undo.enter_context(ArchivedShard.of(self.world.embedded, number, archiver))

    def _count(self, killed: str, functions: list[UnreliableFunction]) -> None:
        for function in functions:
            self.happened[killed] += function.process.unanswered
            self.happened.update(function.faults.happened)

    def _random(self, what: str) -> Random:
        return Random(f"{self.seed} {what}")  # noqa: S311 - a load, and no secret

    def _stop_mapping(self) -> None:
        """Stop the embedded AWS's own event source mapping, which loses what fails."""
        client = self.world.embedded.client("lambda")
        function = self.world.embedded.resource("ArchiverFunction")
        for mapping in client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]:
            client.delete_event_source_mapping(UUID=mapping["UUID"])


def _seal(sealer: UnreliableFunction, hour: datetime) -> None:
    answer = None
    while not (answer and answer.value["is_done"]):
        answer = sealer.process.invoke({}, now=closes_at(hour, DEFAULT_SETTLING_TIME))
