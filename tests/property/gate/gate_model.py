"""The gate as the decision machine runs it: its allow-list, and beside it a ledger of each device."""

from collections import defaultdict
from datetime import datetime

from hypothesis.stateful import RuleBasedStateMachine

from fleetgate.domain.gate_switch import OPEN, GateSwitch
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.gate.decision import Allowed, Decision, decide
from fleetgate.gate.policy import GatePolicy
from fleetgate.gate.request import PresentedIdentity
from tests.property.gate.devices import CLAIMS, ENTRIES, START, UNREGISTERED, WRONG_MAC_ADDRESS
from tests.property.gate.ledger import Ledger
from tests.property.gate.situation import Situation

SERIAL_NUMBERS = [entry.serial_number.value for entry in ENTRIES]


class GateModel(RuleBasedStateMachine):
    """The gate with its allow-list, and beside it a ledger of each device that the decisions are held against."""

    def start(self, gate_policy: GatePolicy) -> None:
        """Everything approved and nothing asked for."""
        self.policy = gate_policy
        self.now = START
        self.entries = {entry.serial_number.value: entry for entry in ENTRIES}
        self.switch = OPEN
        self.claims = {claim.certificate_id: claim for claim in CLAIMS}
        self.ledgers = {serial_number: Ledger() for serial_number in SERIAL_NUMBERS}
        self.asked_with: defaultdict[str, list[str]] = defaultdict(list)
        self.entries_before = dict(self.entries)
        self.not_yet_committed: list[tuple[PresentedIdentity, Allowed, GateSwitch, datetime]] = []
        self.last_allowed: PresentedIdentity | None = None
        self.requests = 0
        self.decisions = 0

    def register(self, identity: PresentedIdentity) -> None:
        decision = self.judge(identity)
        if isinstance(decision, Allowed):
            assert self.commit(identity, decision, self.switch, self.now)

    def judge(self, identity: PresentedIdentity) -> Decision:
        """Decide, and hold the decision against the ledger."""
        serial_number, decision_id = identity.serial_number.value, self.new_decision_id()
        entry, claim = self.entries[serial_number], self.claims.get(identity.claim_certificate_id)
        decision = decide(
            identity, entry, claim, self.policy, key=None, switch=self.switch, now=self.now, decision_id=decision_id
        )
        Situation(
            identity=identity,
            entry=entry,
            claim=claim,
            switch=self.switch,
            ledger=self.ledgers[serial_number],
            policy=self.policy,
            now=self.now,
        ).check(decision, decision_id)
        return decision

    def commit(
        self, identity: PresentedIdentity, allowed: Allowed, judged_under: GateSwitch, judged_at: datetime
    ) -> bool:
        """What the conditional write does: it stands if the entry is the one that was judged, and nothing stopped."""
        serial_number = identity.serial_number.value
        if self.entries[serial_number].version != allowed.entry.version:
            return False
        assert self.entries[serial_number] == allowed.entry, "a version stands for one entry only"
        self.last_allowed = identity
        if allowed.reserved is not None:
            self.entries[serial_number] = allowed.reserved
            self.ledgers[serial_number].grant(
                certificate_id=identity.certificate_id,
                claim_certificate_id=identity.claim_certificate_id,
                decision_id=allowed.decision_id,
                overrides=dict(allowed.parameter_overrides),
                granted_at=judged_at,
                deadline=judged_at + self.policy.reservation_time,
            )
        return True

    def finish(self, serial_number: str) -> None:
        self.entries[serial_number] = self.entries[serial_number].provisioned()
        self.ledgers[serial_number].finish()

    def identity(self, serial_number: str, mac: str, claim: str, certificate: str) -> PresentedIdentity:
        """Who asks, in the words of the rules."""
        self.requests += 1
        certificate_id = self.certificate_id(serial_number, certificate)
        self.asked_with[serial_number].append(certificate_id)
        return PresentedIdentity(
            certificate_id=certificate_id,
            key_fingerprint=f"key of {certificate_id}",
            claim_certificate_id=self.claim_certificate_id(serial_number, claim),
            serial_number=SerialNumber.parse(serial_number),
            mac_address=self.mac_address(serial_number, mac),
        )

    def probe(self, serial_number: str, claim_certificate_id: str, certificate_id: str) -> PresentedIdentity:
        """A request that is judged and not committed."""
        return PresentedIdentity(
            certificate_id=certificate_id,
            key_fingerprint=f"key of {certificate_id}",
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
            case "its own":
                asking = serial_number
            case "of another device":
                asking = SERIAL_NUMBERS[SERIAL_NUMBERS.index(serial_number) - 1]
            case _:
                return claim
        # The current certificate, or now and then the one that is pending.
        own = sorted(self.ledgers[asking].own_certificate_ids)
        return own[self.requests % len(own)] if own else UNREGISTERED

    def certificate_id(self, serial_number: str, certificate: str) -> str:
        ledger = self.ledgers[serial_number]
        match certificate:
            case "pending" if ledger.pending is not None:
                return ledger.pending.certificate_id
            case "current" if ledger.current is not None:
                return ledger.current.certificate_id
            case "earlier" if self.asked_with[serial_number]:
                return self.asked_with[serial_number][0]
            case _:
                return f"certificate-{self.requests}"

    def new_decision_id(self) -> str:
        self.decisions += 1
        return f"decision-{self.decisions}"
