"""Asking the audit trail is itself on record: who asked what, before anybody is answered."""

from fleetgate.domain.audit import AuditRecord, Clock, QueryAction, RecordKind
from fleetgate.trail.store import AuditTrail


def note_query(
    question: QueryAction,
    words: str,
    *,
    actor: str,
    trail: AuditTrail,
    clock: Clock,
    request_id: str | None = None,
) -> AuditRecord:
    """Put a question on record. Call it before the answer is given, and give none if it raises.

    Args:
        words: What exactly is asked for.
        actor: Who asks: the ARN of the caller, or the issuer and the subject of a token.
        request_id: Of the invocation, where there is one.

    Raises:
        Fault: It could not be written.
    """
    moment = clock.now()
    record = AuditRecord(
        record_id=clock.new_record_id(moment),
        recorded_at=moment,
        kind=RecordKind.QUERY,
        action=question.value,
        actor=actor,
        reason=words,
        request_id=request_id,
    )
    trail.note(record)
    return record
