"""What the roles of the import grant is what its code does, and nothing else.

The code runs here, under the roles of the running stack, and everything it asks of AWS is noted and compared with what
the template grants.
"""

import itertools
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from botocore.client import BaseClient

from fleetgate.domain.allow_list import AllowListEntry
from fleetgate.domain.identifiers import SerialNumber
from fleetgate.imports.announcement import Announcement
from fleetgate.imports.batches import apply_batch, give_up_on_map, merge_batches
from fleetgate.imports.check import SafetyGates
from fleetgate.imports.delivery import Delivery
from fleetgate.imports.distribute import Distributor
from fleetgate.imports.fences import Fences
from fleetgate.imports.journal import ImportJournal
from fleetgate.imports.reading.factory_list import ImportPolicy
from fleetgate.imports.record import ImportRecord, ImportStatus
from fleetgate.imports.run import Importer
from fleetgate.imports.settings import JournalSettings
from fleetgate.imports.store.drop_box import ImportQueue
from fleetgate.imports.store.map_runs import MapRuns
from fleetgate.imports.store.rows import ImportStore
from fleetgate.store.allow_list_items import SWITCH_KEY, new_key_item
from fleetgate.store.audit_items import make_clock
from fleetgate.store.manufacturers import ManufacturerReader
from fleetgate.store.thing_groups import ThingGroups
from harness.embedded import Embedded
from tests.template.grants import Statement
from tests.template.imports.granted import BOTH, BUS, BY_AWS, IMPORTER, STEPS, THING_GROUPS, leading_keys

# The stack's own; the parameters' default.
GROUP = "fleetgate-devices"


class Use(NamedTuple):
    """Something that is granted or done: an IAM action on a resource, and on which kind of item if it is one."""

    action: str
    resource: str
    kind: str | None = None


def test_what_the_importer_may_do_is_what_it_does(granted: dict[str, Statement], done_by_importer: set[Use]) -> None:
    assert done_by_importer == uses(granted, IMPORTER, BOTH)


def test_what_the_steps_may_do_is_what_they_do(granted: dict[str, Statement], done_by_steps: set[Use]) -> None:
    assert done_by_steps == uses(granted, STEPS, BOTH)


def uses(granted: dict[str, Statement], *roles: str) -> set[Use]:
    """All that some roles are granted, but for what AWS does by itself."""
    return {
        Use(action, resource, kind)
        for found in granted.values()
        if found.role in roles and found.sid not in BY_AWS
        for action in found.actions
        for resource in found.resources
        for kind in leading_keys(found) or (None,)
    }


Call = tuple[str, str, dict[str, Any]]


@contextmanager
def under(role: str, embedded: Embedded) -> Iterator[list[Call]]:
    """Run under a role; the calls that are made to AWS: service, operation, parameters."""
    calls: list[Call] = []

    def noting(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        calls.append((client.meta.service_model.service_name, operation, parameters))
        return make_call(client, operation, parameters)

    make_call = BaseClient._make_api_call  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in embedded.aws_environment(role.removesuffix("Role")).items():
            patch.setenv(name, value)
        patch.setattr(BaseClient, "_make_api_call", noting)
        yield calls


def deliver(embedded: Embedded, key: str, text: str) -> None:
    """Put a file into the drop box."""
    embedded.client("s3").put_object(Bucket=embedded.stack.outputs["DropBoxName"], Key=key, Body=text.encode())


def told_by(embedded: Embedded) -> JournalSettings:
    """What the functions of the running stack are told."""
    return JournalSettings.from_environment(embedded.variables_of("ImportStepFunction"))


def importer(told: JournalSettings, distributor: Distributor) -> Importer:
    """The importer as its handler makes it, at a clock that goes by leaps, so that progress is worth noting."""
    leaps, started = itertools.count(step=5), datetime.now(UTC)
    return Importer(
        journal=replace(
            ImportJournal.of_environment(told),
            clock=make_clock(lambda: started + timedelta(seconds=next(leaps))),
        ),
        rows=ImportStore(told.tables),
        policy=ImportPolicy(thing_groups=frozenset({GROUP})),
        gates=SafetyGates(),
        fences=Fences(manufacturers=ManufacturerReader(told.tables), requires_registration=True),
        is_held=False,
        distributor=distributor,
        thing_groups=ThingGroups.of_environment(),
    )


def imported(importer: Importer, key: str) -> ImportRecord:
    """Import the file at a place, which is announced without its version and, once it is done, again with it."""
    newest = importer.journal.drop_box.look(key, None)
    record = importer.run(Delivery.of(newest))
    importer.run(Delivery.of(importer.journal.drop_box.look(key, newest.version_id)))
    return record


def announce_again(record: ImportRecord, embedded: Embedded) -> None:
    """Send the announcement of an import back, as the handler does for a file that waits for its turn."""
    ImportQueue.of_environment(embedded.resource("ImportQueue")).announce(Announcement.of(record.delivery))


@pytest.fixture(scope="module")
def done_by_importer(embedded: Embedded) -> set[Use]:
    """Imports of new rows, of changed rows, of a conflict and of a long file, a dry run, and a list of somebody who is
    not registered; each announced twice."""
    told, long = told_by(embedded), "incoming/roles/long.csv"
    embedded.register_manufacturer("roles")
    short = ["incoming/roles/new.csv", "incoming/roles/changed.csv", "dry-run/roles/new.csv"]
    with embedded.unheard():
        head, in_vain = "sn,mac,key fingerprint,group,operation\n", stray_key(embedded, "ROLES-9")
        deliver(embedded, short[0], f"{head}ROLES-1,00-1B-44-00-00-01,,,\nROLES-2,00-1B-44-00-00-02,{'a1' * 32},,\n")
        replaced = f"ROLES-1,00-1B-44-00-00-03,{'a2' * 32},{GROUP},replace\n"
        lines = f"{replaced}ROLES-9,00-1B-44-00-00-02,{in_vain},,\n"
        deliver(embedded, short[1], f"{head}{lines}")
        deliver(embedded, short[2], "sn,mac\nROLES-3,00-1B-44-00-00-04\n")
        deliver(embedded, long, "sn,mac\nROLES-4,00-1B-44-00-00-05\n")
        deliver(embedded, "incoming/rolls/new.csv", "sn,mac\nROLES-5,00-1B-44-00-00-06\n")
        with under(IMPORTER, embedded) as calls:
            map_runs = MapRuns.of_environment(embedded.resource("ImportStateMachine"))
            whole = importer(told, Distributor(map_runs=map_runs, above_rows=10**9))
            records = [imported(whole, key) for key in short]
            assert [record.status for record in records] == [ImportStatus.FINISHED] * 3
            assert imported(whole, "incoming/rolls/new.csv").status is ImportStatus.REFUSED
            announce_again(records[0], embedded)
            in_parts = importer(told, Distributor(map_runs=map_runs, above_rows=0))
            assert imported(in_parts, long).status is ImportStatus.IMPORTING
    return set(translated(calls, embedded))


@pytest.fixture(scope="module")
def done_by_steps(embedded: Embedded) -> set[Use]:
    """A long file: batches with new rows, changed ones and a conflict, its report, and a map that is given up on."""
    told, keys_of_two = told_by(embedded), ["incoming/steps/merged.csv", "incoming/steps/given-up.csv"]
    embedded.register_manufacturer("steps")
    with embedded.unheard():
        for key in keys_of_two:
            deliver(embedded, key, "sn,mac\nSTEPS-1,00-1B-44-00-01-01\n")
        with under(IMPORTER, embedded):
            distributing = importer(told, Distributor(map_runs=NoMapRuns("arn", None), above_rows=0))
            merged, given_up = (imported(distributing, key) for key in keys_of_two)
    in_vain = stray_key(embedded, "STEPS-9")
    with under(STEPS, embedded) as calls:
        working, rows = ImportJournal.of_environment(told), ImportStore(told.tables)
        for record, row in (
            (merged, device("STEPS-1", "00:1b:44:00:01:01")),
            (merged, device("STEPS-2", "00:1b:44:00:01:03", "b1" * 32)),
            (given_up, device("STEPS-1", "00:1b:44:00:01:02", "b2" * 32, "replace")),
            (given_up, device("STEPS-9", "00:1b:44:00:01:03", in_vain)),
        ):
            answer = apply_batch(
                [row],
                manufacturer="steps",
                import_id=record.import_id,
                store=rows,
                drop_box=working.drop_box,
                records=working.records,
                now=lambda: datetime.now(UTC),
            )
            assert ("details" in answer) == (record is given_up), "a change and a conflict"
        assert merge_batches(merged.import_id, [{"rows": {"added": 1}, "conflicts": []}], journal=working).has_ended
        assert give_up_on_map(given_up.import_id, journal=working).status is ImportStatus.FAILED
    return set(translated(calls, embedded))


class NoMapRuns(MapRuns):
    """Step Functions that starts nothing, so that nobody else works on the import."""

    def start(self, name: str, given: Any) -> None:
        """Start nothing."""


def stray_key(embedded: Embedded, serial_number: str) -> str:
    """The fingerprint of a key that was assigned to a device which was never added."""
    never = AllowListEntry(serial_number=SerialNumber(serial_number), manufacturer="roles")
    key = secrets.token_hex(32)
    embedded.put_raw(new_key_item(key, never, now=datetime.now(UTC)).serialize())
    return key


def device(
    serial_number: str, mac_address: str, key_fingerprint: str | None = None, operation: str = "approve"
) -> dict[str, Any]:
    """A row as the map hands it out."""
    return {
        "line": 2,
        "operation": operation,
        "serial_number": serial_number,
        "mac_addresses": [mac_address],
        "valid_from": None,
        "valid_until": None,
        "templates": [],
        "attributes": {},
        "key_fingerprint": key_fingerprint,
        "delivered": [serial_number, mac_address],
    }


# Under which name IAM knows each part of a transaction. DynamoDB developer guide, "Using IAM with transactions".
_PARTS = {"Update": "UpdateItem", "Put": "PutItem", "ConditionCheck": "ConditionCheckItem", "Delete": "DeleteItem"}


def translated(calls: list[Call], embedded: Embedded) -> Iterator[Use]:
    """Calls to AWS as what IAM is asked about each."""
    outputs = embedded.stack.outputs
    for service, operation, parameters in calls:
        match service, operation:
            case "s3", "GetObject" | "HeadObject":
                version = "Version" if "VersionId" in parameters else ""
                assert parameters["Bucket"] == outputs["DropBoxName"]
                yield Use(f"s3:GetObject{version}", f"DropBox.Arn/{parameters['Key'].partition('/')[0]}/*")
            case "s3", "PutObject":
                yield Use("s3:PutObject", f"DropBox.Arn/{parameters['Key'].partition('/')[0]}/*")
            case "events", "PutEvents":
                assert all("EventBusName" not in entry for entry in parameters["Entries"])
                yield Use("events:PutEvents", BUS)
            case "sqs", "SendMessage":
                assert parameters["QueueUrl"] == embedded.resource("ImportQueue")
                yield Use("sqs:SendMessage", "ImportQueue.Arn")
            case "stepfunctions", "StartExecution":
                assert parameters["stateMachineArn"] == embedded.resource("ImportStateMachine")
                yield Use("states:StartExecution", "ImportStateMachine")
            case "iot", "DescribeThingGroup":
                assert parameters["thingGroupName"] == GROUP
                yield Use("iot:DescribeThingGroup", THING_GROUPS)
            case "dynamodb", _:
                yield from of_tables(operation, parameters, outputs)
            case _:
                raise AssertionError(f"nobody expects {service} {operation} of the import")


def of_tables(operation: str, parameters: dict[str, Any], outputs: Mapping[str, str]) -> Iterator[Use]:
    """A call to DynamoDB as what IAM is asked about it."""
    if operation == "Query":
        assert parameters["TableName"] == outputs["AllowListTableName"]
        place = parameters["KeyConditionExpression"].rpartition(" = ")[2]
        kind = parameters["ExpressionAttributeValues"][place]["S"]
        yield Use("dynamodb:Query", f"AllowListTable.Arn/index/{parameters['IndexName']}", kind)
        return
    for action, table, key in on_items(operation, parameters):
        if table == outputs["AuditTableName"]:
            yield Use(f"dynamodb:{action}", "AuditTable.Arn")
        else:
            assert table == outputs["AllowListTableName"]
            kind = key if key == SWITCH_KEY else f"{key.partition('#')[0]}#*"
            yield Use(f"dynamodb:{action}", "AllowListTable.Arn", kind)


def on_items(operation: str, parameters: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Action, table and partition key of every item that a call to DynamoDB is about."""
    match operation:
        case "BatchGetItem":
            for table, wanted in parameters["RequestItems"].items():
                for key in wanted["Keys"]:
                    yield operation, table, partition_key(key)
        case "TransactWriteItems":
            for ((part, request),) in (item.items() for item in parameters["TransactItems"]):
                yield _PARTS[part], request["TableName"], partition_key(request.get("Key") or request["Item"])
        case "BatchExecuteStatement":
            for statement in parameters["Statements"]:
                verb, _, table = statement["Statement"].split(maxsplit=3)[:3]
                assert verb == "INSERT"
                (key,) = [given["S"] for given in statement["Parameters"] if is_key(given)]
                yield "PartiQLInsert", table.strip('"'), key
        case _:
            yield operation, parameters["TableName"], partition_key(parameters.get("Key") or parameters["Item"])


def is_key(given: dict[str, Any]) -> bool:
    """Whether a parameter of a statement is the key of a device or of what is assigned to one."""
    return str(given.get("S", "")).startswith(("device#", "key#", "mac#"))


def partition_key(attributes: dict[str, Any]) -> str:
    """The partition key's value in a key or item of either table."""
    return str((attributes.get("pk") or attributes["subject"])["S"])
