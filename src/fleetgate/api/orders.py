"""The shapes of what the HTTP API is told to do, and of what it answers that it did."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from fleetgate.api.answers import Manufacturer, Switch
from fleetgate.api.fields import MANUFACTURER_NAME, UNPRINTABLE
from fleetgate.domain.manufacturer import mac_prefix
from fleetgate.operators.tally import CertificateResult
from fleetgate.store.certificates import SessionResult

# Printable, and no space at its ends.
LINE = rf"^[^\s{UNPRINTABLE}]([^{UNPRINTABLE}]*[^\s{UNPRINTABLE}])?$"
_LONGEST_WINDOW_SECONDS = 30 * 86_400


class Order(BaseModel):
    """Something to be done."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: str = Field(
        min_length=1,
        max_length=500,
        pattern=LINE,
        description="Why, in a line; it goes on record",
        examples=["stolen from the Hamburg site, case 4711"],
    )


class StopOrder(Order):
    """Something to be done with a device and its certificates."""

    keep_certificates: bool = Field(default=False, description="Leave the certificates in AWS IoT as they are")


class ReopenOrder(Order):
    """A repair window."""

    seconds: int = Field(ge=1, le=_LONGEST_WINDOW_SECONDS, description="How long it is open, from now on")


class ManyOrder(StopOrder):
    """Something to be done with many devices and their certificates."""

    cursor: str | None = Field(
        default=None, max_length=4096, description="Of the answer before, to go on with the certificates"
    )


class ManufacturerOrder(ManyOrder):
    """Something to be done with all devices of a manufacturer. In the body, since a name may hold a slash."""

    manufacturer: str = Field(min_length=1, max_length=128, pattern=LINE, description="As claim certificates name it")


class ProfileOrder(Order):
    """A manufacturer, and what its lists may say. What is left out is not limited, or stays as it is in a change.

    An empty list, or null, limits nothing.
    """

    manufacturer: str = Field(pattern=MANUFACTURER_NAME, description="The folder of its lists", examples=["acme"])
    serial_numbers: list[str] = Field(
        default=[],
        description="Patterns: # is a digit, ? any character, * any number of them",
        examples=[["ACME-*", "AX-####"]],
    )
    mac_prefixes: list[str] = Field(
        default=[], description="First digits of its MAC addresses, an OUI or more", examples=[["00:1b:44"]]
    )
    templates: list[str] = Field(
        default=[], description="Provisioning templates that its rows may name, and mean where they name none"
    )
    thing_groups: list[str] = Field(default=[], description="Thing groups that its rows may name")
    rows_per_day: int | None = Field(
        default=None, ge=1, description="Rows that it may list on one UTC day, at most the stack's MaxRowsPerDay"
    )
    columns: dict[str, str] = Field(
        default={},
        description="What headings of its lists mean; nothing leaves a column out",
        examples=[{"Geräte-Nr": "Serial Number", "Farbe": ""}],
    )

    def profile(self) -> dict[str, Any]:
        """The fields of the profile that the order names.

        Raises:
            InvalidManufacturer: Something is no prefix of MAC addresses.
        """
        said = self.model_dump(include=self.model_fields_set - {"reason", "manufacturer"})
        if "mac_prefixes" in said:
            said["mac_prefixes"] = list(map(mac_prefix, said["mac_prefixes"]))
        return {name: frozenset(value) if isinstance(value, list) else value for name, value in said.items()}


class BlockOrder(Order):
    """A claim certificate to be blocked."""

    deactivate: bool = Field(default=False, description="Have AWS IoT refuse connections with it as well")
    deactivate_devices: bool = Field(
        default=False,
        description="Deactivate every device certificate that was issued through it, and deny it through any other",
    )
    cursor: str | None = Field(
        default=None, max_length=4096, description="Of the answer before, to go on with the certificates"
    )


class ReleaseClaimOrder(Order):
    """A claim certificate to be released."""

    activate_devices: bool = Field(
        default=False, description="Activate again the device certificates that the block deactivated"
    )
    cursor: str | None = Field(
        default=None, max_length=4096, description="Of the answer before, to go on with the certificates"
    )


class ManufacturerAction(BaseModel):
    """Something that was done with a manufacturer."""

    result: str = Field(description="What was done; unchanged if everything was as asked already")
    record_id: str | None = Field(description="Of its audit record; null where nothing was changed")
    manufacturer: Manufacturer
    warnings: list[str] = Field(description="What the profile leaves open that other manufacturers may suffer from")


class HandledCertificate(BaseModel):
    """A device certificate that something is to be said about."""

    certificate_id: str
    serial_number: str | None
    result: CertificateResult


class CertificateResults(BaseModel):
    """What became of device certificates in AWS IoT, and of live sessions."""

    complete: bool = Field(description="False: send the same again, with the cursor if there is one")
    results: dict[CertificateResult, int] = Field(description="How many ended how")
    not_done: list[HandledCertificate] = Field(description="AWS IoT refused or could not be asked")
    not_found: list[HandledCertificate] = Field(description="AWS IoT does not know them, so nobody can use them")
    sessions: dict[SessionResult, int] = Field(description="How many devices' live sessions ended how")
    sessions_not_ended: list[str] = Field(description="Devices whose session AWS IoT ends within minutes only")


class Meanwhile(CertificateResults):
    """Who was let in while a stop was written, and what became of their certificates."""

    let_in: int = Field(description="How many devices were let in between the stop and its end")


class CertificatesReport(CertificateResults):
    """What became of device certificates in AWS IoT, and where to go on."""

    next_cursor: str | None = Field(description="Where to go on; null when all were looked at")


class ActionAnswer(BaseModel):
    """Something that was done."""

    result: str = Field(description="What was done; unchanged if everything was as asked already")
    record_id: str | None = Field(description="Of its audit record; null where nothing was changed")
    certificates: CertificatesReport | None = Field(description="Null where they were left as they are")
    meanwhile: Meanwhile | None = Field(description="Null where nothing was stopped, and where an answer goes on")


class DeviceAction(ActionAnswer):
    """Something that was done with a device."""

    device: dict[str, Any] = Field(description="Its allow-list entry, as it stands now")


class GateAction(ActionAnswer):
    """Something that was done with the switch."""

    gate: Switch


class ClaimAction(ActionAnswer):
    """Something that was done with a claim certificate."""

    claim: dict[str, Any] = Field(description="Its registration, as it stands now")
