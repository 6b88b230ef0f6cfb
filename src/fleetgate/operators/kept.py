"""What rolling an import back does to one device: only what the import added and nobody used or vouched for since."""

from fleetgate.domain.allow_list import AllowListEntry, DeviceState
from fleetgate.domain.reasons import Reason


class KeptReason(Reason):
    """Why a device of a rolled-back import stays on the allow-list."""

    ADDED_EARLIER = (
        "added_earlier",
        "The device was on the allow-list before; the import changed it.",
        "Read in the import's changes.csv what it said before, and deliver a list that replaces it.",
    )
    IN_LATER_LIST = (
        "in_later_list",
        "A later list spoke for the device as well.",
        "Roll that import back too, or revoke the device with a list.",
    )
    IN_USE = (
        "in_use",
        "The device is reserved or provisioned.",
        "Quarantine or retire it, if it must stop.",
    )
    STOPPED = (
        "stopped",
        "The device is in quarantine or retired, and that has to stay known.",
        "Nothing to do: the gate denies it.",
    )


def kept_because(entry: AllowListEntry, *, import_id: str) -> KeptReason | None:
    """Why a device stays although the import that wrote it is rolled back; None where it goes."""
    if entry.first_import_id != import_id:
        return KeptReason.ADDED_EARLIER
    match entry.state:
        case DeviceState.QUARANTINED | DeviceState.RETIRED:
            return KeptReason.STOPPED
        case DeviceState.RESERVED | DeviceState.PROVISIONED:
            return KeptReason.IN_USE
    return None if entry.import_id == import_id else KeptReason.IN_LATER_LIST
