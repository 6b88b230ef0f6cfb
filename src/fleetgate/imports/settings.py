"""Settings of the import's functions, read from the environment once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from fleetgate.environment import Reader
from fleetgate.imports.reading.factory_list import ImportPolicy, UnknownColumns
from fleetgate.store.tables import TableSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalSettings:
    """What every function of the room is told: its tables and its drop box."""

    tables: TableSettings
    drop_box: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; every variable must be there, so that nothing is guessed.

        Raises:
            InvalidSettings: A variable is missing or cannot be read.
        """
        read = Reader(environment)
        return cls(
            tables=read.tables(
                # Nobody waits for an import, and a throttled table recovers.
                total_attempts=10,
            ),
            drop_box=read.text("DROP_BOX_NAME"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSettings:
    """What the importer is told.

    Attributes:
        max_rows_per_file: Of one file. max_rows_per_day: of all files of a manufacturer.
        max_rejected_share: Of a file's rows, 0 to 1.
        require_registered_manufacturers: Whether a list is refused whose manufacturer is not registered.
        require_import_approval: Whether a second person has to approve every import.
        distribute_above_rows: Files with more rows are applied by the state machine.
        queue_url: Of the queue that announces files.
        max_tries: Of one announcement; one more receive gives up on a file whose tries were all cut off.
    """

    journal: JournalSettings
    policy: ImportPolicy
    max_rows_per_file: int
    max_rows_per_day: int
    max_rejected_share: float
    require_registered_manufacturers: bool
    require_import_approval: bool
    state_machine_arn: str
    distribute_above_rows: int
    queue_url: str
    max_tries: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; every variable must be there, so that nothing is guessed.

        Raises:
            InvalidSettings: A variable is missing or cannot be read.
        """
        read = Reader(environment)
        return cls(
            journal=JournalSettings.from_environment(environment),
            policy=ImportPolicy(
                serial_number_pattern=read.pattern("SERIAL_NUMBER_PATTERN"),
                require_mac=read.flag("REQUIRE_MAC"),
                allow_locally_administered_mac=read.flag("ALLOW_LOCALLY_ADMINISTERED_MAC"),
                unknown_columns=read.choice("UNKNOWN_COLUMNS", UnknownColumns),
                template_names=frozenset({read.text("PROVISIONING_TEMPLATE_NAME")}),
                thing_names=read.thing_names(),
                thing_groups=frozenset(read.names("THING_GROUP_NAMES")),
            ),
            max_rows_per_file=read.number("MAX_ROWS_PER_FILE"),
            max_rows_per_day=read.number("MAX_ROWS_PER_DAY"),
            max_rejected_share=read.number("MAX_REJECTED_PERCENT") / 100,
            require_registered_manufacturers=read.flag("REQUIRE_REGISTERED_MANUFACTURERS"),
            require_import_approval=read.flag("REQUIRE_IMPORT_APPROVAL"),
            state_machine_arn=read.text("IMPORT_STATE_MACHINE_ARN"),
            distribute_above_rows=read.number("DISTRIBUTE_ABOVE_ROWS"),
            queue_url=read.text("IMPORT_QUEUE_URL"),
            max_tries=read.number("MAX_TRIES"),
        )
