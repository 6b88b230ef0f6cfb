"""Settings of the outcome recorder and the reconciler, read from the environment once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from fleetgate.environment import Reader
from fleetgate.outcomes.attachment import GateParts
from fleetgate.outcomes.supersession import SupersededPolicy
from fleetgate.store.tables import TableSettings


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
            thing_name_prefix=read.text("THING_NAME_PREFIX"),
            thing_type_name=read.text("THING_TYPE_NAME"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilerSettings:
    """All that the reconciler is told from outside.

    Attributes:
        thing_type_name: Of every thing of the stack.
        reservation_time: How long a reservation lasts.
        superseded_grace: How long a device may fall back to a superseded certificate.
        gate: What the stack deployed, to be compared with what AWS says.
        max_records: That matter to a sweep, of one run. max_things: of one run.
    """

    tables: TableSettings
    thing_name_prefix: str
    thing_type_name: str
    reservation_time: timedelta
    superseded_policy: SupersededPolicy
    superseded_grace: timedelta
    gate: GateParts
    max_records: int
    max_things: int

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
            thing_type_name=read.text("THING_TYPE_NAME"),
            reservation_time=timedelta(seconds=read.number("RESERVATION_SECONDS")),
            superseded_policy=read.choice("SUPERSEDED_CERTIFICATES", SupersededPolicy),
            superseded_grace=timedelta(hours=read.number("SUPERSEDED_GRACE_HOURS")),
            gate=GateParts(
                template_arn=read.text("PROVISIONING_TEMPLATE_ARN"),
                hook_arn=read.text("HOOK_FUNCTION_ARN"),
                provisioning_role_arn=read.text("PROVISIONING_ROLE_ARN"),
                claim_policy_name=read.text("CLAIM_POLICY_NAME"),
                claim_client_id_prefix=read.text("CLAIM_CLIENT_ID_PREFIX"),
                production_policy_name=read.text("PRODUCTION_POLICY_NAME"),
            ),
            max_records=read.number("MAX_RECORDS_PER_RUN"),
            max_things=read.number("MAX_THINGS_PER_RUN"),
        )
