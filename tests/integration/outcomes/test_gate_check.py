"""Is the gate shut? The reconciler, under its own role, names each way in which somebody took it out of the way."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from fleetgate.domain.claim import ClaimCertificate, ClaimStatus
from fleetgate.domain.faults import Fault
from fleetgate.outcomes.attachment import Finding, GateFinding
from fleetgate.outcomes.sweep_store import Sweep, SweepStore
from harness import faulty_dynamodb as faults
from harness.embedded import Embedded
from harness.faulty_dynamodb import FaultyDynamoDB
from harness.outcome_world import OutcomeWorld
from harness.sabotage import SABOTAGES


@pytest.fixture
def world(reconciling: OutcomeWorld) -> Iterator[OutcomeWorld]:
    """The reconciler, which begins with the first claim certificate."""
    store = SweepStore(reconciling.tables)
    store.note_next_token(None, Sweep.GATE)
    yield reconciling
    SweepStore(reconciling.tables).note_next_token(None, Sweep.GATE)


def findings(world: OutcomeWorld, **bounds: int) -> set[Finding]:
    """What the check finds."""
    found: list[Finding] = []
    counted = list(world.gate(found=found, **bounds).run())
    assert counted == [one.kind for one in found]
    return set(found)


@pytest.mark.parametrize("kind", SABOTAGES)
def test_a_sabotage_is_named(kind: GateFinding, world: OutcomeWorld, embedded: Embedded) -> None:
    def found() -> set[Finding]:
        SweepStore(world.tables).note_next_token(embedded.stack.claim_certificate_id, Sweep.GATE)
        return findings(world, max_claims=1)

    assert found() == set()
    with SABOTAGES[kind](embedded) as about:
        assert found() == {Finding(kind, about)}
    assert found() == set()


def test_a_deployed_stack_is_attached(world: OutcomeWorld, embedded: Embedded) -> None:
    found = findings(world)
    # Other tests register certificates without a policy; that of the stack has it.
    assert {one.kind for one in found} <= {GateFinding.CLAIM_POLICY_NOT_ATTACHED}
    assert embedded.stack.claim_certificate_id not in {one.about for one in found}


@pytest.mark.parametrize("status", ClaimStatus)
def test_a_claim_certificate_needs_the_policy_as_long_as_it_may_be_used(
    status: ClaimStatus, world: OutcomeWorld, embedded: Embedded
) -> None:
    certificate_id = world.certificate()
    embedded.put(ClaimCertificate(certificate_id=certificate_id, manufacturer="acme", status=status))
    mine = {one.kind for one in findings(world) if one.about == certificate_id}
    assert mine == ({GateFinding.CLAIM_POLICY_NOT_ATTACHED} if status is ClaimStatus.ACTIVE else set())
    embedded.put(ClaimCertificate(certificate_id=certificate_id, manufacturer="acme", status=ClaimStatus.BLOCKED))


def test_a_certificate_with_the_claim_policy_is_checked_though_nobody_registered_it(
    world: OutcomeWorld, embedded: Embedded
) -> None:
    iot = embedded.client("iot")
    made = iot.create_keys_and_certificate(setAsActive=True)
    for policy in ("ClaimPolicy", "ProductionPolicy"):
        iot.attach_policy(policyName=embedded.resource(policy), target=made["certificateArn"])
    assert Finding(GateFinding.OTHER_POLICY_ATTACHED, made["certificateId"]) in findings(world)
    iot.detach_policy(policyName=embedded.stack.outputs["ClaimPolicyName"], target=made["certificateArn"])


def test_a_run_that_does_not_get_through_all_claim_certificates_is_gone_on_with(
    world: OutcomeWorld, embedded: Embedded
) -> None:
    first, last = f"0000{secrets.token_hex(30)}", f"ffff{secrets.token_hex(30)}"
    for certificate_id in (first, last):
        embedded.put(ClaimCertificate(certificate_id=certificate_id, manufacturer="acme"))
    store = SweepStore(world.tables)
    list(world.gate(max_claims=1).run())
    second = store.next_token(Sweep.GATE)
    assert second is not None
    assert second > first

    store.note_next_token(last, Sweep.GATE)
    list(world.gate(max_claims=2).run())
    begun_again = store.next_token(Sweep.GATE)
    assert begun_again is not None
    assert begun_again < last
    list(world.gate().run())
    assert store.next_token(Sweep.GATE) is None


@pytest.mark.parametrize("path", ["/provisioning-templates/", "/policies/", "/attached-policies/", "/event-config"])
def test_what_cannot_be_asked_is_no_finding_and_keeps_nothing_else_from_being_checked(
    path: str, world: OutcomeWorld, embedded: Embedded, faulty: FaultyDynamoDB
) -> None:
    def meet(doorman: Any) -> None:
        if doorman.path.startswith(path):
            doorman.refuse("UnauthorizedException", {})
        else:
            faults.behave(doorman)

    faulty.always(meet)
    stack = embedded.stack.model_copy(update={"endpoint_url": faulty.endpoint_url})
    iot = Embedded(stack).client("iot", embedded.role_of("ReconcilerFunction"))
    found: list[Finding] = []
    with SABOTAGES[GateFinding.HOOK_PERMISSION_REMOVED](embedded), pytest.raises(ExceptionGroup) as raised:
        list(world.gate(iot, found=found).run())

    assert [type(one) for one in raised.value.exceptions] == [Fault]
    assert GateFinding.HOOK_PERMISSION_REMOVED in {one.kind for one in found}


def test_nothing_is_checked_without_time(world: OutcomeWorld, embedded: Embedded) -> None:
    with SABOTAGES[GateFinding.TEMPLATE_DISABLED](embedded):
        assert list(world.gate().run(lambda: False)) == []
