"""Go through the audit trail once, oldest record first, a bit at each run."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ulid import ULID

from fleetgate.domain.audit import AuditRecord
from fleetgate.outcomes.sweep_store import Sweep, SweepStore
from fleetgate.store.audit_reader import UnreadableRecord

# How far back the first run looks. What is older was left by a stack without a reconciler.
_FIRST_LOOK_BACK = timedelta(days=30)
# After how many records the place is noted.
_NOTE_EVERY = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSweep:
    """One sweep through the audit trail.

    Attributes:
        patience: How old a record is when it is looked at.
        max_records: Records of one run that matter. The next run goes on where this one stopped.
    """

    sweep_store: SweepStore
    sweep: Sweep
    patience: timedelta
    max_records: int

    def run(
        self, matters: Callable[[AuditRecord], bool], *, now: datetime, goes_on: Callable[[], bool]
    ) -> Generator[AuditRecord | UnreadableRecord, None, None]:
        """The records that matter and are due, and what is none; whoever asks for the next is done with the one before.

        Close it, so that the place is noted.

        Args:
            goes_on: Asked before each record, also one that does not matter; no ends the run.

        Raises:
            Fault: The tables could not be asked. What was looked into until then is done.
        """
        place = self.sweep_store.done_until(self.sweep) or str(ULID.from_datetime(now - _FIRST_LOOK_BACK))
        noted = place
        seen = looked_into = 0
        try:
            for record in self.sweep_store.records(place, now - self.patience):
                if not goes_on():
                    break
                if isinstance(record, UnreadableRecord):
                    yield record
                elif matters(record):
                    if looked_into >= self.max_records:
                        break
                    yield record
                    looked_into += 1
                # Records about an earlier decision have an ID of its time.
                place = max(place, record.record_id or place)
                seen += 1
                if seen % _NOTE_EVERY == 0:
                    self.sweep_store.note_done(self.sweep, place)
                    noted = place
        finally:
            if place != noted:
                self.sweep_store.note_done(self.sweep, place)
