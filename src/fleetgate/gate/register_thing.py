"""Judge one RegisterThing request: read the facts, decide, commit the decision with its audit record."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord, Clock, EnrolmentPath, RecordKind, Verdict, printable
from fleetgate.domain.reasons import AllowRule, DenialReason
from fleetgate.gate.decision import Allowed, Decision, Denied, decide, thing_name
from fleetgate.gate.policy import GatePolicy
from fleetgate.gate.request import PresentedIdentity, RegistrationRequest, identify, presented
from fleetgate.gate.store import NOTHING_FOUND, Facts, GateStore
from fleetgate.store.faults import Overtaken, until_written


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A decision that stands, and the record that was written of it."""

    decision: Decision
    record: AuditRecord


def register_thing(
    request: RegistrationRequest,
    *,
    policy: GatePolicy,
    store: GateStore,
    clock: Clock,
    request_id: str | None = None,
) -> Registration:
    """Decide a request and make the decision stand.

    Args:
        request_id: Of the invocation, for the record.

    Raises:
        Fault: The request could not be judged; no allow was made.
    """
    builder = _RecordBuilder(request, policy, request_id)
    identity = identify(request, policy)
    if isinstance(identity, DenialReason):
        moment = clock.now()
        record = builder.denial(identity, moment, clock.new_record_id(moment))
        store.record(record)
        return Registration(decision=Denied(identity), record=record)

    facts = store.find(identity)

    def attempt() -> Registration:
        nonlocal facts
        moment = clock.now()
        record_id = clock.new_record_id(moment)
        decision = decide(
            identity,
            facts.entry,
            facts.claim,
            policy,
            key=facts.key,
            switch=facts.switch,
            now=moment,
            decision_id=record_id,
        )
        match decision:
            case Denied(reason):
                record = builder.denial(reason, moment, record_id, identity, facts)
                store.record(record)
                return Registration(decision=decision, record=record)
            case Allowed():
                record = builder.allowance(decision, moment, record_id, identity)
                lost = store.commit(decision, record)
                if lost is None:
                    return Registration(decision=decision, record=record)
                facts = replace(facts, entry=lost.entry) if lost.entry is not None else store.find(identity)
            case _:
                assert_never(decision)
        raise Overtaken

    return until_written(attempt)


@dataclass(frozen=True, slots=True)
class _RecordBuilder:
    """Writes down what was decided about one request."""

    request: RegistrationRequest
    policy: GatePolicy
    request_id: str | None

    def allowance(self, allowed: Allowed, moment: datetime, record_id: str, identity: PresentedIdentity) -> AuditRecord:
        return replace(
            self._record(Verdict.ALLOWED, allowed.rule, moment, record_id, identity),
            decision_id=allowed.decision_id,
            path=_path(identity, allowed.entry),
            superseded_certificate_id=allowed.superseded_certificate_id,
            taken_over=allowed.takes_over,
            thing_name=thing_name(allowed.entry, self.policy),
            manufacturer=allowed.entry.manufacturer,
            import_id=allowed.entry.import_id,
            entry_version=(allowed.reserved or allowed.entry).version,
        )

    def denial(
        self,
        reason: DenialReason,
        moment: datetime,
        record_id: str,
        identity: PresentedIdentity | None = None,
        facts: Facts = NOTHING_FOUND,
    ) -> AuditRecord:
        entry, claim = facts.entry, facts.claim
        return replace(
            self._record(Verdict.DENIED, reason, moment, record_id, identity),
            path=_path(identity, entry),
            manufacturer=entry.manufacturer if entry else claim.manufacturer if claim else None,
            import_id=entry.import_id if entry else None,
            entry_version=entry.version if entry else None,
        )

    def _record(
        self,
        verdict: Verdict,
        reason: AllowRule | DenialReason,
        moment: datetime,
        record_id: str,
        identity: PresentedIdentity | None,
    ) -> AuditRecord:
        request, policy = self.request, self.policy
        return AuditRecord(
            record_id=record_id,
            recorded_at=moment,
            kind=RecordKind.DECISION,
            verdict=verdict,
            reason=reason.value,
            decision_id=record_id,
            serial_number=identity.serial_number.value if identity else None,
            mac_address=identity.mac_address.value if identity and identity.mac_address else None,
            certificate_id=request.certificate_id,
            key_fingerprint=request.key_fingerprint,
            claim_certificate_id=request.claim_certificate_id or None,
            template_arn=printable(request.template_arn),
            client_id=printable(request.presented_client_id),
            presented_serial_number=self._presented(policy.serial_number_parameter_names),
            presented_mac_address=self._presented(policy.mac_address_parameter_names),
            request_id=self.request_id,
        )

    def _presented(self, names: tuple[str, ...]) -> str | None:
        return " | ".join(str(printable(value)) for value in presented(self.request, names)) or None


def _path(identity: PresentedIdentity | None, entry: AllowListEntry | None) -> EnrolmentPath:
    """How the device asked: with its own certificate, or with somebody's claim certificate."""
    if identity is not None and entry is not None and entry.is_own(identity.claim_certificate_id):
        return EnrolmentPath.ROTATION
    return EnrolmentPath.CLAIM
