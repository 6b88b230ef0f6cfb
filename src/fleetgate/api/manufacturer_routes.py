"""Actions on manufacturers: register one, change its profile. Safe to repeat, and each on record."""

from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from fleetgate.api import orders
from fleetgate.api.acting import ERRORS, manufacturers, operator_of, result_of
from fleetgate.api.application import answered
from fleetgate.domain.documents import manufacturer_document
from fleetgate.domain.manufacturer import Manufacturer
from fleetgate.domain.operator_action import Change
from fleetgate.operators.manufacturers import add_manufacturer, change_manufacturer, warnings_of

router: Any = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

_TAGS = ["manufacturers"]
_CONFLICTS = [one for one in ERRORS if one is not HTTPStatus.NOT_FOUND]


@router.post(
    "/v1/manufacturers/add",
    summary="Register a manufacturer",
    operation_id="addManufacturer",
    tags=_TAGS,
    responses=answered(orders.ManufacturerAction, *_CONFLICTS),
)
def add(order: Annotated[orders.ProfileOrder, Body()]) -> orders.ManufacturerAction:
    """Let a manufacturer deliver lists, which may say what its profile says."""
    manufacturer = Manufacturer(name=order.manufacturer, **order.profile())
    change = add_manufacturer(manufacturer, store=manufacturers(), operator=operator_of(router, order))
    return _answer("added", change)


@router.post(
    "/v1/manufacturers/change",
    summary="Change a manufacturer's profile",
    operation_id="changeManufacturer",
    tags=_TAGS,
    responses=answered(orders.ManufacturerAction, *ERRORS),
)
def change(order: Annotated[orders.ProfileOrder, Body()]) -> orders.ManufacturerAction:
    """Change what the lists of a manufacturer may say. Devices that are on the allow-list already stay as they are."""
    said = order.profile()
    done = change_manufacturer(
        order.manufacturer,
        lambda before: replace(before, **said),
        store=manufacturers(),
        operator=operator_of(router, order),
    )
    return _answer("changed", done)


def _answer(result: str, change: Change[Manufacturer]) -> orders.ManufacturerAction:
    return orders.ManufacturerAction.model_validate(
        {
            **result_of(result, change),
            "manufacturer": manufacturer_document(change.subject),
            "warnings": warnings_of(change.subject, manufacturers().reader),
        }
    )
