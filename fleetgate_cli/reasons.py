"""From a code on record to the reason of the domain, with its meaning and remedy."""

from enum import StrEnum
from typing import TypeVar

from fleetgate.domain.reasons import AllowRule, DenialReason, FaultReason
from fleetgate.imports.plan import ConflictReason
from fleetgate.imports.reading.errors import RowError
from fleetgate.outcomes.outcome import Evidence

_Reason = TypeVar("_Reason", bound=StrEnum)


def denial_reason(code: str) -> DenialReason | None:
    """The reason of a recorded denial; None when another version of the gate recorded it."""
    return _known(DenialReason, code)


def allow_rule(code: str) -> AllowRule | None:
    """The rule of a recorded allow; None when another version of the gate recorded it."""
    return _known(AllowRule, code)


def evidence(code: str) -> Evidence | None:
    """How a recorded outcome was seen; None when another version of the gate recorded it."""
    return _known(Evidence, code)


def fault_reason(code: str) -> FaultReason | None:
    """The reason of a logged fault; None when another version of the gate logged it."""
    return _known(FaultReason, code)


def import_error(code: str) -> RowError | ConflictReason | None:
    """Why a row did not take effect; None when another version of the importer reported it."""
    return _known(RowError, code) or _known(ConflictReason, code)


def _known(kind: type[_Reason], code: str) -> _Reason | None:
    return kind(code) if code in set(kind) else None
