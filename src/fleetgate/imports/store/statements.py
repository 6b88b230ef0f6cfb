"""PartiQL statements that insert new items into the allow-list, never over an existing one.

An import writes a million items. Making a PynamoDB model of each takes longer than sending it, so their attributes
are repeated here; a test holds both to be the same.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from pynamodb.attributes import UTCDateTimeAttribute

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.identifiers import MacAddress
from fleetgate.store.allow_list_items import (
    assignment_key,
    device_certificate_attribute,
    device_key,
    mac_key,
    reservation_attribute,
)

_moment = lru_cache(maxsize=1_000)(UTCDateTimeAttribute().serialize)


class NewItem(NamedTuple):
    """The attributes of one item.

    Attributes:
        own: What differs from item to item, as DynamoDB types it: `{"S": "text"}`.
        shared: Names and values that thousands of items share, numbers and words of our own. They are part of the
            statement's text, since each parameter costs botocore time.
    """

    own: dict[str, Mapping[str, Any]]
    shared: tuple[tuple[str, str | int], ...]

    def insertion(self, table_name: str) -> dict[str, Any]:
        """One statement of a BatchExecuteStatement; it fails with DuplicateItem if the item exists."""
        return {"Statement": _text(table_name, self.shared, tuple(self.own)), "Parameters": [*self.own.values()]}


def new_device(entry: AllowListEntry, *, now: datetime) -> NewItem:
    """The item that `item_from` gives."""
    own: dict[str, Mapping[str, Any]] = {
        "pk": {"S": device_key(entry.serial_number)},
        "manufacturer": {"S": entry.manufacturer},
        "updated_at": {"S": _moment(now)},
    }
    if entry.mac_addresses:
        own["mac_addresses"] = {"SS": [mac_address.value for mac_address in entry.mac_addresses]}
    if entry.templates:
        own["templates"] = {"SS": [*entry.templates]}
    if entry.valid_from is not None:
        own["valid_from"] = {"S": _moment(entry.valid_from)}
    if entry.valid_until is not None:
        own["valid_until"] = {"S": _moment(entry.valid_until)}
    if entry.attributes:
        own["attributes"] = {"M": {name: {"S": value} for name, value in entry.attributes.items()}}
    if entry.reservation is not None:
        own["reservation"] = {"M": reservation_attribute(entry.reservation).to_dynamodb_dict()}
    if entry.device_certificate is not None:
        own["device_certificate"] = {"M": device_certificate_attribute(entry.device_certificate).to_dynamodb_dict()}
    if entry.repair_window_until is not None:
        own["repair_window_until"] = {"S": _moment(entry.repair_window_until)}
    if entry.is_revoked:
        own["is_revoked"] = {"BOOL": True}
    if entry.changed_from:
        own["changed_from"] = {"M": {name: {"S": text} for name, text in entry.changed_from.items()}}
    texts = {
        "key_fingerprint": entry.key_fingerprint,
        "import_id": entry.import_id,
        "first_import_id": entry.first_import_id,
    }
    own |= {name: {"S": text} for name, text in texts.items() if text is not None}
    if entry.import_line is not None:
        own["import_line"] = {"N": str(entry.import_line)}
    shared = (
        ("kind", "device"),
        ("hold", entry.hold.value),
        ("state", entry.state.value),
        ("reprovisioning_count", entry.reprovisioning_count),
        ("version", entry.version),
    )
    return NewItem(own, shared)


def new_mac_assignment(entry: AllowListEntry, mac_address: MacAddress) -> NewItem:
    """The item that `mac_assignment_item` gives."""
    own: dict[str, Mapping[str, Any]] = {
        "pk": {"S": mac_key(mac_address)},
        "serial_number": {"S": entry.serial_number.value},
        "manufacturer": {"S": entry.manufacturer},
    }
    if entry.import_id is not None:
        own["import_id"] = {"S": entry.import_id}
    return NewItem(own, (("kind", "mac"),))


def new_key_assignment(key_fingerprint: str, entry: AllowListEntry, *, now: datetime) -> NewItem:
    """The item that `new_key_item` gives."""
    own: dict[str, Mapping[str, Any]] = {
        "pk": {"S": assignment_key(key_fingerprint)},
        "serial_number": {"S": entry.serial_number.value},
        "is_unused": {"BOOL": True},
        "updated_at": {"S": _moment(now)},
    }
    if entry.import_id is not None:
        own["import_id"] = {"S": entry.import_id}
    return NewItem(own, (("kind", "key"),))


@lru_cache(maxsize=100)
def _text(table_name: str, shared: tuple[tuple[str, str | int], ...], own: tuple[str, ...]) -> str:
    # A word of ours and a number look the same in Python and in PartiQL.
    said = [*(f"'{name}': {value!r}" for name, value in shared), *(f"'{name}': ?" for name in own)]
    return f'INSERT INTO "{table_name}" VALUE {{{", ".join(said)}}}'
