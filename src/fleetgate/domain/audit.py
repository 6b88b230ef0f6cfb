"""Audit records: what was decided or done, about which device, by whom. Append-only."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

# What a record is filed under that is about the gate as a whole.
GATE_SUBJECT = "gate"
# What questions to the audit trail are filed under, whatever they ask for: a story is not about its readers.
QUERY_SUBJECT = "queries"

_LONGEST_PRESENTED_VALUE = 128
_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]")


def manufacturer_subject(name: str) -> str:
    """What a record is filed under that is about a manufacturer as a whole."""
    return f"manufacturer#{name}"


def import_subject(import_id: str) -> str:
    """What a record is filed under that is about an import as a whole."""
    return f"import#{import_id}"


def claim_subject(certificate_id: str | None) -> str:
    """What a record is filed under that is about a claim certificate, or about a request that named none."""
    return f"claim#{certificate_id or 'none'}"


def device_subject(serial_number: str) -> str:
    """What a record is filed under that is about a device."""
    return f"device#{serial_number}"


class RecordKind(StrEnum):
    """What an audit record is about."""

    DECISION = "decision"
    OPERATOR_ACTION = "operator_action"
    IMPORT = "import"
    OUTCOME = "outcome"
    QUERY = "query"
    NOTICE = "notice"


class OperatorAction(StrEnum):
    """What operators do, and what the stack does by itself in the same way."""

    APPROVE = "approve"
    QUARANTINE = "quarantine"
    RELEASE = "release"
    REGISTER_CLAIM = "register_claim"
    BLOCK_CLAIM = "block_claim"
    RELEASE_CLAIM = "release_claim"
    APPROVE_IMPORT = "approve_import"
    ROLL_BACK_IMPORT = "roll_back_import"
    RETIRE = "retire"
    REOPEN = "reopen"
    STOP_GATE = "stop_gate"
    START_GATE = "start_gate"
    QUARANTINE_MANUFACTURER = "quarantine_manufacturer"
    RELEASE_MANUFACTURER = "release_manufacturer"
    QUARANTINE_IMPORT = "quarantine_import"
    RELEASE_IMPORT = "release_import"
    DEACTIVATE_CERTIFICATE = "deactivate_certificate"
    ACTIVATE_CERTIFICATE = "activate_certificate"
    CERTIFICATE_OUT_OF_REACH = "certificate_out_of_reach"
    RELEASE_KEY = "release_key"
    ADD_MANUFACTURER = "add_manufacturer"
    CHANGE_MANUFACTURER = "change_manufacturer"


class QueryAction(StrEnum):
    """What is asked of the audit trail."""

    LIST_RECORDS = "list_records"
    EXPORT_RECORDS = "export_records"
    COUNT_RECORDS = "count_records"
    READ_STORY = "read_story"
    READ_SWITCH = "read_switch"
    READ_MANUFACTURERS = "read_manufacturers"


class ImportAction(StrEnum):
    """What an import was, or did to a device."""

    IMPORT = "import"
    DRY_RUN_IMPORT = "dry_run_import"
    REPLACE = "replace"


class NoticeAction(StrEnum):
    """What a notice is about."""

    DENIAL_BURST = "denial_burst"
    ASKED_FOR_ANOTHER_DEVICE = "asked_for_another_device"


# What the field `action` of a record says, by its kind; the records of the other kinds have none.
ACTIONS: Mapping[RecordKind, type[StrEnum]] = MappingProxyType(
    {
        RecordKind.OPERATOR_ACTION: OperatorAction,
        RecordKind.IMPORT: ImportAction,
        RecordKind.QUERY: QueryAction,
        RecordKind.NOTICE: NoticeAction,
    }
)


class EnrolmentPath(StrEnum):
    """How a device asked for its identity."""

    CLAIM = "claim"
    ROTATION = "rotation"
    TRUSTED_USER = "trusted_user"
    JITR = "jitr"
    JITP = "jitp"


class Verdict(StrEnum):
    """How a decision ended."""

    ALLOWED = "allowed"
    DENIED = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One line of the audit trail.

    Attributes:
        record_id: Time-ordered (a ULID), unique.
        recorded_at: Aware UTC.
        serial_number: Canonical; None when the request presented none that can be read.
        reason: A denial's reason, an allow's rule, an operator's words, or the question of a query.
        decision_id: Of a decision; a retry carries that of the decision it repeats.
        presented_serial_number: What the device sent, made printable and cut short.
        key_fingerprint: Of the public key of the certificate that was asked for.
        superseded_certificate_id: The device certificate that lost its place by this decision.
        taken_over: Whether an unfinished reservation changed hands.
        path: Of a decision: how the device asked.
        entry_version: Of the allow-list entry that was judged or changed, or of the manufacturer.
    """

    record_id: str
    recorded_at: datetime
    kind: RecordKind
    reason: str
    verdict: Verdict | None = None
    action: str | None = None
    actor: str | None = None
    serial_number: str | None = None
    mac_address: str | None = None
    decision_id: str | None = None
    certificate_id: str | None = None
    key_fingerprint: str | None = None
    claim_certificate_id: str | None = None
    superseded_certificate_id: str | None = None
    taken_over: bool = False
    path: EnrolmentPath | None = None
    manufacturer: str | None = None
    import_id: str | None = None
    template_arn: str | None = None
    thing_name: str | None = None
    client_id: str | None = None
    presented_serial_number: str | None = None
    presented_mac_address: str | None = None
    entry_version: int | None = None
    request_id: str | None = None

    @property
    def subject(self) -> str:
        """What the record is filed under: the device, else what else it is about, else nobody."""
        if self.kind is RecordKind.QUERY:
            return QUERY_SUBJECT
        if self.serial_number is not None:
            return device_subject(self.serial_number)
        if self.import_id is not None:
            return import_subject(self.import_id)
        if self.kind is RecordKind.OUTCOME:
            return f"thing#{self.thing_name}"
        if self.kind is RecordKind.OPERATOR_ACTION and self.claim_certificate_id is None:
            return manufacturer_subject(self.manufacturer) if self.manufacturer else GATE_SUBJECT
        return claim_subject(self.claim_certificate_id)


def printable(value: Any) -> str | None:
    """A presented value as it may stand in a record: ASCII, short, never a whole object."""
    if value is None:
        return None
    if not isinstance(value, str):
        return f"({type(value).__name__})"
    return _NOT_PRINTABLE.sub("?", value[:_LONGEST_PRESENTED_VALUE])


@dataclass(frozen=True, slots=True)
class Clock:
    """Tells the time, and numbers records by it.

    Attributes:
        now: Gives aware UTC.
        new_record_id: Gives a unique ID that sorts by the time it is given.
    """

    now: Callable[[], datetime]
    new_record_id: Callable[[datetime], str]
