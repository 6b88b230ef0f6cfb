"""A question to the audit trail: which records, of which time; and the place where its next page begins."""

from dataclasses import dataclass, fields
from datetime import UTC, date, datetime

from fleetgate.domain.audit import AuditRecord, EnrolmentPath, RecordKind, Verdict
from fleetgate.domain.identifiers import MacAddress, SerialNumber

# What happened to devices and lists, without who asked about it.
ALL_BUT_QUERIES = frozenset(RecordKind) - {RecordKind.QUERY}

# Before every record.
EVER = datetime(1970, 1, 1, tzinfo=UTC)

_NOT_CONDITIONS = frozenset({"start", "end", "kinds"})


class InvalidQuery(ValueError):
    """A question that makes no sense; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """Which audit records are asked for: those that meet every condition that is given.

    Attributes:
        start: Aware UTC, inclusive. end: aware UTC, exclusive. Of the time of recording.
        kinds: Empty is all of them.
        reason: A denial's reason or an allow's rule, exactly.
        action: What was done or asked, as the records name it.
        client_id: As the device presented it. It is not identity.
    """

    start: datetime
    end: datetime
    kinds: frozenset[RecordKind] = frozenset()
    verdict: Verdict | None = None
    path: EnrolmentPath | None = None
    reason: str | None = None
    action: str | None = None
    serial_number: SerialNumber | None = None
    mac_address: MacAddress | None = None
    certificate_id: str | None = None
    key_fingerprint: str | None = None
    claim_certificate_id: str | None = None
    client_id: str | None = None
    manufacturer: str | None = None
    import_id: str | None = None
    actor: str | None = None

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise InvalidQuery("the time asked for ends before it starts")

    @property
    def conditions(self) -> dict[str, str]:
        """What a record's fields must be, as text; time and kind aside."""
        given = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in _NOT_CONDITIONS}
        return {name: str(value) for name, value in given.items() if value is not None}

    @property
    def is_keyed(self) -> bool:
        """Whether there is a key to look the records up by; without one all of a day are read."""
        return bool(self.serial_number or self.certificate_id or self.claim_certificate_id)

    @property
    def words(self) -> str:
        """The question in one line, for the record that somebody asked it."""
        asked = [f"{name}={value}" for name, value in self.conditions.items()]
        # All of these are asked for where nothing is said of kinds.
        kinds = [f"kind={kind.value}" for kind in sorted(self.kinds)] if self.kinds != ALL_BUT_QUERIES else []
        return " ".join([*kinds, *asked, f"from={_text(self.start)}", f"to={_text(self.end)}"])

    def matches(self, record: AuditRecord) -> bool:
        """Whether a record is one of those asked for."""
        return (
            self.start <= record.recorded_at < self.end
            and (not self.kinds or record.kind in self.kinds)
            and all(getattr(record, name) == value for name, value in self.conditions.items())
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next page begins: behind this record, on this UTC day where the days are walked.

    Attributes:
        before: A record ID; the page begins with the next older one. Empty is the newest.
        day: None where there is a key.
    """

    before: str
    day: date | None = None


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
