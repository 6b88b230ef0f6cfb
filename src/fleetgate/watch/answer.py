"""What a burst of denials leads to: the claim certificate is blocked, people are told, and it is on record."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any

from ulid import ULID

from fleetgate.domain.audit import AuditRecord, Clock, NoticeAction, RecordKind
from fleetgate.domain.operator_action import Operator
from fleetgate.operators.claim_store import ClaimStore
from fleetgate.operators.claims import block_claim
from fleetgate.operators.stops import Stopper, claim_stop
from fleetgate.store.announcements import Announcements
from fleetgate.watch.burst import WATCHER, Burst, Reaction, WatchPolicy
from fleetgate.watch.store import ClaimWatchStore

_DETAIL_TYPE = "Denial Burst"


class Measure(StrEnum):
    """What was done about a burst, beside telling of it."""

    BLOCKED = "blocked"
    NOTHING = "nothing"
    NOT_REGISTERED = "not_registered"


_DONE = {
    Measure.BLOCKED: "The claim certificate was blocked: the gate denies everybody who asks with it.",
    Measure.NOTHING: "It was not blocked, since ClaimWatchPolicy is notify.",
    Measure.NOT_REGISTERED: "It is not registered with the gate, and so cannot be blocked there: if it is none of "
    "yours, deactivate it in AWS IoT, and set RequireRegisteredClaims=true.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstResponder:
    """Answers bursts and announces them.

    Attributes:
        stopper_of: What sees a stop through, for whoever acts.
        audit_table: Its name tells the events of this stack from those of another.
    """

    store: ClaimWatchStore
    claims: ClaimStore
    stopper_of: Callable[[Operator], Stopper]
    announcements: Announcements
    policy: WatchPolicy
    audit_table: str
    clock: Clock

    def answer(self, claim_certificate_id: str, burst: Burst, *, since: datetime | None) -> Measure:
        """Answer a burst. Safe to repeat: it is on record once, after it was told of, which may be twice.

        Args:
            since: When an operator last acted on the claim certificate; a burst after that is another one.

        Raises:
            Fault: The tables or EventBridge could not be asked; repeat it later.
        """
        claim = self.claims.claim(claim_certificate_id)
        how_many = f"{burst.identities} identities denied in {_span(burst)}, more than {self._limit}"
        if claim is None:
            measure = Measure.NOT_REGISTERED
        elif self.policy.reaction is Reaction.NOTIFY:
            measure = Measure.NOTHING
        else:
            # First of all: a topic that fails must not keep the gate open.
            operator = self._actor(how_many)
            block = partial(block_claim, claim_certificate_id, store=self.claims, operator=operator)
            self.stopper_of(operator).stop(claim_stop(claim_certificate_id), block)
            measure = Measure.BLOCKED
        manufacturer = claim.manufacturer if claim else None
        self.announcements.publish(
            _DETAIL_TYPE, self._detail(claim_certificate_id, manufacturer, burst, measure, how_many)
        )
        self.store.note(
            AuditRecord(
                record_id=_notice_id(claim_certificate_id, burst, self.policy, since),
                recorded_at=burst.ended_at,
                kind=RecordKind.NOTICE,
                action=NoticeAction.DENIAL_BURST,
                actor=WATCHER,
                reason=f"{how_many}: {measure.value}",
                claim_certificate_id=claim_certificate_id,
                manufacturer=manufacturer,
            )
        )
        return measure

    @property
    def _limit(self) -> str:
        return f"{self.policy.threshold} in {self.policy.window.total_seconds() / 60:g} minutes"

    def _actor(self, reason: str) -> Operator:
        return Operator(actor=WATCHER, reason=reason, clock=self.clock)

    def _detail(
        self, claim_certificate_id: str, manufacturer: str | None, burst: Burst, measure: Measure, how_many: str
    ) -> dict[str, Any]:
        return {
            "audit_table": self.audit_table,
            "claim_certificate_id": claim_certificate_id,
            "manufacturer": manufacturer,
            "identities": burst.identities,
            "began_at": _instant(burst.began_at),
            "ended_at": _instant(burst.ended_at),
            "measure": measure.value,
            "sentence": " ".join(
                (
                    f"Somebody may be guessing with claim certificate {claim_certificate_id}"
                    f"{f' of {manufacturer}' if manufacturer else ''}: {how_many}.",
                    _DONE[measure],
                    "Look at what was tried: fleetgate audit list --claim-certificate with this ID.",
                    "If a factory list is missing or wrong, deliver it, and release the claim certificate if it was "
                    "blocked; else treat the claim certificate as stolen.",
                )
            ),
        }


def _notice_id(claim_certificate_id: str, burst: Burst, policy: WatchPolicy, since: datetime | None) -> str:
    """A record ID that is the same for whoever tells of the same burst, at the same time or later.

    Time is cut into slots as long as a window; the ID has the start of the one that the burst ended in.
    """
    width = int(policy.window.total_seconds() * 1000)
    slot = int(burst.ended_at.timestamp() * 1000) // width * width
    about = f"{NoticeAction.DENIAL_BURST} {claim_certificate_id} {slot} {since.isoformat() if since else ''}"
    return str(ULID(slot.to_bytes(6, "big") + hashlib.blake2b(about.encode(), digest_size=10).digest()))


def _span(burst: Burst) -> str:
    seconds = round((burst.ended_at - burst.began_at).total_seconds())
    return f"{seconds // 60} min {seconds % 60} s until {_instant(burst.ended_at)}"


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
