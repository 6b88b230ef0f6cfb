"""What an import changes of a known device, as people read it: the field, and what it said before and after."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.documents import instant

APPROVAL: Final = "approval"
# What an attribute's name follows.
ATTRIBUTES: Final = "attributes"

# The fields that say who may come in as the device, and until when: each with the entry's field of it. Only a row that
# replaces changes them.
RESTRICTIONS: Mapping[str, str] = {
    "mac_addresses": "mac_addresses",
    "public_key": "key_fingerprint",
    "valid_from": "valid_from",
    "valid_until": "valid_until",
    "templates": "templates",
}


class FieldChange(NamedTuple):
    """One field of a device that changes; empty text where it says nothing.

    Attributes:
        field: A name of `RESTRICTIONS`, `approval`, or `attributes.` and the name of an attribute.
    """

    field: str
    before: str
    after: str

    @property
    def kind(self) -> str:
        """The field, one for all attributes: what changes are counted by."""
        return self.field.partition(".")[0]


def changes_to(entry: AllowListEntry, wanted: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """The fields that change.

    Args:
        wanted: What fields of the entry are to say, each something else than now.
    """
    found = [
        FieldChange(name, _text(getattr(entry, of_entry)), _text(wanted[of_entry]))
        for name, of_entry in RESTRICTIONS.items()
        if of_entry in wanted
    ]
    if "is_revoked" in wanted:
        found.append(FieldChange(APPROVAL, *map(_approval, (entry.is_revoked, wanted["is_revoked"]))))
    if "attributes" in wanted:
        before, after = entry.attributes, wanted["attributes"]
        found += [
            FieldChange(f"{ATTRIBUTES}.{name}", before.get(name, ""), after.get(name, ""))
            for name in sorted({**before, **after})
            if before.get(name) != after.get(name)
        ]
    return tuple(found)


def changes_of_last_import(entry: AllowListEntry) -> tuple[FieldChange, ...]:
    """What the import changed that wrote the entry last, from what the entry keeps of it."""
    return tuple(FieldChange(name, before, _said(entry, name)) for name, before in entry.changed_from.items())


def in_words(changes: Iterable[FieldChange]) -> str:
    """Changes in one line: `valid_until from 2027-01-31T00:00:00Z to 2028-01-31T00:00:00Z`."""
    return ", ".join(f"{one.field} from {one.before or 'nothing'} to {one.after or 'nothing'}" for one in changes)


def _said(entry: AllowListEntry, name: str) -> str:
    """What an entry says in a field."""
    if name == APPROVAL:
        return _approval(entry.is_revoked)
    if name in RESTRICTIONS:
        return _text(getattr(entry, RESTRICTIONS[name]))
    return entry.attributes.get(name.partition(".")[2], "")


def _approval(is_revoked: bool) -> str:
    return "revoked" if is_revoked else "approved"


def _text(value: Any) -> str:
    """A MAC address or a moment, a key or names."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, frozenset):
        return "; ".join(sorted(map(str, value)))
    return instant(value) or ""
