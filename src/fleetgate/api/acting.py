"""What every action over HTTP has in common: who acts, certificates in AWS IoT, and as much as there is time for."""

import os
import time
from functools import cache
from http import HTTPStatus
from typing import Any, TypeVar

import botocore.session
from botocore.config import Config

from fleetgate.api import orders, stack
from fleetgate.api.caller import masked
from fleetgate.api.cursors import CursorKind, InvalidCursor
from fleetgate.api.problems import HttpProblem
from fleetgate.api.settings import ActionSettings
from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.documents import device_document
from fleetgate.domain.operator_action import Change, Operator
from fleetgate.operators.certificates import CertificateService
from fleetgate.operators.claim_store import ClaimStore
from fleetgate.operators.device_store import DeviceStore
from fleetgate.operators.documents import certificates_document, meanwhile_document
from fleetgate.operators.key_store import KeyStore
from fleetgate.operators.manufacturer_store import ManufacturerStore
from fleetgate.operators.many_certificates import Batch
from fleetgate.operators.stop_store import StopStore
from fleetgate.operators.stops import Stopper
from fleetgate.operators.switch_store import SwitchStore
from fleetgate.operators.tally import Tally
from fleetgate.store.certificates import Certificates, Sessions

# AWS IoT lets an account make ten calls a second; the adaptive mode slows down to what it lets through.
_PATIENTLY = Config(connect_timeout=2, read_timeout=5, retries={"mode": "adaptive", "total_max_attempts": 5})
# What a handful of certificates may take, and the answer.
_A_HANDFUL_TAKES_MILLISECONDS = 12_000

# What may stand in the way of any action, for its OpenAPI document.
ERRORS = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)

# Waits some seconds, where a stop has to.
sleep = time.sleep

_Place = TypeVar("_Place")


@cache
def devices() -> DeviceStore:
    """The devices, as operators change them."""
    return DeviceStore(stack.tables())


@cache
def claims() -> ClaimStore:
    """The claim certificates, as operators change them."""
    return ClaimStore(stack.tables())


@cache
def switch() -> SwitchStore:
    """The switch, as operators change it."""
    return SwitchStore(stack.tables())


@cache
def manufacturers() -> ManufacturerStore:
    """The manufacturers, as operators change them."""
    return ManufacturerStore(stack.tables())


@cache
def keys() -> KeyStore:
    """The key assignments, as operators change them."""
    return KeyStore(stack.tables())


@cache
def stops() -> StopStore:
    """What stops ask of the audit table."""
    return StopStore(stack.tables())


def operator_of(router: Any, order: orders.Order) -> Operator:
    """Whoever sent the order, with their words."""
    return stack.Asking.of(router.current_event.raw_event).operator(order.reason)


def service_of(operator: Operator) -> CertificateService:
    """Deactivates and activates device certificates for an operator."""
    session = botocore.session.get_session()
    iot, iot_data = (session.create_client(name, config=_PATIENTLY) for name in ("iot", "iot-data"))
    return CertificateService(
        devices=devices(),
        keys=keys(),
        switch=switch(),
        records=stops(),
        certificates=Certificates(iot),
        sessions=Sessions(iot_data, action_settings().thing_name_prefix),
        operator=operator,
    )


def stopper_of(service: CertificateService) -> Stopper:
    """Writes stops and sees them through."""
    return Stopper(store=stops(), service=service, sleep=sleep)


def has_time(router: Any) -> bool:
    """Whether there is time for another handful of certificates."""
    return bool(router.lambda_context.get_remaining_time_in_millis() > _A_HANDFUL_TAKES_MILLISECONDS)


def changed_meanwhile(what: str) -> HttpProblem:
    """The problem that somebody did the opposite since the answer that the cursor is from."""
    return HttpProblem(
        HTTPStatus.CONFLICT,
        "changed_meanwhile",
        f"Somebody changed {what} since: nothing was done. To do it all the same, send it without the cursor.",
    )


def device_seen_by(router: Any, entry: AllowListEntry) -> dict[str, Any]:
    """An allow-list entry, as far as the caller may see it."""
    document = device_document(entry)
    return document if stack.Asking.of(router.current_event.raw_event).sees_all else masked(document)


def result_of(result: str, change: Change[Any]) -> dict[str, Any]:
    """How an action ended."""
    return {
        "result": result if change.record else "unchanged",
        "record_id": change.record and change.record.record_id,
    }


def meanwhile_of(tally: Tally | None) -> dict[str, Any] | None:
    """Who was let in while a stop was written; None where nothing was stopped."""
    return None if tally is None else meanwhile_document(tally)


def report_of(tally: Tally) -> dict[str, Any]:
    """What became of certificates that were all looked at."""
    return {**(certificates_document(tally) or {}), "next_cursor": None}


def report_of_batch(batch: Batch[Any], about: str) -> dict[str, Any]:
    """What became of some certificates, with a cursor where there are more."""
    document = report_of(batch.tally)
    if not batch.next_cursor:
        return document
    cursor = stack.cursors().give(CursorKind.CERTIFICATES, {"about": about, "place": batch.next_cursor})
    return {**document, "complete": False, "next_cursor": cursor}


@cache
def action_settings() -> ActionSettings:
    """What the function is told from outside."""
    return ActionSettings.from_environment(os.environ)


def place_of(cursor: str | None, about: str, beginning: _Place) -> _Place:
    """Where an action goes on.

    Raises:
        InvalidCursor: The cursor was not given out, or for another action.
    """
    if cursor is None:
        return beginning
    content = stack.cursors().take(CursorKind.CERTIFICATES, cursor)
    if content["about"] != about:
        raise InvalidCursor("the cursor belongs to another action")
    place: _Place = content["place"]
    return place
