"""The state machine that applies long files: its structure, its limits, and the function that does its steps.

cfn-lint holds every state to the schema of Amazon States Language, as `test_lint.py` runs it; here it is shown to look.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fleetgate.domain.allow_list import ApprovalTerms
from fleetgate.domain.identifiers import MacAddress, SerialNumber
from fleetgate.imports import steps as import_steps
from fleetgate.imports.distribute import work_of
from fleetgate.imports.documents import row_document
from fleetgate.imports.plan import ConflictReason
from fleetgate.imports.reading.factory_list import ImportRow, Operation
from local.embedded.template import load_template
from tests.template.commands import CFN_LINT, OFFLINE, run
from tests.template.intrinsics import Deployment

# Step Functions developer guide, "Quotas": input or output of a state; an express execution; child executions at once.
MAX_PAYLOAD_BYTES = 262_144
MAX_EXPRESS_SECONDS = 300
MAX_CONCURRENCY = 10_000

IMPORT_ID = "20260131T080000Z-0123456789ab"


@pytest.fixture(scope="module")
def machine(template: dict[str, Any]) -> dict[str, Any]:
    """The state machine's properties."""
    return dict(Deployment(template).resource("ImportStateMachine"))


@pytest.fixture(scope="module")
def definition(machine: dict[str, Any]) -> dict[str, Any]:
    """The definition with its substitutions made, as CloudFormation makes them."""
    text = json.dumps(machine["Definition"])
    for name, value in machine["DefinitionSubstitutions"].items():
        assert f"${{{name}}}" in text, f"{name} is not used"
        text = text.replace(f"${{{name}}}", value)
    assert "${" not in text
    return dict(json.loads(text))


@pytest.fixture(scope="module")
def rows_map(definition: dict[str, Any]) -> dict[str, Any]:
    """The Distributed Map."""
    return dict(definition["States"]["ApplyRows"])


@pytest.fixture(scope="module")
def batch(rows_map: dict[str, Any]) -> dict[str, Any]:
    """What is done with each batch."""
    (state,) = rows_map["ItemProcessor"]["States"].values()
    return dict(state)


# ---- Structure --------------------------------------------------------------------------------------------------


def test_rows_are_applied_then_merged_and_every_failure_ends_in_one_that_is_told(definition: dict[str, Any]) -> None:
    states = definition["States"]

    assert definition["StartAt"] == "ApplyRows"
    assert {name: (state["Type"], state.get("Next"), state.get("End")) for name, state in states.items()} == {
        "ApplyRows": ("Map", "MergeBatches", None),
        "MergeBatches": ("Task", None, True),
        "GiveUp": ("Task", "Failed", None),
        "Failed": ("Fail", None, None),
    }
    for name in ("ApplyRows", "MergeBatches"):
        # With the input kept, since GiveUp has to know which import it is.
        assert states[name]["Catch"] == [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "GiveUp"}]
    assert states["ApplyRows"]["ResultPath"] == "$.map"
    assert "Catch" not in states["GiveUp"]


def test_an_execution_may_take_longer_than_an_express_one(machine: dict[str, Any]) -> None:
    assert machine["StateMachineType"] == "STANDARD"
    assert not {"DefinitionString", "DefinitionUri", "DefinitionS3Location"} & set(machine)


def test_the_map_reads_json_lines_from_where_the_importer_put_them(rows_map: dict[str, Any]) -> None:
    assert rows_map["ItemReader"] == {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSONL"},
        "Parameters": {"Bucket.$": "$.bucket", "Key.$": "$.rows"},
    }


def test_each_row_is_handed_on_with_whose_it_is(rows_map: dict[str, Any]) -> None:
    assert rows_map["ItemSelector"] == {
        "row.$": "$$.Map.Item.Value",
        "import_id.$": "$.import_id",
        "manufacturer.$": "$.manufacturer",
    }


def test_the_map_writes_its_results_compactly_as_json_lines(rows_map: dict[str, Any]) -> None:
    # Without a writer, results of more than 256 KiB in all fail the execution.
    assert rows_map["ResultWriter"] == {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket.$": "$.bucket", "Prefix.$": "$.results"},
        "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSONL"},
    }


def test_the_input_of_an_execution_is_all_that_the_definition_asks_of_it(definition: dict[str, Any]) -> None:
    asked = {text.removeprefix("$.").partition(".")[0] for text in paths(definition) if text.startswith("$.")}

    # `map` and `error` are results on the way; `Payload` is the answer of lambda:invoke.
    assert asked - {"map", "error", "Payload"} == {"import_id", "manufacturer", "bucket", "rows", "results"}


def paths(node: Any) -> Iterator[str]:
    """All texts in a part of a definition."""
    match node:
        case str():
            yield node
        case dict():
            for value in node.values():
                yield from paths(value)
        case list():
            for value in node:
                yield from paths(value)


def test_rows_and_results_lie_where_the_state_machine_may_read_and_write(defaults: Deployment) -> None:
    (statement,) = [
        statement
        for statement in defaults.resource("ImportStateMachineRole")["Policies"][0]["PolicyDocument"]["Statement"]
        if "s3:PutObject" in statement["Action"]
    ]
    assert statement["Resource"] == "DropBox.Arn/work/*"
    assert work_of(IMPORT_ID) == f"work/{IMPORT_ID}/"


# ---- The function that does the steps ---------------------------------------------------------------------------


def test_the_steps_are_those_that_the_function_knows(definition: dict[str, Any], batch: dict[str, Any]) -> None:
    tasks = [state for state in (*definition["States"].values(), batch) if state["Type"] == "Task"]

    assert {task["Resource"] for task in tasks} == {"arn:aws:states:::lambda:invoke"}
    assert {task["Parameters"]["FunctionName"] for task in tasks} == {"ImportStepFunction.Arn"}
    assert sorted(task["Parameters"]["Payload"]["step"] for task in tasks) == sorted(import_steps._STEPS)


def test_each_step_is_given_what_it_reads(definition: dict[str, Any], batch: dict[str, Any]) -> None:
    states = definition["States"]

    assert batch["Parameters"]["Payload"] == {"step": "apply", "batch.$": "$"}
    assert states["MergeBatches"]["Parameters"]["Payload"] == {
        "step": "merge",
        "import_id.$": "$.import_id",
        "map.$": "$.map",
    }
    assert states["GiveUp"]["Parameters"]["Payload"] == {"step": "give_up", "import_id.$": "$.import_id"}
    # The answer alone, without what Lambda says of the call: results are what the merge reads.
    assert batch["OutputPath"] == "$.Payload"


# ---- Limits -----------------------------------------------------------------------------------------------------


def test_batches_are_run_as_short_executions_of_which_many_at_once_are_cheap(rows_map: dict[str, Any]) -> None:
    assert rows_map["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}


def test_neither_the_table_nor_the_accounts_functions_are_overrun(rows_map: dict[str, Any]) -> None:
    # An account has 1,000 concurrent invocations to begin with, and the hook needs some of them.
    assert 1 <= rows_map["MaxConcurrency"] <= 100 < MAX_CONCURRENCY
    assert "MaxConcurrencyPath" not in rows_map


def test_a_few_batches_may_fail_without_the_rest_being_lost(rows_map: dict[str, Any]) -> None:
    assert 0 < rows_map["ToleratedFailurePercentage"] <= 10
    assert "ToleratedFailureCount" not in rows_map


def test_a_batch_of_typical_rows_fits_into_an_invocation(rows_map: dict[str, Any]) -> None:
    batcher = rows_map["ItemBatcher"]

    assert batcher["MaxItemsPerBatch"] * (size_of(item()) + len(", ")) < MAX_PAYLOAD_BYTES
    # A batch of longer rows is cut here, and has room left for what stands around it.
    assert batcher["MaxInputBytesPerBatch"] <= MAX_PAYLOAD_BYTES // 2


def test_the_answer_of_a_batch_is_shorter_than_the_batch_even_if_every_row_is_a_conflict() -> None:
    longest = max(ConflictReason, key=len)
    conflict = {"line": 123_456_789, "code": longest.value, "delivered": item()["row"]["delivered"]}

    assert size_of(conflict) < size_of(item())


def item() -> Mapping[str, Any]:
    """A typical row as the map hands it on, with whose it is."""
    row = ImportRow(
        line_number=123_456,
        operation=Operation.APPROVE,
        serial_number=SerialNumber("FG-2026-00123456"),
        mac_addresses=frozenset({MacAddress("00:1b:44:11:3a:b7"), MacAddress("00:1b:44:11:3a:b8")}),
        terms=ApprovalTerms(attributes={"Model": "thermostat-2", "HardwareRevision": "C3"}),
    )
    delivered = ["FG-2026-00123456", "00-1B-44-11-3A-B7", "00-1B-44-11-3A-B8", "thermostat-2", "C3"]
    return {"row": row_document(row, delivered), "import_id": IMPORT_ID, "manufacturer": "acme-electronics"}


def size_of(document: Mapping[str, Any]) -> int:
    """Bytes of a document."""
    return len(json.dumps(document).encode())


def test_a_batch_gives_up_before_its_execution_does(batch: dict[str, Any]) -> None:
    assert 0 < batch["TimeoutSeconds"] < MAX_EXPRESS_SECONDS


def test_every_step_is_tried_again_less_and_less_often_and_not_forever(
    definition: dict[str, Any], batch: dict[str, Any]
) -> None:
    states = definition["States"]
    for state in (batch, states["MergeBatches"], states["GiveUp"]):
        (retry,) = state["Retry"]
        assert retry["ErrorEquals"] == ["States.ALL"]
        assert 3 <= retry["MaxAttempts"] <= 10
        assert retry["IntervalSeconds"] >= 1
        assert retry["BackoffRate"] >= 2
        assert retry["MaxDelaySeconds"] <= 300
        assert retry["JitterStrategy"] == "FULL"
    assert waits(batch["Retry"][0]) < MAX_EXPRESS_SECONDS


def waits(retry: Mapping[str, Any]) -> float:
    """Seconds that all retries wait at most."""
    each = (retry["IntervalSeconds"] * retry["BackoffRate"] ** turn for turn in range(retry["MaxAttempts"]))
    return float(sum(min(wait, retry["MaxDelaySeconds"]) for wait in each))


def test_giving_up_is_tried_for_longest_since_nobody_catches_it(definition: dict[str, Any]) -> None:
    states = definition["States"]

    assert waits(states["GiveUp"]["Retry"][0]) > waits(states["MergeBatches"]["Retry"][0])


# ---- What cfn-lint sees -----------------------------------------------------------------------------------------


def test_cfn_lint_refuses_a_definition_that_is_none(tmp_path: Path) -> None:
    template = load_template()
    states = template["Resources"]["ImportStateMachine"]["Properties"]["Definition"]["States"]
    states["ApplyRows"]["MaxConcurrency"] = "many"
    states["MergeBatches"]["Retry"] = [{"ErrorEquals": "States.ALL"}]
    states["GiveUp"]["Type"] = "Tusk"
    broken = tmp_path / "template.json"
    broken.write_text(json.dumps(template))

    done = run(CFN_LINT, "--format", "json", "--", broken, folder=tmp_path, changes=OFFLINE)

    found = [match["Location"]["Path"] for match in json.loads(done.stdout) if match["Rule"]["Id"] == "E3601"]
    assert {name for path in found for name in states if name in path} == {"ApplyRows", "MergeBatches", "GiveUp"}
