"""Settings of the hook, read from the environment once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from fleetgate.environment import Reader
from fleetgate.gate.policy import GatePolicy, ReprovisioningPolicy
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
        thing_names = read.thing_names()
        return cls(
            tables=read.tables(
                # One attempt that hangs must leave time for another: 2 x (0.5 + 1.0) s and the pause between.
                connect_timeout_seconds=0.5,
                read_timeout_seconds=1.0,
                total_attempts=3,
            ),
            policy=GatePolicy(
                template_arn=read.text("PROVISIONING_TEMPLATE_ARN"),
                thing_name_prefix=thing_names.prefix,
                claim_client_id_prefix=thing_names.claim_client_id_prefix,
                default_thing_group=read.text("THING_GROUP_NAME"),
                serial_number_pattern=read.pattern("SERIAL_NUMBER_PATTERN"),
                serial_number_parameter_names=read.names("SERIAL_NUMBER_PARAMETER_NAMES"),
                mac_address_parameter_names=read.names("MAC_ADDRESS_PARAMETER_NAMES"),
                require_registered_claims=read.flag("REQUIRE_REGISTERED_CLAIMS"),
                require_mac=read.flag("REQUIRE_MAC"),
                allow_locally_administered_mac=read.flag("ALLOW_LOCALLY_ADMINISTERED_MAC"),
                allow_rotation=read.flag("ALLOW_ROTATION"),
                reprovisioning=read.choice("REPROVISIONING_POLICY", ReprovisioningPolicy),
                reprovisioning_limit=read.number("REPROVISIONING_LIMIT"),
                reservation_time=timedelta(seconds=read.number("RESERVATION_SECONDS")),
                takeover_time=timedelta(seconds=read.number("RESERVATION_TAKEOVER_SECONDS")),
                max_attempts=read.number("MAX_ATTEMPTS"),
            ),
            answer_seconds=read.number("ANSWER_MILLISECONDS") / 1000,
        )
