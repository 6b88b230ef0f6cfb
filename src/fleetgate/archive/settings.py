"""Settings of the archiver and the sealer, read from the environment once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from fleetgate.environment import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiverSettings:
    """All that the archiver is told from outside.

    Attributes:
        settling_time: How long an hour is open after its end.
    """

    bucket: str
    settling_time: timedelta

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; every variable must be there, so that nothing is guessed.

        Raises:
            InvalidSettings: A variable is missing or cannot be read.
        """
        read = Reader(environment)
        return cls(
            bucket=read.text("ARCHIVE_NAME"), settling_time=timedelta(minutes=read.number("ARCHIVE_SETTLE_MINUTES"))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SealerSettings:
    """All that the sealer is told from outside.

    Attributes:
        key_arn: Of the KMS key that signs.
        stack_arn: Without the ID at its end; digests name it.
        max_hours: That a run seals.
    """

    archiver: ArchiverSettings
    key_arn: str
    stack_arn: str
    max_hours: int

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
            max_hours=read.number("MAX_HOURS_PER_RUN"),
        )
