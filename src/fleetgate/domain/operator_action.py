"""What every operator action has in common: who acts, why, when, and the audit record of it."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from fleetgate.domain.audit import AuditRecord, Clock, OperatorAction, RecordKind

_Subject = TypeVar("_Subject")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Somebody who acts, and the clock and numbering that their actions are recorded with.

    Attributes:
        actor: Who acts: the ARN of the caller.
        reason: Why, in the operator's words.
    """

    actor: str
    reason: str
    clock: Clock

    def record(self, action: OperatorAction) -> AuditRecord:
        """A record of an action that happens now; the caller fills in what it is about."""
        moment = self.clock.now()
        return AuditRecord(
            record_id=self.clock.new_record_id(moment),
            recorded_at=moment,
            kind=RecordKind.OPERATOR_ACTION,
            action=action.value,
            actor=self.actor,
            reason=self.reason,
        )


@dataclass(frozen=True, slots=True)
class Change(Generic[_Subject]):
    """How an operator action ended.

    Attributes:
        subject: As it stands now.
        record: What was written of it; None when everything was as asked already, and nothing was written.
    """

    subject: _Subject
    record: AuditRecord | None
