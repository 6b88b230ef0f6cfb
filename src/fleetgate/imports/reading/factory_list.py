"""The rows of a factory list, and the policy that they are judged by."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Self

from fleetgate.domain.allow_list import ApprovalTerms
from fleetgate.domain.identifiers import DEFAULT_SERIAL_NUMBER_PATTERN, MacAddress, SerialNumber
from fleetgate.domain.manufacturer import Manufacturer, serial_numbers_expression
from fleetgate.domain.reasons import Reason
from fleetgate.domain.things import ThingNames
from fleetgate.imports.reading.cells import as_text

# Columns that rejects.csv has in front of the delivered ones. A reader passes over them, so that rejects can be
# corrected and delivered again.
REPORT_COLUMNS = ("rejected_line", "rejected_column", "rejected_error", "rejected_detail")

# In front of a cell of a workbook whose meaning is lost; why follows. It stays visible in rejects.csv.
UNCLEAR_CELL = "\N{WARNING SIGN} "

# Attributes that the gate itself gives to the provisioning template; no list may set them.
RESERVED_ATTRIBUTES = frozenset({"SerialNumber", "MacAddress", "ThingName", "DecisionId"})


class Operation(StrEnum):
    """What a row does with the approval of its device."""

    APPROVE = "approve"
    REPLACE = "replace"
    REVOKE = "revoke"


class UnknownColumns(StrEnum):
    """How unknown columns are treated: kept as attributes of the device, or reported in a note about the file."""

    KEEP = "keep"
    REPORT = "report"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPolicy:
    """The policy for rows; its defaults are strict.

    Attributes:
        template_names: The provisioning templates that rows may name; empty means any.
        thing_groups: The thing groups that rows may name.
        group_exists: Tells whether AWS IoT has a thing group of a name; raises Fault where it cannot be told.
        max_mac_addresses: Of one device.
        columns: What people say about columns, by heading: the name of a column, or "" for one to be left out.
        judged_at: Approvals that ended before are over; aware UTC. The same for every reading of a file. None where
            no approval can be over.
        own_serial_numbers: Those that the manufacturer may list; None is any.
        own_mac_prefixes: First digits of the MAC addresses that it may list, in small letters; empty means any.
        own_templates: The provisioning templates that it may name, which a row that names none means; empty means any.
        own_thing_groups: The thing groups that it may name; empty means any.
    """

    serial_number_pattern: re.Pattern[str] = DEFAULT_SERIAL_NUMBER_PATTERN
    require_mac: bool = True
    allow_locally_administered_mac: bool = False
    unknown_columns: UnknownColumns = UnknownColumns.REPORT
    template_names: frozenset[str] = frozenset()
    thing_names: ThingNames = field(default_factory=ThingNames)
    thing_groups: frozenset[str] = frozenset()
    group_exists: Callable[[str], bool] = lambda _name: True
    max_mac_addresses: int = 16
    columns: Mapping[str, str] = field(default_factory=dict)
    judged_at: datetime | None = None
    own_serial_numbers: re.Pattern[str] | None = None
    own_mac_prefixes: tuple[str, ...] = ()
    own_templates: frozenset[str] = frozenset()
    own_thing_groups: frozenset[str] = frozenset()

    def narrowed_to(self, manufacturer: Manufacturer) -> Self:
        """The policy for the lists of one manufacturer: what its profile says comes on top."""
        patterns = manufacturer.serial_numbers
        return replace(
            self,
            own_serial_numbers=re.compile(serial_numbers_expression(patterns)) if patterns else None,
            own_mac_prefixes=tuple(sorted(manufacturer.mac_prefixes)),
            own_templates=manufacturer.templates,
            own_thing_groups=manufacturer.thing_groups,
            columns={**self.columns, **manufacturer.columns},
        )

    def may_list_mac(self, mac_address: MacAddress) -> bool:
        """Whether a MAC address is one of those that the manufacturer may list."""
        return not self.own_mac_prefixes or mac_address.value.startswith(self.own_mac_prefixes)


class ImportRow(NamedTuple):
    """A sound row. A tuple, since a frozen dataclass takes four times as long to make, and a list has a million.

    Attributes:
        line_number: Of the row's first line in the file; the first line is 1.
        mac_addresses: May be empty if the policy permits it, or if the row revokes or replaces.
        terms: Rows that say the same share one object.
        clears: Names of the attributes that a row which replaces has an empty cell for.
    """

    line_number: int
    operation: Operation
    serial_number: SerialNumber
    mac_addresses: frozenset[MacAddress]
    terms: ApprovalTerms
    clears: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that is not applied, with the first error that was found.

    Attributes:
        line_number: Of the row's first line in the file; the first line is 1.
        raw: The fields as delivered, in the order of the file's header; they may be too few or too many. A byte that
            is no text is a surrogate escape (PEP 383).
        column: The heading of the column at fault, as delivered; None if the whole row is at fault.
        detail: A sentence for people on what is wrong; the report adds what to do about it.
    """

    line_number: int
    raw: tuple[str, ...]
    column: str | None
    error: Reason
    detail: str

    @classmethod
    def conflicting(cls, line_number: int, raw: tuple[str, ...], conflict: Reason, detail: str = "") -> Self:
        """A sound row that conflicts with the allow-list; the reason's meaning where there is no detail."""
        return cls(line_number, raw, None, conflict, detail or conflict.meaning)

    def reported(self) -> tuple[str, ...]:
        """The row in rejects.csv: the fields of `REPORT_COLUMNS`, then the fields as delivered, each safe to open."""
        return (
            str(self.line_number),
            as_text(self.column or ""),
            self.error.value,
            as_text(f"{self.detail} {self.error.remedy}"),
            *map(as_text, self.raw),
        )
