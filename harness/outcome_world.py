"""A stack whose reconciler is made to sweep: its parts under its own role, and devices with a past."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import RecordKind
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.operator_action import Operator
from fleetgate.gate.decision import Allowed, Decision, Denied
from fleetgate.gate.register_thing import register_thing
from fleetgate.gate.request import RegistrationRequest
from fleetgate.gate.settings import HookSettings
from fleetgate.gate.store import GateStore
from fleetgate.operators.device_store import DeviceStore
from fleetgate.operators.key_store import KeyStore
from fleetgate.outcomes.attachment import Finding, GateParts
from fleetgate.outcomes.gate_check import GateCheck
from fleetgate.outcomes.iot_gate import GateInAws
from fleetgate.outcomes.iot_things import Things
from fleetgate.outcomes.note import Noted, OutcomeRecorder
from fleetgate.outcomes.outcome import OutcomeEvent, OutcomeReason
from fleetgate.outcomes.reservations import Reconciler
from fleetgate.outcomes.settings import ReconcilerSettings
from fleetgate.outcomes.store import OutcomeStore
from fleetgate.outcomes.superseded import SupersededCertificates
from fleetgate.outcomes.supersession import SupersededPolicy
from fleetgate.outcomes.sweep import RecordSweep
from fleetgate.outcomes.sweep_store import Sweep, SweepStore
from fleetgate.outcomes.things import ThingInspector
from fleetgate.store.allow_list import AllowList
from fleetgate.store.audit_items import make_clock
from fleetgate.store.certificates import Certificates
from fleetgate.store.tables import TableSettings
from harness.world import RoomWorld, now, record_id

GRACE = timedelta(hours=24)
THING_TYPE = "fleetgate-device"
_FUNCTION = "ReconcilerFunction"


@dataclass(frozen=True)
class OutcomeWorld(RoomWorld):
    """What the deployed reconciler is put together from, to be put together otherwise.

    PynamoDB's models are bound to whoever asked last, so every part is built anew for each use.
    """

    settings: HookSettings
    unreadable: list[str] = field(default_factory=list)

    @cached_property
    def iot(self) -> Any:
        """AWS IoT, as the reconciler may ask it."""
        return self.embedded.client("iot", self.embedded.role_of(_FUNCTION))

    @property
    def tables(self) -> TableSettings:
        """The tables, as the reconciler may use them."""
        return self.embedded.tables(_FUNCTION)

    def begin(self, sweep: Sweep, ago: timedelta) -> None:
        """Have a sweep begin with what is not older than that."""
        SweepStore(self.tables).note_done(sweep, record_id(datetime.now(UTC) - ago))

    def let_go_of_everything(self) -> None:
        """Have nothing set aside."""
        sweep_store = SweepStore(self.tables)
        for one in sweep_store.set_aside():
            sweep_store.let_go(one.use)

    def reservations(self, iot: Any = None, max_records: int = 100) -> Reconciler:
        """The sweep through reservations that ran out."""
        return Reconciler(
            recorder=self._recorder(),
            sweep=RecordSweep(
                sweep_store=SweepStore(self.tables),
                sweep=Sweep.RESERVATIONS,
                patience=timedelta(minutes=70),
                max_records=max_records,
            ),
            certificates=Certificates(iot or self.iot),
            tell_unreadable=self.unreadable.append,
        )

    def superseded(
        self,
        policy: SupersededPolicy = SupersededPolicy.DEACTIVATE,
        iot: Any = None,
        max_records: int = 100,
        later: timedelta = timedelta(0),
    ) -> SupersededCertificates:
        """The sweep through superseded certificates; it may take place later than now."""
        sweep_store = SweepStore(self.tables)
        return SupersededCertificates(
            sweep=RecordSweep(sweep_store=sweep_store, sweep=Sweep.SUPERSEDED, patience=GRACE, max_records=max_records),
            sweep_store=sweep_store,
            devices=DeviceStore(self.tables),
            keys=KeyStore(self.tables),
            certificates=Certificates(iot or self.iot),
            system=Operator(
                actor="the reconciler",
                reason="superseded",
                clock=make_clock(lambda: datetime.now(UTC) + later),
            ),
            policy=policy,
            tell_unreadable=self.unreadable.append,
        )

    def things(self, iot: Any = None, max_things: int = 100_000) -> ThingInspector:
        """The sweep through AWS IoT's list of things."""
        return ThingInspector(
            recorder=replace(self._recorder(), thing_name_prefix=""),
            sweep_store=SweepStore(self.tables),
            things=Things(iot or self.iot, THING_TYPE),
            max_things=max_things,
            tell_unreadable=self.unreadable.append,
        )

    @property
    def gate_parts(self) -> GateParts:
        """What the deployed reconciler expects of the gate."""
        return ReconcilerSettings.from_environment(self.embedded.variables_of(_FUNCTION)).gate

    def gate(self, iot: Any = None, *, max_claims: int = 10_000, found: list[Finding] | None = None) -> GateCheck:
        """The check that the gate is attached; its findings are added to a list."""
        functions = self.embedded.client("lambda", self.embedded.role_of(_FUNCTION))
        return GateCheck(
            aws=GateInAws(iot or self.iot, functions, self.gate_parts),
            allow_list=AllowList(self.tables),
            parts=self.gate_parts,
            now=lambda: datetime.now(UTC),
            tell=(found if found is not None else []).append,
            places=SweepStore(self.tables),
            max_claims=max_claims,
        )

    def let_in(self, request: RegistrationRequest, ago: timedelta) -> Allowed:
        """Have the gate let a device in, some time ago."""
        decision = self._judge(request, ago)
        assert isinstance(decision, Allowed)
        return decision

    def be_denied(self, request: RegistrationRequest, ago: timedelta) -> None:
        """Have the gate deny a device, some time ago."""
        assert isinstance(self._judge(request, ago), Denied)

    def connect(self, serial_number: SerialNumber, certificate_id: str, ago: timedelta) -> Noted:
        """A device connected with a certificate, some time ago; what that led to."""
        moment = datetime.now(UTC) - ago
        sign = OutcomeEvent(
            reason=OutcomeReason.CONNECTED,
            seen_at=moment,
            event_id=f"{certificate_id} {ago}",
            certificate_id=certificate_id,
            thing_name=self.embedded.thing_name(serial_number),
        )
        tables = self.embedded.tables("OutcomeFunction")
        recorder = replace(self._recorder(), store=OutcomeStore(tables), clock=make_clock(lambda: moment))
        return recorder.note(sign)

    def certificate(self) -> str:
        """The ID of a new active certificate."""
        return str(self.embedded.client("iot").create_keys_and_certificate(setAsActive=True)["certificateId"])

    def status(self, certificate_id: str) -> str:
        """What AWS IoT says of a certificate."""
        found = self.embedded.client("iot").describe_certificate(certificateId=certificate_id)
        return str(found["certificateDescription"]["status"])

    def outcomes(self, entry: AllowListEntry) -> list[str]:
        """What is on record of a device's outcomes, oldest first."""
        records = self.embedded.records(f"device#{entry.serial_number}")
        return [one.reason for one in records if one.kind is RecordKind.OUTCOME]

    def _judge(self, request: RegistrationRequest, ago: timedelta) -> Decision:
        store = GateStore(self.settings.tables)
        store.prime()
        moment = datetime.now(UTC) - ago
        return register_thing(
            request, policy=self.settings.policy, store=store, clock=make_clock(lambda: moment)
        ).decision

    def _recorder(self) -> OutcomeRecorder:
        return OutcomeRecorder(
            store=OutcomeStore(self.tables),
            thing_name_prefix=self.settings.policy.thing_name_prefix,
            clock=make_clock(now),
        )
