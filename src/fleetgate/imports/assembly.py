"""Puts together what every function of the import works with."""

from datetime import UTC, datetime

from ulid import ULID

from fleetgate.imports.journal import ImportJournal
from fleetgate.imports.settings import JournalSettings
from fleetgate.imports.store.drop_box import DropBox
from fleetgate.imports.store.records import ImportRecords
from fleetgate.store.announcements import Announcements


def journal(settings: JournalSettings) -> ImportJournal:
    """The journal of the stack that a function belongs to."""
    return ImportJournal(
        drop_box=DropBox.of_environment(settings.drop_box),
        records=ImportRecords(settings.tables),
        announcements=Announcements.of_environment(),
        now=now,
        new_record_id=lambda moment: str(ULID.from_datetime(moment)),
    )


def now() -> datetime:
    """Aware UTC."""
    return datetime.now(UTC)
