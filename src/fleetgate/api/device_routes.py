"""Actions on one device: quarantine, release, retire, reopen. Safe to repeat, and each on record."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from fleetgate.api import fields, orders
from fleetgate.api.acting import (
    ERRORS,
    device_seen_by,
    devices,
    keys,
    meanwhile_of,
    operator_of,
    report_of,
    result_of,
    service_of,
    stopper_of,
    stops,
)
from fleetgate.api.application import answered
from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import OperatorAction
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.domain.operator_action import Change
from fleetgate.operators.devices import quarantine_device, release_device, reopen_device, retire_device
from fleetgate.operators.stops import device_stop
from fleetgate.operators.tally import Handled, Tally

router: Any = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

_ROUTE: dict[str, Any] = {"tags": ["devices"], "responses": answered(orders.DeviceAction, *ERRORS)}
_Order = Annotated[orders.StopOrder, Body()]
_Set = Callable[..., Change[AllowListEntry]]


@router.post(
    "/v1/devices/<serial_number>/quarantine",
    summary="Put a device into quarantine",
    operation_id="quarantineDevice",
    **_ROUTE,
)
def quarantine(serial_number: fields.SerialNumberPath, order: _Order) -> orders.DeviceAction:
    """Have the gate deny a device, deactivate its certificates and end its live session. It takes six seconds."""
    return _stop("quarantined", quarantine_device, OperatorAction.QUARANTINE, serial_number, order)


@router.post("/v1/devices/<serial_number>/release", summary="Release a device", operation_id="releaseDevice", **_ROUTE)
def release(serial_number: fields.SerialNumberPath, order: _Order) -> orders.DeviceAction:
    """End a device's quarantine, and activate the certificates that it deactivated, unless another stop holds them."""
    operator = operator_of(router, order)
    change = release_device(SerialNumber(serial_number), store=devices(), operator=operator)
    return _answer("released", change, _report(order, service_of(operator).activate, change.subject))


@router.post(
    "/v1/devices/<serial_number>/retire", summary="Retire a device for good", operation_id="retireDevice", **_ROUTE
)
def retire(serial_number: fields.SerialNumberPath, order: _Order) -> orders.DeviceAction:
    """Have the gate deny a device for good, whatever later lists say, as a quarantine does until its release."""
    return _stop("retired", retire_device, OperatorAction.RETIRE, serial_number, order)


@router.post(
    "/v1/devices/<serial_number>/reopen", summary="Open a repair window", operation_id="reopenDevice", **_ROUTE
)
def reopen(serial_number: fields.SerialNumberPath, order: Annotated[orders.ReopenOrder, Body()]) -> orders.DeviceAction:
    """Let a device come back through a claim certificate for a while. Once more moves the end of the window."""
    change = reopen_device(
        SerialNumber(serial_number),
        duration=timedelta(seconds=order.seconds),
        store=devices(),
        keys=keys(),
        stops=stops(),
        operator=operator_of(router, order),
    )
    return _answer("reopened", change, None)


def _stop(
    result: str, write: _Set, action: OperatorAction, serial_number: str, order: orders.StopOrder
) -> orders.DeviceAction:
    operator, device = operator_of(router, order), SerialNumber(serial_number)
    service = service_of(operator)
    stopped = stopper_of(service).stop(
        device_stop(device, action), partial(write, device, store=devices(), operator=operator)
    )
    entry = devices().device(device) or stopped.change.subject
    return _answer(result, stopped.change, _report(order, service.deactivate, entry), stopped.meanwhile)


def _report(
    order: orders.StopOrder, handle: Callable[[AllowListEntry], tuple[Handled, ...]], entry: AllowListEntry
) -> dict[str, Any] | None:
    if order.keep_certificates:
        return None
    tally = Tally()
    tally.add(handle(entry))
    return report_of(tally)


def _answer(
    result: str,
    change: Change[AllowListEntry],
    certificates: dict[str, Any] | None,
    meanwhile: Tally | None = None,
) -> orders.DeviceAction:
    return orders.DeviceAction.model_validate(
        {
            **result_of(result, change),
            "device": device_seen_by(router, change.subject),
            "certificates": certificates,
            "meanwhile": meanwhile_of(meanwhile),
        }
    )
