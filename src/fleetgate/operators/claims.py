"""Register, block and release claim certificates: who may ask on behalf of which devices."""

from collections.abc import Callable
from dataclasses import replace

from fleetgate.domain.audit import AuditRecord, OperatorAction
from fleetgate.domain.claim import ClaimCertificate, ClaimStatus
from fleetgate.domain.operator_action import Change, Operator
from fleetgate.domain.refusals import Refusal, RefusalCode
from fleetgate.operators.claim_store import ClaimStore
from fleetgate.store.faults import Overtaken, until_written


def register_claim(claim: ClaimCertificate, *, store: ClaimStore, operator: Operator) -> Change[ClaimCertificate]:
    """Let devices in that ask with a claim certificate, within its scope. Safe to repeat.

    A registration that has run out is replaced; any other stays as it is.

    Args:
        claim: A fresh registration, active.

    Raises:
        Refusal: It is a device's certificate, or the claim certificate is blocked or registered with another scope.
        Fault: The tables could not be asked.
    """

    def attempt() -> Change[ClaimCertificate]:
        registered = store.claim(claim.certificate_id)
        if registered == claim:
            return Change(claim, None)
        if (owner := store.device_of(claim.certificate_id)) is not None:
            raise _of_a_device(claim.certificate_id, owner)
        record = _about(claim, operator.record(OperatorAction.REGISTER_CLAIM))
        if registered is not None:
            _must_be_replaceable(registered, record)
        if store.register(claim, record, replacing=registered):
            return Change(claim, record)
        raise Overtaken

    return until_written(attempt)


def block_claim(certificate_id: str, *, store: ClaimStore, operator: Operator) -> Change[ClaimCertificate]:
    """Have the gate deny every device that asks with a claim certificate. Safe to repeat.

    Device certificates that were issued through it stay valid.

    Raises:
        Refusal: The claim certificate is not registered.
        Fault: The tables could not be asked.
    """
    return _set(certificate_id, ClaimStatus.BLOCKED, store.block, store, operator.record(OperatorAction.BLOCK_CLAIM))


def release_claim(certificate_id: str, *, store: ClaimStore, operator: Operator) -> Change[ClaimCertificate]:
    """End a block: the claim certificate is good for what it was registered for, as before. Safe to repeat.

    Raises:
        Refusal: The claim certificate is not registered.
        Fault: The tables could not be asked.
    """
    return _set(certificate_id, ClaimStatus.ACTIVE, store.release, store, operator.record(OperatorAction.RELEASE_CLAIM))


def _set(
    certificate_id: str,
    wanted: ClaimStatus,
    write: Callable[[str, AuditRecord], bool],
    store: ClaimStore,
    record: AuditRecord,
) -> Change[ClaimCertificate]:

    def attempt() -> Change[ClaimCertificate]:
        registered = store.claim(certificate_id)
        if registered is None:
            raise not_registered(certificate_id)
        if registered.status is wanted:
            return Change(registered, None)
        about = _about(registered, record)
        if write(certificate_id, about):
            return Change(replace(registered, status=wanted), about)
        raise Overtaken

    return until_written(attempt)


def not_registered(certificate_id: str) -> Refusal:
    """The refusal for a claim certificate that the gate does not know."""
    return Refusal(
        RefusalCode.CLAIM_CERTIFICATE_NOT_REGISTERED,
        f"claim certificate {certificate_id} is not registered: the gate denies it anyway unless the stack has "
        "RequireRegisteredClaims=false; then register it first with fleetgate claim register.",
    )


def not_in_aws_iot(certificate_id: str) -> Refusal:
    """The refusal for a certificate that AWS IoT does not have."""
    return Refusal(
        RefusalCode.CERTIFICATE_NOT_IN_AWS_IOT,
        f"AWS IoT has no certificate {certificate_id} in this account and region: check the ID. A claim from "
        "CreateProvisioningClaim, which AWS IoT does not list, is registered with --unlisted.",
    )


def _of_a_device(certificate_id: str, serial_number: str) -> Refusal:
    return Refusal(
        RefusalCode.CERTIFICATE_OF_A_DEVICE,
        f"certificate {certificate_id} is the device certificate of {serial_number}: it can be no claim certificate. "
        "Create one with fleetgate claim create; if somebody else has its key, quarantine the device.",
    )


def _about(claim: ClaimCertificate, record: AuditRecord) -> AuditRecord:
    # Filed under the claim certificate even where it may enrol one device only: the scope says nothing of the device.
    return replace(record, claim_certificate_id=claim.certificate_id, manufacturer=claim.manufacturer)


def _must_be_replaceable(registered: ClaimCertificate, record: AuditRecord) -> None:
    if registered.status is ClaimStatus.BLOCKED:
        raise Refusal(
            RefusalCode.CLAIM_CERTIFICATE_BLOCKED,
            f"claim certificate {registered.certificate_id} is blocked: end a mistaken block with "
            "fleetgate claim release, else create a new one with fleetgate claim create.",
        )
    if registered.expires_at is None or record.recorded_at < registered.expires_at:
        raise Refusal(
            RefusalCode.CLAIM_CERTIFICATE_REGISTERED_OTHERWISE,
            f"claim certificate {registered.certificate_id} is already registered with another scope, which stays: "
            "see fleetgate claim list; for another scope block it and create a new one.",
        )
