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
    operator_of,
    place_of,
    report_of_batch,
    result_of,
    service_of,
    switch,
)
from fleetgate.api.application import answered
from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import OperatorAction
from fleetgate.domain.claim import ClaimCertificate, ClaimStatus
from fleetgate.domain.documents import claim_document, switch_document
from fleetgate.domain.gate_switch import GateSwitch
from fleetgate.domain.operator_action import Change
from fleetgate.operators.certificates import CertificateService, Handled, Tally
from fleetgate.operators.claims import block_claim, release_claim
from fleetgate.operators.issued_certificates import deactivate_issued, issued_from
from fleetgate.operators.many_certificates import devices_in, handle_some
from fleetgate.operators.switch import (
    quarantine_import,
    quarantine_manufacturer,
    release_import,
    release_manufacturer,
    start_gate,
    stop_gate,
)
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
_Update = Callable[..., Change[GateSwitch]]


@dataclass(frozen=True, slots=True)
class _Whose:
    """Whose devices are meant.

    Attributes:
        pages: Finds them, from some place on.
        is_stopped: Whether they are in quarantine as a whole.
    """

    name: str
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
    """Have the gate deny every device from now on."""
    return _gate("stopped", stop_gate(store=switch(), operator=operator_of(router, order)), None)


@router.post("/v1/gate/start", summary="Start the gate", operation_id="startGate", **_GATE)
def start(order: _Order) -> orders.GateAction:
    """Have the gate judge devices again."""
    return _gate("started", start_gate(store=switch(), operator=operator_of(router, order)), None)


@router.post(
    "/v1/claim-certificates/<certificate_id>/block",
    summary="Block a claim certificate",
    operation_id="blockClaimCertificate",
    **_CLAIM,
)
def block(certificate_id: fields.CertificateIdPath, order: Annotated[orders.BlockOrder, Body()]) -> orders.ClaimAction:
    """Have the gate deny every device that asks with a claim certificate.

    Device certificates that were issued through it stay valid unless `deactivate_devices` says otherwise; those are
    deactivated for good, as far as there is time.
    """
    operator, about = operator_of(router, order), f"block {certificate_id}"
    place = place_of(order.cursor, about, [[certificate_id, ""]])
    if order.cursor is None:
        change = block_claim(certificate_id, store=claims(), operator=operator)
    else:
        change = _still_blocked(certificate_id)
    if not (order.deactivate or order.deactivate_devices):
        return _claim("blocked", change, None)
    service, itself = service_of(operator), Tally()
    if order.deactivate and order.cursor is None:
        about_it = replace(operator.record(OperatorAction.BLOCK_CLAIM), certificate_id=certificate_id)
        itself.add([service.deactivate_for_good(None, replace(about_it, claim_certificate_id=certificate_id))])
    handle, goes_on = partial(deactivate_issued, service), partial(has_time, router)
    issued = issued_from(place, claims()) if order.deactivate_devices else ()
    batch = handle_some(issued, handle, should_continue=goes_on)
    batch.tally.merge(itself)
    return _claim("blocked", change, report_of_batch(batch, about))


@router.post(
    "/v1/claim-certificates/<certificate_id>/release",
    summary="Release a claim certificate",
    operation_id="releaseClaimCertificate",
    **_CLAIM,
)
def release(certificate_id: fields.CertificateIdPath, order: _Order) -> orders.ClaimAction:
    """Judge devices again that ask with a claim certificate. Certificates that a block deactivated stay so."""
    change = release_claim(certificate_id, store=claims(), operator=operator_of(router, order))
    return _claim("released", change, None)


def _still_blocked(certificate_id: str) -> Change[ClaimCertificate]:
    registered = stack.allow_list().claim(certificate_id)
    if registered is None or registered.status is not ClaimStatus.BLOCKED:
        raise changed_meanwhile(f"claim certificate {certificate_id}")
    return Change(registered, None)


def _of_manufacturer(name: str) -> _Whose:
    return _Whose(
        f"manufacturer {name}",
        partial(stack.allow_list().devices_of_manufacturer, name),
        lambda gate: name in gate.manufacturers,
    )


def _of_import(import_id: str) -> _Whose:
    return _Whose(
        f"import {import_id}",
        partial(stack.allow_list().devices_of_import, import_id),
        lambda gate: import_id in gate.imports,
    )


def _act(result: str, whose: _Whose, update: _Update, handle: _Handle, order: orders.ManyOrder) -> orders.GateAction:
    operator, about = operator_of(router, order), f"{result} {whose.name}"
    after = place_of(order.cursor, about, "")
    if order.cursor is None:
        change = update(store=switch(), operator=operator)
    else:
        change = _still(whose, is_stopped=result == _QUARANTINED)
    if order.keep_certificates:
        return _gate(result, change, None)
    found = devices_in(whose.pages(after=after or None))
    batch = handle_some(found, partial(handle, service_of(operator)), should_continue=partial(has_time, router))
    return _gate(result, change, report_of_batch(batch, about))


def _still(whose: _Whose, *, is_stopped: bool) -> Change[GateSwitch]:
    """The switch, where it still says what the first answer said: going on must not undo what somebody did since."""
    now = stack.allow_list().switch()
    if whose.is_stopped(now) is not is_stopped:
        raise changed_meanwhile(whose.name)
    return Change(now, None)


def _gate(result: str, change: Change[GateSwitch], certificates: dict[str, Any] | None) -> orders.GateAction:
    return orders.GateAction.model_validate(
        {**result_of(result, change), "gate": switch_document(change.subject), "certificates": certificates}
    )


def _claim(result: str, change: Change[ClaimCertificate], certificates: dict[str, Any] | None) -> orders.ClaimAction:
    return orders.ClaimAction.model_validate(
        {**result_of(result, change), "claim": claim_document(change.subject), "certificates": certificates}
    )
