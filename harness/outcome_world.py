"""A stack whose reconciler is made to walk: its parts under its own role, and devices with a past."""

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
from fleetgate.operators.stop_store import StopStore
from fleetgate.outcomes.iot_things import Things
from fleetgate.outcomes.note import OutcomeRecorder
from fleetgate.outcomes.outcome import Evidence, Outcome
from fleetgate.outcomes.reservations import Reconciler
from fleetgate.outcomes.store import OutcomeStore
from fleetgate.outcomes.superseded import SupersededCertificates
from fleetgate.outcomes.supersession import SupersededPolicy
from fleetgate.outcomes.sweep import RecordWalk
from fleetgate.outcomes.sweep_store import Reconciliation, Walk
from fleetgate.outcomes.things import ThingInspector
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

    def begin(self, walk: Walk, ago: timedelta) -> None:
        """Have a walk begin with what is not older than that."""
        Reconciliation(self.tables).note_done(walk, record_id(datetime.now(UTC) - ago))

    def let_go_of_everything(self) -> None:
        """Have nothing set aside."""
        reconciliation = Reconciliation(self.tables)
        for one in reconciliation.set_aside():
            reconciliation.let_go(one.use)

    def reservations(self, iot: Any = None, most_records: int = 100) -> Reconciler:
        """The walk through reservations that ran out."""
        return Reconciler(
            recorder=self._recorder(),
            walk=RecordWalk(
                reconciliation=Reconciliation(self.tables),
                walk=Walk.RESERVATIONS,
                patience=timedelta(minutes=70),
                most_records=most_records,
            ),
            certificates=Certificates(iot or self.iot),
            tell_unreadable=self.unreadable.append,
        )

    def superseded(
        self,
        policy: SupersededPolicy = SupersededPolicy.DEACTIVATE,
        iot: Any = None,
        most_records: int = 100,
        later: timedelta = timedelta(0),
    ) -> SupersededCertificates:
        """The walk through superseded certificates; it may take place later than now."""
        reconciliation = Reconciliation(self.tables)
        return SupersededCertificates(
            walk=RecordWalk(
                reconciliation=reconciliation, walk=Walk.SUPERSEDED, patience=GRACE, most_records=most_records
            ),
            reconciliation=reconciliation,
            store=StopStore(self.tables),
            certificates=Certificates(iot or self.iot),
            system=Operator(
                actor="the reconciler",
                reason="superseded",
                now=lambda: datetime.now(UTC) + later,
                new_record_id=record_id,
            ),
            policy=policy,
            tell_unreadable=self.unreadable.append,
        )

    def things(self, iot: Any = None, most_things: int = 100_000) -> ThingInspector:
        """The walk through AWS IoT's list of things."""
        return ThingInspector(
            recorder=self._recorder(),
            reconciliation=Reconciliation(self.tables),
            things=Things(iot or self.iot, THING_TYPE),
            most_things=most_things,
            tell_unreadable=self.unreadable.append,
        )

    def let_in(self, request: RegistrationRequest, ago: timedelta) -> Allowed:
        """Have the gate let a device in, some time ago."""
        decision = self._judge(request, ago)
        assert isinstance(decision, Allowed)
        return decision

    def be_denied(self, request: RegistrationRequest, ago: timedelta) -> None:
        """Have the gate deny a device, some time ago."""
        assert isinstance(self._judge(request, ago), Denied)

    def connect(self, serial_number: SerialNumber, certificate_id: str, ago: timedelta) -> None:
        """A device connected with a certificate, some time ago."""
        moment = datetime.now(UTC) - ago
        sign = Outcome(
            evidence=Evidence.CONNECTED,
            seen_at=moment,
            sign_id=certificate_id,
            certificate_id=certificate_id,
            thing_name=serial_number.value,
        )
        tables = self.embedded.tables("OutcomeFunction")
        replace(self._recorder(), store=OutcomeStore(tables), now=lambda: moment).note(sign)

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
            request, policy=self.settings.policy, store=store, now=lambda: moment, new_record_id=record_id
        ).decision

    def _recorder(self) -> OutcomeRecorder:
        return OutcomeRecorder(
            store=OutcomeStore(self.tables),
            thing_name_prefix="",
            now=now,
            new_record_id=record_id,
        )
