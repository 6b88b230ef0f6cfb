"""Settings of the functions behind the HTTP API, read from the environment once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from fleetgate.environment import Reader
from fleetgate.store.tables import TableSettings


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
class ActionSettings:
    """All that the function that acts is told from outside.

    Attributes:
        thing_name_prefix: Stands before the serial number in thing names.
    """

    api: ApiSettings
    thing_name_prefix: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; every variable must be there, so that nothing is guessed.

        Raises:
            InvalidSettings: A variable is missing or cannot be read.
        """
        prefix = Reader(environment).text("THING_NAME_PREFIX")
        return cls(api=ApiSettings.from_environment(environment), thing_name_prefix=prefix)
