"""Settings of the Lambda functions, read from the environment once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from fleetgate.domain.denial_burst import WatchPolicy
from fleetgate.domain.factory_list import ImportPolicy
from fleetgate.domain.policy import GatePolicy
from fleetgate.domain.supersession import SupersededPolicy
from fleetgate.environment import Reader
from fleetgate.store.tables import TableSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSettings:
    """All that the hook is told from outside.

    Attributes:
        answer_seconds: How long the hook takes at most before it denies. AWS IoT abandons it after 5 s, and a cold
            start comes on top.
    """

    tables: TableSettings
    policy: GatePolicy
    answer_seconds: float

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; every variable must be there, so that nothing is guessed.

        Raises:
            InvalidSettings: A variable is missing or cannot be read.
        """
        read = Reader(environment)
        return cls(
            tables=read.tables(
                # One attempt that hangs must leave time for another: 2 x (0.5 + 1.0) s and the pause between.
                connect_timeout_seconds=0.5,
                read_timeout_seconds=1.0,
                total_attempts=3,
            ),
            policy=GatePolicy(
                template_arn=read.text("PROVISIONING_TEMPLATE_ARN"),
                thing_name_prefix=read.text("THING_NAME_PREFIX", empty=True),
                default_thing_group=read.text("THING_GROUP_NAME"),
                serial_number_pattern=read.pattern("SERIAL_NUMBER_PATTERN"),
                serial_number_parameter_names=read.names("SERIAL_NUMBER_PARAMETER_NAMES"),
                mac_address_parameter_names=read.names("MAC_ADDRESS_PARAMETER_NAMES"),
                require_registered_claims=read.flag("REQUIRE_REGISTERED_CLAIMS"),
                require_mac=read.flag("REQUIRE_MAC"),
                allow_locally_administered_mac=read.flag("ALLOW_LOCALLY_ADMINISTERED_MAC"),
                allow_rotation=read.flag("ALLOW_ROTATION"),
                reprovisioning=read.reprovisioning("REPROVISIONING_POLICY"),
                reprovisioning_limit=read.number("REPROVISIONING_LIMIT"),
                reservation_time=timedelta(seconds=read.number("RESERVATION_SECONDS")),
                takeover_time=timedelta(seconds=read.number("RESERVATION_TAKEOVER_SECONDS")),
                max_attempts=read.number("MAX_ATTEMPTS"),
            ),
            answer_seconds=read.number("ANSWER_MILLISECONDS") / 1000,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportDeskSettings:
    """What every function of the import is told from outside."""

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
    """All that the importer is told from outside.

    Attributes:
        most_rows: Of one file. most_rows_a_day: of all files of a manufacturer.
        most_rejected_share: Of a file's rows, 0 to 1.
        holds_imports: Whether a second person has to approve every import.
        distribute_above_rows: Files with more rows are applied by the state machine.
        most_receives: Of one announcement; after the last it is a dead letter.
    """

    desk: ImportDeskSettings
    policy: ImportPolicy
    most_rows: int
    most_rows_a_day: int
    most_rejected_share: float
    holds_imports: bool
    state_machine_arn: str
    distribute_above_rows: int
    most_receives: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; every variable must be there, so that nothing is guessed.

        Raises:
            InvalidSettings: A variable is missing or cannot be read.
        """
        read = Reader(environment)
        return cls(
            desk=ImportDeskSettings.from_environment(environment),
            policy=ImportPolicy(
                serial_number_pattern=read.pattern("SERIAL_NUMBER_PATTERN"),
                require_mac=read.flag("REQUIRE_MAC"),
                allow_locally_administered_mac=read.flag("ALLOW_LOCALLY_ADMINISTERED_MAC"),
                unknown_columns=read.unknown_columns("UNKNOWN_COLUMNS"),
                template_names=frozenset({read.text("PROVISIONING_TEMPLATE_NAME")}),
            ),
            most_rows=read.number("MOST_ROWS_A_FILE"),
            most_rows_a_day=read.number("MOST_ROWS_A_DAY"),
            most_rejected_share=read.number("MOST_REJECTED_PERCENT") / 100,
            holds_imports=read.flag("HOLD_IMPORTS"),
            state_machine_arn=read.text("IMPORT_STATE_MACHINE_ARN"),
            distribute_above_rows=read.number("DISTRIBUTE_ABOVE_ROWS"),
            most_receives=read.number("MOST_RECEIVES"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeSettings:
    """All that the outcome recorder is told from outside.

    Attributes:
        thing_type_name: Of every thing of the stack.
    """

    tables: TableSettings
    thing_name_prefix: str
    thing_type_name: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; every variable must be there, so that nothing is guessed.

        Raises:
            InvalidSettings: A variable is missing or cannot be read.
        """
        read = Reader(environment)
        return cls(
            tables=read.tables(),
            thing_name_prefix=read.text("THING_NAME_PREFIX", empty=True),
            thing_type_name=read.text("THING_TYPE_NAME"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilerSettings:
    """All that the reconciler is told from outside.

    Attributes:
        thing_type_name: Of every thing of the stack.
        reservation_time: How long a reservation lasts.
        superseded_grace: How long a device may fall back to a superseded certificate.
        most_records: That matter to a walk, of one run. most_things: of one run.
    """

    tables: TableSettings
    thing_name_prefix: str
    thing_type_name: str
    reservation_time: timedelta
    superseded_policy: SupersededPolicy
    superseded_grace: timedelta
    most_records: int
    most_things: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; every variable must be there, so that nothing is guessed.

        Raises:
            InvalidSettings: A variable is missing or cannot be read.
        """
        read = Reader(environment)
        return cls(
            tables=read.tables(),
            thing_name_prefix=read.text("THING_NAME_PREFIX", empty=True),
            thing_type_name=read.text("THING_TYPE_NAME"),
            reservation_time=timedelta(seconds=read.number("RESERVATION_SECONDS")),
            superseded_policy=read.superseded("SUPERSEDED_CERTIFICATES"),
            superseded_grace=timedelta(hours=read.number("SUPERSEDED_GRACE_HOURS")),
            most_records=read.number("MOST_RECORDS_A_RUN"),
            most_things=read.number("MOST_THINGS_A_RUN"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """All that the functions behind the HTTP API are told from outside.

    Attributes:
        cursor_secret_arn: Of the secret that cursors are signed with.
        full_view: Names of roles, users, scopes or groups that see every field; "*" is everybody.
    """

    tables: TableSettings
    cursor_secret_arn: str
    full_view: frozenset[str]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; every variable must be there, so that nothing is guessed.

        Raises:
            InvalidSettings: A variable is missing or cannot be read.
        """
        read = Reader(environment)
        return cls(
            tables=read.tables(
                # API Gateway waits for 30 s at most.
                read_timeout_seconds=5.0,
                total_attempts=3,
            ),
            cursor_secret_arn=read.text("CURSOR_SECRET_ARN"),
            full_view=frozenset(read.names("API_FULL_VIEW")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiverSettings:
    """All that the archiver is told from outside.

    Attributes:
        settle: How long an hour is open after its end.
    """

    bucket: str
    settle: timedelta

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; every variable must be there, so that nothing is guessed.

        Raises:
            InvalidSettings: A variable is missing or cannot be read.
        """
        read = Reader(environment)
        return cls(bucket=read.text("ARCHIVE_NAME"), settle=timedelta(minutes=read.number("ARCHIVE_SETTLE_MINUTES")))


@dataclass(frozen=True, slots=True, kw_only=True)
class SealerSettings:
    """All that the sealer is told from outside.

    Attributes:
        key_arn: Of the KMS key that signs.
        stack_arn: Without the ID at its end; digests name it.
        most_hours: That a run seals.
    """

    archiver: ArchiverSettings
    key_arn: str
    stack_arn: str
    most_hours: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; every variable must be there, so that nothing is guessed.

        Raises:
            InvalidSettings: A variable is missing or cannot be read.
        """
        read = Reader(environment)
        return cls(
            archiver=ArchiverSettings.from_environment(environment),
            key_arn=read.text("SEALING_KEY_ARN"),
            stack_arn=read.text("STACK_ARN"),
            most_hours=read.number("MOST_HOURS_A_RUN"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WatcherSettings:
    """All that the watcher is told from outside."""

    tables: TableSettings
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
            policy=WatchPolicy(
                window=timedelta(minutes=read.number("CLAIM_WATCH_WINDOW_MINUTES")),
                threshold=read.number("CLAIM_WATCH_THRESHOLD"),
                reaction=read.reaction("CLAIM_WATCH_POLICY"),
            ),
        )
