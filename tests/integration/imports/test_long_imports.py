"""Files that are too long for one invocation, batch by batch, by the deployed function under its own role."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from fleetgate.domain.identifiers import MacAddress
from fleetgate.imports.delivery import Delivery, DeliveryMode
from fleetgate.imports.distribute import Distributor
from fleetgate.imports.record import ImportStatus
from fleetgate.imports.store.map_runs import MapRuns
from fleetgate.imports.store.turns import MAX_TURNS, ImportTurns
from harness.distributed_map import DistributedMap
from harness.embedded import Embedded
from harness.import_world import ImportWorld
from harness.world import mac, now

ROWS = 1_100


@dataclass(frozen=True)
class Noted(MapRuns):
    """Step Functions that only notes what it is to do."""

    started: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def start(self, name: str, given: Mapping[str, Any]) -> None:
        self.started.setdefault(name, given)


@pytest.fixture
def stack_imports(embedded: Embedded) -> ImportWorld:
    """The drop box of the stack, at a place of which no announcement is made."""
    return ImportWorld(embedded, embedded.stack.outputs["DropBoxName"])


def distributed(imports: ImportWorld, text: str) -> tuple[Delivery, Mapping[str, Any]]:
    """Have a file distributed; its delivery, and the input of the state machine."""
    quiet = imports.deliver(text, mode="quiet")
    delivery = replace(
        quiet, mode=DeliveryMode.LIVE, manufacturer=imports.manufacturer, file_name=quiet.file.key.rpartition("/")[2]
    )
    noted = Noted("arn", None)
    importer = replace(imports.importer(), distributor=Distributor(map_runs=noted, above_rows=0))
    for _ in range(2):  # an announcement may come twice
        assert importer.run(delivery).status is ImportStatus.IMPORTING
    ((name, given),) = noted.started.items()
    assert name == f"{delivery.import_id}-1"
    return delivery, given


def messy(imports: ImportWorld) -> str:
    """ROWS rows: a rejected one, a conflict, and new ones."""
    name, taken = imports.manufacturer, mac()
    earlier = ImportWorld(imports.embedded, imports.bucket, manufacturer=name)
    text = f"sn,mac\n{name}-other,{taken}\n"
    quiet = replace(earlier.deliver(text, mode="quiet", name="earlier.csv"), mode=DeliveryMode.LIVE, manufacturer=name)
    assert dict(earlier.importer().run(quiet).findings.rows) == {"added": 1}
    rows = [f"{name}-{number},{mac()}\n" for number in range(ROWS - 2)]
    return "".join(["sn,mac\n", f"{name}-bad,nonsense\n", *rows, f"{name}-thief,{taken}\n"])


def test_the_batches_of_a_long_file_end_in_one_report(stack_imports: ImportWorld) -> None:
    delivery, given = distributed(stack_imports, messy(stack_imports))
    execution = DistributedMap(stack_imports.embedded, given)
    assert execution.run() == {"import_id": delivery.import_id, "status": "finished"}
    assert len(execution.batch_sizes) > 1
    assert sum(execution.batch_sizes) == ROWS - 1

    record = stack_imports.records.find(delivery.import_id)
    assert record is not None
    assert record.total == ROWS
    assert dict(record.findings.rows) == {"added": ROWS - 2, "conflict": 1, "rejected": 1}
    assert record.findings.lines["rows"] == record.findings.lines["total"] - 1 == ROWS
    assert dict(record.findings.errors) == {"mac_address_invalid": 1, "mac_address_of_another_device": 1}
    lines = stack_imports.rejects(record).splitlines()
    assert [line.split(",")[:3] for line in lines] == [
        ["rejected_line", "rejected_column", "rejected_error"],
        ["2", "mac", "mac_address_invalid"],
        [str(ROWS + 1), "", "mac_address_of_another_device"],
    ]
    assert lines[2].endswith(delivery_row(stack_imports, lines[2]))

    # Step Functions may do a step again.
    assert DistributedMap(stack_imports.embedded, given).run()["status"] == "finished"
    assert [one.action for one in stack_imports.audit(record)] == ["import"]


def test_the_progress_shows_while_the_batches_go_in(stack_imports: ImportWorld) -> None:
    delivery, given = distributed(stack_imports, messy(stack_imports))
    seen = [done(stack_imports, delivery)]
    execution = DistributedMap(stack_imports.embedded, given)
    for batch in execution.batches():
        execution.invoke({"step": "apply", "batch": batch})
        seen.append(done(stack_imports, delivery))
    assert seen[0] == 1  # the rejected row
    assert seen == sorted(set(seen))
    assert seen[-1] == ROWS

    # Step Functions may do a step again.
    execution.invoke({"step": "apply", "batch": next(execution.batches())})
    assert done(stack_imports, delivery) == ROWS


def done(imports: ImportWorld, delivery: Delivery) -> int:
    record = imports.records.find(delivery.import_id)
    assert record is not None
    return record.done


def test_a_long_import_keeps_its_turn_until_its_map_has_ended(stack_imports: ImportWorld) -> None:
    name, moment = stack_imports.manufacturer, now()
    delivery, given = distributed(stack_imports, f"sn,mac\n{name}-1,{mac()}\n")
    turns, until = ImportTurns(stack_imports.tables), moment + timedelta(minutes=15)
    for number in range(MAX_TURNS - 1):
        assert turns.take(name, f"{number}", now=moment, until=until)
    assert not turns.take(name, "next", now=moment, until=until)

    execution = DistributedMap(stack_imports.embedded, given)
    assert execution.invoke({"step": "give_up", "import_id": delivery.import_id})["status"] == "failed"
    assert turns.take(name, "next", now=moment, until=until)


def delivery_row(imports: ImportWorld, line: str) -> str:
    """The row as delivered, at the end of a line of rejects."""
    return f"{imports.manufacturer}-thief,{line.rpartition(',')[2]}"


def test_rows_of_a_batch_that_failed_are_accounted_for_and_follow_with_the_next_delivery(
    stack_imports: ImportWorld,
) -> None:
    text = messy(stack_imports)
    delivery, given = distributed(stack_imports, text)
    execution = DistributedMap(stack_imports.embedded, given, fails=lambda number: number == 1)
    assert execution.run()["status"] == "failed"
    missing = execution.batch_sizes[1]
    added = ROWS - 2 - missing

    record = stack_imports.records.find(delivery.import_id)
    assert record is not None
    assert record.problem is not None
    assert record.problem.code == "not_applied"
    assert dict(record.findings.rows) == {"added": added, "not_applied": missing, "conflict": 1, "rejected": 1}

    delivery, given = distributed(stack_imports, text)
    assert DistributedMap(stack_imports.embedded, given).run()["status"] == "finished"
    record = stack_imports.records.find(delivery.import_id)
    assert record is not None
    assert dict(record.findings.rows) == {"unchanged": added, "added": missing, "conflict": 1, "rejected": 1}


def test_an_import_whose_map_failed_says_so_and_the_next_announcement_begins_anew(stack_imports: ImportWorld) -> None:
    delivery, given = distributed(stack_imports, f"sn,mac\n{stack_imports.manufacturer}-1,{mac()}\n")
    execution = DistributedMap(stack_imports.embedded, given)
    assert execution.invoke({"step": "give_up", "import_id": delivery.import_id})["status"] == "failed"

    record = stack_imports.records.find(delivery.import_id)
    assert record is not None
    assert record.problem is not None
    assert record.problem.code == "map_failed"
    noted = Noted("arn", None)
    importer = replace(stack_imports.importer(), distributor=Distributor(map_runs=noted, above_rows=0))
    importer.run(delivery)
    assert list(noted.started) == [f"{delivery.import_id}-2"]


def test_the_changes_of_a_long_file_are_told_by_its_batches(stack_imports: ImportWorld) -> None:
    name, old, new = stack_imports.manufacturer, *(MacAddress.parse(mac()).value for _ in range(2))
    _, earlier = distributed(stack_imports, f"sn;mac;model\n{name}-1;{old};gw\n{name}-2;{mac()};gw\n")
    DistributedMap(stack_imports.embedded, earlier).run()
    rows = f"{name}-1;{new};;replace\n{name}-2;;;revoke\n{name}-3;{mac()};;replace\n"
    delivery, given = distributed(stack_imports, f"sn;mac;model;operation\n{rows}")
    for _ in range(2):  # Step Functions may do a step again
        assert DistributedMap(stack_imports.embedded, given).run()["status"] == "finished"

    record = stack_imports.records.find(delivery.import_id)
    assert record is not None
    assert dict(record.findings.rows) == {"updated": 1, "revoked": 1, "conflict": 1}
    assert dict(record.findings.changes) == {"mac_addresses": 1, "attributes": 1, "approval": 1}
    assert stack_imports.changes(record).splitlines() == [
        "line;serial_number;field;before;after",
        f"2;{name}-1;mac_addresses;{old};{new}",
        f"2;{name}-1;attributes.Model;gw;",
        f"3;{name}-2;approval;approved;revoked",
    ]


def test_a_file_without_a_sound_row_needs_no_map(stack_imports: ImportWorld) -> None:
    quiet = replace(
        stack_imports.deliver("sn,mac\nX,bad\n", mode="quiet"),
        mode=DeliveryMode.LIVE,
        manufacturer=stack_imports.manufacturer,
    )
    noted = Noted("arn", None)
    importer = replace(stack_imports.importer(), distributor=Distributor(map_runs=noted, above_rows=0))
    assert importer.run(quiet).status is ImportStatus.REFUSED
    assert noted.started == {}
