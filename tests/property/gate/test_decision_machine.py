"""The decision over time: devices, clones and operators act in any order, and the invariants of the gate hold."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from fleetgate.domain.allow_list import DeviceState, InvalidEntry
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.reasons import AllowRule, DenialReason
from fleetgate.gate.decision import Allowed, Denied, decide
from fleetgate.gate.policy import GatePolicy, ReprovisioningPolicy
from fleetgate.operators.key_store import KeyChange
from harness.builders import A_MOMENT, policy
from tests.property.gate.devices import CLAIMS, ENTRIES, TEMPLATE_ARNS, UNKNOWN, UNREGISTERED
from tests.property.gate.gate_model import SERIAL_NUMBERS
from tests.property.gate.operators import Operators

_CLAIM_IDS = [claim.certificate_id for claim in CLAIMS]
_APPROVALS_END = [entry.valid_until for entry in ENTRIES if entry.valid_until is not None]
_CLAIMS_END = [claim.expires_at for claim in CLAIMS if claim.expires_at is not None]
_LATE_IN_THE_STORY = 12

_serial_numbers = st.sampled_from(SERIAL_NUMBERS)
# Whoever asks mostly gets most of it right, or no story would come far.
_claims = st.sampled_from(["claim-any"] * 8 + [*_CLAIM_IDS, UNREGISTERED, *["its own"] * 4, "of another device"])
_mac_addresses = st.sampled_from(["right"] * 5 + ["other right", "wrong", "none"])
_certificates = st.sampled_from(
    ["new", "new", "new", "pending", "current", "earlier", "of the same key", "of a stolen key", "stolen"]
)

_policies = st.builds(
    policy,
    template_arn=st.sampled_from([TEMPLATE_ARNS[0], *TEMPLATE_ARNS]),
    thing_name_prefix=st.sampled_from(["thing-", "fg-"]),
    require_registered_claims=st.booleans(),
    require_mac=st.booleans(),
    allow_rotation=st.sampled_from([True, True, False]),
    reprovisioning=st.sampled_from([ReprovisioningPolicy.SAME_IDENTITY, ReprovisioningPolicy.NEVER]),
    reprovisioning_limit=st.sampled_from([1, 2, 0]),
    max_attempts=st.sampled_from([3, 2, 1]),
    takeover_time=st.sampled_from([timedelta(minutes=1), timedelta(minutes=5), timedelta(hours=2)]),
    reservation_time=st.sampled_from([timedelta(minutes=10), timedelta(hours=1)]),
)


class GateMachine(Operators):
    """Whoever acts, in any order, and what must always hold."""

    @initialize(gate_policy=_policies)
    def open(self, gate_policy: GatePolicy) -> None:
        """Start with everything approved and nothing asked for."""
        self.start(gate_policy)

    # Devices and clones.

    @rule(serial_number=_serial_numbers, mac=_mac_addresses, claim=_claims, certificate=_certificates)
    def somebody_asks(self, serial_number: str, mac: str, claim: str, certificate: str) -> None:
        """A device, a clone, or something in between."""
        self.register(self.identity(serial_number, mac, claim, certificate))

    @rule(serial_number=_serial_numbers, certificate=_certificates)
    def a_device_comes_back_after_a_power_cut(self, serial_number: str, certificate: str) -> None:
        """Just when its earlier reservation may be taken over."""
        self.now += self.policy.takeover_time
        self.register(self.identity(serial_number, "right", "claim-any", certificate))

    @rule(serial_number=_serial_numbers, claim=_claims)
    def a_device_asks_and_finishes(self, serial_number: str, claim: str) -> None:
        """The usual way, without a mishap."""
        identity = self.identity(serial_number, "right", claim, "new")
        self.register(identity)
        pending = self.ledgers[serial_number].pending
        if pending is not None and pending.certificate_id == identity.certificate_id:
            self.finish(serial_number)

    @rule(serial_number=_serial_numbers, claim=st.sampled_from(["its own", "its own, connected still"]))
    def a_device_rotates(self, serial_number: str, claim: str) -> None:
        """A new certificate, asked for with its own, perhaps over a session that a stop has not ended yet."""
        self.register(self.identity(serial_number, "right", claim, "new"))

    @precondition(lambda self: self.last_allowed)
    @rule()
    def the_last_answer_was_lost(self) -> None:
        """AWS IoT or the device asks the same once more."""
        assert self.last_allowed is not None
        self.register(self.last_allowed)

    @rule(claim=st.sampled_from([*_CLAIM_IDS, UNREGISTERED]))
    def an_unknown_device_asks(self, claim: str) -> None:
        """Nobody approved it."""
        identity = replace(
            self.identity(SERIAL_NUMBERS[0], "right", claim, "new"), serial_number=SerialNumber.parse(UNKNOWN)
        )
        registered = self.claims.get(claim)
        decision = decide(
            identity,
            None,
            registered,
            self.policy,
            key=self.account.keys.get(identity.key_fingerprint),
            switch=self.switch,
            now=self.now,
            decision_id=self.new_decision_id(),
        )
        assert isinstance(decision, Denied)

    # Races.

    @rule(serial_number=_serial_numbers, one=st.tuples(_claims, _certificates), other=st.tuples(_claims, _certificates))
    def two_ask_at_once(self, serial_number: str, one: tuple[str, str], other: tuple[str, str]) -> None:
        """Both are judged on the same entry; who commits second and loses is judged again."""
        contenders = [self.identity(serial_number, "right", claim, certificate) for claim, certificate in (one, other)]
        for identity, decision in [(identity, self.judge(identity)) for identity in contenders]:
            if isinstance(decision, Allowed) and not self.commit(identity, decision, self.now):
                self.register(identity)

    @rule(serial_number=_serial_numbers, claim=_claims, certificate=_certificates)
    def a_slow_gate_judges(self, serial_number: str, claim: str, certificate: str) -> None:
        """The commit of this decision is yet to come."""
        identity = self.identity(serial_number, "right", claim, certificate)
        decision = self.judge(identity)
        if isinstance(decision, Allowed):
            self.not_yet_committed.append((identity, decision, self.now))

    @precondition(lambda self: self.not_yet_committed)
    @rule()
    def a_slow_gate_commits(self) -> None:
        """It stands only if nobody changed the entry in between; else it is judged again."""
        identity, decision, judged_at = self.not_yet_committed.pop(0)
        if not self.commit(identity, decision, judged_at):
            self.register(identity)

    # Time and outcomes.

    @rule(serial_number=_serial_numbers)
    def an_outcome_is_seen(self, serial_number: str) -> None:
        """The reserved certificate is in use."""
        if self.ledgers[serial_number].pending is not None:
            self.finish(serial_number)

    @rule(seconds=st.sampled_from([1, 60, 300, 3600]))
    def time_passes(self, seconds: int) -> None:
        """A while."""
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.requests > _LATE_IN_THE_STORY)
    @rule(serial_number=_serial_numbers, before=st.booleans(), end=st.sampled_from([*_APPROVALS_END, *_CLAIMS_END]))
    def somebody_asks_as_approvals_end(self, serial_number: str, before: bool, end: datetime) -> None:
        """Just before the end of an approval or of a claim's registration, or exactly at it."""
        self.now = max(self.now, end - A_MOMENT if before else end)
        self.register(self.identity(serial_number, "right", "claim-ending", "new"))

    @rule(serial_number=_serial_numbers, before=st.booleans(), what=st.sampled_from(["take-over", "deadline"]))
    def a_boundary_is_reached(self, serial_number: str, before: bool, what: str) -> None:
        """Just before the end of a protection or of a promise, or exactly at it."""
        pending = self.ledgers[serial_number].pending
        if pending is not None:
            end = pending.granted_at + self.policy.takeover_time if what == "take-over" else pending.deadline
            self.now = max(self.now, end - A_MOMENT if before else end)

    # Certificates that lost their place.

    @precondition(lambda self: any(self.lost_place(serial_number) for serial_number in SERIAL_NUMBERS))
    @rule()
    def losers_are_deactivated(self) -> None:
        """Once a take-over is on record, or a rotation is over."""
        for serial_number in SERIAL_NUMBERS:
            for certificate_id in self.lost_place(serial_number):
                self.account.change_key(
                    KeyChange(
                        fingerprint=self.account.key_of[certificate_id],
                        serial_number=serial_number,
                        deactivated_certificate_id=certificate_id,
                    )
                )
                self.entries[serial_number] = self.entries[serial_number].without_deactivated(certificate_id)
                self.account.active.discard(certificate_id)
                self.keys.superseded.add(certificate_id)

    # What must always hold.

    @invariant()
    def entries_only_ever_grow_newer(self) -> None:
        """Every change of an entry shows in its version."""
        for serial_number, entry in self.entries.items():
            before = self.entries_before[serial_number]
            assert entry == before or entry.version > before.version
        self.entries_before = dict(self.entries)

    @invariant()
    def each_entry_holds_what_was_granted_last_and_seen_last(self) -> None:
        """One reservation, that of the last grant; one certificate, that of the last outcome."""
        for serial_number, ledger in self.ledgers.items():
            held, current = self.entries[serial_number].reservation, self.entries[serial_number].device_certificate
            assert (held and held.certificate_id) == (ledger.pending and ledger.pending.certificate_id)
            assert (held and held.decision_id) == (ledger.pending and ledger.pending.decision_id)
            assert (held and held.reserved_at) == (ledger.pending and ledger.pending.granted_at)
            assert (current and current.certificate_id) == (ledger.current and ledger.current.certificate_id)
            assert (current and current.decision_id) == (ledger.current and ledger.current.decision_id)

    @invariant()
    def at_most_one_certificate_is_promised_a_serial_number(self) -> None:
        """Of all that ever asked for a device, one certificate and the one in use are let in, and none beside them."""
        for serial_number, ledger in self.ledgers.items():
            pending = ledger.pending
            if pending is None or self.now >= pending.granted_at + self.policy.takeover_time:
                continue
            let_in = {
                certificate_id
                for certificate_id in self.asked_with[serial_number]
                if isinstance(self.judge(self.probe(serial_number, "claim-any", certificate_id)), Allowed)
            }
            # One that its device made of the same key is the device itself.
            of_its_key = {one for one in let_in if self.account.key_of[one] == pending.key}
            assert let_in <= ledger.own_certificate_ids | of_its_key

    @invariant()
    def each_key_is_assigned_to_the_serial_number_that_it_was_given_to(self) -> None:
        """And to no other, whatever happened since."""
        assert {key: held.serial_number.value for key, held in self.account.keys.items()} == self.keys.owners

    @invariant()
    def what_a_stop_deactivated_is_active_again_by_its_release_alone(self) -> None:
        """And what no stop holds any more is."""
        assert not [one for one in self.account.active if self.keys.is_deactivated(one)]
        for ledger in self.ledgers.values():
            for certificate_id in ledger.own_certificate_ids:
                is_held = self.keys.is_held(certificate_id, self.account.key_of[certificate_id])
                # A block without its devices stops the keys of those that it met; what they had before stays.
                assert certificate_id in self.account.active or is_held

    @invariant()
    def limits_are_kept(self) -> None:
        """Attempts and returns."""
        for serial_number, ledger in self.ledgers.items():
            entry = self.entries[serial_number]
            assert ledger.unhelped_in_a_row <= self.policy.max_attempts
            assert (entry.reservation.attempts if entry.reservation else 0) == ledger.grants_in_a_row
            assert entry.reprovisioning_count == ledger.comebacks
            never = self.policy.reprovisioning is ReprovisioningPolicy.NEVER
            outside_repair_windows = ledger.comebacks - ledger.comebacks_in_repair_windows
            assert outside_repair_windows <= (0 if never else self.policy.reprovisioning_limit)

    @invariant()
    def who_holds_a_grant_is_given_the_same_answer_again(self) -> None:
        """As long as nothing else changed."""
        for serial_number, ledger in self.ledgers.items():
            for certificate_id in ledger.own_certificate_ids:
                decision = self.judge(self.probe(serial_number, "claim-any", certificate_id))
                if isinstance(decision, Allowed) and ledger.holding(certificate_id) is not None:
                    assert decision.rule is AllowRule.SAME_CERTIFICATE_RETRY

    @invariant()
    def a_stopped_gate_lets_nobody_in(self) -> None:
        """Not even who holds a grant."""
        if self.switch.is_stopped:
            for serial_number, ledger in self.ledgers.items():
                for certificate_id in {"another", *ledger.own_certificate_ids}:
                    decision = self.judge(self.probe(serial_number, "claim-any", certificate_id))
                    assert decision == Denied(DenialReason.GATE_STOPPED)

    @invariant()
    def a_retirement_cannot_be_undone(self) -> None:
        """There is no way back."""
        for serial_number, ledger in self.ledgers.items():
            if ledger.is_retired:
                for undo in (self.entries[serial_number].released, self.entries[serial_number].quarantined):
                    with pytest.raises(InvalidEntry):
                        undo()

    @invariant()
    def a_stopped_device_is_let_in_by_nobody(self) -> None:
        """Not even by itself."""
        for serial_number, ledger in self.ledgers.items():
            if ledger.is_stopped:
                state = self.entries[serial_number].state
                assert state is (DeviceState.RETIRED if ledger.is_retired else DeviceState.QUARANTINED)
                for certificate_id in {"another", *ledger.own_certificate_ids}:
                    for claim in {"claim-any", *ledger.own_certificate_ids}:
                        assert isinstance(self.judge(self.probe(serial_number, claim, certificate_id)), Denied)


TestGate = GateMachine.TestCase
# Stories are cheap, and the interesting ones are rare.
TestGate.settings = settings(max_examples=settings().max_examples * 3 // 2)
