"""Settings of the watcher, read from the environment once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from fleetgate.environment import Reader
from fleetgate.store.tables import TableSettings
from fleetgate.watch.burst import Reaction, WatchPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class WatcherSettings:
    """All that the watcher is told from outside.

    Attributes:
        thing_name_prefix: Stands before the serial number in thing names.
    """

    tables: TableSettings
    thing_name_prefix: str
    policy: WatchPolicy

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; every variable must be there, so that nothing is guessed.

        Raises:
            InvalidSettings: A variable is missing or cannot be read.
        """
        read = Reader(environment)
        return cls(
            tables=read.tables(),
            thing_name_prefix=read.text("THING_NAME_PREFIX"),
            policy=WatchPolicy(
                window=timedelta(minutes=read.number("CLAIM_WATCH_WINDOW_MINUTES")),
                threshold=read.number("CLAIM_WATCH_THRESHOLD"),
                reaction=read.choice("CLAIM_WATCH_POLICY", Reaction),
            ),
        )
