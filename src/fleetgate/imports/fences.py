"""What the profile of a manufacturer says about one of its imports, read once for each."""

from dataclasses import dataclass

from fleetgate.domain.likeness import did_you_mean, probably_meant
from fleetgate.domain.manufacturer import Manufacturer
from fleetgate.imports.delivery import NOBODY, Delivery
from fleetgate.imports.reading.errors import FileError, UnreadableFile
from fleetgate.store.manufacturers import ManufacturerReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Fences:
    """Keeps manufacturers from each other.

    Attributes:
        requires_registration: Whether a list is refused whose manufacturer is not registered. Else its profile is
            empty.
    """

    manufacturers: ManufacturerReader
    requires_registration: bool

    def profile_of(self, delivery: Delivery) -> Manufacturer:
        """The manufacturer of a delivery, with its profile as it stands.

        Raises:
            UnreadableFile: The file lies in nobody's folder, or in that of a manufacturer that is not registered.
            Fault: The table did not answer.
        """
        name = delivery.manufacturer
        if name == NOBODY:
            meant = probably_meant(delivery.presented_folder, self._known())
            raise UnreadableFile(FileError.NO_MANUFACTURER, f"Did you mean the folder {meant}?" if meant else "")
        registered = self.manufacturers.find(name)
        if registered is not None:
            return registered
        if self.requires_registration:
            raise UnreadableFile(FileError.UNKNOWN_MANUFACTURER, f"It is {name}. {did_you_mean(name, self._known())}")
        return Manufacturer(name=name)

    def _known(self) -> list[str]:
        return [one.name for one in self.manufacturers.all()]
