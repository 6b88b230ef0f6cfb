"""The named example events in events/import-steps: each has the state machine's function do what its name says."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from botocore.response import StreamingBody

from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.imports import batches
from fleetgate.imports import steps as import_steps
from fleetgate.imports.delivery import is_import_id
from fleetgate.imports.distribute import work_of
from fleetgate.imports.documents import row_document
from fleetgate.imports.plan import ConflictReason, KnownRows, RowClass, Write
from fleetgate.imports.reading.factory_file import read_rows
from fleetgate.imports.reading.factory_list import ImportPolicy
from fleetgate.imports.reading.validate import validate_rows
from fleetgate.imports.store.drop_box import DropBox
from fleetgate.imports.store.rows import ImportStore
from harness.builders import TEMPLATE_NAME
from local.embedded.template import load_template
from tests.unit.gate.hook_invocation import Context

_FOLDER = Path(__file__).parents[3] / "events" / "import-steps"
_STATES = load_template()["Resources"]["ImportStateMachine"]["Properties"]["Definition"]["States"]
_BUCKET = "drop-box"
_HEADINGS = ("Serial Number", "MAC", "Operation", "Valid Until", "Model")

# Of each that applies: how its rows end in an empty allow-list.
_APPLIED = {
    "apply-batch": {RowClass.ADDED: 2, RowClass.CONFLICT: 1},
    "apply-single-row": {RowClass.ADDED: 1},
}
_MERGES = ["merge-results-in-place", "merge-results-in-s3"]
_GIVES_UP = "give-up"
_TASKS = {
    "apply": _STATES["ApplyRows"]["ItemProcessor"]["States"]["ApplyBatch"],
    "merge": _STATES["MergeBatches"],
    "give_up": _STATES["GiveUp"],
}
_ALL = [*_APPLIED, *_MERGES, _GIVES_UP]


def _event(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return event


def _items(name: str) -> list[dict[str, Any]]:
    batch = _event(name)["batch"]
    items: list[dict[str, Any]] = batch.get("Items", [batch])
    return items


class _EmptyAllowList(ImportStore):
    """Tables in which nothing is; notes what goes in."""

    def __init__(self) -> None:
        self.written: list[Write] = []
        self.work: dict[tuple[str, str], str] = {}
        self.done: list[int] = []

    def known(self, *_identities: Iterable[SerialNumber | MacAddress | str]) -> KnownRows:
        return KnownRows()

    def insert(
        self,
        writes: Sequence[Write],
        known: KnownRows,
        *,
        now: datetime,
    ) -> set[SerialNumber]:
        self.written.extend(writes)
        return set()

    def release(self, *_strays: object, import_id: str) -> None:
        """Have none."""


@pytest.fixture
def tables() -> Iterator[_EmptyAllowList]:
    """The allow-list that the function applies rows to."""
    tables = _EmptyAllowList()
    journal = SimpleNamespace(
        drop_box=DropBox(_BUCKET, _bucket(tables.work)),
        records=SimpleNamespace(add_progress=lambda _import_id, rows: tables.done.append(rows)),
    )
    with (
        mock.patch.object(import_steps, "_rows", return_value=tables),
        mock.patch.object(import_steps, "_journal", return_value=journal),
    ):
        yield tables


def _bucket(objects: dict[tuple[str, str], str]) -> Any:
    """A client of S3 that has some texts, by bucket and key, and no others."""

    def get_object(*, Bucket: str, Key: str) -> Any:  # noqa: N803 - as boto3 calls them
        content = objects[Bucket, Key].encode()
        return {"Body": StreamingBody(io.BytesIO(content), len(content))}

    def put_object(*, Bucket: str, Key: str, Body: bytes, **_headers: str) -> None:  # noqa: N803 - as boto3 calls them
        objects[Bucket, Key] = Body.decode()

    return SimpleNamespace(get_object=get_object, put_object=put_object)


def test_every_example_event_is_tested() -> None:
    assert {path.stem for path in _FOLDER.iterdir()} == {*_ALL}


@pytest.mark.parametrize("name", _ALL)
def test_an_example_has_what_the_definition_hands_to_its_step(name: str) -> None:
    event = _event(name)
    payload = _TASKS[event["step"]]["Parameters"]["Payload"]

    assert set(event) == {key.removesuffix(".$") for key in payload}
    assert payload["step"] == event["step"]


def test_there_is_an_example_of_every_step() -> None:
    assert {_event(name)["step"] for name in _ALL} == {*import_steps._STEPS}


@pytest.mark.parametrize("name", _APPLIED)
def test_the_rows_of_an_example_are_applied(name: str, tables: _EmptyAllowList) -> None:
    answer = import_steps.handler(_event(name), Context())

    assert answer["rows"] == _APPLIED[name]
    assert tables.done == [len(_items(name))]
    added = [item for item in _items(name) if item["row"]["operation"] == "approve"]
    assert [
        (
            write.after.serial_number.value,
            sorted(mac.value for mac in write.after.mac_addresses),
            write.after.import_line,
            write.after.import_id,
            write.after.manufacturer,
        )
        for write in tables.written
    ] == [
        (row["serial_number"], row["mac_addresses"], row["line"], item["import_id"], item["manufacturer"])
        for item in added
        for row in (item["row"],)
    ]


def test_a_batch_has_a_conflict_as_well(tables: _EmptyAllowList) -> None:
    answer = import_steps.handler(_event("apply-batch"), Context())
    (conflict,) = json.loads(tables.work[_BUCKET, answer["details"]])["conflicts"]

    assert conflict == {
        "line": 4,
        "code": ConflictReason.NOTHING_TO_REVOKE,
        "detail": "",
        "delivered": ["FG-0003", "", "revoke", "", ""],
    }
    assert len(tables.written) == 2
    assert answer["details"].startswith(work_of(_items("apply-batch")[0]["import_id"]))


@pytest.mark.parametrize("name", _APPLIED)
def test_the_rows_of_an_example_are_written_down_as_the_importer_does(name: str) -> None:
    delivered = [item["row"]["delivered"] for item in _items(name)]
    text = io.StringIO()
    csv.writer(text).writerows([_HEADINGS, *delivered])
    file = read_rows(io.BytesIO(text.getvalue().encode()), name="line4.csv")
    policy = ImportPolicy(template_names=frozenset({TEMPLATE_NAME}))
    (batch,) = validate_rows(file, policy)

    assert batch.rejected == []
    documents = [row_document(row, batch.as_delivered(at)) for at, row in enumerate(batch.rows)]
    assert documents == [item["row"] for item in _items(name)]


@pytest.mark.parametrize("name", _APPLIED)
def test_an_item_is_what_the_item_selector_makes(name: str) -> None:
    selected = {key.removesuffix(".$") for key in _STATES["ApplyRows"]["ItemSelector"]}
    assert [set(item) for item in _items(name)] == [selected] * len(_items(name))


def test_the_results_of_batches_are_read_from_where_the_map_wrote_them() -> None:
    event = _event("merge-results-in-s3")
    details = event["map"]["ResultWriterDetails"]
    folder = details["Key"].removesuffix("manifest.json")
    results = [{"rows": {"added": number}, "conflicts": [], "changes": []} for number in (2, 1)]
    files = [{"Key": f"{folder}SUCCEEDED_{number}.jsonl"} for number in range(2)]
    manifest = {"ResultFiles": {"FAILED": [], "PENDING": [], "SUCCEEDED": files}}
    bucket = details["Bucket"]
    objects = {(bucket, details["Key"]): json.dumps(manifest)}
    objects |= {(bucket, file["Key"]): f"{json.dumps(result)}\n" for file, result in zip(files, results, strict=True)}

    assert folder.startswith(f"{work_of(event['import_id'])}results/")
    assert list(batches._answers(event["map"], DropBox(bucket, _bucket(objects)))) == results


def test_results_may_come_in_place() -> None:
    event = _event("merge-results-in-place")
    conflict = {
        "line": 5,
        "code": ConflictReason.MAC_ADDRESS_OF_ANOTHER_DEVICE,
        "detail": "",
        "delivered": ["FG-0004", "00-1B-44-11-3A-B7", "", "", "gateway-2"],
    }
    objects = {(_BUCKET, event["map"][1]["details"]): json.dumps({"conflicts": [conflict], "changes": []})}
    answers = list(batches._answers(event["map"], DropBox(_BUCKET, _bucket(objects))))
    rejected = [batches._rejected(conflict) for answer in answers for conflict in answer["conflicts"]]

    assert [answer["rows"] for answer in answers] == [{"added": 2}, {"added": 1, "conflict": 1}]
    assert [(one.line_number, one.error, len(one.raw)) for one in rejected] == [
        (5, ConflictReason.MAC_ADDRESS_OF_ANOTHER_DEVICE, len(_HEADINGS))
    ]


@pytest.mark.parametrize("name", [*_MERGES, _GIVES_UP])
def test_an_example_names_an_import(name: str) -> None:
    assert is_import_id(_event(name)["import_id"])
