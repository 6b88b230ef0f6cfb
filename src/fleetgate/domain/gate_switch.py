"""The switch of the gate: what operators stopped for the whole fleet, a manufacturer or an import at once."""

from dataclasses import dataclass, field, replace
from typing import Self

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.reasons import DenialReason

# Every decision reads the switch, so it must stay a small item.
MAX_NAMES = 200


class TooManyNames(ValueError):
    """The switch holds as many manufacturers and imports as it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSwitch:
    """What the gate denies whoever asks.

    Attributes:
        is_stopped: Whether everybody is denied.
        manufacturers: Names of manufacturers in quarantine. imports: IDs of imports in quarantine.
        version: Grows with every change; 0 where nobody ever used the switch.
    """

    is_stopped: bool = False
    manufacturers: frozenset[str] = field(default_factory=frozenset)
    imports: frozenset[str] = field(default_factory=frozenset)
    version: int = 0

    def stop_of(self, entry: AllowListEntry) -> DenialReason | None:
        """Why a device is denied by its manufacturer or by an import that wrote its approval; None if it is not."""
        if entry.manufacturer in self.manufacturers:
            return DenialReason.MANUFACTURER_STOPPED
        if {entry.import_id, entry.first_import_id} & self.imports:
            return DenialReason.IMPORT_STOPPED
        return None

    def stopped(self) -> Self:
        """The switch, thrown."""
        return self._changed(replace(self, is_stopped=True))

    def started(self) -> Self:
        """The switch, put back; manufacturers and imports in quarantine stay there."""
        return self._changed(replace(self, is_stopped=False))

    def stopping_manufacturer(self, name: str) -> Self:
        """The switch with a manufacturer in quarantine.

        Raises:
            TooManyNames: There is no room for another name.
        """
        return self._changed(replace(self, manufacturers=self.manufacturers | {name}))

    def releasing_manufacturer(self, name: str) -> Self:
        """The switch without a manufacturer's quarantine."""
        return self._changed(replace(self, manufacturers=self.manufacturers - {name}))

    def stopping_import(self, import_id: str) -> Self:
        """The switch with an import in quarantine.

        Raises:
            TooManyNames: There is no room for another name.
        """
        return self._changed(replace(self, imports=self.imports | {import_id}))

    def releasing_import(self, import_id: str) -> Self:
        """The switch without an import's quarantine."""
        return self._changed(replace(self, imports=self.imports - {import_id}))

    def _changed(self, after: Self) -> Self:
        if after == self:
            return self
        if len(after.manufacturers) + len(after.imports) > MAX_NAMES:
            raise TooManyNames
        return replace(after, version=self.version + 1)


OPEN = GateSwitch()
