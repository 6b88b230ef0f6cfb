"""The shapes of what the HTTP API answers to questions."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from fleetgate.domain.audit import AuditRecord, Verdict
from fleetgate.trail.story import AdmissionEnding


class RecordsPage(BaseModel):
    """A page of audit records, newest first: by record ID where a key was asked for, else by day and record ID."""

    records: list[AuditRecord]
    next_cursor: str | None = Field(description="Null at the end; a page may be short, and even empty, before it")


class Count(BaseModel):
    """How many records of one UTC day have a verdict and a reason."""

    day: str = Field(json_schema_extra={"format": "date"})
    verdict: Verdict | None
    reason: str = Field(description="Of actions and questions what was done or asked, not somebody's words")
    count: int = Field(ge=1)


class CountsDocument(BaseModel):
    """Counts as far as one page goes; those of a day may go on with the next page, and are to be added up."""

    counts: list[Count]
    next_cursor: str | None = Field(description="Null when all are counted")


class AdmissionDocument(BaseModel):
    """One time that the gate let the device in."""

    decision_id: str
    decided_at: str
    rule: str
    path: str | None = Field(description="How the device asked; null on records from before paths were named")
    certificate_id: str | None
    key_fingerprint: str | None = Field(description="SHA-256 over the DER SubjectPublicKeyInfo of its certificate")
    claim_certificate_id: str | None
    import_id: str | None
    taken_over: bool
    repeats: int = Field(description="How often the same device certificate asked again")
    ending: AdmissionEnding = Field(description="What became of it, as far as it was seen")
    outcomes: list[str]


class Story(BaseModel):
    """All that is known of a device."""

    serial_number: str
    state: str
    stopped_by: list[str] = Field(description="Why the gate would deny it now, whatever it presents")
    device: dict[str, Any] | None = Field(description="Its allow-list entry")
    import_line: int | None = Field(description="The line of the list that approved it")
    imports: dict[str, dict[str, Any] | None] = Field(description="By import ID; null where the record of one is gone")
    claim_certificates: dict[str, dict[str, Any] | None] = Field(description="By certificate ID; null: not registered")
    admissions: list[AdmissionDocument]
    denials: int
    operator_actions: int
    records: list[AuditRecord] = Field(description="Oldest first")
    is_complete: bool = Field(description="Whether these are all of its records")


class Manufacturer(BaseModel):
    """A registered manufacturer, and what its lists may say. An empty list limits nothing."""

    name: str
    serial_numbers: list[str] = Field(description="Patterns: # is a digit, ? any character, * any number of them")
    mac_prefixes: list[str] = Field(description="First digits of its MAC addresses")
    templates: list[str]
    thing_groups: list[str]
    rows_per_day: int | None = Field(description="Null: as many as the stack permits, which is the most in any case")
    columns: dict[str, str] = Field(description="What headings of its lists mean; nothing leaves a column out")
    version: int


class ManufacturersDocument(BaseModel):
    """The registered manufacturers, by name."""

    manufacturers: list[Manufacturer]
    more: bool = Field(description="Whether there are more than were asked for")


class Switch(BaseModel):
    """What is stopped for more than one device."""

    state: Literal["open", "stopped"]
    manufacturers: list[str] = Field(description="In quarantine")
    imports: list[str] = Field(description="In quarantine")
    version: int
