"""Stop the whole gate, a manufacturer or an import, and let them go again. All of it is safe to repeat."""

from collections.abc import Callable
from dataclasses import replace

from fleetgate.domain.audit import OperatorAction
from fleetgate.domain.gate_switch import MAX_NAMES, GateSwitch, TooManyNames
from fleetgate.domain.operator_action import Change, Operator
from fleetgate.domain.refusals import Refusal, RefusalCode
from fleetgate.imports.store.reader import ImportReader, known_import
from fleetgate.operators.switch_store import SwitchStore
from fleetgate.store.faults import Overtaken, until_written


def stop_gate(*, store: SwitchStore, operator: Operator) -> Change[GateSwitch]:
    """Deny every device from now on. `stops` holds back what was judged before.

    Raises:
        Fault: The tables could not be asked; repeat it until it returns.
    """
    return _update_switch(GateSwitch.stopped, OperatorAction.STOP_GATE, store=store, operator=operator)


def start_gate(*, store: SwitchStore, operator: Operator) -> Change[GateSwitch]:
    """Judge devices again. Manufacturers, imports and devices in quarantine stay there.

    Raises:
        Fault: The tables could not be asked.
    """
    return _update_switch(GateSwitch.started, OperatorAction.START_GATE, store=store, operator=operator)


def quarantine_manufacturer(name: str, *, store: SwitchStore, operator: Operator) -> Change[GateSwitch]:
    """Deny every device of a manufacturer until it is released, those approved later included.

    Raises:
        Refusal: The switch holds as many names as it can.
        Fault: The tables could not be asked; repeat it until it returns.
    """
    return _update_switch(
        lambda switch: switch.stopping_manufacturer(name),
        OperatorAction.QUARANTINE_MANUFACTURER,
        store=store,
        operator=operator,
        manufacturer=name,
    )


def release_manufacturer(name: str, *, store: SwitchStore, operator: Operator) -> Change[GateSwitch]:
    """End a manufacturer's quarantine.

    Raises:
        Fault: The tables could not be asked.
    """
    return _update_switch(
        lambda switch: switch.releasing_manufacturer(name),
        OperatorAction.RELEASE_MANUFACTURER,
        store=store,
        operator=operator,
        manufacturer=name,
    )


def quarantine_import(
    import_id: str, *, imports: ImportReader, store: SwitchStore, operator: Operator
) -> Change[GateSwitch]:
    """Deny every device that an import added, or whose approval it wrote last, until it is released.

    Raises:
        Refusal: There is no such import, or the switch holds as many names as it can.
        Fault: The tables could not be asked; repeat it until it returns.
    """
    manufacturer = known_import(import_id, imports).delivery.manufacturer
    return _update_switch(
        lambda switch: switch.stopping_import(import_id),
        OperatorAction.QUARANTINE_IMPORT,
        store=store,
        operator=operator,
        import_id=import_id,
        manufacturer=manufacturer,
    )


def release_import(
    import_id: str, *, imports: ImportReader, store: SwitchStore, operator: Operator
) -> Change[GateSwitch]:
    """End an import's quarantine.

    Raises:
        Refusal: There is no such import.
        Fault: The tables could not be asked.
    """
    manufacturer = known_import(import_id, imports).delivery.manufacturer
    return _update_switch(
        lambda switch: switch.releasing_import(import_id),
        OperatorAction.RELEASE_IMPORT,
        store=store,
        operator=operator,
        import_id=import_id,
        manufacturer=manufacturer,
    )


def _update_switch(
    transition: Callable[[GateSwitch], GateSwitch],
    action: OperatorAction,
    *,
    store: SwitchStore,
    operator: Operator,
    manufacturer: str | None = None,
    import_id: str | None = None,
) -> Change[GateSwitch]:

    def attempt() -> Change[GateSwitch]:
        switch = store.switch()
        changed = _changed(switch, transition)
        record = None
        if changed != switch:
            record = replace(operator.record(action), manufacturer=manufacturer, import_id=import_id)
            if not store.change(changed, record):
                raise Overtaken
        return Change(changed, record)
        raise Overtaken

    return until_written(attempt)


def _changed(switch: GateSwitch, transition: Callable[[GateSwitch], GateSwitch]) -> GateSwitch:
    try:
        return transition(switch)
    except TooManyNames as error:
        raise Refusal(
            RefusalCode.TOO_MANY_STOPS,
            f"{MAX_NAMES} manufacturers and imports are in quarantine already, and no more can be: release some, "
            "quarantine devices one by one, or stop the gate.",
        ) from error
