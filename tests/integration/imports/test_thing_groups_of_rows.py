"""Rows that name a thing group: AWS IoT is asked whether it exists, and an import that cannot ask takes no row."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from fleetgate.domain.faults import Fault
from fleetgate.domain.reasons import FaultReason
from fleetgate.imports.reading.factory_list import ImportPolicy
from fleetgate.imports.record import ImportStatus
from harness.embedded import Embedded
from harness.import_world import ImportWorld
from harness.world import mac

EXISTING, DELETED = "imports-gateways", "imports-deleted"
POLICY = ImportPolicy(thing_groups=frozenset({EXISTING, DELETED}))


@pytest.fixture(scope="module", autouse=True)
def group(embedded: Embedded) -> Iterator[None]:
    """A thing group that exists; the other listed one does not."""
    iot = embedded.client("iot")
    iot.create_thing_group(thingGroupName=EXISTING)
    yield
    iot.delete_thing_group(thingGroupName=EXISTING)


def _list(imports: ImportWorld) -> str:
    rows = [f"{imports.manufacturer}-{number},{mac()},{group}" for number, group in enumerate((EXISTING, DELETED, ""))]
    return "\n".join(("sn,mac,group", *rows))


def test_a_row_for_a_group_that_aws_iot_does_not_have_is_rejected(imports: ImportWorld) -> None:
    record = imports.importer(policy=POLICY).run(imports.deliver(_list(imports)))

    assert dict(record.findings.rows) == {"added": 2, "rejected": 1}
    assert dict(record.findings.errors) == {"thing_group_missing": 1}
    assert DELETED in imports.rejects(record)


def test_an_import_that_cannot_ask_has_a_fault_and_changes_nothing(imports: ImportWorld) -> None:
    unable = replace(imports.importer(policy=POLICY), thing_groups=imports.unreachable_thing_groups())
    delivery = imports.deliver(_list(imports))

    with pytest.raises(Fault) as fault:
        unable.run(delivery)
    assert fault.value.reason is FaultReason.SERVICE_UNAVAILABLE
    record = imports.records.find(delivery.import_id)
    assert record is not None
    assert record.status is ImportStatus.CHECKING
    assert record.done == 0


def test_a_list_that_names_no_group_needs_no_aws_iot(imports: ImportWorld) -> None:
    unable = replace(imports.importer(policy=POLICY), thing_groups=imports.unreachable_thing_groups())

    record = unable.run(imports.deliver(f"sn,mac\n{imports.manufacturer}-1,{mac()}\n"))
    assert dict(record.findings.rows) == {"added": 1}
