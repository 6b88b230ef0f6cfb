"""Somebody who stops devices, and a device with its certificates."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import OperatorAction
from fleetgate.domain.claim import ClaimCertificate
from fleetgate.domain.operator_action import Operator
from fleetgate.operators.stops import (
    gate_stop,
)
from fleetgate.operators.switch import (
    release_manufacturer,
    start_gate,
)
from fleetgate.operators.switch_store import SwitchStore
from fleetgate.store.audit_items import make_clock
from fleetgate.store.tables import StackTables, TableSettings
from fleetgate_cli.target import Target
from harness.embedded import Embedded
from tests.integration.conftest import Ask
from tests.integration.operators.desk import Desk


@pytest.fixture
def table_settings(embedded: Embedded, stack_folder: Path) -> TableSettings:
    """The stack's tables as an operator reaches them."""
    assert embedded.stack.outputs
    return Target.embedded(stack_folder).table_settings()


@pytest.fixture
def operator() -> Operator:
    """Somebody who acts."""
    return Operator(actor="arn:aws:iam::000000000000:root", reason="a test", clock=make_clock())


@pytest.fixture
def desk(embedded: Embedded, table_settings: TableSettings, operator: Operator, manufacturer: str) -> Iterator[Desk]:
    """Somebody who acts; in the end everything is let go again, for the tests that follow."""
    desk = Desk(embedded, StackTables(table_settings), operator, [])
    yield desk
    store = SwitchStore(table_settings)
    start_gate(store=store, operator=operator)
    desk.stopper.release_meanwhile(gate_stop())
    release_manufacturer(manufacturer, store=store, operator=operator)
    switch = store.switch()
    store.change(
        replace(switch, imports=frozenset(), version=switch.version + 1), operator.record(OperatorAction.START_GATE)
    )


@pytest.fixture
def manufacturer(serial_number: str) -> str:
    """A manufacturer of which there is one device."""
    return f"maker of {serial_number}"


@pytest.fixture
def device(embedded: Embedded, approved: AllowListEntry, manufacturer: str) -> AllowListEntry:
    """An approved device of that manufacturer; its claim certificate is of any."""
    device = replace(approved, manufacturer=manufacturer, import_id=f"import-{approved.serial_number}")
    embedded.put(device)
    return device


@pytest.fixture
def ask(ask: Ask, embedded: Embedded, claim: ClaimCertificate) -> Ask:
    """Asks through a claim certificate of any manufacturer."""
    embedded.put(replace(claim, manufacturer=None))
    return ask


@pytest.fixture
def issued(embedded: Embedded) -> Callable[[], str]:
    """Has AWS IoT issue an active certificate; its ID."""
    return lambda: str(embedded.client("iot").create_keys_and_certificate(setAsActive=True)["certificateId"])
