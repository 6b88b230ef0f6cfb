"""Is the gate shut? What the stack deployed is compared with what AWS says, part by part.

One part that cannot be asked about does not keep the others from being checked.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from fleetgate.domain.claim import ClaimCertificate, ClaimStatus
from fleetgate.domain.faults import Fault
from fleetgate.outcomes.attachment import (
    Finding,
    GateFinding,
    GateParts,
    findings_of_claim,
    findings_of_claim_policy,
    findings_of_events,
    findings_of_permission,
    findings_of_template,
)
from fleetgate.outcomes.iot_gate import GateInAws
from fleetgate.outcomes.sweep_store import Sweep, SweepStore
from fleetgate.store.allow_list import AllowList

# More than any fleet has.
_MAX_REGISTERED = 1_000_000

GoesOn = Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCheck:
    """Checks that the gate is attached as it was deployed.

    Attributes:
        now: Gives aware UTC.
        places: Remembers which claim certificate comes next, where one run does not get through all; None where one
            run has all the time there is.
        max_claims: Of one run.
        tell: Told each finding as it is found.
    """

    aws: GateInAws
    allow_list: AllowList
    parts: GateParts
    now: Callable[[], datetime]
    tell: Callable[[Finding], None] = lambda _finding: None
    places: SweepStore | None = None
    max_claims: int = _MAX_REGISTERED

    @property
    def checks(self) -> Mapping[str, Callable[[GoesOn], Iterator[Finding]]]:
        """What is checked, by the name of the part; each raises Fault when AWS or the tables cannot be asked."""
        return {
            "template": lambda _: findings_of_template(self.aws.template(), self.parts),
            "permission": lambda _: findings_of_permission(self.aws.hook_policy(), self.parts),
            "claim_policy": lambda _: findings_of_claim_policy(self.aws.claim_policy(), self.parts),
            "claim_certificates": self._claim_certificates,
            "registry_events": lambda _: findings_of_events(self.aws.event_configurations()),
        }

    def run(self, goes_on: GoesOn = lambda: True) -> Iterator[GateFinding]:
        """Check every part: the findings, one by one.

        Args:
            goes_on: Asked before each part and each claim certificate; no ends the run.

        Raises:
            ExceptionGroup: Of faults; these parts could not be checked, and the others were.
        """
        faults: list[Fault] = []
        for check in self.checks.values():
            if not goes_on():
                break
            try:
                for finding in check(goes_on):
                    self.tell(finding)
                    yield finding.kind
            except Fault as fault:
                faults.append(fault)
        if faults:
            raise ExceptionGroup("parts of the gate could not be checked", faults)

    def _claim_certificates(self, goes_on: GoesOn) -> Iterator[Finding]:
        registered = self._registered()
        certificates = sorted(registered.keys() | set(self.aws.certificates_with_claim_policy()))
        begin = self.places.next_token(Sweep.GATE) if self.places else None
        following = [one for one in certificates if begin is None or one >= begin]
        earlier = certificates[: len(certificates) - len(following)]
        for number, certificate_id in enumerate([*following, *earlier]):
            if number == self.max_claims or not goes_on():
                self._note(certificate_id)
                return
            yield from findings_of_claim(
                certificate_id,
                self.aws.policies_of(certificate_id),
                self.parts,
                is_active=registered.get(certificate_id, False),
            )
        if begin is not None:
            self._note(None)

    def _registered(self) -> dict[str, bool]:
        """The registered claim certificates, and whether the gate lets devices in that come with them."""
        now = self.now()

        def is_active(claim: ClaimCertificate) -> bool:
            return claim.status is ClaimStatus.ACTIVE and (claim.expires_at is None or now < claim.expires_at)

        return {claim.certificate_id: is_active(claim) for claim in self.allow_list.claims(limit=_MAX_REGISTERED).items}

    def _note(self, certificate_id: str | None) -> None:
        if self.places:
            self.places.note_next_token(certificate_id, Sweep.GATE)
