"""Go through the things that AWS IoT has, a bit at each run: one that no decision stands behind was made past the gate.

Registry events tell of such a thing at once. This finds those whose event never came.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason
from fleetgate.outcomes.iot_things import PlaceLost, Thing, Things, ThingsPage
from fleetgate.outcomes.note import Noted, OutcomeRecorder
from fleetgate.outcomes.outcome import OutcomeEvent, OutcomeReason
from fleetgate.outcomes.sweep_store import SweepStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingInspector:
    """Goes through the list of the stack's things, again and again.

    Attributes:
        max_things: Of one run, but for the rest of a page. The next run goes on where this one stopped.
        tell_unreadable: Told whose entry could not be read; the thing is passed by until its next turn.
    """

    recorder: OutcomeRecorder
    sweep_store: SweepStore
    things: Things
    max_things: int
    tell_unreadable: Callable[[str], None]

    def run(self, goes_on: Callable[[], bool] = lambda: True) -> Iterator[Noted]:
        """Inspect the things that come next, up to the end of the list: what was noted of each, one by one.

        Args:
            goes_on: Asked before each page; no ends the run.

        Raises:
            Fault: The tables or AWS IoT could not be asked. The next run begins with the same page.
        """
        inspected = 0
        token = self.sweep_store.next_token()
        while inspected < self.max_things and goes_on():
            page = self._page(token)
            for thing in page.things:
                yield self._inspected(thing)
            inspected += len(page.things)
            token = page.next_token
            self.sweep_store.note_next_token(token)
            if token is None:
                break

    def _inspected(self, thing: Thing) -> Noted:
        try:
            return self.recorder.note_listed(self._listed(thing))
        except Fault as fault:
            if fault.reason is not FaultReason.CORRUPT_ITEM:
                raise
            self.tell_unreadable(f"thing {thing.name}")
            return Noted.UNREADABLE

    def _page(self, token: str | None) -> ThingsPage:
        try:
            return self.things.page(token)
        except PlaceLost:
            return self.things.page(None)

    def _listed(self, thing: Thing) -> OutcomeEvent:
        return OutcomeEvent(
            reason=OutcomeReason.UNAPPROVED_THING,
            seen_at=self.recorder.clock.now(),
            event_id=f"{thing.name} {thing.decision_id}",
            thing_name=thing.name,
            decision_id=thing.decision_id,
            is_of_stack=True,
        )
