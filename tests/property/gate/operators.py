"""What operators do to the gate of the decision machine: stops, releases, repair windows, lists."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import OperatorAction
from fleetgate.domain.claim import ClaimCertificate, ClaimStatus
from fleetgate.domain.gate_switch import GateSwitch
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.operator_action import Change
from fleetgate.operators.devices import quarantine_device, release_device, retire_device
from fleetgate.operators.issued_certificates import IssuedDeactivation
from fleetgate.operators.key_store import claim_stop_name
from fleetgate.operators.stops import Stopper, claim_stop, device_stop, gate_stop, import_stop, manufacturer_stop
from fleetgate.operators.switch import quarantine_manufacturer, release_manufacturer, start_gate, stop_gate
from tests.property.gate.devices import ENTRIES
from tests.property.gate.gate_model import SERIAL_NUMBERS, GateModel
from tests.property.gate.simulated_account import SimulatedDevices, SimulatedRecords, SimulatedSwitch

_LATE_IN_THE_STORY = 12
_MAY_LEAK = ("claim-acme", "claim-globex", "claim-any")

_serial_numbers = st.sampled_from(SERIAL_NUMBERS)


class Operators(GateModel):
    """Whoever stops and releases, in any order."""

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
