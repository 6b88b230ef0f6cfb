"""Is the gate shut? What the reconciler checks, in its words; and what operators stopped or blocked."""

from collections.abc import Iterator

from fleetgate.domain.claim import ClaimStatus
from fleetgate.outcomes.attachment import Finding
from fleetgate.outcomes.gate_check import GateCheck
from fleetgate.outcomes.iot_gate import GateInAws
from fleetgate_cli.checkup.deployed import DeployedStack
from fleetgate_cli.checkup.line import Line, State
from fleetgate_cli.run import hint, now

ATTACHMENT_CHECKS = ("template", "permission", "claim_policy", "claim_certificates", "registry_events")
# More than any fleet has.
_MAX_CLAIMS = 100_000


def attachment(stack: DeployedStack, name: str) -> Iterator[Line]:
    """One of the reconciler's checks."""
    aws = GateInAws(stack.client("iot"), stack.client("lambda"), stack.gate)
    check = GateCheck(aws=aws, allow_list=stack.run.allow_list, parts=stack.gate, now=now)
    found = False
    for finding in check.checks[name](lambda: True):
        found = True
        yield _of_finding(name, finding)
    if not found:
        yield Line(check=name, state=State.OK, code="as_deployed", sentence="As deployed.")


def _of_finding(name: str, finding: Finding) -> Line:
    return Line(
        check=name,
        state=State.WRONG,
        code=finding.kind.value,
        about=finding.about,
        sentence=finding.kind.meaning,
        remedy=finding.kind.remedy,
    )


def switch(stack: DeployedStack, name: str) -> Iterator[Line]:
    """The kill switch, and which manufacturers and imports are in quarantine."""
    found = stack.run.allow_list.switch()
    if found.is_stopped:
        yield Line(
            check=name,
            state=State.NOTE,
            code="gate_stopped",
            sentence="An operator stopped the gate: every device is denied.",
            remedy=f"{hint('gate status')} says who and why.",
        )
    for stopped in (*sorted(found.manufacturers), *sorted(found.imports)):
        yield Line(
            check=name,
            state=State.NOTE,
            code="quarantine",
            about=stopped,
            sentence="A manufacturer or an import is in quarantine.",
            remedy=f"{hint('gate status')} says since when and why.",
        )
    if not found.is_stopped and not found.manufacturers and not found.imports:
        yield Line(check=name, state=State.OK, code="nothing_stopped", sentence="Nothing is stopped.")


def blocked_claims(stack: DeployedStack, name: str) -> Iterator[Line]:
    """Claim certificates that an operator or the watcher blocked."""
    claims = stack.run.allow_list.claims(limit=_MAX_CLAIMS).items
    blocked = [claim for claim in claims if claim.status is ClaimStatus.BLOCKED]
    for claim in blocked:
        yield Line(
            check=name,
            state=State.NOTE,
            code="claim_blocked",
            about=claim.certificate_id,
            sentence=f"A claim certificate of {claim.manufacturer or 'any manufacturer'} is blocked.",
            remedy=f"{hint('audit list --claim')} says by whom and why.",
        )
    if not blocked:
        sentence = f"Registered claim certificates: {len(claims):,}; blocked: 0."
        yield Line(check=name, state=State.OK, code="no_claim_blocked", sentence=sentence)
