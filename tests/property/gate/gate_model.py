"""The gate as the decision machine runs it: its allow-list, and beside it a ledger of each device and of the keys."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine

from fleetgate.domain.allow_list import KeyAssignment
from fleetgate.domain.audit import AuditRecord, Clock, RecordKind, Verdict
from fleetgate.domain.gate_switch import GateSwitch
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.domain.operator_action import Change, Operator
from fleetgate.gate.decision import Allowed, Decision, decide
from fleetgate.gate.policy import GatePolicy
from fleetgate.gate.request import PresentedIdentity
from fleetgate.operators.certificates import CertificateService
from fleetgate.operators.stops import HOOK_TIMEOUT, Stop, Stopper
from tests.property.gate.devices import CLAIMS, ENTRIES, START, UNREGISTERED, WRONG_MAC_ADDRESS
from tests.property.gate.key_ledger import KeyLedger
from tests.property.gate.ledger import Ledger
from tests.property.gate.simulated_account import Account, SimulatedRecords
from tests.property.gate.situation import Situation

SERIAL_NUMBERS = [entry.serial_number.value for entry in ENTRIES]


class GateModel(RuleBasedStateMachine):
    """The gate with its allow-list, and beside it ledgers that the decisions are held against."""

    def start(self, gate_policy: GatePolicy) -> None:
        """Everything approved and nothing asked for."""
        self.policy = gate_policy
        self.now = START
        self.entries = {entry.serial_number.value: entry for entry in ENTRIES}
        self.account = Account(entries=self.entries)
        self.keys = KeyLedger()
        self.claims = {claim.certificate_id: claim for claim in CLAIMS}
        self.ledgers = {serial_number: Ledger() for serial_number in SERIAL_NUMBERS}
        self.asked_with: defaultdict[str, list[str]] = defaultdict(list)
        self.entries_before = dict(self.entries)
        self.losers: defaultdict[str, set[str]] = defaultdict(set)
        self.not_yet_committed: list[tuple[PresentedIdentity, Allowed, datetime]] = []
        self.let_in: list[PresentedIdentity] = []
        self.last_allowed: PresentedIdentity | None = None
        self.requests = 0
        self.decisions = 0

    @property
    def switch(self) -> GateSwitch:
        return self.account.switch

    def register(self, identity: PresentedIdentity) -> None:
        decision = self.judge(identity)
        if isinstance(decision, Allowed):
            assert self.commit(identity, decision, self.now)

    def judge(self, identity: PresentedIdentity) -> Decision:
        """Decide, and hold the decision against the ledger."""
        serial_number, decision_id = identity.serial_number.value, self.new_decision_id()
        entry, claim = self.entries[serial_number], self.claims.get(identity.claim_certificate_id)
        decision = decide(
            identity,
            entry,
            claim,
            self.policy,
            key=self.account.keys.get(identity.key_fingerprint),
            switch=self.switch,
            now=self.now,
            decision_id=decision_id,
        )
        Situation(
            identity=identity,
            entry=entry,
            claim=claim,
            switch=self.switch,
            ledger=self.ledgers[serial_number],
            keys=self.keys,
            policy=self.policy,
            now=self.now,
        ).check(decision, decision_id)
        return decision

    def commit(self, identity: PresentedIdentity, allowed: Allowed, judged_at: datetime) -> bool:
        """What the transaction does: it stands if the entry is the one that was judged, and the key may have it."""
        serial_number, fingerprint = identity.serial_number.value, identity.key_fingerprint
        if self.entries[serial_number].version != allowed.entry.version:
            return False
        key = self.account.keys.get(fingerprint)
        if key is not None and (
            key.serial_number != identity.serial_number
            or key.stops
            or identity.certificate_id in key.deactivated_certificates
        ):
            return False
        assert self.entries[serial_number] == allowed.entry, "a version stands for one entry only"
        self.last_allowed = identity
        self.account.keys.setdefault(
            fingerprint, KeyAssignment(fingerprint=fingerprint, serial_number=identity.serial_number)
        )
        self.account.records.append(self._record(identity, judged_at))
        self.account.active.add(identity.certificate_id)  # as AWS IoT does
        self.keys.give(fingerprint, serial_number)
        self.let_in.append(identity)
        if allowed.reserved is not None:
            self.entries[serial_number] = allowed.reserved
            ledger, own = self.ledgers[serial_number], self.ledgers[serial_number].own_certificate_ids
            ledger.grant(
                certificate_id=identity.certificate_id,
                key=fingerprint,
                claim_certificate_id=identity.claim_certificate_id,
                decision_id=allowed.decision_id,
                overrides=dict(allowed.parameter_overrides),
                granted_at=judged_at,
                deadline=judged_at + self.policy.reservation_time,
            )
            self.losers[serial_number] |= own
        return True

    def finish(self, serial_number: str) -> None:
        self.losers[serial_number] |= self.ledgers[serial_number].own_certificate_ids
        self.entries[serial_number] = self.entries[serial_number].provisioned(seen_at=self.now)
        self.ledgers[serial_number].finish()

    def lost_place(self, serial_number: str) -> list[str]:
        """Certificates whose place another took, and that nobody has deactivated for it yet."""
        return sorted(
            self.losers[serial_number] - self.ledgers[serial_number].own_certificate_ids - self.keys.superseded
        )

    # Stops, in the product's one way.

    @property
    def operator(self) -> Operator:
        return Operator(
            actor="an operator",
            reason="a story",
            clock=Clock(now=lambda: self.now, new_record_id=lambda _: self.new_decision_id()),
        )

    @property
    def service(self) -> CertificateService:
        return self.account.service(self.operator)

    def stop(self, stop: Stop, write: Callable[[], Change[Any]]) -> list[PresentedIdentity]:
        """Write a stop and see it through while slow gates commit what they can; whom those let in."""
        before = len(self.let_in)
        stopper = Stopper(store=SimulatedRecords(self.account), service=self.service, sleep=self.slow_gates_end_within)
        stopper.stop(stop, write)
        return self.let_in[before:]

    def slow_gates_end_within(self, seconds: float) -> None:
        """All that were judged before a stop commit, or are ended by Lambda."""
        slow, self.not_yet_committed = self.not_yet_committed, []
        for identity, decision, judged_at in slow:
            if self.now - judged_at < HOOK_TIMEOUT and not self.commit(identity, decision, judged_at):
                self.register(identity)
        self.now += timedelta(seconds=seconds)

    def all_through(self, claim_certificate_id: str) -> tuple[set[str], set[str]]:
        """Certificates that go back to a claim certificate, by rotation or by their key too; and their keys."""
        certificates: set[str] = set()
        keys: set[str] = set()
        found = -1
        while found != len(certificates):
            found = len(certificates)
            for one in self.let_in:
                asking = one.claim_certificate_id
                if asking == claim_certificate_id or asking in certificates or one.key_fingerprint in keys:
                    certificates.add(one.certificate_id)
                    keys.add(one.key_fingerprint)
        return certificates, keys

    def own_certificates_of(self, serial_numbers: list[str]) -> set[str]:
        return {one for serial_number in serial_numbers for one in self.ledgers[serial_number].own_certificate_ids}

    def _record(self, identity: PresentedIdentity, judged_at: datetime) -> AuditRecord:
        return AuditRecord(
            record_id=self.new_decision_id(),
            recorded_at=judged_at,
            kind=RecordKind.DECISION,
            verdict=Verdict.ALLOWED,
            reason="a story",
            serial_number=identity.serial_number.value,
            certificate_id=identity.certificate_id,
            key_fingerprint=identity.key_fingerprint,
            claim_certificate_id=identity.claim_certificate_id,
        )

    # Who asks.

    def identity(self, serial_number: str, mac: str, claim: str, certificate: str) -> PresentedIdentity:
        """Who asks, in the words of the rules."""
        self.requests += 1
        certificate_id = self.certificate_id(serial_number, certificate)
        self.asked_with[serial_number].append(certificate_id)
        return PresentedIdentity(
            certificate_id=certificate_id,
            key_fingerprint=self.account.key_of[certificate_id],
            claim_certificate_id=self.claim_certificate_id(serial_number, claim),
            serial_number=SerialNumber.parse(serial_number),
            mac_address=self.mac_address(serial_number, mac),
        )

    def probe(self, serial_number: str, claim_certificate_id: str, certificate_id: str) -> PresentedIdentity:
        """A request that is judged and not committed."""
        return PresentedIdentity(
            certificate_id=certificate_id,
            key_fingerprint=self.account.key_of.get(certificate_id, f"key of {certificate_id}"),
            claim_certificate_id=claim_certificate_id,
            serial_number=SerialNumber.parse(serial_number),
            mac_address=self.mac_address(serial_number, "right"),
        )

    def mac_address(self, serial_number: str, mac: str) -> MacAddress | None:
        right = sorted(self.entries[serial_number].mac_addresses)
        match mac:
            case "right" if right:
                return right[0]
            case "other right" if right:
                return right[-1]
            case "wrong":
                return WRONG_MAC_ADDRESS
            case _:
                return None

    def claim_certificate_id(self, serial_number: str, claim: str) -> str:
        match claim:
            case "its own" | "its own, connected still":
                asking = serial_number
            case "of another device":
                asking = SERIAL_NUMBERS[SERIAL_NUMBERS.index(serial_number) - 1]
            case _:
                return claim
        # The current certificate, or now and then the one that is pending; who is inactive cannot connect anew.
        can_ask = self.ledgers[asking].own_certificate_ids
        own = sorted(can_ask if claim == "its own, connected still" else can_ask & self.account.active)
        return own[self.requests % len(own)] if own else UNREGISTERED

    def certificate_id(self, serial_number: str, certificate: str) -> str:
        ledger, others = self.ledgers[serial_number], self.keys.keys_of_others(serial_number)
        held, stolen = ledger.pending or ledger.current, others and others[self.requests % len(others)]
        known = {
            "pending": ledger.pending and ledger.pending.certificate_id,
            "current": ledger.current and ledger.current.certificate_id,
            "earlier": next(iter(self.asked_with[serial_number]), None),
            "stolen": next((one for one, key in self.account.key_of.items() if key == stolen), None),
        }
        named = self.keys.named.get(serial_number) if self.requests % 4 else None
        key = {"of a stolen key": stolen, "of the same key": held and held.key}.get(certificate) or named
        return known.get(certificate) or self._issue(key)

    def _issue(self, key: str | None) -> str:
        """A new certificate, of a new key where none is given."""
        certificate_id = f"certificate-{self.requests}"
        self.account.key_of[certificate_id] = key or f"key-{self.requests}"
        return certificate_id

    def new_decision_id(self) -> str:
        self.decisions += 1
        return f"decision-{self.decisions}"
