"""Who is in quarantine as a whole, and the records that tell since when, by whom and why."""

from dataclasses import dataclass

from fleetgate.domain.audit import AuditRecord, OperatorAction, import_subject, manufacturer_subject
from fleetgate.domain.gate_switch import GateSwitch
from fleetgate.trail.records import SubjectRecords


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """A manufacturer or an import in quarantine; one of the two names is given.

    Attributes:
        record: Of who put it there; None where it is older than the audit table remembers.
    """

    manufacturer: str | None = None
    import_id: str | None = None
    record: AuditRecord | None


def quarantines_of(switch: GateSwitch, *, records: SubjectRecords) -> tuple[Quarantine, ...]:
    """The quarantines of a switch: manufacturers by name, then imports by ID.

    Raises:
        Fault: The tables could not be asked.
    """
    of_manufacturers = (
        Quarantine(
            manufacturer=name,
            record=records.last_action(manufacturer_subject(name), OperatorAction.QUARANTINE_MANUFACTURER),
        )
        for name in sorted(switch.manufacturers)
    )
    of_imports = (
        Quarantine(
            import_id=import_id,
            record=records.last_action(import_subject(import_id), OperatorAction.QUARANTINE_IMPORT),
        )
        for import_id in sorted(switch.imports)
    )
    return (*of_manufacturers, *of_imports)
