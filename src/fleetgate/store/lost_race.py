"""What a cancelled transaction says about the device entry that somebody else changed first."""

from dataclasses import dataclass

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.store.allow_list_items import DeviceItem, entry_from
from fleetgate.store.faults import faults_translated
from fleetgate.store.tables import Cancelled


@dataclass(frozen=True, slots=True)
class LostRace:
    """Somebody changed the device entry between the read and the write, and nothing was written.

    Attributes:
        entry: The entry as it stands now; None where DynamoDB did not return it and it has to be read again.
    """

    entry: AllowListEntry | None


def lost_race(cancelled: Cancelled) -> LostRace:
    """What a cancelled transaction says about the device entry.

    Raises:
        Fault: The entry cannot be read.
    """
    with faults_translated():
        for reason in cancelled.error.cancellation_reasons:
            if reason is not None and reason.code == "ConditionalCheckFailed" and reason.raw_item:
                return LostRace(entry_from(DeviceItem.from_raw_data(reason.raw_item)))
    return LostRace(None)
