"""Switch the certificates of devices off in AWS IoT, and on again; say of each how it ended."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fleetgate.domain.allow_list import AllowListEntry, Hold
from fleetgate.domain.audit import AuditRecord, OperatorAction, device_subject
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.operator_action import Operator
from fleetgate.domain.reasons import AllowRule
from fleetgate.operators.device_store import DeviceStore
from fleetgate.operators.key_store import KeyChange, KeyStore, supersession
from fleetgate.operators.stop_store import StopStore
from fleetgate.operators.switch_store import SwitchStore
from fleetgate.operators.tally import FAILURES, CertificateResult, Handled
from fleetgate.store.certificates import (
    CertificateOutOfReach,
    Certificates,
    CertificateStatus,
    Obstacle,
    SessionResult,
    Sessions,
)
from fleetgate.store.faults import Overtaken, until_written


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A certificate that a device was let in with.

    Attributes:
        key_fingerprint: As it is on record; None where the record is older than key assignments.
    """

    certificate_id: str
    serial_number: SerialNumber
    key_fingerprint: str | None
    manufacturer: str | None
    claim_certificate_id: str | None = None
    decision_id: str | None = None

    @classmethod
    def by(cls, entry: AllowListEntry, certificate_id: str) -> "_Held":
        holders = (entry.reservation, entry.device_certificate)
        known = (one.key_fingerprint for one in holders if one and one.certificate_id == certificate_id)
        return cls(
            certificate_id=certificate_id,
            serial_number=entry.serial_number,
            key_fingerprint=next(known, None),
            manufacturer=entry.manufacturer,
        )

    @classmethod
    def told_by(cls, record: AuditRecord) -> "_Held":
        return cls(
            certificate_id=record.certificate_id or "",
            serial_number=SerialNumber(record.serial_number or ""),
            key_fingerprint=record.key_fingerprint,
            manufacturer=record.manufacturer,
            claim_certificate_id=record.claim_certificate_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateService:
    """Deactivates and activates device certificates for an operator.

    Attributes:
        records: Knows which certificates devices were let in with.
    """

    devices: DeviceStore
    keys: KeyStore
    switch: SwitchStore
    records: StopStore
    certificates: Certificates
    sessions: Sessions
    operator: Operator

    def deactivate(self, entry: AllowListEntry) -> tuple[Handled, ...]:
        """Deactivate the certificates of a device that was stopped, note which, and end its session. Safe to repeat.

        Those that it may use, and those on record that lost their place and are not yet deactivated: whoever has the
        key of such a one can connect as the device.

        Raises:
            Fault: The tables could not be asked.
        """
        own = dict.fromkeys(entry.certificate_ids)
        handled = [self._deactivate(_Held.by(entry, one)) for one in own]
        for certificate_id, fingerprint in self.records.certificates_of(_subject(entry.serial_number)).items():
            if certificate_id in own:
                continue
            earlier = self._deactivate(replace(_Held.by(entry, certificate_id), key_fingerprint=fingerprint))
            # AWS IoT deletes certificates, so that it does not know an earlier one is nothing to tell of.
            if earlier.ending is not CertificateResult.NOT_FOUND:
                handled.append(earlier)
        return self._with_session(handled)

    def deactivate_issued(self, record: AuditRecord, *, stop: str | None = None) -> tuple[Handled, ...]:
        """Deactivate the certificate that a decision let in, and end the device's session. Safe to repeat.

        Args:
            record: Of the decision.
            stop: The stop that holds the certificate's key from now on; None where the entry or the switch holds it.

        Raises:
            Fault: The tables could not be asked.
        """
        return self._with_session([self._deactivate(_Held.told_by(record), stop)])

    def beside(self, record: AuditRecord, *, key_fingerprint: str | None) -> Iterator[AuditRecord]:
        """What a device was let in with by a certificate of its own, and by others of the same key.

        Args:
            record: Of the decision that let the certificate in.
            key_fingerprint: Of its public key; None leaves the key out.

        Raises:
            Fault: The tables could not be asked.
        """
        yield from self.records.allows_beside(record, key_fingerprint=key_fingerprint)
        entry = self.devices.device(SerialNumber(record.serial_number or ""))
        if entry is None or key_fingerprint is None:
            return
        # It may have been let in before the audit trail begins.
        for held in (entry.reservation, entry.device_certificate):
            if held and held.key_fingerprint == key_fingerprint and held.certificate_id != record.certificate_id:
                yield replace(record, certificate_id=held.certificate_id, claim_certificate_id=None)

    def deactivate_superseded(self, takeover: AuditRecord, *, key_fingerprint: str | None) -> Handled | None:
        """Deactivate for good the certificate that lost its reservation, and end the live session. Safe to repeat.

        Both contestants have the thing name as client ID, so this ends the session of whichever is connected; the
        winner connects again. Not where a device took over within its rotation, for the session is its own. A repeat
        that finds the certificate inactive ends no session, unless an earlier one could not end it.

        Args:
            takeover: The decision that gave the reservation to another certificate.
            key_fingerprint: Of the certificate that lost it, as it is on record.

        Returns:
            None where the device may use the certificate again, since it took over in its turn.

        Raises:
            CertificateOutOfReach: AWS IoT did not deactivate it; the gate denies it nevertheless.
            Fault: The tables could not be asked.
        """
        is_rotation = takeover.reason == AllowRule.ROTATION
        held = _Held(
            certificate_id=takeover.superseded_certificate_id or "",
            serial_number=SerialNumber(takeover.serial_number or ""),
            key_fingerprint=key_fingerprint,
            manufacturer=takeover.manufacturer,
            decision_id=takeover.decision_id,
        )
        try:
            found = self.certificates.describe(held.certificate_id)
        except CertificateOutOfReach as error:
            is_noted = self._note_superseded(held, key_fingerprint, is_news=False)
            if error.obstacle is not Obstacle.NOT_FOUND:
                raise
            return self._handled(held, CertificateResult.NOT_FOUND) if is_noted else None
        can_connect = found.status not in _CANNOT_CONNECT
        if not self._note_superseded(held, key_fingerprint or found.key_fingerprint, is_news=can_connect):
            return None
        done = self._handled(held, CertificateResult.DEACTIVATED if can_connect else CertificateResult.UNCHANGED)
        if can_connect:
            self.certificates.deactivate(held.certificate_id)
        if is_rotation or not (can_connect or self._is_session_left(held)):
            return done
        session = self.sessions.end(held.serial_number)
        if session is SessionResult.NOT_ENDED and can_connect:
            self.devices.append(self._record(OperatorAction.CERTIFICATE_OUT_OF_REACH, held))
        elif session is not SessionResult.NOT_ENDED and not can_connect:
            self.devices.append(self._record(OperatorAction.DEACTIVATE_CERTIFICATE, held))
        return replace(done, session=session)

    def deactivate_claim(self, record: AuditRecord) -> Handled:
        """Deactivate a claim certificate itself. Safe to repeat.

        Args:
            record: Names it, as the certificate and as the claim certificate.

        Raises:
            Fault: The tables could not be asked.
        """
        certificate_id, ending = record.certificate_id or "", CertificateResult.UNCHANGED
        try:
            if self.certificates.status(certificate_id) not in _CANNOT_CONNECT:
                self.devices.append(record)
                self.certificates.deactivate(certificate_id)
                ending = CertificateResult.DEACTIVATED
        except CertificateOutOfReach as error:
            ending = CertificateResult(error.obstacle.value)
            if error.obstacle is not Obstacle.NOT_FOUND:
                self.devices.append(replace(record, action=OperatorAction.CERTIFICATE_OUT_OF_REACH.value))
        return Handled(certificate_id=certificate_id, serial_number=None, ending=ending)

    def activate(self, entry: AllowListEntry) -> tuple[Handled, ...]:
        """Activate the certificates of a device again that a stop deactivated, if nothing stops them any more.

        Safe to repeat. What was inactive before the stop stays so.

        Raises:
            Fault: The tables could not be asked.
        """
        return tuple(self._activate(entry, certificate_id) for certificate_id in sorted(entry.deactivated_certificates))

    def activate_issued(self, record: AuditRecord, *, stop: str) -> tuple[Handled, ...]:
        """Lift a stop from the key of a certificate that a decision let in; activate what no other stop holds.

        Returns:
            What became of the device's certificates; nothing where the stop does not hold the key.

        Raises:
            Fault: The tables could not be asked.
        """
        held = _Held.told_by(record)
        try:
            fingerprint = held.key_fingerprint or self.certificates.describe(held.certificate_id).key_fingerprint
        except CertificateOutOfReach as error:
            return (self._out_of_reach(error.obstacle, held),)
        key = self.keys.key(fingerprint) if fingerprint else None
        if key is None or stop not in key.stops:
            return ()
        entry = self.devices.device(held.serial_number)
        handled: tuple[Handled, ...] = ()
        if entry is not None:
            handled = tuple(
                self._activate(entry, one, key.fingerprint if one == held.certificate_id else None, lifted=stop)
                for one in sorted(entry.deactivated_certificates)
            )
        # Last: where it was cut off, or AWS IoT refused, the next run finds it.
        if not FAILURES & {one.ending for one in handled}:
            change = KeyChange(fingerprint=key.fingerprint, serial_number=held.serial_number.value, released_stop=stop)
            self.keys.change(change, self._record(OperatorAction.RELEASE_KEY, held, key.fingerprint))
        return handled or (self._handled(held, CertificateResult.UNCHANGED),)

    def is_stopped(self, entry: AllowListEntry) -> bool:
        """Whether the device, its manufacturer or its import is in quarantine, or it is retired."""
        return entry.hold is not Hold.NONE or self.switch.switch().stop_of(entry) is not None

    def _deactivate(self, held: _Held, stop: str | None = None) -> Handled:
        try:
            found = self.certificates.describe(held.certificate_id)
        except CertificateOutOfReach as error:
            if stop is not None and held.key_fingerprint is not None:
                # Whatever AWS IoT says, the gate lets nobody in with the key.
                self._note_stopped(held, held.key_fingerprint, stop, is_active=False, is_news=False)
            return self._out_of_reach(error.obstacle, held)
        fingerprint = held.key_fingerprint or found.key_fingerprint
        can_connect = found.status not in _CANNOT_CONNECT
        # Noted before it happens: whatever is cut off in between, a release knows what to activate.
        is_active = found.status is CertificateStatus.ACTIVE
        self._note_stopped(held, fingerprint, stop, is_active=is_active, is_news=can_connect)
        held = replace(held, key_fingerprint=fingerprint)
        if not can_connect:
            return self._handled(held, CertificateResult.UNCHANGED)
        try:
            self.certificates.deactivate(held.certificate_id)
        except CertificateOutOfReach as error:
            return self._out_of_reach(error.obstacle, held)
        return self._handled(held, CertificateResult.DEACTIVATED)

    def _note_stopped(
        self, held: _Held, fingerprint: str | None, stop: str | None, *, is_active: bool, is_news: bool
    ) -> None:
        """Note on the key which stop holds it, and on the entry that its release activates the certificate again.

        Also where no stop stands on the key it is assigned, or a certificate from before key assignments could be
        given to another serial number.

        Args:
            is_news: Whether it is to be on record though nothing is noted.
        """

        def attempt() -> None:
            change = None
            if fingerprint is not None:
                change = KeyChange(fingerprint=fingerprint, serial_number=held.serial_number.value, stop=stop)
                change = None if change.is_made(self.keys.key(fingerprint)) else change
            entry = self.devices.device(held.serial_number)
            record = self._record(OperatorAction.DEACTIVATE_CERTIFICATE, held, fingerprint)
            if entry is not None and is_active:
                noted = entry.with_deactivated(held.certificate_id)
                if self.devices.change(noted, replace(record, entry_version=noted.version), key=change) is not None:
                    raise Overtaken
            elif change is not None:
                self.keys.change(change, record)
            elif is_news:
                self.devices.append(record)

        until_written(attempt)

    def _is_session_left(self, held: _Held) -> bool:
        """Whether an earlier run deactivated the certificate and could not end the live session."""
        done = self.records.last_action_on(_subject(held.serial_number), held.certificate_id)
        return done is not None and done.action == OperatorAction.CERTIFICATE_OUT_OF_REACH

    def _note_superseded(self, held: _Held, fingerprint: str | None, *, is_news: bool) -> bool:
        """Note that a certificate lost its place: the gate denies it, and no release activates it.

        Args:
            is_news: Whether it is to be on record though nothing is noted.

        Returns:
            Whether it did; not where the device may use it again.
        """

        def attempt() -> bool:
            entry = self.devices.device(held.serial_number)
            if entry is not None and held.certificate_id in entry.certificate_ids:
                return False
            change = None
            if fingerprint is not None:
                change = supersession(
                    entry,
                    fingerprint=fingerprint,
                    serial_number=held.serial_number.value,
                    certificate_id=held.certificate_id,
                )
                change = None if change.is_made(self.keys.key(fingerprint)) else change
            record = self._record(OperatorAction.DEACTIVATE_CERTIFICATE, held, fingerprint)
            if entry is not None and (change is not None or held.certificate_id in entry.deactivated_certificates):
                # If the entry is as it was judged: else the device may have come back with the certificate or its key.
                noted = entry.without_deactivated(held.certificate_id)
                if self.devices.change(noted, replace(record, entry_version=noted.version), key=change) is not None:
                    raise Overtaken
            elif change is not None:
                self.keys.change(change, record)
            elif is_news and fingerprint is None:
                self.devices.append(record)
            return True

        return until_written(attempt)

    def _activate(
        self, entry: AllowListEntry, certificate_id: str, fingerprint: str | None = None, *, lifted: str | None = None
    ) -> Handled:
        held = _Held.by(entry, certificate_id)
        if self.is_stopped(entry):
            return self._handled(held, CertificateResult.STILL_STOPPED)
        try:
            found = self.certificates.describe(certificate_id)
            key_fingerprint = fingerprint or held.key_fingerprint or found.key_fingerprint
            if self._is_key_stopped(key_fingerprint, certificate_id, lifted):
                return self._handled(held, CertificateResult.STILL_STOPPED)
            was_inactive = found.status is CertificateStatus.INACTIVE
            if was_inactive:
                self.certificates.activate(certificate_id)
            now = self._forget(held, OperatorAction.ACTIVATE_CERTIFICATE)
            is_stopped_again = now is not None and self.is_stopped(now)
            is_stopped_again |= self._is_key_stopped(key_fingerprint, certificate_id, lifted)
            if was_inactive and is_stopped_again:
                # Somebody stopped it meanwhile, and found the certificate inactive still.
                return replace(self._deactivate(held), ending=CertificateResult.STILL_STOPPED)
        except CertificateOutOfReach as error:
            if error.obstacle is Obstacle.NOT_FOUND:
                self._forget(held, OperatorAction.CERTIFICATE_OUT_OF_REACH)
            return self._out_of_reach(error.obstacle, held)
        return self._handled(held, CertificateResult.ACTIVATED if was_inactive else CertificateResult.UNCHANGED)

    def _is_key_stopped(self, fingerprint: str | None, certificate_id: str, lifted: str | None) -> bool:
        key = self.keys.key(fingerprint) if fingerprint is not None else None
        return key is not None and replace(key, stops=key.stops - {lifted}).is_deactivated(certificate_id)

    def _forget(self, held: _Held, action: OperatorAction) -> AllowListEntry | None:
        """Note that no release has to activate a certificate any more; the entry as it stands then."""
        now: AllowListEntry | None = self.devices.device(held.serial_number)

        def attempt() -> AllowListEntry | None:
            nonlocal now
            record = self._record(action, held)
            if now is None:  # somebody took it off the allow-list
                self.devices.append(record)
                return None
            changed = now.without_deactivated(held.certificate_id)
            lost = self.devices.change(changed, replace(record, entry_version=changed.version))
            if lost is None:
                return changed
            now = lost.entry or self.devices.device(held.serial_number)
            raise Overtaken

        return until_written(attempt)

    def _with_session(self, handled: list[Handled]) -> tuple[Handled, ...]:
        """End the device's session, if its certificates can connect no more; the first tells how that ended."""
        endings = {one.ending for one in handled} - {CertificateResult.NOT_FOUND}
        serial_number = handled[0].serial_number if handled else None
        if serial_number is None or not endings or endings & FAILURES:
            return tuple(handled)
        return (replace(handled[0], session=self.sessions.end(serial_number)), *handled[1:])

    def _out_of_reach(self, obstacle: Obstacle, held: _Held) -> Handled:
        if obstacle is not Obstacle.NOT_FOUND:
            self.devices.append(self._record(OperatorAction.CERTIFICATE_OUT_OF_REACH, held))
        return self._handled(held, CertificateResult(obstacle.value))

    def _record(self, action: OperatorAction, held: _Held, fingerprint: str | None = None) -> AuditRecord:
        return replace(
            self.operator.record(action),
            serial_number=held.serial_number.value,
            manufacturer=held.manufacturer,
            claim_certificate_id=held.claim_certificate_id,
            certificate_id=held.certificate_id,
            decision_id=held.decision_id,
            key_fingerprint=fingerprint or held.key_fingerprint,
        )

    @staticmethod
    def _handled(held: _Held, ending: CertificateResult) -> Handled:
        return Handled(
            certificate_id=held.certificate_id,
            serial_number=held.serial_number,
            ending=ending,
            key_fingerprint=held.key_fingerprint,
        )


def _subject(serial_number: SerialNumber) -> str:
    return device_subject(serial_number.value)


_CANNOT_CONNECT = frozenset({CertificateStatus.INACTIVE, CertificateStatus.REVOKED})
