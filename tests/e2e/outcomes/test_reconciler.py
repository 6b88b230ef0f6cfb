"""What the reconciler finds of real devices: an old certificate after a rotation, a thing that passed the gate by."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from awscrt.exceptions import AwsCrtError

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.audit import AuditRecord
from fleetgate.domain.operator_action import Operator
from fleetgate.operators.device_store import DeviceStore
from fleetgate.operators.key_store import KeyStore
from fleetgate.outcomes.settings import ReconcilerSettings
from fleetgate.outcomes.superseded import SupersededCertificates
from fleetgate.outcomes.sweep import RecordSweep
from fleetgate.outcomes.sweep_store import Sweep, SweepStore
from fleetgate.store.audit_items import make_clock
from fleetgate.store.certificates import Certificates
from fleetgate_cli.local_stack import StackDescription
from harness.embedded import Embedded
from local.demo.device import Broker, Registered, connected
from tests.e2e.conftest import Ask
from tests.e2e.waiting import eventually


def invoke(embedded: Embedded) -> dict[str, dict[str, int]]:
    """What the deployed reconciler answers."""
    answer = embedded.client("lambda").invoke(FunctionName=embedded.resource("ReconcilerFunction"), Payload=b"{}")
    assert "FunctionError" not in answer
    done: dict[str, dict[str, int]] = json.loads(answer["Payload"].read())
    return done


def superseded_at(embedded: Embedded, later: timedelta) -> SupersededCertificates:
    """The sweep as the deployed reconciler makes it, under its role, some time from now."""
    told = ReconcilerSettings.from_environment(embedded.variables_of("ReconcilerFunction"))
    tables = embedded.tables("ReconcilerFunction")
    sweep_store = SweepStore(tables)
    return SupersededCertificates(
        sweep=RecordSweep(
            sweep_store=sweep_store,
            sweep=Sweep.SUPERSEDED,
            patience=told.superseded_grace,
            max_records=told.max_records,
        ),
        sweep_store=sweep_store,
        devices=DeviceStore(tables),
        keys=KeyStore(tables),
        certificates=Certificates(embedded.client("iot", embedded.role_of("ReconcilerFunction"))),
        system=Operator(
            actor="the reconciler",
            reason="superseded",
            clock=make_clock(lambda: datetime.now(UTC) + later),
        ),
        policy=told.superseded_policy,
        tell_unreadable=pytest.fail,
    )


def records(embedded: Embedded, serial_number: str) -> list[AuditRecord]:
    """A device's audit records."""
    return embedded.records(f"device#{serial_number}")


def test_the_old_certificate_of_a_device_that_rotated_cannot_connect_after_the_grace(
    embedded: Embedded, broker: Broker, stack: StackDescription, device: AllowListEntry, ask: Ask
) -> None:
    old, answer = ask(device)
    assert isinstance(answer, Registered)
    serial_number, name = device.serial_number.value, answer.thing_name
    (mac_address,) = device.mac_addresses
    with connected(broker, old.identity, name) as session:
        new = session.create_keys_and_certificate()
        rotated = session.register_thing(
            stack.outputs["ProvisioningTemplateName"],
            new,
            {"SerialNumber": serial_number, "MacAddress": mac_address.value},
        )
    assert isinstance(rotated, Registered)
    with connected(broker, new.identity, name):
        pass

    def in_use() -> bool | None:
        current = embedded.entry(serial_number).device_certificate
        return (current is not None and current.certificate_id == new.certificate_id) or None

    assert eventually(in_use)
    invoke(embedded)
    with connected(broker, old.identity, name) as session:  # it may still fall back
        assert session.echo(f"{name}/telemetry", {"still": True}) == {"still": True}
    assert eventually(lambda: fell_back_to(embedded, serial_number) == old.certificate_id or None)
    list(superseded_at(embedded, timedelta(hours=25)).run())
    with connected(broker, old.identity, name):  # it is what the device uses, and stays
        pass
    # Two minutes later; within them nobody knows which was the last.
    fallen = embedded.entry(serial_number)
    assert fallen.device_certificate
    assert fallen.device_certificate.seen_at
    earlier = fallen.device_certificate.seen_at - timedelta(minutes=3)
    embedded.put(replace(fallen, device_certificate=replace(fallen.device_certificate, seen_at=earlier)))
    with connected(broker, new.identity, name):
        pass
    assert eventually(lambda: fell_back_to(embedded, serial_number) is None or None)

    list(superseded_at(embedded, timedelta(hours=25)).run())
    with pytest.raises(AwsCrtError), connected(broker, old.identity, name):
        pass
    with connected(broker, new.identity, name) as session:
        assert session.echo(f"{name}/telemetry", {"on": True}) == {"on": True}
    (record,) = [one for one in records(embedded, serial_number) if one.action == "deactivate_certificate"]
    assert record.certificate_id == old.certificate_id


def fell_back_to(embedded: Embedded, serial_number: str) -> str | None:
    """The superseded certificate that a device was last seen with."""
    current = embedded.entry(serial_number).device_certificate
    return None if current is None else current.fell_back_to


@pytest.fixture
def unheard_thing(embedded: Embedded) -> Iterator[str]:
    """The serial number of a thing that was made by hand, and of which no registry event told."""
    serial_number = f"E2E-{secrets.token_hex(6)}"
    with embedded.without_registry_events():
        embedded.client("iot").create_thing(
            thingName=embedded.thing_name(serial_number),
            thingTypeName="fleetgate-device",
            attributePayload={"attributes": {"SerialNumber": serial_number}},
        )
        yield serial_number


def test_a_thing_that_was_made_by_hand_is_found_by_the_deployed_reconciler(
    embedded: Embedded, unheard_thing: str
) -> None:
    assert invoke(embedded)["things"]["unapproved"] >= 1
    (found,) = records(embedded, unheard_thing)
    assert (found.reason, found.thing_name) == ("unapproved_thing", embedded.thing_name(unheard_thing))

    invoke(embedded)
    assert len(records(embedded, unheard_thing)) == 1


def test_a_device_that_came_through_the_gate_is_no_finding(
    embedded: Embedded, device: AllowListEntry, ask: Ask
) -> None:
    _, answer = ask(device)
    assert isinstance(answer, Registered)
    assert invoke(embedded)["things"]["registered"] >= 1
    assert "unapproved_thing" not in {one.reason for one in records(embedded, device.serial_number.value)}
