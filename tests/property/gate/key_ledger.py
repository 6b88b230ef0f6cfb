"""Who was given which public key, and which stops hold which certificates: told by what was done, not by the tables."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class KeyLedger:
    """The history of keys and of stops.

    Attributes:
        owners: The serial number that each key was given to first.
        named: The key that the approval of a serial number names.
        held: By stop that is not released, the certificates that it deactivated.
        held_keys: By stop that is not released, the keys that it keeps out altogether.
        superseded: Certificates that were deactivated because another took their place; for good.
    """

    owners: dict[str, str] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
    held: dict[str, frozenset[str]] = field(default_factory=dict)
    held_keys: dict[str, frozenset[str]] = field(default_factory=dict)
    superseded: set[str] = field(default_factory=set)

    def give(self, key: str, serial_number: str) -> None:
        """Note that a key was let in for a serial number."""
        owner = self.owners.setdefault(key, serial_number)
        assert owner == serial_number, "one key was given two serial numbers"

    def hold(self, stop: str, certificate_ids: Iterable[str], keys: Iterable[str] = ()) -> None:
        """Note what a stop deactivated."""
        self.held[stop] = self.held.get(stop, frozenset()) | frozenset(certificate_ids)
        self.held_keys[stop] = self.held_keys.get(stop, frozenset()) | frozenset(keys)

    def release(self, stop: str) -> None:
        """Note that a stop is over."""
        self.held.pop(stop, None)
        self.held_keys.pop(stop, None)

    def is_held(self, certificate_id: str, key: str) -> bool:
        """Whether a stop deactivated a certificate or keeps its key out, and stands."""
        return self.is_deactivated(certificate_id) or any(key in keys for keys in self.held_keys.values())

    def is_deactivated(self, certificate_id: str) -> bool:
        """Whether a stop deactivated a certificate itself, and stands."""
        return certificate_id in self.superseded or any(certificate_id in held for held in self.held.values())

    def lets_in(self, serial_number: str, key: str, certificate_id: str) -> bool:
        """Whether a certificate of a key may be let in for a serial number, as far as keys and stops go."""
        return (
            self.owners.get(key, serial_number) == serial_number
            and self.named.get(serial_number, key) == key
            and not self.is_held(certificate_id, key)
        )

    def keys_of_others(self, serial_number: str) -> list[str]:
        """The keys that other serial numbers were given."""
        return [key for key, owner in self.owners.items() if owner != serial_number]
