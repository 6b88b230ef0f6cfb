"""The decision over time: devices, clones and operators act in any order, and the invariants of the gate hold."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from fleetgate.domain.allow_list import AllowListEntry, DeviceState, InvalidEntry
from fleetgate.domain.audit import OperatorAction
from fleetgate.domain.claim import ClaimCertificate, ClaimStatus
from fleetgate.domain.gate_switch import GateSwitch
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.operator_action import Change
from fleetgate.domain.reasons import AllowRule, DenialReason
from fleetgate.gate.decision import Allowed, Denied, decide
from fleetgate.gate.policy import GatePolicy, ReprovisioningPolicy
from fleetgate.operators.devices import quarantine_device, release_device, retire_device
from fleetgate.operators.issued_certificates import IssuedDeactivation
from fleetgate.operators.key_store import KeyChange, claim_stop_name
from fleetgate.operators.stops import Stopper, claim_stop, device_stop, gate_stop, import_stop, manufacturer_stop
from fleetgate.operators.switch import quarantine_manufacturer, release_manufacturer, start_gate, stop_gate
from harness.builders import A_MOMENT, policy
from tests.property.gate.devices import CLAIMS, ENTRIES, TEMPLATE_ARNS, UNKNOWN, UNREGISTERED
from tests.property.gate.gate_model import SERIAL_NUMBERS, GateModel
from tests.property.gate.simulated_account import SimulatedDevices, SimulatedRecords, SimulatedSwitch

_CLAIM_IDS = [claim.certificate_id for claim in CLAIMS]
_APPROVALS_END = [entry.valid_until for entry in ENTRIES if entry.valid_until is not None]
_CLAIMS_END = [claim.expires_at for claim in CLAIMS if claim.expires_at is not None]
_LATE_IN_THE_STORY = 12
_MAY_LEAK = ("claim-acme", "claim-globex", "claim-any")

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


class GateMachine(GateModel):
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

    # Operators.

    @precondition(lambda self: not any(ledger.is_quarantined for ledger in self.ledgers.values()))
    @rule(serial_number=_serial_numbers)
    def an_operator_quarantines(self, serial_number: str) -> None:
        """Until released."""
        serial, ledger = SerialNumber(serial_number), self.ledgers[serial_number]
        if ledger.is_retired:
            return

        def write() -> Change[AllowListEntry]:
            ledger.is_quarantined = True
            return quarantine_device(serial, store=SimulatedDevices(self.account), operator=self.operator)

        self.stop(device_stop(serial), write)
        self._deactivate_devices(f"quarantine of {serial_number}", [serial_number])

    @precondition(lambda self: any(ledger.is_quarantined for ledger in self.ledgers.values()))
    @rule()
    def an_operator_releases(self) -> None:
        """Back to where it stood."""
        for serial_number, ledger in self.ledgers.items():
            if ledger.is_quarantined:
                ledger.is_quarantined = False
                self.keys.release(f"quarantine of {serial_number}")
                store = SimulatedDevices(self.account)
                release_device(SerialNumber(serial_number), store=store, operator=self.operator)
                self.service.activate(self.entries[serial_number])

    @precondition(lambda self: self.requests > _LATE_IN_THE_STORY)
    @rule(serial_number=_serial_numbers)
    def an_operator_retires(self, serial_number: str) -> None:
        """For good."""
        serial, ledger = SerialNumber(serial_number), self.ledgers[serial_number]
        if ledger.is_retired:
            return

        def write() -> Change[AllowListEntry]:
            ledger.is_retired, ledger.is_quarantined = True, False
            return retire_device(serial, store=SimulatedDevices(self.account), operator=self.operator)

        self.stop(device_stop(serial, OperatorAction.RETIRE), write)
        self._deactivate_devices(f"retirement of {serial_number}", [serial_number])

    @rule(serial_number=_serial_numbers, minutes=st.sampled_from([1, 60, 60 * 24]))
    def an_operator_opens_a_repair_window(self, serial_number: str, minutes: int) -> None:
        """The device is expected back."""
        if not self.ledgers[serial_number].is_stopped:
            until = self.now + timedelta(minutes=minutes)
            self.entries[serial_number] = self.entries[serial_number].reopened(until)
            self.ledgers[serial_number].repair_window_until = until

    @precondition(lambda self: self.requests > _LATE_IN_THE_STORY and not self.switch.is_stopped)
    @rule()
    def an_operator_stops_the_gate(self) -> None:
        """Whom it lets in meanwhile loses the certificate; whom it let in before keeps it."""
        write = partial(stop_gate, store=SimulatedSwitch(self.account), operator=self.operator)
        let_in = self.stop(gate_stop(), write)
        self.keys.hold("gate", {one.certificate_id for one in let_in}, {one.key_fingerprint for one in let_in})

    @precondition(lambda self: self.requests > _LATE_IN_THE_STORY and not self.switch.manufacturers)
    @rule()
    def an_operator_quarantines_a_manufacturer(self) -> None:
        """With its devices."""
        store = SimulatedSwitch(self.account)
        write = partial(quarantine_manufacturer, "acme", store=store, operator=self.operator)
        self.stop(manufacturer_stop("acme"), write)
        self._deactivate_devices("quarantine of acme", self._made_by("acme"))

    @precondition(lambda self: self.requests > _LATE_IN_THE_STORY and not self.switch.imports)
    @rule(import_id=st.sampled_from(["import-1", "import-2"]))
    def an_operator_quarantines_an_import(self, import_id: str) -> None:
        """With its devices."""

        def write() -> Change[GateSwitch]:
            record = self.operator.record(OperatorAction.QUARANTINE_IMPORT)
            SimulatedSwitch(self.account).change(self.switch.stopping_import(import_id), record)
            return Change(self.switch, record)

        self.stop(import_stop(import_id), write)
        self._deactivate_devices(f"quarantine of {import_id}", self._of_import(import_id))

    @precondition(lambda self: self.switch.is_stopped)
    @rule()
    def an_operator_starts_the_gate(self) -> None:
        """The case is closed."""
        self.keys.release("gate")
        start_gate(store=SimulatedSwitch(self.account), operator=self.operator)
        Stopper(store=SimulatedRecords(self.account), service=self.service).release_meanwhile(gate_stop())

    @precondition(lambda self: self.switch.manufacturers or self.switch.imports)
    @rule()
    def an_operator_lets_all_of_them_go(self) -> None:
        """The case is closed, for manufacturers and imports."""
        for name in sorted(self.switch.manufacturers):
            self.keys.release(f"quarantine of {name}")
            release_manufacturer(name, store=SimulatedSwitch(self.account), operator=self.operator)
            self._activate_devices(self._made_by(name))
        for import_id in sorted(self.switch.imports):
            self.keys.release(f"quarantine of {import_id}")
            record = self.operator.record(OperatorAction.RELEASE_IMPORT)
            SimulatedSwitch(self.account).change(self.switch.releasing_import(import_id), record)
            self._activate_devices(self._of_import(import_id))

    @rule(claim=st.sampled_from(["claim-acme", "claim-globex"]), with_devices=st.booleans())
    def an_operator_blocks_a_claim_certificate(self, claim: str, with_devices: bool) -> None:
        """It leaked."""
        self._block(claim, with_devices=with_devices)

    @precondition(lambda self: self.requests > _LATE_IN_THE_STORY)
    @rule(with_devices=st.booleans())
    def an_operator_blocks_the_claim_certificate_of_all(self, with_devices: bool) -> None:
        """It leaked."""
        self._block("claim-any", with_devices=with_devices)

    @precondition(lambda self: any(self.claims[claim].status is ClaimStatus.BLOCKED for claim in _MAY_LEAK))
    @rule()
    def an_operator_releases_claim_certificates(self) -> None:
        """It did not leak, and its devices may go on."""
        for claim in _MAY_LEAK:
            if self.claims[claim].status is ClaimStatus.BLOCKED:
                self.claims[claim] = replace(self.claims[claim], status=ClaimStatus.ACTIVE)
                self.keys.release(claim)
                for record in self.account.records.copy():
                    if record.verdict is not None:  # what the stop does not hold is left alone
                        self.service.activate_issued(record, stop=claim_stop_name(claim))

    @precondition(lambda self: self.requests > _LATE_IN_THE_STORY)
    @rule(serial_number=_serial_numbers, is_claim_first=st.booleans(), of_all=st.booleans())
    def a_device_is_under_two_stops_and_one_is_released(
        self, serial_number: str, is_claim_first: bool, of_all: bool
    ) -> None:
        """Its own quarantine or its manufacturer's, and the block of its claim certificate."""
        if any(ledger.is_stopped for ledger in self.ledgers.values()) or self.switch.manufacturers:
            return
        quarantine = self.an_operator_quarantines_a_manufacturer if of_all else None
        for is_claim in (is_claim_first, not is_claim_first):
            if is_claim:
                self._block("claim-any", with_devices=True)
            elif quarantine is not None:
                quarantine()
            else:
                self.an_operator_quarantines(serial_number)
        if is_claim_first:
            self.an_operator_releases_claim_certificates()
        elif quarantine is not None:
            self.an_operator_lets_all_of_them_go()
        else:
            self.an_operator_releases()

    @rule(serial_number=_serial_numbers, certificate=st.sampled_from(["new", "of a stolen key"]))
    def an_approval_names_a_key(self, serial_number: str, certificate: str) -> None:
        """A later list says which, before anybody was let in."""
        ledger = self.ledgers[serial_number]
        if ledger.pending is None and ledger.current is None:
            self.requests += 1
            key = self.account.key_of[self.certificate_id(serial_number, certificate)]
            entry = self.entries[serial_number]
            self.entries[serial_number] = replace(entry, key_fingerprint=key, version=entry.version + 1)
            self.keys.named[serial_number] = key

    def _block(self, claim: str, *, with_devices: bool) -> None:
        if self.claims[claim].status is ClaimStatus.BLOCKED:
            return

        def write() -> Change[ClaimCertificate]:
            self.claims[claim] = replace(self.claims[claim], status=ClaimStatus.BLOCKED)
            record = self.operator.record(OperatorAction.BLOCK_CLAIM)
            self.account.records.append(record)
            return Change(self.claims[claim], record)

        deactivated = self.stop(claim_stop(claim), write)
        certificates = {one.certificate_id for one in deactivated if one.claim_certificate_id == claim}
        keys = {self.account.key_of[one] for one in certificates}
        if with_devices:
            deactivation = IssuedDeactivation(service=self.service, stop=claim_stop_name(claim))
            for record in self.account.records.copy():
                if record.verdict is not None and record.claim_certificate_id == claim:
                    deactivation.handle(record)
            deactivation.rest()
            certificates, keys = self.all_through(claim)
        self.keys.hold(claim, certificates, keys)

    def _deactivate_devices(self, stop: str, serial_numbers: list[str]) -> None:
        for serial_number in serial_numbers:
            self.service.deactivate(self.entries[serial_number])
        self.keys.hold(stop, self.own_certificates_of(serial_numbers))

    def _activate_devices(self, serial_numbers: list[str]) -> None:
        for serial_number in serial_numbers:
            self.service.activate(self.entries[serial_number])

    def _made_by(self, name: str) -> list[str]:
        return [serial_number for serial_number, entry in self.entries.items() if entry.manufacturer == name]

    def _of_import(self, import_id: str) -> list[str]:
        of_import = {
            entry.serial_number.value for entry in ENTRIES if import_id in (entry.import_id, entry.first_import_id)
        }
        return sorted(of_import)

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
TestGate.settings = settings(max_examples=2 * settings().max_examples)
