"""Environment variables of a function as values; none is guessed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar

from fleetgate.domain.things import ThingNames
from fleetgate.store.tables import TableSettings

_Choice = TypeVar("_Choice", bound=StrEnum)


class InvalidSettings(ValueError):
    """An environment variable is missing or cannot be read; the message names it."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads variables one by one. Every method raises InvalidSettings, which names the variable."""

    environment: Mapping[str, str]

    def text(self, name: str) -> str:
        value = self.environment.get(name)
        if not value:
            raise InvalidSettings(f"environment variable {name} is not set")
        return value

    def tables(self, **patience: Any) -> TableSettings:
        """The stack's tables, asked as patiently as the function can afford."""
        return TableSettings(
            allow_list_table=self.text("ALLOW_LIST_TABLE_NAME"),
            audit_table=self.text("AUDIT_TABLE_NAME"),
            audit_retention=timedelta(days=self.number("AUDIT_RETENTION_DAYS")),
            **patience,
        )

    def thing_names(self) -> ThingNames:
        """How the stack names its things."""
        prefix, claim_client_id_prefix = self.text("THING_NAME_PREFIX"), self.text("CLAIM_CLIENT_ID_PREFIX")
        if prefix.startswith(claim_client_id_prefix):
            raise InvalidSettings(
                f"environment variable THING_NAME_PREFIX starts with CLAIM_CLIENT_ID_PREFIX, {claim_client_id_prefix}"
            )
        return ThingNames(prefix, claim_client_id_prefix)

    def names(self, name: str) -> tuple[str, ...]:
        names = tuple(part.strip() for part in self.text(name).split(",") if part.strip())
        if not names:
            raise InvalidSettings(f"environment variable {name} names nothing")
        return names

    def number(self, name: str) -> int:
        value = self.text(name)
        if not re.fullmatch(r"[0-9]{1,9}", value):
            raise InvalidSettings(f"environment variable {name} is not a whole number")
        return int(value)

    def flag(self, name: str) -> bool:
        match self.text(name):
            case "true":
                return True
            case "false":
                return False
            case _:
                raise InvalidSettings(f"environment variable {name} is neither true nor false")

    def pattern(self, name: str) -> re.Pattern[str]:
        try:
            return re.compile(self.text(name), re.ASCII)
        except re.error as error:
            raise InvalidSettings(f"environment variable {name} is not a regular expression: {error}") from error

    def choice(self, name: str, choices: type[_Choice]) -> _Choice:
        """One of the values of an enumeration."""
        value = self.text(name)
        try:
            return choices(value)
        except ValueError as error:
            raise InvalidSettings(f"environment variable {name} is not one of {', '.join(choices)}") from error
