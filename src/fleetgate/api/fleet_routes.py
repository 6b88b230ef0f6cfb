"""Actions on many devices: a manufacturer's, an import's, a claim certificate's, everybody's. Safe to repeat."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from fleetgate.api import fields, orders, stack
from fleetgate.api.acting import (
    ERRORS,
    changed_meanwhile,
    claims,
    has_time,
    meanwhile_of,
    operator_of,
    place_of,
    report_of,
    report_of_batch,
    result_of,
    service_of,
    stopper_of,
    switch,
)
from fleetgate.api.application import answered
from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import OperatorAction
from fleetgate.domain.claim import ClaimCertificate, ClaimStatus
from fleetgate.domain.documents import claim_document, switch_document
from fleetgate.domain.gate_switch import GateSwitch
from fleetgate.domain.operator_action import Change
from fleetgate.operators.certificates import CertificateService
from fleetgate.operators.claims import block_claim, release_claim
from fleetgate.operators.issued_certificates import IssuedDeactivation, issued_from
from fleetgate.operators.key_store import claim_stop_name
from fleetgate.operators.many_certificates import devices_in, handle_some
from fleetgate.operators.stops import Stop, claim_stop, gate_stop, import_stop, manufacturer_stop
from fleetgate.operators.switch import (
    quarantine_import,
    quarantine_manufacturer,
    release_import,
    release_manufacturer,
    start_gate,
    stop_gate,
)
from fleetgate.operators.tally import Handled, Tally
from fleetgate.store.allow_list import DevicePage

router: Any = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

_ERRORS = (HTTPStatus.BAD_REQUEST, *ERRORS)
_MANY: dict[str, Any] = {"tags": ["many devices"], "responses": answered(orders.GateAction, *_ERRORS)}
_GATE: dict[str, Any] = {
    "tags": ["many devices"],
    "responses": answered(orders.GateAction, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
}
_CLAIM: dict[str, Any] = {"tags": ["claim certificates"], "responses": answered(orders.ClaimAction, *_ERRORS)}
_QUARANTINED = "quarantined"
_ManyOrder = Annotated[orders.ManyOrder, Body()]
_ManufacturerOrder = Annotated[orders.ManufacturerOrder, Body()]
_Order = Annotated[orders.Order, Body()]
_Handle = Callable[[CertificateService, AllowListEntry], tuple[Handled, ...]]
_BlockOrder = Annotated[orders.BlockOrder, Body()]
_ReleaseClaimOrder = Annotated[orders.ReleaseClaimOrder, Body()]
_Update = Callable[..., Change[GateSwitch]]


@dataclass(frozen=True, slots=True)
class _Whose:
    """Whose devices are meant.

    Attributes:
        pages: Finds them, from some place on.
        is_stopped: Whether they are in quarantine as a whole.
        stop: Their quarantine.
    """

    name: str
    stop: Stop
    pages: Callable[..., Iterator[DevicePage]]
    is_stopped: Callable[[GateSwitch], bool]


@router.post(
    "/v1/manufacturers/quarantine",
    summary="Put a manufacturer into quarantine",
    operation_id="quarantineManufacturer",
    **_MANY,
)
def stop_manufacturer(order: _ManufacturerOrder) -> orders.GateAction:
    """Have the gate deny every device of a manufacturer, and deactivate their certificates as far as there is time."""
    update = partial(quarantine_manufacturer, order.manufacturer)
    return _act(_QUARANTINED, _of_manufacturer(order.manufacturer), update, CertificateService.deactivate, order)


@router.post("/v1/manufacturers/release", summary="Release a manufacturer", operation_id="releaseManufacturer", **_MANY)
def start_manufacturer(order: _ManufacturerOrder) -> orders.GateAction:
    """End a manufacturer's quarantine, and activate the certificates that it deactivated as far as there is time."""
    update = partial(release_manufacturer, order.manufacturer)
    return _act("released", _of_manufacturer(order.manufacturer), update, CertificateService.activate, order)


@router.post(
    "/v1/imports/<import_id>/quarantine",
    summary="Put an import into quarantine",
    operation_id="quarantineImport",
    **_MANY,
)
def stop_import(import_id: fields.ImportIdPath, order: _ManyOrder) -> orders.GateAction:
    """Have the gate deny every device of an import, and deactivate their certificates as far as there is time."""
    update = partial(quarantine_import, import_id, imports=stack.imports())
    return _act(_QUARANTINED, _of_import(import_id), update, CertificateService.deactivate, order)


@router.post("/v1/imports/<import_id>/release", summary="Release an import", operation_id="releaseImport", **_MANY)
def start_import(import_id: fields.ImportIdPath, order: _ManyOrder) -> orders.GateAction:
    """End an import's quarantine, and activate the certificates that it deactivated as far as there is time."""
    update = partial(release_import, import_id, imports=stack.imports())
    return _act("released", _of_import(import_id), update, CertificateService.activate, order)


@router.post("/v1/gate/stop", summary="Stop the gate", operation_id="stopGate", **_GATE)
def stop(order: _Order) -> orders.GateAction:
    """Have the gate deny every device from now on, and deactivate what is let in while that is written.

    It takes six seconds.
    """
    operator = operator_of(router, order)
    write = partial(stop_gate, store=switch(), operator=operator)
    stopped = stopper_of(service_of(operator)).stop(gate_stop(), write)
    return _gate("stopped", stopped.change, None, stopped.meanwhile)


@router.post("/v1/gate/start", summary="Start the gate", operation_id="startGate", **_GATE)
def start(order: _Order) -> orders.GateAction:
    """Have the gate judge devices again, and activate what was deactivated since it was let in meanwhile."""
    operator = operator_of(router, order)
    change = start_gate(store=switch(), operator=operator)
    return _gate("started", change, report_of(stopper_of(service_of(operator)).release_meanwhile(gate_stop())))


@router.post(
    "/v1/claim-certificates/<certificate_id>/block",
    summary="Block a claim certificate",
    operation_id="blockClaimCertificate",
    **_CLAIM,
)
def block(certificate_id: fields.CertificateIdPath, order: _BlockOrder) -> orders.ClaimAction:
    """Have the gate deny every device that asks with a claim certificate. It takes six seconds.

    Device certificates that were issued through it before stay valid unless `deactivate_devices` says otherwise; those
    are deactivated as far as there is time, and no other claim certificate brings them back.
    """
    operator, about = operator_of(router, order), f"block {certificate_id}"
    place = place_of(order.cursor, about, [[certificate_id, ""]])
    service, itself, meanwhile = service_of(operator), Tally(), None
    if order.cursor is None:
        write = partial(block_claim, certificate_id, store=claims(), operator=operator)
        stopped = stopper_of(service).stop(claim_stop(certificate_id), write)
        change, meanwhile = stopped.change, stopped.meanwhile
    else:
        change = _still(certificate_id, ClaimStatus.BLOCKED)
    if not (order.deactivate or order.deactivate_devices):
        return _claim("blocked", change, None, meanwhile)
    if order.deactivate and order.cursor is None:
        about_it = replace(operator.record(OperatorAction.DEACTIVATE_CERTIFICATE), certificate_id=certificate_id)
        itself.add([service.deactivate_claim(replace(about_it, claim_certificate_id=certificate_id))])
    deactivation = IssuedDeactivation(service=service, stop=claim_stop_name(certificate_id))
    issued = issued_from(place, claims()) if order.deactivate_devices else ()
    batch = handle_some(issued, deactivation.handle, should_continue=partial(has_time, router))
    batch.tally.merge(deactivation.rest())
    batch.tally.merge(itself)
    return _claim("blocked", change, report_of_batch(batch, about), meanwhile)


@router.post(
    "/v1/claim-certificates/<certificate_id>/release",
    summary="Release a claim certificate",
    operation_id="releaseClaimCertificate",
    **_CLAIM,
)
def release(certificate_id: fields.CertificateIdPath, order: _ReleaseClaimOrder) -> orders.ClaimAction:
    """Judge devices again that ask with a claim certificate.

    Device certificates that the block deactivated stay so unless `activate_devices` says otherwise; those that no other
    stop holds are activated as far as there is time.
    """
    operator, about = operator_of(router, order), f"release {certificate_id}"
    place = place_of(order.cursor, about, [[certificate_id, ""]])
    if order.cursor is None:
        change = release_claim(certificate_id, store=claims(), operator=operator)
    else:
        change = _still(certificate_id, ClaimStatus.ACTIVE)
    if not order.activate_devices:
        return _claim("released", change, None)
    handle = partial(service_of(operator).activate_issued, stop=claim_stop_name(certificate_id))
    issued = issued_from(place, claims(), with_repeats=True)
    batch = handle_some(issued, handle, should_continue=partial(has_time, router))
    return _claim("released", change, report_of_batch(batch, about))


def _still(certificate_id: str, status: ClaimStatus) -> Change[ClaimCertificate]:
    registered = stack.allow_list().claim(certificate_id)
    if registered is None or registered.status is not status:
        raise changed_meanwhile(f"claim certificate {certificate_id}")
    return Change(registered, None)


def _of_manufacturer(name: str) -> _Whose:
    return _Whose(
        f"manufacturer {name}",
        manufacturer_stop(name),
        partial(stack.allow_list().devices_of_manufacturer, name),
        lambda gate: name in gate.manufacturers,
    )


def _of_import(import_id: str) -> _Whose:
    return _Whose(
        f"import {import_id}",
        import_stop(import_id),
        partial(stack.allow_list().devices_of_import, import_id),
        lambda gate: import_id in gate.imports,
    )


def _act(result: str, whose: _Whose, update: _Update, handle: _Handle, order: orders.ManyOrder) -> orders.GateAction:
    operator, about = operator_of(router, order), f"{result} {whose.name}"
    after = place_of(order.cursor, about, "")
    service, meanwhile = service_of(operator), None
    if order.cursor is not None:
        change = _still_so(whose, is_stopped=result == _QUARANTINED)
    elif result == _QUARANTINED:
        stopped = stopper_of(service).stop(whose.stop, partial(update, store=switch(), operator=operator))
        change, meanwhile = stopped.change, stopped.meanwhile
    else:
        change = update(store=switch(), operator=operator)
    if order.keep_certificates:
        return _gate(result, change, None, meanwhile)
    found = devices_in(whose.pages(after=after or None))
    batch = handle_some(found, partial(handle, service), should_continue=partial(has_time, router))
    return _gate(result, change, report_of_batch(batch, about), meanwhile)


def _still_so(whose: _Whose, *, is_stopped: bool) -> Change[GateSwitch]:
    """The switch, where it still says what the first answer said: going on must not undo what somebody did since."""
    now = stack.allow_list().switch()
    if whose.is_stopped(now) is not is_stopped:
        raise changed_meanwhile(whose.name)
    return Change(now, None)


def _gate(
    result: str, change: Change[GateSwitch], certificates: dict[str, Any] | None, meanwhile: Tally | None = None
) -> orders.GateAction:
    return orders.GateAction.model_validate(
        {
            **result_of(result, change),
            "gate": switch_document(change.subject),
            "certificates": certificates,
            "meanwhile": meanwhile_of(meanwhile),
        }
    )


def _claim(
    result: str, change: Change[ClaimCertificate], certificates: dict[str, Any] | None, meanwhile: Tally | None = None
) -> orders.ClaimAction:
    return orders.ClaimAction.model_validate(
        {
            **result_of(result, change),
            "claim": claim_document(change.subject),
            "certificates": certificates,
            "meanwhile": meanwhile_of(meanwhile),
        }
    )
