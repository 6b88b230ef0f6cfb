"""The allow-list table as it is read: single items strongly consistent, lists by index or scan. It writes nothing."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from fleetgate.domain.allow_list import AllowListEntry, KeyAssignment
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.gate_switch import OPEN, GateSwitch
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.store.allow_list_items import (
    SWITCH_KEY,
    AllowListItem,
    ClaimItem,
    DeviceItem,
    KeyItem,
    MacAssignmentItem,
    SwitchItem,
    assignment_key,
    claim_from,
    claim_key,
    device_key,
    entry_from,
    key_assignment_from,
    mac_key,
    switch_from,
)
from fleetgate.store.faults import UnreadableItem, faults_translated
from fleetgate.store.tables import StackTables, TableSettings

# DynamoDB reads a page before it filters it, so a page as small as the limit would mean a call for a handful of items.
SCAN_PAGE_ITEMS = 1000

_Found = TypeVar("_Found")
_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class Page(Generic[_Found]):
    """The first of what was found.

    Attributes:
        more: Whether there is more than was asked for.
    """

    items: tuple[_Found, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class DevicePage:
    """Some of the devices that are looked for.

    Attributes:
        entries: Each with the place behind it.
        place: Behind the page; None at the end.
    """

    entries: tuple[tuple[AllowListEntry, str], ...]
    place: str | None


class AllowList:
    """The allow-list table of one stack, read. Every method raises Fault when the table cannot answer."""

    def __init__(self, tables: TableSettings | StackTables) -> None:
        self._tables = StackTables.of(tables)

    def prime(self) -> None:
        """Build the client."""
        self._tables.connection()

    def device(self, serial_number: SerialNumber) -> AllowListEntry | None:
        """The allow-list entry of a device."""
        return self._one(DeviceItem, device_key(serial_number), entry_from)

    def mac_owner(self, mac_address: MacAddress) -> SerialNumber | None:
        """The serial number that a MAC address belongs to."""
        return self._one(MacAssignmentItem, mac_key(mac_address), lambda item: SerialNumber.parse(item.serial_number))

    def claim(self, certificate_id: str) -> ClaimCertificate | None:
        """The registration of a claim certificate."""
        return self._one(ClaimItem, claim_key(certificate_id), claim_from)

    def devices(self, *, limit: int) -> Page[AllowListEntry]:
        """Allow-list entries in the table's own order, which is none; a scan, so it costs what the table holds."""
        with self._tables.asked():
            return page_of(DeviceItem.scan(page_size=SCAN_PAGE_ITEMS), entry_from, limit)

    def devices_of_import(self, import_id: str, *, after: str | None = None) -> Iterator[DevicePage]:
        """The devices that an import added or changed last; a scan, so it costs what the table holds.

        Args:
            after: A place; None begins at the beginning.
        """
        return self._device_pages(
            (DeviceItem.first_import_id == import_id) | (DeviceItem.import_id == import_id), after
        )

    def devices_named(self, serial_numbers: Iterable[SerialNumber]) -> Iterator[AllowListEntry]:
        """The devices of some serial numbers, as far as they are on the allow-list, strongly consistent."""
        for item in self._named(map(device_key, serial_numbers)):
            if isinstance(item, DeviceItem):
                yield readable(item, entry_from)

    def assignments_named(
        self, import_id: str, mac_addresses: Iterable[MacAddress], key_fingerprints: Iterable[str]
    ) -> Iterator[tuple[MacAddress | KeyAssignment, SerialNumber]]:
        """Those of some MAC addresses and keys that an import assigned, each with its owner, strongly consistent."""
        keys = [*map(mac_key, mac_addresses), *map(assignment_key, key_fingerprints)]
        return _assignments(item for item in self._named(keys) if getattr(item, "import_id", None) == import_id)

    def _named(self, keys: Iterable[str]) -> Iterator[AllowListItem]:
        with self._tables.asked():
            yield from AllowListItem.batch_get(list(keys), consistent_read=True)

    def devices_of_manufacturer(self, name: str, *, after: str | None = None) -> Iterator[DevicePage]:
        """The devices of a manufacturer; a scan, so it costs what the table holds.

        Args:
            after: A place; None begins at the beginning.
        """
        return self._device_pages(DeviceItem.manufacturer == name, after)

    def assignments_of_import(self, import_id: str) -> Iterator[tuple[MacAddress | KeyAssignment, SerialNumber]]:
        """The MAC addresses and the keys that an import assigned, each with its owner.

        A scan, so it costs what the table holds.
        """
        condition = (MacAssignmentItem.import_id == import_id) & AllowListItem.kind.is_in(MacAssignmentItem, KeyItem)
        with self._tables.asked():
            yield from _assignments(
                AllowListItem.scan(filter_condition=condition, page_size=SCAN_PAGE_ITEMS, consistent_read=True)
            )

    def claims(self, *, limit: int, starting_with: str = "") -> Page[ClaimCertificate]:
        """Registered claim certificates by certificate ID, or those whose certificate ID starts with some digits."""
        with self._tables.asked():
            found = ClaimItem.by_listing.query(
                "claims", range_key_condition=AllowListItem.pk.startswith(claim_key(starting_with)), limit=limit + 1
            )
            return page_of(found, claim_from, limit)

    def switch(self) -> GateSwitch:
        """The switch, strongly consistent."""
        return self._one(SwitchItem, SWITCH_KEY, switch_from) or OPEN

    def _device_pages(self, condition: Any, after: str | None) -> Iterator[DevicePage]:
        start = {"pk": {"S": after}} if after else None
        with self._tables.asked():
            found = DeviceItem.scan(
                filter_condition=condition, page_size=SCAN_PAGE_ITEMS, consistent_read=True, last_evaluated_key=start
            )
            for page in found.page_iter:
                items = map(DeviceItem.from_raw_data, page["Items"])
                last = page.get("LastEvaluatedKey")
                yield DevicePage(
                    tuple((readable(item, entry_from), item.pk) for item in items), last["pk"]["S"] if last else None
                )

    def _one(self, model: Any, key: str, read: Callable[[Any], _Read]) -> _Read | None:
        item = self._tables.get(model, key)
        if item is None:
            return None
        with faults_translated():
            return readable(item, read)


def _assignments(items: Iterable[AllowListItem]) -> Iterator[tuple[MacAddress | KeyAssignment, SerialNumber]]:
    for item in items:
        match item:
            case MacAssignmentItem():
                yield MacAddress.parse(item.pk.removeprefix("mac#")), SerialNumber.parse(item.serial_number)
            case KeyItem():
                key = key_assignment_from(item)
                yield key, key.serial_number


def entries_in(pages: Iterable[DevicePage]) -> Iterator[AllowListEntry]:
    """The devices of some pages, one by one."""
    return (entry for page in pages for entry, _ in page.entries)


def page_of(items: Iterable[Any], read: Callable[[Any], _Read], limit: int) -> Page[_Read]:
    """The first items of a query, which has to ask for one more than the limit."""
    found = [readable(item, read) for item in islice(items, limit + 1)]
    return Page(tuple(found[:limit]), more=len(found) > limit)


def readable(item: AllowListItem, read: Callable[[Any], _Read]) -> _Read:
    """What an item says.

    Raises:
        UnreadableItem: It contradicts itself; somebody wrote to it by hand.
    """
    try:
        return read(item)
    except (TypeError, ValueError) as error:
        raise UnreadableItem(f"{item.pk}: {error}") from error
