"""The deployed hook's surroundings: its variables and credentials, devices and claim certificates to ask about."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from harness.certificates import issued_certificate
from harness.embedded import Embedded
from harness.world import RoomWorld, certificate_id, serial_number

# Of the stacks: many denials of one claim certificate are what is measured, and not somebody who guesses.
PARAMETERS = {"ClaimWatchPolicy": "notify"}

_MAC = "00:1b:44:11:3a:b7"
_MANUFACTURER = "acme"


@dataclass(frozen=True)
class GateWorld(RoomWorld):
    """The deployed hook's variables and credentials, and whom it can be asked about."""

    environment: Mapping[str, str]
    claim_certificate_id: str

    @classmethod
    def of(cls, embedded: Embedded) -> "GateWorld":
        """A stack with a claim certificate of one manufacturer."""
        claim = ClaimCertificate(certificate_id=certificate_id(), manufacturer=_MANUFACTURER)
        embedded.put(claim)
        return cls(embedded, embedded.environment_of("HookFunction"), claim.certificate_id)

    def approved_device(self) -> dict[str, Any]:
        """The hook event of a device that nobody asked about before; it is on the allow-list now."""
        event = self.unknown_device()
        self.embedded.put(
            AllowListEntry(
                serial_number=SerialNumber.parse(event["parameters"]["SerialNumber"]),
                manufacturer=_MANUFACTURER,
                mac_addresses=frozenset({MacAddress.parse(_MAC)}),
                attributes={"Model": "thermostat-2", "HardwareRevision": "B"},
                import_id="import-1",
            )
        )
        return event

    def unknown_device(self) -> dict[str, Any]:
        """The hook event of a device that is not on the allow-list. All events are of one length."""
        return {
            "claimCertificateId": self.claim_certificate_id,
            "certificateId": certificate_id(),
            "certificatePem": issued_certificate().pem,
            "templateArn": self.environment["PROVISIONING_TEMPLATE_ARN"],
            "clientId": "claim-benchmark",
            "parameters": {"SerialNumber": serial_number(), "MacAddress": _MAC},
        }


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Give this process a function's variables, and nothing of the user's own AWS set-up."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "POWERTOOLS_"))}
    with mock.patch.dict(os.environ, {**others, **variables}, clear=True):
        yield
