"""The shapes of what the HTTP API answers to questions."""

from typing import Any

from pydantic import BaseModel, Field

from fleetgate.domain.audit import RecordKind, Verdict


class Record(BaseModel):
    """An audit record. Fields that say nothing are null."""

    record_id: str = Field(description="A ULID: unique, and sorts by time")
    recorded_at: str = Field(description="UTC, to the microsecond", json_schema_extra={"format": "date-time"})
    kind: RecordKind
    reason: str = Field(description="Reason of a denial, rule of an allow, sign of an outcome, or somebody's words")
    verdict: Verdict | None = None
    action: str | None = None
    actor: str | None = None
    serial_number: str | None = None
    mac_address: str | None = None
    decision_id: str | None = None
    certificate_id: str | None = None
    claim_certificate_id: str | None = None
    superseded_certificate_id: str | None = None
    taken_over: bool = False
    manufacturer: str | None = None
    import_id: str | None = None
    template_arn: str | None = None
    thing_name: str | None = None
    client_id: str | None = None
    presented_serial_number: str | None = None
    presented_mac_address: str | None = None
    entry_version: int | None = None
    request_id: str | None = None


class RecordsPage(BaseModel):
    """A page of audit records, newest first: by record ID where a key was asked for, else by day and record ID."""

    records: list[Record]
    next_cursor: str | None = Field(description="Null at the end; a page may be short, and even empty, before it")


class Count(BaseModel):
    """How many records of one UTC day have a verdict and a reason."""

    day: str = Field(json_schema_extra={"format": "date"})
    verdict: Verdict | None
    reason: str
    count: int = Field(ge=1)


class CountsPage(BaseModel):
    """Counts as far as one page goes; those of a day may go on with the next page, and are to be added up."""

    counts: list[Count]
    next_cursor: str | None = Field(description="Null when all are counted")


class Admission(BaseModel):
    """One time that the gate let the device in."""

    decision_id: str
    decided_at: str
    rule: str
    certificate_id: str | None
    claim_certificate_id: str | None
    import_id: str | None
    taken_over: bool
    repeats: int = Field(description="How often the same device certificate asked again")
    ending: str = Field(description="What became of it, as far as it was seen")
    outcomes: list[str]


class Story(BaseModel):
    """All that is known of a device."""

    serial_number: str
    state: str
    stopped_by: str | None = Field(description="What stops it beside its own state")
    device: dict[str, Any] | None = Field(description="Its allow-list entry")
    import_line: int | None = Field(description="The line of the list that approved it")
    imports: dict[str, dict[str, Any] | None] = Field(description="By import ID; null where the record of one is gone")
    claim_certificates: dict[str, dict[str, Any] | None] = Field(description="By certificate ID; null: not registered")
    admissions: list[Admission]
    denials: int
    operator_actions: int
    records: list[Record] = Field(description="Oldest first")
    is_complete: bool = Field(description="Whether these are all of its records")


class Switch(BaseModel):
    """What is stopped for more than one device."""

    state: str = Field(examples=["open", "stopped"])
    manufacturers: list[str] = Field(description="In quarantine")
    imports: list[str] = Field(description="In quarantine")
    version: int
