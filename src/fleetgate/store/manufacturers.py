"""Registered manufacturers as items of the allow-list table, and as they are read. The hook has no use for them."""

from datetime import datetime
from typing import Any

from pynamodb.attributes import (
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    UTCDateTimeAttribute,
)

from fleetgate.domain.likeness import as_people_see
from fleetgate.domain.manufacturer import Manufacturer
from fleetgate.domain.refusals import unknown_manufacturer
from fleetgate.store.allow_list import Page, page_of, readable
from fleetgate.store.allow_list_items import AllowListItem
from fleetgate.store.faults import faults_translated
from fleetgate.store.tables import StackTables, TableSettings

LISTING = "manufacturers"
# A stack has dozens.
_MAX_MANUFACTURERS = 10_000


class ManufacturerItem(AllowListItem, discriminator="manufacturer"):
    """One registered manufacturer, with its profile."""

    serial_numbers = UnicodeSetAttribute(null=True)
    mac_prefixes = UnicodeSetAttribute(null=True)
    templates = UnicodeSetAttribute(null=True)
    thing_groups = UnicodeSetAttribute(null=True)
    rows_per_day = NumberAttribute(null=True)
    columns: MapAttribute[str, Any] = MapAttribute(null=True)
    version = NumberAttribute()
    updated_at = UTCDateTimeAttribute()


class ManufacturerLookItem(AllowListItem, discriminator="manufacturer_look"):
    """Whose name it is that people see in this way: this is what keeps names apart."""

    name = UnicodeAttribute()


class ManufacturerReader:
    """The manufacturers of one stack, read. Every method raises Fault when the table cannot answer."""

    def __init__(self, tables: TableSettings | StackTables) -> None:
        self._tables = StackTables.of(tables)

    def find(self, name: str) -> Manufacturer | None:
        """A registered manufacturer, with its profile, strongly consistent."""
        item = self._tables.get(ManufacturerItem, manufacturer_key(name))
        if item is None:
            return None
        with faults_translated():
            return readable(item, manufacturer_from)

    def known(self, name: str) -> Manufacturer:
        """The manufacturer that somebody names.

        Raises:
            Refusal: It is not registered.
        """
        registered = self.find(name)
        if registered is None:
            raise unknown_manufacturer(name, (one.name for one in self.all()))
        return registered

    def all(self) -> tuple[Manufacturer, ...]:
        """Every registered manufacturer. One that was registered a moment ago may be missing."""
        return self.listed(limit=_MAX_MANUFACTURERS).items

    def listed(self, *, limit: int) -> Page[Manufacturer]:
        """Registered manufacturers by name. One that was registered a moment ago may be missing."""
        with self._tables.asked():
            return page_of(ManufacturerItem.by_listing.query(LISTING, limit=limit + 1), manufacturer_from, limit)

    def looking_like(self, name: str) -> str | None:
        """The registered name that people take for this one, strongly consistent; it may be this one."""
        item = self._tables.get(ManufacturerLookItem, look_key(name))
        return None if item is None else str(item.name)


def manufacturer_key(name: str) -> str:
    """The key of a manufacturer."""
    return f"manufacturer#{name}"


def look_key(name: str) -> str:
    """The key of what people see of a manufacturer's name."""
    return f"manufacturer-look#{as_people_see(name)}"


def manufacturer_from(item: ManufacturerItem) -> Manufacturer:
    """The manufacturer of an item."""
    return Manufacturer(
        name=item.pk.removeprefix("manufacturer#"),
        serial_numbers=frozenset(item.serial_numbers or ()),
        mac_prefixes=frozenset(item.mac_prefixes or ()),
        templates=frozenset(item.templates or ()),
        thing_groups=frozenset(item.thing_groups or ()),
        rows_per_day=None if item.rows_per_day is None else int(item.rows_per_day),
        columns=dict(item.columns.attribute_values) if item.columns else {},
        version=int(item.version),
    )


def manufacturer_item_from(manufacturer: Manufacturer, *, now: datetime) -> ManufacturerItem:
    """The item of a manufacturer."""
    return ManufacturerItem(
        pk=manufacturer_key(manufacturer.name),
        listing=LISTING,
        serial_numbers=set(manufacturer.serial_numbers) or None,
        mac_prefixes=set(manufacturer.mac_prefixes) or None,
        templates=set(manufacturer.templates) or None,
        thing_groups=set(manufacturer.thing_groups) or None,
        rows_per_day=manufacturer.rows_per_day,
        columns=dict(manufacturer.columns) or None,
        version=manufacturer.version,
        updated_at=now,
    )


def look_item_of(manufacturer: Manufacturer) -> ManufacturerLookItem:
    """The item that keeps the names that people take for a manufacturer's from others."""
    return ManufacturerLookItem(look_key(manufacturer.name), name=manufacturer.name)
