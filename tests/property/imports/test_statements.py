"""What an import inserts is, attribute for attribute, what the models of the table write."""

import re
import string
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fleetgate.domain.allow_list import AllowListEntry, Hold, Purpose
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.imports.store.rows import mac_assignment_item
from fleetgate.imports.store.statements import NewItem, new_device, new_key_assignment, new_mac_assignment
from fleetgate.store.allow_list_items import item_from, new_key_item
from harness.builders import current_certificate, reservation
from tests.property.gate.strategies import serial_numbers, unicast_octets

_TABLE = "allow-list-1"
_INSERTION = re.compile(r'INSERT INTO "allow-list-1" VALUE \{(.*)\}')
_PAIR = re.compile(r"'(\w+)': (\?|'\w+'|\d+)")
_WORDS = st.text(min_size=1, max_size=20) | st.sampled_from(["O'Neill", '"', "?", "'a': ?", "a, b"])
_PLAIN = string.ascii_letters + string.digits + "_.,@/:#-"


def _moments() -> st.SearchStrategy[datetime]:
    zones = st.sampled_from([UTC, timezone(timedelta(hours=-7)), timezone(timedelta(hours=5, minutes=30))])
    return st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=zones)  # noqa: DTZ001 - the zone comes extra


@st.composite
def _entries(draw: st.DrawFn) -> AllowListEntry:
    start, end = sorted(draw(st.lists(_moments(), min_size=2, max_size=2, unique=True)))
    used = draw(st.sampled_from(["no", "reserved", "provisioned", "both"]))
    attributes = st.dictionaries(st.text(_PLAIN, min_size=1, max_size=9), st.text(_PLAIN, min_size=1, max_size=9))
    return AllowListEntry(
        serial_number=SerialNumber(draw(serial_numbers())),
        manufacturer=draw(_WORDS),
        mac_addresses=frozenset(MacAddress(octets.hex(":")) for octets in draw(st.lists(unicast_octets(), max_size=4))),
        templates=draw(st.frozensets(st.text(string.ascii_letters, min_size=1, max_size=9), max_size=3)),
        valid_from=draw(st.sampled_from([None, start])),
        valid_until=draw(st.sampled_from([None, end])),
        attributes=draw(attributes),
        hold=draw(st.sampled_from(Hold)),
        reservation=reservation(purpose=draw(st.sampled_from(Purpose)), taken_over=draw(st.booleans()))
        if used in {"reserved", "both"}
        else None,
        device_certificate=current_certificate() if used in {"provisioned", "both"} else None,
        reprovisioning_count=draw(st.integers(0, 10**12)),
        repair_window_until=draw(st.none() | _moments()),
        is_revoked=used == "no" and draw(st.booleans()),
        import_id=draw(st.none() | _WORDS),
        import_line=draw(st.none() | st.integers(1, 10**7)),
        first_import_id=draw(st.none() | _WORDS),
        changed_from=draw(attributes),
        version=draw(st.integers(1, 10**12)),
    )


def _inserted(item: NewItem) -> dict[str, Any]:
    """The attributes that a statement inserts."""
    statement = item.insertion(_TABLE)
    values = _INSERTION.fullmatch(statement["Statement"])
    assert values
    pairs = _PAIR.findall(values[1])
    assert ", ".join(f"'{name}': {value}" for name, value in pairs) == values[1]
    parameters = iter(statement["Parameters"])
    attributes = {
        name: next(parameters) if value == "?" else {"S": value[1:-1]} if value.startswith("'") else {"N": value}
        for name, value in pairs
    }
    assert next(parameters, None) is None
    assert len(attributes) == len(pairs)
    return attributes


def _in_order(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes whose sets are in order."""
    return {
        name: {kind: sorted(value) if kind == "SS" else value for kind, value in typed.items()}
        for name, typed in attributes.items()
    }


@given(_entries(), _moments())
def test_a_device_is_inserted_as_its_model_writes_it(entry: AllowListEntry, now: datetime) -> None:
    assert _in_order(_inserted(new_device(entry, now=now))) == _in_order(item_from(entry, now=now).serialize())


@given(_entries(), unicast_octets())
def test_a_mac_assignment_is_inserted_as_its_model_writes_it(entry: AllowListEntry, octets: bytes) -> None:
    mac_address = MacAddress(octets.hex(":"))
    assert _inserted(new_mac_assignment(entry, mac_address)) == mac_assignment_item(entry, mac_address).serialize()


@given(_entries(), st.binary(min_size=32, max_size=32), _moments())
def test_a_key_assignment_is_inserted_as_its_model_writes_it(
    entry: AllowListEntry, digest: bytes, now: datetime
) -> None:
    fingerprint = digest.hex()
    inserted = _inserted(new_key_assignment(fingerprint, entry, now=now))
    assert inserted == new_key_item(fingerprint, entry, now=now).serialize()
