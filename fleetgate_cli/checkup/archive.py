"""Does the archive keep up? The last hour that was sealed."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from fleetgate.archive.digest import (
    DEFAULT_SETTLING_TIME,
    DIGESTS,
    HOUR,
    Folder,
    digest_key,
    hour_of,
    hour_of_digest,
    hour_of_object,
)
from fleetgate.archive.store import Archive
from fleetgate.archive.verify import SEALING_TAKES
from fleetgate.domain.documents import instant
from fleetgate_cli.checkup.deployed import DeployedStack
from fleetgate_cli.checkup.line import Line, State
from fleetgate_cli.run import now

# Where the last sealed hour is looked for first.
_USUALLY_WITHIN = timedelta(days=2)


def sealing(stack: DeployedStack, name: str) -> Iterator[Line]:
    """Whether the hour is sealed that has to be by now."""
    archive = Archive(stack.output("ArchiveName"), stack.client("s3"))
    moment = now()
    sealed = _last_sealed(archive, moment)
    due = hour_of(moment - DEFAULT_SETTLING_TIME - SEALING_TAKES) - HOUR
    begun = sealed or _first_arrived(archive)
    if begun is None or (sealed is None and begun > due):
        yield Line(check=name, state=State.NOTE, code="nothing_sealed_yet", sentence="Nothing is sealed yet.")
    elif sealed is None or sealed < due:
        last = f"The last sealed hour is {instant(sealed)}" if sealed else "No hour is sealed"
        yield Line(
            check=name,
            state=State.WRONG,
            code="sealing_is_late",
            sentence=f"{last}; {instant(due)} is due.",
            remedy="docs/runbook.md, SealerErrorAlarm.",
        )
    else:
        yield Line(check=name, state=State.OK, code="sealed", sentence=f"The last sealed hour is {instant(sealed)}.")


def _last_sealed(archive: Archive, moment: datetime) -> datetime | None:
    for after in (digest_key(moment - _USUALLY_WITHIN), ""):
        hours = [hour for key in archive.keys(DIGESTS, after=after) if (hour := hour_of_digest(key)) and hour < moment]
        if hours:
            return max(hours)
    return None


def _first_arrived(archive: Archive) -> datetime | None:
    first = next(archive.keys(f"{Folder.ARRIVED.value}/"), None)
    return hour_of_object(first) if first else None
